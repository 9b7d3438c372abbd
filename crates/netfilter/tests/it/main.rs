//! The engine from outside: situations of the scenarios, hooks, allocations.
mod allocations;
mod bed;
mod conversations;
mod hostile_payloads;
mod limits;
mod original_destination;
mod questions_to_everybody;
mod recorded;
mod situations;
mod states;
mod timeouts;
