//! Tests of the program and of what it is built of, against the machine where they can.
mod fixtures;
mod generated;
mod help;
mod machine;
