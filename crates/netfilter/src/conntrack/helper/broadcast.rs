//! What is asked of everybody in a subnet is answered by each from his own address: the name service of NetBIOS, and SNMP.
//!
//! Read first: Linux `nf_conntrack_broadcast.c`, `nf_conntrack_netbios_ns.c`, `nf_conntrack_snmp.c`. Only for questions of a
//! process of this machine to the broadcast address of a device (as `ip address` prints it, `brd`): answers are expected
//! from the whole subnet, as many as come in time, and the question's connection lives just as long.
use std::net::{IpAddr, Ipv4Addr};

use packet::protocol;

use super::Kind;
use crate::conntrack::expect::{Expectation, Flags};
use crate::conntrack::{ConnectionId, Direction};
use crate::env::Env;
use crate::network::Way;
use crate::skb::{Info, Packet};

/// Looks at a packet; it goes on in any case. `port`: from which the answers come.
pub(super) fn help(kind: Kind, port: u16, packet: &Packet, id: ConnectionId, info: Info, env: &mut Env<'_>) {
    // Linux: `skb->sk`. Of a sender that is not known it is taken for granted that it has a socket.
    let by_socket = packet.origin.is_some_and(|origin| origin.socket.is_some() || !origin.known);
    if !by_socket || info.direction() == Direction::Reply {
        return;
    }
    let Some(mask) = asked_subnet(packet, env) else { return };
    let Some(reply) = env.conntrack.get(id).map(|connection| connection.reply()) else { return };
    let mut expectation = Expectation::new(id, kind, protocol::UDP, reply.destination, reply.destination_id);
    expectation.source = Some(reply.source);
    expectation.source_mask = Some(IpAddr::V4(mask));
    expectation.source_port = Some(port);
    expectation.flags = Flags::PERMANENT;
    // Linux: whether it could be added does not matter.
    let _ = env.conntrack.expect(expectation, env.now.mono);
    env.conntrack.live_for(id, kind.policy(0).timeout, env.now.mono);
}

/// The mask of the subnet whose broadcast address a packet is sent to.
fn asked_subnet(packet: &Packet, env: &Env<'_>) -> Option<Ipv4Addr> {
    let Some(Way::Broadcast { device }) = packet.route.map(|route| route.way) else { return None };
    let IpAddr::V4(destination) = packet.view().destination() else { return None };
    let length = env.network.broadcast_subnet(device, destination)?;
    let mask = u32::MAX.checked_shl(u32::BITS.saturating_sub(u32::from(length)))?;
    Some(Ipv4Addr::from(mask))
}
