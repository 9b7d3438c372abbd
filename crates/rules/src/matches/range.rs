//! Ranges of numbers other than ports: parameter indices, lengths, segment sizes.
use std::fmt::Display;

use crate::syntax::text::push_not;
use crate::syntax::value::Value;
use crate::{Negatable, put};

/// A range of numbers, both ends included, `first <= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NumberRange<N> {
    /// Smallest number.
    pub first: N,
    /// Largest number.
    pub last: N,
}

impl NumberRange<u32> {
    /// Every number: what is left out when printed, where not inverted.
    pub const ALL: NumberRange<u32> = NumberRange { first: 0, last: u32::MAX };
}

impl<N: Copy + PartialOrd + Display> NumberRange<N> {
    /// Whether a number lies in the range.
    #[inline]
    pub fn contains(self, number: N) -> bool {
        self.first <= number && number <= self.last
    }

    /// `5`, `5:9`.
    pub(super) fn push(self, out: &mut String) {
        put!(out, "{}", self.first);
        if self.first != self.last {
            put!(out, ":{}", self.last);
        }
    }
}

impl<N: TryFrom<u64>> NumberRange<N> {
    /// What [`Kind::NumberRange`](crate::syntax::value::Kind::NumberRange) has read, where it is in `N`'s limits.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let Value::Range(first, last) = *value else { return None };
        Some(Self { first: N::try_from(first).ok()?, last: N::try_from(last).ok()? })
    }
}

/// The condition that a range makes: none where it has every number and is not inverted.
pub(super) fn condition(range: NumberRange<u32>, invert: bool) -> Option<Negatable<NumberRange<u32>>> {
    (invert || range != NumberRange::ALL).then_some(Negatable { invert, value: range })
}

/// A range as `-S` prints it: ` ! --ahspi 3:4`.
pub(super) fn push_saved(out: &mut String, option: &str, range: Negatable<NumberRange<u32>>) {
    push_not(out, range.invert);
    put!(out, " --{option} ");
    range.value.push(out);
}

/// A range as `-L` prints it, without a blank in front: `spi:5`, `spis:!3:4`.
pub(super) fn push_listed(out: &mut String, label: &str, range: Negatable<NumberRange<u32>>) {
    let several = if range.value.first == range.value.last { "" } else { "s" };
    put!(out, "{label}{several}:{}", if range.invert { "!" } else { "" });
    range.value.push(out);
}
