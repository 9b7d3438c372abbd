//! The engine from outside: situations of the scenarios, hooks, allocations.
mod allocations;
mod bed;
mod conversations;
mod helpers;
mod hostile_payloads;
mod limits;
mod original_destination;
mod recorded;
mod situations;
mod states;
mod timeouts;
