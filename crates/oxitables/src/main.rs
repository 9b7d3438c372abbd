//! The one binary: what did the user ask for?
#![forbid(unsafe_code)]
fn main() {}
