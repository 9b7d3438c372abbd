//! Tests of the program and of what it is built of, against the machine where they can.
mod apply;
mod chance;
mod commands;
mod file;
mod fixtures;
mod generated;
mod help;
mod json;
mod lab;
mod link;
mod machine;
mod pages;
mod programs;
mod speed;
mod trace;
mod xml;
