//! `println!`, `eprintln!` and `eprint!` for this binary: as those of the standard library, but what cannot be said is no
//! reason to panic.
//!
//! Why: a closed pipe or a full disk behind the error stream would turn exit code 1 into 101, in the middle of what is
//! being done. Where a lost text matters, `applets::print_all` says so.
use std::fmt::Arguments;
use std::io::Write;

/// Writes a text at once, as far as that is possible.
pub(crate) fn write(mut to: impl Write, text: Arguments<'_>, end: &str) {
    let _ = to.write_all(format!("{text}{end}").as_bytes()).and_then(|()| to.flush());
}

macro_rules! println {
    ($($text:tt)*) => { $crate::say::write(::std::io::stdout().lock(), format_args!($($text)*), "\n") };
}

macro_rules! eprintln {
    ($($text:tt)*) => { $crate::say::write(::std::io::stderr().lock(), format_args!($($text)*), "\n") };
}

macro_rules! eprint {
    ($($text:tt)*) => { $crate::say::write(::std::io::stderr().lock(), format_args!($($text)*), "") };
}
