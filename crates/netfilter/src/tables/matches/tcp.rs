//! `-m tcp` (Linux: `tcp_mt`).
use packet::Family;
use rules::matches::tcp::Tcp;

use super::{Asked, Held, Miss, hold, port, ports};
use crate::trace::Found;

pub(super) fn holds(rule: &Tcp, asked: &Asked<'_>) -> Held {
    let Some(header) = asked.transport() else {
        return Err(later_fragment(rule, asked));
    };
    let (Some((source, destination)), Some(&flags), Some(&offset)) =
        (ports(header), header.get(13).filter(|_| header.len() >= 20), header.get(12))
    else {
        return Err(Miss::Hotdrop("-m tcp", Found::Nothing("whole TCP header")));
    };
    port(rule.source, source, "--sport")?;
    port(rule.destination, destination, "--dport")?;
    if let Some(wanted) = rule.flags {
        hold(
            (flags & wanted.value.mask == wanted.value.set) != wanted.invert,
            "--tcp-flags",
            Found::Flags(flags),
        )?;
    }
    if let Some(wanted) = rule.option {
        let length = usize::from(offset >> 4) * 4;
        if length < 20 {
            return Err(Miss::Hotdrop("--tcp-option", Found::Nothing("valid data offset")));
        }
        let Some(options) = header.get(20..length) else {
            return Err(Miss::Hotdrop("--tcp-option", Found::Nothing("whole TCP options")));
        };
        let has = has_option(options, wanted.value);
        let found = if has { Found::Word("that option") } else { Found::Nothing("such option") };
        hold(has != wanted.invert, "--tcp-option", found)?;
    }
    Ok(())
}

/// A later fragment has no ports, and one that would overwrite the flags of the header (offset 8) is refused. Linux
/// compares the offset in units of 8 with 1; in IPv6 it has it in bytes, so that no fragment is refused there.
fn later_fragment(rule: &Tcp, asked: &Asked<'_>) -> Miss {
    let option = match (rule.source, rule.destination, rule.flags, rule.option) {
        (Some(_), ..) => "--sport",
        (None, Some(_), ..) => "--dport",
        (None, None, Some(_), _) => "--tcp-flags",
        (None, None, None, Some(_)) => "--tcp-option",
        (None, None, None, None) => "-m tcp",
    };
    let found = Found::Nothing("ports in a later fragment");
    let layout = asked.packet.layout;
    let second = layout.fragment.is_some_and(|fragment| fragment.offset == 8);
    if second && layout.family == Family::V4 {
        Miss::Hotdrop(option, found)
    } else {
        Miss::Failed(option, found)
    }
}

/// Walks the options as `tcp_find_option` does: end and padding are one byte, a length of 0 counts as 1.
pub(super) fn has_option(options: &[u8], wanted: u8) -> bool {
    let mut at = 0;
    while let Some(&kind) = options.get(at) {
        if kind == wanted {
            return true;
        }
        at += if kind < 2 { 1 } else { options.get(at + 1).map_or(1, |&length| usize::from(length.max(1))) };
    }
    false
}
