//! What the binary does, by the name of the subcommand.
pub mod exec;
pub mod lab;
