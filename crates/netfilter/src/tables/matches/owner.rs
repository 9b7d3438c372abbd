//! `-m owner` (Linux: `owner_mt`).
//!
//! Packets of the kernel's own sockets (ICMP answers) have a socket without a file: `--socket-exists` holds, users and
//! groups do not (F75). What came from a device, and a reset by REJECT, has no socket at all.
use rules::Negatable;
use rules::matches::owner::Owner;

use super::{Asked, Held, Miss, hold};
use crate::skb;
use crate::trace::Found;

pub(super) fn holds(rule: &Owner, asked: &Asked<'_>) -> Held {
    if asked.packet.origin.is_some_and(|origin| !origin.known) {
        return Err(Miss::Undecided("who sent the packet (-m owner)"));
    }
    let socket = asked.packet.origin.and_then(|origin| origin.socket);
    let Some(socket) = socket else {
        // Linux: holds only if every option is inverted.
        hold(rule.socket_exists != Some(false), "--socket-exists", Found::Nothing("socket"))?;
        return nobody(rule, "socket");
    };
    hold(rule.socket_exists != Some(true), "--socket-exists", Found::Word("socket"))?;
    if !socket.has_file {
        return nobody(rule, "owner");
    }
    id(rule.uid, socket.uid, "--uid-owner")?;
    group(rule, socket)
}

/// Without an owner only inverted options hold.
fn nobody(rule: &Owner, nothing: &'static str) -> Held {
    hold(rule.uid.is_none_or(|uid| uid.invert), "--uid-owner", Found::Nothing(nothing))?;
    hold(rule.gid.is_none_or(|gid| gid.invert), "--gid-owner", Found::Nothing(nothing))
}

fn fits(wanted: Negatable<(u32, u32)>, id: u32) -> bool {
    (wanted.value.0..=wanted.value.1).contains(&id)
}

fn id(wanted: Option<Negatable<(u32, u32)>>, id: u32, option: &'static str) -> Held {
    match wanted {
        Some(wanted) => hold(fits(wanted, id) != wanted.invert, option, Found::Number(id.into())),
        None => Ok(()),
    }
}

fn group(rule: &Owner, socket: skb::Owner) -> Held {
    let further = rule.supplementary_groups && rule.gid.is_some_and(|wanted| !fits(wanted, socket.gid));
    if further {
        return Err(Miss::Undecided("the supplementary groups of the sender (--suppl-groups)"));
    }
    id(rule.gid, socket.gid, "--gid-owner")
}
