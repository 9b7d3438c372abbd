//! The kernel as judge: the same rules and packets given to Linux in a namespace and to our engine.
#![forbid(unsafe_code)]
