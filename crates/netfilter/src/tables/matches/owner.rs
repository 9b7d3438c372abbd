//! `-m owner` (Linux: `owner_mt`).
//!
//! Packets of the kernel's own sockets (ICMP answers) have a socket without a file: `--socket-exists` holds, users and
//! groups do not (F75). What came from a device, and a reset by REJECT, has no socket at all.
use rules::Negatable;
use rules::matches::owner::Owner;

use super::{Asked, Held, Miss, hold};
use crate::trace::Found;
use crate::{Env, skb};

pub(super) fn holds(rule: &Owner, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    if asked.packet.origin.is_some_and(|origin| !origin.known) {
        return Err(Miss::Undecided(SENDER));
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
    group(rule, socket, asked, env)
}

const SENDER: &str = "who sent the packet (-m owner; give `local uid N gid N …`, or --machine FILE with `uid N gid N` in \
     the line of its socket)";
const GROUP: &str = "the group of the sender (--gid-owner; lists of sockets do not say it: give `local uid N gid N …`, or \
     --machine FILE with `gid N` in the line of its socket)";
const GROUPS: &str = "the supplementary groups of the sender (--suppl-groups; give `local groups N,N …`, or --machine FILE \
     with `groups N,N` in the line of its socket)";

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

fn group(rule: &Owner, socket: skb::Owner, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    if rule.gid.is_some() && asked.packet.origin.is_some_and(|origin| origin.group_unknown) {
        return Err(Miss::Undecided(GROUP));
    }
    if let Some(wanted) = rule.gid.filter(|wanted| rule.supplementary_groups && !fits(*wanted, socket.gid)) {
        let Some(groups) = asked.packet.origin.and_then(|origin| origin.groups) else {
            return Err(Miss::Undecided(GROUPS));
        };
        let has = env.machine.groups_of(groups).iter().any(|&group| fits(wanted, group));
        return hold(has != wanted.invert, "--gid-owner", Found::Number(socket.gid.into()));
    }
    id(rule.gid, socket.gid, "--gid-owner")
}
