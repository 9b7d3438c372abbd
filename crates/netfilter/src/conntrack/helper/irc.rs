//! IRC: a client offers another one a connection of its own (DCC) in a message that the server passes on.
//!
//! Read first: Linux `nf_conntrack_irc.c`, `nf_nat_irc.c`. Only what goes to the server is read, at most 4095 bytes of a
//! packet, and in it the first message if it is `PRIVMSG who :\x01DCC KIND name ADDRESS PORT`, where the address is one
//! decimal number.
use std::net::{IpAddr, Ipv4Addr};

use packet::protocol;

use super::{Kind, behind_tcp, decimal, expect_plainly, expect_translated};
use crate::conntrack::expect::Expectation;
use crate::conntrack::{ConnectionId, Direction, Status};
use crate::env::{Env, LogLine};
use crate::hook::Verdict;
use crate::skb::{Info, Packet};

/// How much of a packet is read (Linux: `MAX_SEARCH_SIZE`).
const MOST_READ: usize = 4095;

/// The kinds of offers, in the order in which they are tried.
const KINDS: [&[u8]; 5] = [b"SEND ", b"CHAT ", b"MOVE ", b"TSEND ", b"SCHAT "];

/// An offer found in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offer {
    address: Ipv4Addr,
    port: u16,
    /// Where address and port stand in the payload, and how long they are with what is between them.
    at: usize,
    length: usize,
}

/// Looks at a packet of the client.
pub(super) fn help(packet: &mut Packet, id: ConnectionId, info: Info, env: &mut Env<'_>) -> Verdict {
    if info != Info::Established {
        return Verdict::Accept;
    }
    let Some(payload) = behind_tcp(packet) else { return Verdict::Accept };
    let Some(connection) = env.conntrack.get(id) else { return Verdict::Accept };
    let (IpAddr::V4(own), reply) = (connection.original().source, connection.reply()) else {
        return Verdict::Accept;
    };
    let read = payload.get(..payload.len().min(MOST_READ)).unwrap_or(payload);
    let Some(offer) = search(read) else { return Verdict::Accept };
    // Linux: who offers may say his own address or that by which he is seen.
    if offer.address != own && IpAddr::V4(offer.address) != reply.destination || offer.port == 0 {
        if env.conntrack.may_warn(env.now.mono) {
            let Offer { address, port, .. } = offer;
            let text = format!("nf_conntrack_irc: Forged DCC command from {own}: {address}:{port}");
            env.log_line(LogLine { level: 4, text });
        }
        return Verdict::Accept;
    }
    let expectation = Expectation::new(id, Kind::Irc, protocol::TCP, reply.destination, offer.port);
    if !connection.status.any(Status::NAT_MASK) {
        return expect_plainly(expectation, packet, env);
    }
    let text = |port| match reply.destination {
        IpAddr::V4(seen) => Some(format!("{} {port}", u32::from(seen))),
        IpAddr::V6(_) => None,
    };
    expect_translated(expectation, Direction::Reply, (offer.at, offer.length), text, packet, env)
}

/// The first offer of the first message.
fn search(bytes: &[u8]) -> Option<Offer> {
    /// The shortest message: ` :\x01DCC SENT t AAAAAAAA P\x01\n`.
    const SHORTEST: usize = 26;
    let begins = |at: usize, word: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(word));
    let room = |at: usize, least: usize| bytes.len().saturating_sub(at) > least;
    let mut at = 0;
    while room(at, 10) && matches!(bytes.get(at), Some(b' ' | b'\r' | b'\n')) {
        at += 1;
    }
    if room(at, 10) {
        let command = bytes.get(at..at + 8)?;
        if !command.eq_ignore_ascii_case(b"PRIVMSG ") {
            return None;
        }
        at += 8;
    }
    while room(at, SHORTEST) {
        if !begins(at, b" :") {
            at += 1;
            continue;
        }
        at += 2;
        if !begins(at, b"\x01DCC ") {
            return None;
        }
        at += 5;
        for kind in KINDS {
            // Linux: what is tried next begins behind a kind that was there, even if the rest was not understood.
            if begins(at, kind) {
                at += kind.len();
                if let Some(offer) = parse(bytes, at) {
                    // Linux: nothing behind it is read, whoever it is for (measured).
                    return Some(offer);
                }
            }
        }
    }
    None
}

/// Address and port behind the name of what is offered.
fn parse(bytes: &[u8], mut at: usize) -> Option<Offer> {
    while *bytes.get(at)? != b' ' {
        at += 1;
        // At least `AAAAAAAA P\x01\n`.
        if at + 12 > bytes.len() {
            return None;
        }
    }
    at += 1;
    let rest = bytes.get(at..)?;
    if !rest.contains(&b'\n') {
        return None;
    }
    let (address, length) = decimal(rest);
    let blanks = rest.get(length..)?.iter().take_while(|&&byte| byte == b' ').count();
    let (port, digits) = decimal(rest.get(length + blanks..)?);
    // Linux: the numbers are cut to 32 and 16 bits.
    Some(Offer {
        address: Ipv4Addr::from(address as u32),
        port: port as u16,
        at,
        length: length + blanks + digits,
    })
}

#[cfg(test)]
mod tests;
