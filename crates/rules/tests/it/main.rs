//! Tests of the language as a whole.
mod fixtures;
mod hosts;
mod refused;
mod translate;
