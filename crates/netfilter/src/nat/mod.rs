//! Network address translation: which packets ask the nat table, what a connection is translated to, and the
//! translation of every packet.
//!
//! # Overview
//! [`handle`] is the registry's entry in the four hooks of the nat table. For the first packet of a connection it walks
//! the table (`pick::bind` turns the range of a target into a binding: the connection's reply tuple), and gives a
//! connection that no rule spoke of a binding to what it is already, so that its port moves if another connection has
//! taken it (F52). Every packet of a connection with a binding is then rewritten (`translate`). PREROUTING and OUTPUT
//! rewrite the destination, INPUT and POSTROUTING the source; a reply undoes in each hook what the other end's hook did.
//! Read first: Linux `nf_nat_inet_fn`, `nf_nat_setup_info`, `get_unique_tuple`, `nf_nat_manip_pkt`.
//!
//! # Life cycle
//! A binding is made while the connection is unconfirmed and never changes (F9). Each end is decided once: the status
//! bits SRC_NAT_DONE and DST_NAT_DONE say so, SRC_NAT and DST_NAT whether anything is rewritten.
//!
//! # Invariants
//! The reply tuple is the inverse of what the original tuple is translated to; translating a reply undoes translating
//! the original. The tuple that is sought by address never belongs to another connection, unless nothing is free (then
//! confirmation drops the packet, F51).
//!
//! # Limits
//! A search for a free port makes at most 128 + 64 + 32 + 16 + 8 tries (F50).
mod expected;
pub(crate) mod hash;
pub mod payload;
mod pick;
mod target;
mod translate;

use packet::rewrite::End;
use packet::{Family, protocol};
use rules::Hook;

use crate::conntrack::{ConnectionId, Status};
use crate::hook::Verdict;
use crate::skb::{Drop, Info, Packet, Tracking};
use crate::trace::{NatSkip, Step};
use crate::{DeviceId, Env, tables};

pub(crate) use expected::expected;
pub(crate) use hash::hash_words;
pub use target::target;

/// The end that a hook rewrites (Linux: `HOOK2MANIP`).
const fn end_of(hook: Hook) -> End {
    match hook {
        Hook::Input | Hook::Postrouting => End::Source,
        Hook::Prerouting | Hook::Output | Hook::Forward => End::Destination,
    }
}

/// The bit that says that an end is decided.
const fn done(end: End) -> Status {
    match end {
        End::Source => Status::SRC_NAT_DONE,
        End::Destination => Status::DST_NAT_DONE,
    }
}

/// The bit that says that an end is rewritten.
const fn rewrites(end: End) -> Status {
    match end {
        End::Source => Status::SRC_NAT,
        End::Destination => Status::DST_NAT,
    }
}

const fn other(end: End) -> End {
    match end {
        End::Source => End::Destination,
        End::Destination => End::Source,
    }
}

/// A walk over one of the nat tables that has stopped, so that the copy which a rule has sent (`-j TEE`) goes its way first.
#[derive(Debug)]
pub struct Paused {
    /// The place of the table.
    program: usize,
    walk: tables::Paused,
}

/// Shows a packet to NAT at a hook. `programs` are the nat tables of the packet's family, in the order in which they are
/// asked; without one no rule is asked. As long as `paused` says where it has stopped, it is to be called again. After PREROUTING and OUTPUT the packet may have another destination: then its way
/// must be sought anew (F10).
pub fn handle(
    programs: [Option<&mut tables::Program>; 2],
    hook: Hook,
    packet: &mut Packet,
    paused: &mut Option<Paused>,
    env: &mut Env<'_>,
) -> Verdict {
    if programs.iter().all(Option::is_none) {
        return handle_by(None, hook, packet, env);
    }
    let end = end_of(hook);
    let mut programs = programs;
    let mut walk = |packet: &mut Packet, env: &mut Env<'_>| {
        let (first, mut rest) = paused.take().map_or((0, None), |own| (own.program, Some(own.walk)));
        for (place, program) in programs.iter_mut().enumerate().skip(first) {
            let Some(program) = program else { continue };
            // Linux: `nf_nat_inet_fn`: the first table that decides is the last that is asked.
            let verdict = tables::walk_in_parts(program, hook, packet, env, &mut rest);
            if let Some(walk) = rest.take() {
                *paused = Some(Paused { program: place, walk });
                return None;
            }
            if verdict != Verdict::Accept || is_decided(packet, end, env) {
                return Some(verdict);
            }
        }
        Some(Verdict::Accept)
    };
    handle_by(Some(&mut walk), hook, packet, env)
}

/// Whether the translation of an end of a packet's connection is decided.
fn is_decided(packet: &Packet, end: End, env: &Env<'_>) -> bool {
    let Tracking::Entry { connection, .. } = packet.tracking else { return false };
    env.conntrack.get(connection).is_none_or(|connection| connection.status.has(done(end)))
}

/// What asks the nat table's rules about a first packet; `None`: it has stopped.
type Walk<'w> = &'w mut dyn FnMut(&mut Packet, &mut Env<'_>) -> Option<Verdict>;

fn handle_by(walk: Option<Walk<'_>>, hook: Hook, packet: &mut Packet, env: &mut Env<'_>) -> Verdict {
    let Tracking::Entry { connection, info } = packet.tracking else {
        let reason =
            if packet.tracking == Tracking::Untracked { NatSkip::Untracked } else { NatSkip::Invalid };
        env.step(packet, || Step::NatSkipped { hook, reason });
        return Verdict::Accept;
    };
    let end = end_of(hook);
    let related = matches!(info, Info::Related | Info::RelatedReply);
    if related && is_icmp(packet) {
        env.step(packet, || Step::NatSkipped { hook, reason: NatSkip::NotFirst });
        return translate::error(packet, connection, info, hook, env);
    }
    if !related && info != Info::New {
        env.step(packet, || Step::NatSkipped { hook, reason: NatSkip::NotFirst });
        if device_changed(connection, info, hook, packet, env) {
            return lost_device(connection, env);
        }
        return translate::packet(packet, connection, info, end, env);
    }
    let decided = |env: &Env<'_>| {
        env.conntrack.get(connection).is_none_or(|connection| connection.status.has(done(end)))
    };
    if decided(env) {
        let reason = skip_reason(connection, packet, env);
        env.step(packet, || Step::NatSkipped { hook, reason });
        if device_changed(connection, info, hook, packet, env) {
            return lost_device(connection, env);
        }
        return translate::packet(packet, connection, info, end, env);
    }
    if let Some(walk) = walk {
        let Some(verdict) = walk(packet, env) else { return Verdict::Accept };
        if verdict != Verdict::Accept {
            return verdict;
        }
    }
    if !decided(env) {
        let verdict = pick::bind_null(connection, end, env);
        if verdict != Verdict::Accept {
            return verdict;
        }
    }
    translate::packet(packet, connection, info, end, env)
}

fn is_icmp(packet: &Packet) -> bool {
    match packet.family() {
        Family::V4 => packet.layout.protocol == Some(protocol::ICMP),
        Family::V6 => packet.layout.protocol == Some(protocol::ICMPV6),
    }
}

/// Why a first packet does not ask the rules.
fn skip_reason(connection: ConnectionId, packet: &Packet, env: &Env<'_>) -> NatSkip {
    if packet.input == Some(DeviceId::LOOPBACK) {
        return NatSkip::Loopback;
    }
    match env.conntrack.get(connection) {
        Some(connection) if expected::is_translated(connection) => NatSkip::Expected,
        _ => NatSkip::NotFirst,
    }
}

/// Whether a masqueraded connection leaves by another device than the one whose address it took (Linux:
/// `nf_nat_oif_changed`).
fn device_changed(id: ConnectionId, info: Info, hook: Hook, packet: &Packet, env: &Env<'_>) -> bool {
    hook == Hook::Postrouting
        && matches!(info, Info::New | Info::Related | Info::Established)
        && env
            .conntrack
            .get(id)
            .and_then(|connection| connection.masquerade())
            .is_some_and(|device| packet.output != Some(device))
}

/// Ends the connection and the packet; the next packet begins anew with the new device's address. A bridge's copies of the packet
/// for other ports are still of the connection, and end like it.
fn lost_device(id: ConnectionId, env: &mut Env<'_>) -> Verdict {
    env.conntrack.unlink(id);
    Verdict::Drop(Drop::NatFailed)
}

#[cfg(test)]
mod tests;
