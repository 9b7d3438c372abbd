//! `-m ah`, `-m esp` and `-m ipcomp` (Linux: `ah_mt`, `ah_mt6`, `esp_mt`, `comp_mt`).
use packet::protocol;
use rules::Negatable;
use rules::matches::ah::{Ah, Ah6};
use rules::matches::esp::Esp;
use rules::matches::ipcomp::Ipcomp;
use rules::matches::range::NumberRange;

use super::{Asked, Held, Miss, hold};
use crate::trace::Found;

pub(super) fn holds_ah(rule: &Ah, asked: &Asked<'_>) -> Held {
    let spi = index(asked, 12, 4, ["--ahspi", "-m ah"], "whole authentication header")?;
    in_range(rule.spi, spi, "--ahspi")
}

pub(super) fn holds_esp(rule: &Esp, asked: &Asked<'_>) -> Held {
    let spi = index(asked, 8, 0, ["--espspi", "-m esp"], "whole ESP header")?;
    in_range(rule.spi, spi, "--espspi")
}

/// The index of IPComp has 16 bits; the reserved byte is not looked at, asked for or not.
pub(super) fn holds_ipcomp(rule: &Ipcomp, asked: &Asked<'_>) -> Held {
    let word = index(asked, 4, 0, ["--ipcompspi", "-m ipcomp"], "whole IPComp header")?;
    in_range(Some(rule.spi), word & 0xffff, "--ipcompspi")
}

/// IPv6: the first authentication header among the extension headers; it must be there as long as it says (measured).
pub(super) fn holds_ah6(rule: &Ah6, asked: &Asked<'_>) -> Held {
    let view = asked.packet.view();
    let cut = Miss::Hotdrop("-m ah", Found::Nothing("whole extension headers"));
    let Some(at) = view.find_extension(protocol::AH).map_err(|_| cut)? else {
        return Err(Miss::Failed("-m ah", Found::Nothing("authentication header")));
    };
    let header = view.bytes().get(at..).unwrap_or(&[]);
    let whole = |&&[_, length, ..]: &&[u8; 12]| header.len() >= header_length(length);
    let Some(&[_, length, reserved @ .., _, _, _, _]) = header.first_chunk().filter(whole) else {
        return Err(Miss::Hotdrop("-m ah", Found::Nothing("whole authentication header")));
    };
    let [high, low, a, b, c, d] = reserved;
    in_range(rule.spi, u32::from_be_bytes([a, b, c, d]), "--ahspi")?;
    // Linux: a length of 0 is not compared, inverted or not.
    if let Some(wanted) = rule.length.filter(|wanted| wanted.value != 0) {
        let length = header_length(length) as u64;
        hold((length == u64::from(wanted.value)) != wanted.invert, "--ahlen", Found::Number(length))?;
    }
    let reserved = u16::from_be_bytes([high, low]);
    hold(!rule.reserved || reserved == 0, "--ahres", Found::Hex(reserved.into()))
}

/// Bytes of an authentication header by its length field (RFC 4302 section 2.2).
fn header_length(field: u8) -> usize {
    (usize::from(field) + 2) * 4
}

/// Four bytes of a header of `length` bytes, for `options`: the one that is compared, and the match. A later fragment
/// has no header; one that is cut short makes the packet a hotdrop.
fn index(
    asked: &Asked<'_>,
    length: usize,
    at: usize,
    [option, whole]: [&'static str; 2],
    what: &'static str,
) -> Result<u32, Miss> {
    let Some(transport) = asked.transport() else {
        return Err(Miss::Failed(option, Found::Nothing("index in a later fragment")));
    };
    let header = transport.get(..length);
    let word = header.and_then(|header| header.get(at..)).and_then(<[u8]>::first_chunk::<4>);
    word.map(|word| u32::from_be_bytes(*word)).ok_or(Miss::Hotdrop(whole, Found::Nothing(what)))
}

fn in_range(wanted: Option<Negatable<NumberRange<u32>>>, spi: u32, option: &'static str) -> Held {
    match wanted {
        Some(wanted) => hold(wanted.value.contains(spi) != wanted.invert, option, Found::Number(spi.into())),
        None => Ok(()),
    }
}
