//! Tests of the language as a whole.
mod fixtures;
mod hosts;
mod names;
mod refused;
mod translate;
