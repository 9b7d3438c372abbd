//! `-m pkttype` (Linux: `pkttype_mt`).
use rules::matches::pkttype::{PacketKind, Pkttype};

use super::{Asked, Held, hold};
use crate::skb::LinkKind;
use crate::trace::Found;

pub(super) fn holds(rule: &Pkttype, asked: &Asked<'_>) -> Held {
    let kind = match asked.packet.link.kind {
        // Linux: what this machine sends is marked as going out only for those who watch a device.
        LinkKind::Host | LinkKind::Outgoing => PacketKind::Unicast,
        LinkKind::Broadcast => PacketKind::Broadcast,
        LinkKind::Multicast => PacketKind::Multicast,
        LinkKind::OtherHost => PacketKind::OtherHost,
    };
    hold((kind == rule.kind) != rule.invert, "--pkt-type", Found::Word(kind.name()))
}
