//! `-m dccp` (Linux: `dccp_mt`).
use rules::matches::dccp::{Dccp, type_name};

use super::tcp::has_option;
use super::{Asked, Held, Miss, hold, port, ports};
use crate::trace::Found;

pub(super) fn holds(rule: &Dccp, asked: &Asked<'_>) -> Held {
    let Some(header) = asked.transport() else {
        let option = match (rule.source, rule.destination, rule.types) {
            (Some(_), ..) => "--sport",
            (None, Some(_), _) => "--dport",
            (None, None, Some(_)) => "--dccp-types",
            (None, None, None) => "--dccp-option",
        };
        return Err(Miss::Failed(option, Found::Nothing("ports in a later fragment")));
    };
    let (Some((source, destination)), Some(&kind), Some(&offset)) =
        (ports(header), header.get(8).filter(|_| header.len() >= 12), header.get(4))
    else {
        return Err(Miss::Hotdrop("-m dccp", Found::Nothing("whole DCCP header")));
    };
    port(rule.source, source, "--sport")?;
    port(rule.destination, destination, "--dport")?;
    // RFC 4340 section 5.1: three reserved bits, the type, and whether the sequence number is a long one.
    let (long, kind) = (kind & 1 != 0, (kind >> 1) & 15);
    if let Some(wanted) = rule.types {
        let fits = wanted.value >> kind & 1 != 0;
        hold(fits != wanted.invert, "--dccp-types", Found::Word(type_name(kind)))?;
    }
    if let Some(wanted) = rule.option {
        let options = header_length(kind, long).checked_sub(usize::from(offset) * 4).map_or_else(
            || header.get(header_length(kind, long)..usize::from(offset) * 4),
            |short| (short == 0).then_some(&[]),
        );
        let Some(options) = options else {
            let found = Found::Nothing("whole DCCP options");
            // Linux: a packet that cannot be searched is refused, and the inverted condition holds of it all the same.
            let refuse = if wanted.invert { Miss::Refused } else { Miss::Hotdrop };
            return Err(refuse("--dccp-option", found));
        };
        let has = has_option(options, wanted.value);
        let found = if has { Found::Word("that option") } else { Found::Nothing("such option") };
        hold(has != wanted.invert, "--dccp-option", found)?;
    }
    Ok(())
}

/// Bytes before the options (Linux: `__dccp_hdr_len`): 12 or 16 of the generic header, and what a type has behind it
/// (RFC 4340 sections 5.1 to 5.6). Types that are not known count as RESET.
fn header_length(kind: u8, long: bool) -> usize {
    let behind = match kind {
        0 => 4,
        2 => 0,
        3..=6 | 8 | 9 => 8,
        _ => 12,
    };
    behind + if long { 16 } else { 12 }
}
