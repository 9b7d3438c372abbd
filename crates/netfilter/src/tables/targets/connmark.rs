//! `-j CONNMARK` (Linux: `connmark_tg_shift`; F34). A packet without a connection goes on unchanged.
//!
//! Behind `-j CT` in table raw the connection is the rule's template, which all packets of that rule share and which
//! keeps its mark; the connection that begins has none of it (measured).
use rules::Table;
use rules::targets::connmark::{Connmark, Operation};

use super::{Effect, Place, mark};
use crate::Env;
use crate::skb::{Packet, Tracking};

pub(super) fn apply(rule: &Connmark, place: &Place, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    let template = match (packet.tracking, packet.template.as_deref()) {
        (Tracking::None, Some(template)) if place.table == Table::Raw => Some(template),
        _ => None,
    };
    if let Some(template) = template {
        let Some(own) = template.rule.and_then(|place| env.named.templates.get_mut(place)) else {
            return Effect::Undecided("the mark of a template of -j CT that no rule has made");
        };
        match changed(rule, own.mark, packet.mark) {
            Changed::Connection(mark) => own.mark = mark,
            Changed::Packet(mark) => mark::set(packet, mark, env),
        }
        return Effect::Continue;
    }
    let Tracking::Entry { connection: id, .. } = packet.tracking else { return Effect::Continue };
    let Some(connection) = env.conntrack.get_mut(id) else { return Effect::Continue };
    match changed(rule, connection.mark, packet.mark) {
        Changed::Connection(mark) if mark != connection.mark => {
            connection.mark = mark;
            env.conntrack.note(crate::conntrack::Changes::MARK, id);
        }
        Changed::Connection(_) => {}
        Changed::Packet(mark) => mark::set(packet, mark, env),
    }
    Effect::Continue
}

/// What has another mark then.
enum Changed {
    Connection(u32),
    Packet(u32),
}

fn changed(rule: &Connmark, own: u32, packet: u32) -> Changed {
    match rule.operation {
        Operation::Set => {
            Changed::Connection(shifted((own & !rule.connection_mask) ^ rule.value, rule.shift))
        }
        Operation::Save => {
            let saved = shifted(packet & rule.packet_mask, rule.shift);
            Changed::Connection((own & !rule.connection_mask) ^ saved)
        }
        Operation::Restore => {
            let restored = shifted(own & rule.connection_mask, rule.shift);
            Changed::Packet((packet & !rule.packet_mask) ^ restored)
        }
    }
}

/// Positive to the left, negative to the right; 32 and more leave nothing.
fn shifted(mark: u32, shift: i8) -> u32 {
    let bits = u32::from(shift.unsigned_abs());
    let moved = if shift < 0 { mark.checked_shr(bits) } else { mark.checked_shl(bits) };
    moved.unwrap_or(0)
}
