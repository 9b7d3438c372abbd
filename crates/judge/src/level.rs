//! The test level that needs more than Rust: the kernel, root, programs of Debian. `OXITABLES_REQUIRE_KERNEL=1`, as CI sets
//! it, demands it; elsewhere what the machine does not allow is skipped with the reason.

/// Whether everything is to be compared and nothing may be skipped, as in CI.
pub fn required() -> bool {
    std::env::var_os("OXITABLES_REQUIRE_KERNEL").is_some_and(|value| value == "1")
}

/// Says what the machine does not allow, and why.
///
/// # Panics
///
/// If that is [`required`].
#[track_caller]
pub fn skip(what: &str) {
    assert!(!required(), "OXITABLES_REQUIRE_KERNEL=1, but: {what}");
    println!("skipped: {what}");
}
