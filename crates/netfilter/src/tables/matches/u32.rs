//! `-m u32` (Linux: `u32_match_it`). Four bytes that are not all in the packet make the tests fail.
use rules::matches::u32::{Operator, Test, U32};

use super::{Asked, Held, hold};
use crate::trace::Found;

pub(super) fn holds(rule: &U32, asked: &Asked<'_>) -> Held {
    let bytes = asked.packet.view().bytes();
    for test in &rule.tests {
        let value = value(test, bytes);
        let fits =
            value.is_some_and(|own| test.values.iter().any(|&(first, last)| first <= own && own <= last));
        if !fits {
            let found = value.map_or(Found::Nothing("four bytes at that place"), Found::Hex);
            return hold(rule.invert, "--u32", found);
        }
    }
    hold(!rule.invert, "--u32", Found::Word("what every test wants"))
}

/// What a location comes to. Places are numbers of 32 bits that may not run over.
fn value(test: &Test, bytes: &[u8]) -> Option<u32> {
    let word = |base: u32, at: u32| {
        let start = usize::try_from(u64::from(base) + u64::from(at)).ok()?;
        bytes.get(start..)?.first_chunk::<4>().map(|word| u32::from_be_bytes(*word))
    };
    let mut base = 0_u32;
    let mut value = word(0, test.start)?;
    for &(operator, number) in &test.operations {
        value = match operator {
            Operator::And => value & number,
            // A shift of 32 bits or more is refused when the rule is loaded.
            Operator::Left => value.checked_shl(number)?,
            Operator::Right => value.checked_shr(number)?,
            Operator::At => {
                base = base.checked_add(value)?;
                word(base, number)?
            }
        };
    }
    Some(value)
}
