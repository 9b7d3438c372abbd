//! `-m connlabel` (Linux: `connlabel_mt`). A packet without a connection, and one of a connection that has no place for
//! labels because it began when nobody used them, has no label; `--set` gives none to it.
use rules::matches::connlabel::Connlabel;

use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::skb::Tracking;
use crate::trace::Found;

pub(super) fn holds(rule: &Connlabel, asked: &Asked<'_>, env: &mut Env<'_>) -> Held {
    let missing =
        |what| if rule.invert { Ok(()) } else { Err(Miss::Failed("--label", Found::Nothing(what))) };
    let Tracking::Entry { connection, .. } = asked.packet.tracking else { return missing("connection") };
    let Some(labels) = env.conntrack.labels(connection) else { return missing("place for labels") };
    let bit = 1_u128.checked_shl(u32::from(rule.label)).unwrap_or(0);
    let labelled = labels & bit != 0 || (rule.set && env.conntrack.set_label(connection, rule.label));
    hold(
        labelled != rule.invert,
        "--label",
        Found::Word(if labelled { "the label" } else { "no such label" }),
    )
}
