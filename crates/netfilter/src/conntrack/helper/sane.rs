//! SANE: a scanner's server answers a request to start with the port at which it sends the picture.
//!
//! Read first: the SANE standard, section 5.2.8 (SANE_NET_START); Linux `nf_conntrack_sane.c`. It has no NAT part: only
//! the port is said.
use packet::protocol;

use super::{Helper, Kind, State, behind_tcp, expect_plainly};
use crate::conntrack::ConnectionId;
use crate::conntrack::expect::Expectation;
use crate::env::Env;
use crate::hook::Verdict;
use crate::skb::{Info, Packet};

/// The number of the request to start.
const NET_START: [u8; 4] = [0, 0, 0, 7];

/// Looks at a packet.
pub(super) fn help(packet: &mut Packet, id: ConnectionId, info: Info, env: &mut Env<'_>) -> Verdict {
    let Some(payload) = behind_tcp(packet) else { return Verdict::Accept };
    let Some(connection) = env.conntrack.get_mut(id) else { return Verdict::Accept };
    let original = connection.original();
    let Some(Helper { state: State::Sane { start_requested }, .. }) = connection.helper_mut() else {
        return Verdict::Accept;
    };
    match info {
        Info::Established => {
            // A request is its number and a handle.
            if let Ok([code @ .., _, _, _, _]) = <&[u8; 8]>::try_from(payload) {
                *start_requested = *code == NET_START;
            }
            return Verdict::Accept;
        }
        Info::EstablishedReply if *start_requested => *start_requested = false,
        _ => return Verdict::Accept,
    }
    // A status (0: it was done), a number that is 0, and the port.
    let Some(&[0, 0, 0, 0, 0, 0, high, low]) = payload.first_chunk::<8>() else { return Verdict::Accept };
    let port = u16::from_be_bytes([high, low]);
    let mut expectation = Expectation::new(id, Kind::Sane, protocol::TCP, original.destination, port);
    expectation.source = Some(original.source);
    expect_plainly(expectation, packet, env)
}
