//! How one talks to this operating system. The only crate with `unsafe`.
