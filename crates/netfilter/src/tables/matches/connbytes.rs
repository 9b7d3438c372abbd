//! `-m connbytes` (Linux: `connbytes_mt`): the packet itself is counted already. Nothing fits without a connection that
//! is counted, inverted or not.
use rules::Counters;
use rules::matches::connbytes::{Amount, Connbytes, Counted};

use super::conntrack::{Belongs, belongs};
use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::trace::Found;

pub(super) fn holds(rule: &Connbytes, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let Belongs::To(connection, _) = belongs(asked, env) else {
        return Err(Miss::Failed("--connbytes", Found::Nothing("connection")));
    };
    if !connection.is_counted() {
        return Err(Miss::Failed(
            "--connbytes",
            Found::Nothing("count of a connection that began while nf_conntrack_acct was 0"),
        ));
    }
    let [original, reply] = connection.counters;
    let counted = match rule.direction {
        Counted::Original => original,
        Counted::Reply => reply,
        Counted::Both => Counters {
            packets: original.packets.wrapping_add(reply.packets),
            bytes: original.bytes.wrapping_add(reply.bytes),
        },
    };
    let amount = match rule.what {
        Amount::Packets => counted.packets,
        Amount::Bytes => counted.bytes,
        Amount::AveragePacket => counted.bytes.checked_div(counted.packets).unwrap_or(0),
    };
    let fits = (rule.from..=rule.to).contains(&amount);
    hold(fits != rule.invert, "--connbytes", Found::Number(amount))
}
