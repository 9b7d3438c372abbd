//! Amanda: a backup client answers the server's request with the ports at which it sends data, messages and index.
//!
//! Read first: Linux `nf_conntrack_amanda.c`, `nf_nat_amanda.c`. The answer has a line
//! `CONNECT DATA 50000 MESG 50001 INDEX 50002`; since such answers take their time, the connection lives 300 s longer with
//! each.
use std::ops::Range;
use std::time::Duration;

use packet::protocol;

use super::{Kind, decimal, expect_plainly, expect_translated};
use crate::conntrack::expect::Expectation;
use crate::conntrack::{ConnectionId, Direction, Status};
use crate::env::Env;
use crate::hook::Verdict;
use crate::skb::{Info, Packet};

/// How long the connection lives after an answer (Linux: `master_timeout`).
const MASTER_TIMEOUT: Duration = Duration::from_secs(300);
/// The words before ports, in the order in which they are looked for.
const STREAMS: [&[u8]; 4] = [b"DATA ", b"MESG ", b"INDEX ", b"STATE "];

/// Looks at a packet: only the answers of the client count.
pub(super) fn help(packet: &mut Packet, id: ConnectionId, info: Info, env: &mut Env<'_>) -> Verdict {
    if info.direction() == Direction::Original {
        return Verdict::Accept;
    }
    env.conntrack.live_for(id, MASTER_TIMEOUT, env.now.mono);
    let Some(connect) = find(packet, 0..usize::MAX, b"CONNECT ") else { return Verdict::Accept };
    let start = connect + b"CONNECT ".len();
    let Some(stop) = find(packet, start..usize::MAX, b"\n") else { return Verdict::Accept };
    for stream in STREAMS {
        // Linux: where the line ends is not sought again, though a port that was written anew may have moved it.
        let Some(at) = find(packet, start..stop, stream).map(|at| at + stream.len()) else { continue };
        let digits = payload(packet).get(at..stop.min(at + 5)).unwrap_or(&[]);
        let (port, length) = decimal(digits);
        let port = port as u16;
        if port == 0 {
            break;
        }
        let verdict = expect(packet, id, at..at + length, port, env);
        if verdict != Verdict::Accept {
            return verdict;
        }
    }
    Verdict::Accept
}

/// Expects a connection to a port, and writes the port anew that stands at a place if that one is taken.
fn expect(
    packet: &mut Packet,
    id: ConnectionId,
    place: Range<usize>,
    port: u16,
    env: &mut Env<'_>,
) -> Verdict {
    let Some(connection) = env.conntrack.get(id) else { return Verdict::Accept };
    let original = connection.original();
    let mut expectation = Expectation::new(id, Kind::Amanda, protocol::TCP, original.destination, port);
    expectation.source = Some(original.source);
    if !connection.status.any(Status::NAT_MASK) {
        return expect_plainly(expectation, packet, env);
    }
    let place = (place.start, place.len());
    expect_translated(expectation, Direction::Original, place, |port| Some(port.to_string()), packet, env)
}

fn payload(packet: &Packet) -> &[u8] {
    super::behind_udp(packet)
}

/// Where a word begins that lies wholly in a part of the payload.
fn find(packet: &Packet, part: Range<usize>, word: &[u8]) -> Option<usize> {
    let bytes = payload(packet);
    let within = bytes.get(part.start..part.end.min(bytes.len()))?;
    within.windows(word.len()).position(|window| window == word).map(|found| part.start + found)
}
