//! `-m rt` (Linux: `rt_mt6`).
use std::net::Ipv6Addr;

use packet::protocol;
use rules::matches::rt::Rt;

use super::extension_header::find;
use super::{Asked, Held, Miss, hold};
use crate::trace::Found;

pub(super) fn holds(rule: &Rt, asked: &Asked<'_>) -> Held {
    let header = find(asked, protocol::ROUTING, "-m rt", "routing header")?;
    let Some((whole, &[_, _, kind, left, a, b, c, d])) =
        header.whole().and_then(|whole| Some((whole, whole.first_chunk::<8>()?)))
    else {
        return Err(Miss::Hotdrop("-m rt", Found::Nothing("whole routing header")));
    };
    if let Some(wanted) = rule.segments_left {
        let fits = wanted.value.contains(left.into());
        hold(fits != wanted.invert, "--rt-segsleft", Found::Number(left.into()))?;
    }
    if let Some(wanted) = rule.length {
        let fits = usize::try_from(wanted.value) == Ok(whole.len());
        hold(fits != wanted.invert, "--rt-len", Found::Number(whole.len() as u64))?;
    }
    if let Some(wanted) = rule.kind {
        hold((wanted.value == u32::from(kind)) != wanted.invert, "--rt-type", Found::Number(kind.into()))?;
    }
    if rule.reserved {
        let reserved = u32::from_be_bytes([a, b, c, d]);
        hold(reserved == 0, "--rt-0-res", Found::Hex(reserved))?;
    }
    addresses(rule, whole.get(8..).unwrap_or(&[]))
}

/// Linux: strict: all addresses of the header are the wanted ones, in order; otherwise the wanted ones stand in this
/// order among them.
fn addresses(rule: &Rt, data: &[u8]) -> Held {
    if rule.addresses.is_empty() {
        return Ok(());
    }
    let mut there = data.as_chunks::<16>().0.iter().map(|octets| Ipv6Addr::from(*octets));
    let missing = Found::Nothing("such list of addresses");
    if rule.not_strict {
        let all = rule.addresses.iter().all(|wanted| there.any(|own| own == *wanted));
        return hold(all, "--rt-0-addrs", missing);
    }
    hold(there.eq(rule.addresses.iter().copied()), "--rt-0-addrs", missing)
}
