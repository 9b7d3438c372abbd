//! `-m connmark` (Linux: `connmark_mt`): a packet without a connection never fits, inverted or not (F35).
use rules::matches::connmark::Connmark;

use super::conntrack::{Belongs, belongs};
use super::{Asked, Held, Miss, hold, mark};
use crate::Env;
use crate::trace::Found;

pub(super) fn holds(rule: &Connmark, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let mark = match belongs(asked, env) {
        Belongs::To(connection, _) => connection.mark,
        // The template of `-j CT` counts as a connection.
        Belongs::Template => {
            let place = asked.packet.template.as_deref().and_then(|template| template.rule);
            place.and_then(|place| env.named.templates.get(place)).map_or(0, |template| template.mark)
        }
        Belongs::Untracked | Belongs::Nowhere => {
            return Err(Miss::Failed("--mark", Found::Nothing("connection")));
        }
    };
    hold(mark::fits(rule, mark), "--mark", Found::Hex(mark))
}
