//! Tests of the language as a whole.
mod fixtures;
mod hosts;
mod labels;
mod refused;
mod translate;
