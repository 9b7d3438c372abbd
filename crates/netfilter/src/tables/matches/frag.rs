//! `-m frag` (Linux: `frag_mt6`). `--fraglen` is never looked at.
use packet::protocol;
use rules::matches::frag::Frag;

use super::extension_header::find;
use super::{Asked, Held, Miss, hold};
use crate::trace::Found;

pub(super) fn holds(rule: &Frag, asked: &Asked<'_>) -> Held {
    let header = find(asked, protocol::FRAGMENT, "-m frag", "fragment header")?;
    let Some(&[_, reserved, high, low, a, b, c, d]) = header.rest.first_chunk::<8>() else {
        return Err(Miss::Hotdrop("-m frag", Found::Nothing("whole fragment header")));
    };
    if let Some(wanted) = rule.ids {
        let id = u32::from_be_bytes([a, b, c, d]);
        hold(wanted.value.contains(id) != wanted.invert, "--fragid", Found::Number(id.into()))?;
    }
    let bits = u16::from_be_bytes([high, low]);
    let more = bits & 1 != 0;
    if rule.reserved {
        hold(reserved == 0 && bits & 6 == 0, "--fragres", Found::Word("reserved bits that are not 0"))?;
    }
    if rule.first {
        hold(bits & 0xfff8 == 0, "--fragfirst", Found::Number((bits & 0xfff8).into()))?;
    }
    if rule.more {
        hold(more, "--fragmore", Found::Nothing("further fragments"))?;
    }
    hold(!(rule.last && more), "--fraglast", Found::Word("further fragments"))
}
