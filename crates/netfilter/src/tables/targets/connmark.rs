//! `-j CONNMARK` (Linux: `connmark_tg_shift`; F34). A packet without a connection goes on unchanged.
//!
//! Behind `-j CT` in table raw the connection is the rule's template, which all packets of that rule share and which
//! keeps its mark: to set it is not modelled, and so it is always 0 when it is read.
use rules::Table;
use rules::targets::connmark::{Connmark, Operation};

use super::{Effect, Place, mark};
use crate::Env;
use crate::skb::{Packet, Tracking};

pub(super) fn apply(rule: &Connmark, place: &Place, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    if place.table == Table::Raw && packet.tracking == Tracking::None && packet.template.is_some() {
        if rule.operation != Operation::Restore {
            return Effect::Undecided("the mark of the template of -j CT (CONNMARK in table raw)");
        }
        mark::set(packet, packet.mark & !rule.packet_mask, env);
        return Effect::Continue;
    }
    let Tracking::Entry { connection: id, .. } = packet.tracking else { return Effect::Continue };
    let Some(connection) = env.conntrack.get(id) else { return Effect::Continue };
    let own = connection.mark;
    let new = match rule.operation {
        Operation::Set => shifted((own & !rule.connection_mask) ^ rule.value, rule.shift),
        Operation::Save => {
            (own & !rule.connection_mask) ^ shifted(packet.mark & rule.packet_mask, rule.shift)
        }
        Operation::Restore => {
            let restored = shifted(own & rule.connection_mask, rule.shift);
            mark::set(packet, (packet.mark & !rule.packet_mask) ^ restored, env);
            return Effect::Continue;
        }
    };
    if new != own {
        set_connection_mark(env, id, new);
    }
    Effect::Continue
}

fn set_connection_mark(env: &mut Env<'_>, id: crate::ConnectionId, mark: u32) {
    if let Some(connection) = env.conntrack.get_mut(id) {
        connection.mark = mark;
    }
}

/// Positive to the left, negative to the right; 32 and more leave nothing.
fn shifted(mark: u32, shift: i8) -> u32 {
    let bits = u32::from(shift.unsigned_abs());
    let moved = if shift < 0 { mark.checked_shr(bits) } else { mark.checked_shl(bits) };
    moved.unwrap_or(0)
}
