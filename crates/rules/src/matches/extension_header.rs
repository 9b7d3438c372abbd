//! The length of a header, as the matches of IPv6's extension headers ask for it.
use crate::syntax::extension::OptionCall;
use crate::syntax::text::push_not;
use crate::{Negatable, put};

/// The length of a header in bytes.
pub type Length = Negatable<u32>;

/// The length that an option gives.
pub(super) fn length(call: &OptionCall<'_>) -> Option<Length> {
    Some(Length { invert: call.invert, value: call.value.number_u32() })
}

/// ` ! --NAME 8`.
pub(super) fn push_saved(out: &mut String, name: &str, length: Option<Length>) {
    if let Some(length) = length {
        push_not(out, length.invert);
        put!(out, " --{name} {}", length.value);
    }
}

/// ` length:!8`.
pub(super) fn push_listed(out: &mut String, length: Option<Length>) {
    if let Some(length) = length {
        put!(out, " length:{}{}", if length.invert { "!" } else { "" }, length.value);
    }
}
