//! TFTP: the server answers a request from another port than the one that it was sent to.
//!
//! Read first: RFC 1350, section 4; Linux `nf_conntrack_tftp.c`, `nf_nat_tftp.c`.
use packet::protocol;

use super::{Kind, behind_udp, expect_plainly};
use crate::conntrack::expect::{Expectation, Function};
use crate::conntrack::{ConnectionId, Direction, Status};
use crate::env::Env;
use crate::hook::Verdict;
use crate::skb::{Info, Packet};

const READ: u16 = 1;
const WRITE: u16 = 2;

/// Looks at a packet, of either direction.
pub(super) fn help(packet: &mut Packet, id: ConnectionId, _info: Info, env: &mut Env<'_>) -> Verdict {
    let Some(&opcode) = behind_udp(packet).first_chunk::<2>() else { return Verdict::Accept };
    if !matches!(u16::from_be_bytes(opcode), READ | WRITE) {
        return Verdict::Accept;
    }
    let Some(connection) = env.conntrack.get(id) else { return Verdict::Accept };
    let reply = connection.reply();
    let mut expectation =
        Expectation::new(id, Kind::Tftp, protocol::UDP, reply.destination, reply.destination_id);
    expectation.source = Some(reply.source);
    if connection.status.any(Status::NAT_MASK) {
        expectation.function = Function::FollowMaster;
        expectation.direction = Direction::Reply;
        expectation.saved_port = connection.original().source_id;
    }
    expect_plainly(expectation, packet, env)
}
