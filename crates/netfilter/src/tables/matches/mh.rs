//! `-m mh` (Linux: `mh_mt6`).
use packet::protocol;
use rules::matches::mh::Mh;

use super::{Asked, Held, Miss, hold};
use crate::trace::Found;

pub(super) fn holds(rule: &Mh, asked: &Asked<'_>) -> Held {
    let Some(header) = asked.transport() else {
        return Err(Miss::Failed("-m mh", Found::Nothing("type in a later fragment")));
    };
    let Some(&[payload, _, kind, ..]) = header.first_chunk::<6>() else {
        return Err(Miss::Hotdrop("-m mh", Found::Nothing("whole mobility header")));
    };
    if payload != protocol::NO_NEXT {
        return Err(Miss::Hotdrop("-m mh", Found::Word("something behind the mobility header")));
    }
    match rule.types {
        Some(wanted) => {
            let fits = (wanted.value.0..=wanted.value.1).contains(&kind);
            hold(fits != wanted.invert, "--mh-type", Found::Number(kind.into()))
        }
        None => Ok(()),
    }
}
