//! `-m state` and `-m conntrack` (Linux: `state_mt`, `conntrack_mt`).
//!
//! Before connection tracking (table raw) every packet is INVALID (F21), except that the template which `-j CT` hung on
//! it counts as a NEW connection without tuples.
use rules::Negatable;
use rules::Table;
use rules::matches::PortRange;
use rules::matches::conntrack::HostMask;
use rules::matches::conntrack::{Conntrack, StateSet, StatusSet};
use rules::matches::state::State;

use super::{Asked, Held, Miss, hold, port};
use crate::Env;
use crate::conntrack::{Connection, Direction, Status, Tuple};
use crate::skb::{Info, Tracking};
use crate::trace::Found;

/// How a packet belongs to a connection.
pub(super) enum Belongs<'e> {
    /// To a connection.
    To(&'e Connection, Info),
    /// To the template of `-j CT`, in table raw.
    Template,
    /// UNTRACKED.
    Untracked,
    /// INVALID, or not looked at.
    Nowhere,
}

pub(super) fn belongs<'e>(asked: &Asked<'_>, env: &'e Env<'_>) -> Belongs<'e> {
    match asked.packet.tracking {
        Tracking::Entry { connection, info } => match env.conntrack.get(connection) {
            Some(connection) => Belongs::To(connection, info),
            None => Belongs::Nowhere,
        },
        Tracking::Untracked => Belongs::Untracked,
        Tracking::None if asked.place.table == Table::Raw && asked.packet.template.is_some() => {
            Belongs::Template
        }
        Tracking::None | Tracking::Vacant => Belongs::Nowhere,
    }
}

impl Belongs<'_> {
    /// The state without SNAT and DNAT.
    fn state(&self) -> StateSet {
        match self {
            Self::To(_, Info::Established | Info::EstablishedReply) => StateSet::ESTABLISHED,
            Self::To(_, Info::Related | Info::RelatedReply) => StateSet::RELATED,
            Self::To(_, Info::New) | Self::Template => StateSet::NEW,
            Self::Untracked => StateSet::UNTRACKED,
            Self::Nowhere => StateSet::INVALID,
        }
    }

    fn state_found(&self) -> Found {
        Found::Word(match self.state() {
            StateSet::ESTABLISHED => "ESTABLISHED",
            StateSet::RELATED => "RELATED",
            StateSet::NEW => "NEW",
            StateSet::UNTRACKED => "UNTRACKED",
            _ => "INVALID",
        })
    }
}

/// A state with the translations, as `--ctstate` names them.
fn states_found(state: StateSet) -> Found {
    const NAMES: [[&str; 4]; 5] = [
        ["NEW", "NEW,SNAT", "NEW,DNAT", "NEW,SNAT,DNAT"],
        ["ESTABLISHED", "ESTABLISHED,SNAT", "ESTABLISHED,DNAT", "ESTABLISHED,SNAT,DNAT"],
        ["RELATED", "RELATED,SNAT", "RELATED,DNAT", "RELATED,SNAT,DNAT"],
        ["UNTRACKED", "UNTRACKED", "UNTRACKED", "UNTRACKED"],
        ["INVALID", "INVALID", "INVALID", "INVALID"],
    ];
    let states = [StateSet::NEW, StateSet::ESTABLISHED, StateSet::RELATED, StateSet::UNTRACKED];
    let row = states.iter().position(|&own| state.intersects(own)).unwrap_or(4);
    let column =
        usize::from(state.intersects(StateSet::SNAT)) + 2 * usize::from(state.intersects(StateSet::DNAT));
    Found::Word(NAMES.get(row).and_then(|names| names.get(column)).copied().unwrap_or("INVALID"))
}

pub(super) fn holds_state(rule: &State, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let belongs = belongs(asked, env);
    let fits = rule.states.value.intersects(belongs.state());
    hold(fits != rule.states.invert, "--state", belongs.state_found())
}

/// The options in the kernel's order. Without a connection only `--ctstate` is looked at: if it is there and holds, the
/// match holds, whatever the other options are.
pub(super) fn holds(rule: &Conntrack, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let belongs = belongs(asked, env);
    if let Some(wanted) = rule.state {
        let mut state = belongs.state();
        if let Belongs::To(connection, _) = belongs {
            // The translation counts from the moment on that it is decided (F37).
            if connection.status.has(Status::SRC_NAT) {
                state.0 |= StateSet::SNAT.0;
            }
            if connection.status.has(Status::DST_NAT) {
                state.0 |= StateSet::DNAT.0;
            }
        }
        hold(wanted.value.intersects(state) != wanted.invert, "--ctstate", states_found(state))?;
    }
    match belongs {
        Belongs::To(connection, info) => details(rule, &Seen::of(connection, info.direction(), env)),
        Belongs::Template => details(rule, &Seen::template(asked)),
        Belongs::Untracked | Belongs::Nowhere if rule.state.is_some() => Ok(()),
        Belongs::Untracked | Belongs::Nowhere => {
            Err(Miss::Failed(first_option(rule), Found::Nothing("connection")))
        }
    }
}

/// What the options look at.
struct Seen {
    original: Tuple,
    reply: Tuple,
    status: Status,
    direction: Direction,
    /// Seconds.
    left: u64,
}

impl Seen {
    fn of(connection: &Connection, direction: Direction, env: &Env<'_>) -> Self {
        Self {
            original: connection.original(),
            reply: connection.reply(),
            status: connection.status,
            direction,
            left: seconds_left(connection, env),
        }
    }

    /// The template of `-j CT`: no addresses, no ports, but confirmed (measured).
    fn template(asked: &Asked<'_>) -> Self {
        let unspecified = asked.packet.family().unspecified();
        let none = Tuple {
            source: unspecified,
            destination: unspecified,
            protocol: 0,
            source_id: 0,
            destination_id: 0,
        };
        let direction = Direction::Original;
        Self { original: none, reply: none, status: Status::CONFIRMED, direction, left: 0 }
    }
}

fn details(rule: &Conntrack, seen: &Seen) -> Held {
    if let Some(original) = rule.direction_original {
        let is = seen.direction == Direction::Original;
        hold(is == original, "--ctdir", Found::Word(if is { "ORIGINAL" } else { "REPLY" }))?;
    }
    let (original, reply) = (&seen.original, &seen.reply);
    address(rule.original_source, original.source, "--ctorigsrc")?;
    address(rule.original_destination, original.destination, "--ctorigdst")?;
    address(rule.reply_source, reply.source, "--ctreplsrc")?;
    address(rule.reply_destination, reply.destination, "--ctrepldst")?;
    if let Some(wanted) = rule.protocol {
        let protocol = original.protocol;
        hold((protocol == wanted.value) != wanted.invert, "--ctproto", Found::Protocol(protocol))?;
    }
    port(rule.original_source_port, original.source_id, "--ctorigsrcport")?;
    port(rule.original_destination_port, original.destination_id, "--ctorigdstport")?;
    port(rule.reply_source_port, reply.source_id, "--ctreplsrcport")?;
    port(rule.reply_destination_port, reply.destination_id, "--ctrepldstport")?;
    if let Some(wanted) = rule.status {
        // The four bits have the kernel's values in both; NONE is no bit at all and so never holds.
        let has = u32::from(seen.status.0) & u32::from(wanted.value.0) != 0;
        hold(has != wanted.invert, "--ctstatus", status_found(seen.status))?;
    }
    if let Some(wanted) = rule.expire {
        let left = seen.left;
        let (from, to) = wanted.value;
        hold(
            (u64::from(from)..=u64::from(to)).contains(&left) != wanted.invert,
            "--ctexpire",
            Found::Number(left),
        )?;
    }
    Ok(())
}

/// Linux: `nf_ct_expires`: 0 for a connection that is not confirmed (F37).
fn seconds_left(connection: &Connection, env: &Env<'_>) -> u64 {
    if !connection.status.has(Status::CONFIRMED) {
        return 0;
    }
    connection.expires.since(env.now.mono).as_secs()
}

fn address(wanted: Option<Negatable<HostMask>>, address: std::net::IpAddr, option: &'static str) -> Held {
    match wanted {
        Some(wanted) => {
            hold(wanted.value.contains(address) != wanted.invert, option, Found::Address(address))
        }
        None => Ok(()),
    }
}

fn status_found(status: Status) -> Found {
    let bits = [
        (Status::EXPECTED, "EXPECTED"),
        (Status::ASSURED, "ASSURED"),
        (Status::SEEN_REPLY, "SEEN_REPLY"),
        (Status::CONFIRMED, "CONFIRMED"),
    ];
    Found::Word(bits.into_iter().find(|&(bit, _)| status.has(bit)).map_or("NONE", |(_, name)| name))
}

/// The first option that the rule has, in the kernel's order.
fn first_option(rule: &Conntrack) -> &'static str {
    let ports = |range: &Option<Negatable<PortRange>>| range.is_some();
    let status: Option<Negatable<StatusSet>> = rule.status;
    let options = [
        (rule.direction_original.is_some(), "--ctdir"),
        (rule.original_source.is_some(), "--ctorigsrc"),
        (rule.original_destination.is_some(), "--ctorigdst"),
        (rule.reply_source.is_some(), "--ctreplsrc"),
        (rule.reply_destination.is_some(), "--ctrepldst"),
        (rule.protocol.is_some(), "--ctproto"),
        (ports(&rule.original_source_port), "--ctorigsrcport"),
        (ports(&rule.original_destination_port), "--ctorigdstport"),
        (ports(&rule.reply_source_port), "--ctreplsrcport"),
        (ports(&rule.reply_destination_port), "--ctrepldstport"),
        (status.is_some(), "--ctstatus"),
        (rule.expire.is_some(), "--ctexpire"),
    ];
    options.into_iter().find(|(has, _)| *has).map_or("-m conntrack", |(_, option)| option)
}
