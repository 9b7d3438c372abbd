//! ICMP and ICMPv6: queries are connections, errors are RELATED to the connection whose packet they quote.
//!
//! Read first: Linux `nf_conntrack_icmpv4_error`, `nf_conntrack_icmpv6_error`, `nf_conntrack_inet_error`; F46, F47.
use std::net::IpAddr;

use packet::{Family, View, protocol};
use rules::Hook;

use super::track::{Context, Invalid, Outcome};
use super::tuple::{icmp_type, icmpv6_type};
use super::{ConnectionId, Conntrack, Direction, Status, Zone};
use crate::skb::Info;

/// What an ICMP packet is, before any connection is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// A query or answer, to be tracked like other packets.
    Track,
    /// Neighbour discovery and the like: UNTRACKED.
    Untracked,
    /// An error about this connection.
    Related(ConnectionId, Info),
    /// It belongs to nothing.
    Invalid(Invalid),
}

/// Judges an ICMP (IPv4) or ICMPv6 (IPv6) packet.
pub(super) fn judge(table: &Conntrack, view: View<'_>, zone: Zone, context: &Context) -> Judged {
    let layout = view.layout();
    let Some(header) = view.icmp() else { return Judged::Invalid(Invalid::Short) };
    if context.checks(Hook::Prerouting) && !super::track::checksum_is_right(view) {
        return Judged::Invalid(Invalid::Checksum);
    }
    let quoted_at = layout.transport + 8;
    match layout.family {
        Family::V4 => {
            use icmp_type::{PARAMETER_PROBLEM, REDIRECT, SOURCE_QUENCH, TIME_EXCEEDED, UNREACHABLE};
            match header.kind {
                UNREACHABLE | SOURCE_QUENCH | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM => {
                    related(table, view, quoted_at, zone, context)
                }
                kind if kind > icmp_type::HIGHEST => Judged::Invalid(Invalid::IcmpType),
                _ => Judged::Track,
            }
        }
        // Linux: `noct_valid_new`: multicast listener and neighbour discovery.
        Family::V6 => match header.kind {
            130..=136 | 143 => Judged::Untracked,
            icmpv6_type::REDIRECT => redirect(table, view, header.code, zone, context),
            kind if kind >= icmpv6_type::FIRST_INFORMATIONAL => Judged::Track,
            _ => related(table, view, quoted_at, zone, context),
        },
    }
}

/// An ICMPv6 redirect is about the packet in its option 4.
fn redirect(table: &Conntrack, view: View<'_>, code: u8, zone: Zone, context: &Context) -> Judged {
    const FIXED: usize = 40;
    const OPTION_REDIRECTED_HEADER: u8 = 4;
    let bytes = view.transport().unwrap_or(&[]);
    let link_local = match view.source() {
        IpAddr::V6(source) => source.is_unicast_link_local(),
        IpAddr::V4(_) => false,
    };
    if bytes.len() < FIXED {
        return Judged::Invalid(Invalid::Short);
    }
    if code != 0 || view.ttl() != 255 || !link_local {
        return Judged::Invalid(Invalid::Redirect);
    }
    match bytes.get(FIXED..FIXED + 2) {
        Some(&[_, 0]) | None => Judged::Invalid(Invalid::Redirect),
        Some(&[OPTION_REDIRECTED_HEADER, _]) => {
            related(table, view, view.layout().transport + FIXED + 8, zone, context)
        }
        // Goes on like a query and is INVALID there, for it has no counterpart.
        Some(_) => Judged::Track,
    }
}

/// The connection that an error quotes.
// Why: the error's destination must be the one who sent what it quotes, else somebody could mark packets to others
// as RELATED. Who sends the error does not matter: any router may.
fn related(table: &Conntrack, view: View<'_>, at: usize, zone: Zone, context: &Context) -> Judged {
    let Some(inner) = table.tuple_of_quoted(view.bytes(), at, view.family()) else {
        return Judged::Invalid(Invalid::QuotedHeader);
    };
    let Some(wanted) = inner.inverted() else { return Judged::Invalid(Invalid::QuotedType) };
    let Some((id, direction)) = table.find(&wanted, zone, context.now) else {
        return Judged::Invalid(Invalid::QuotedUnknown);
    };
    let about = table.get(id).map(|connection| connection.tuple(direction).destination);
    if about != Some(view.destination()) {
        return Judged::Invalid(Invalid::QuotedElsewhere);
    }
    Judged::Related(
        id,
        match direction {
            Direction::Original => Info::Related,
            Direction::Reply => Info::RelatedReply,
        },
    )
}

/// What a query or its answer does to its connection.
pub(super) fn packet(table: &mut Conntrack, id: ConnectionId, view: View<'_>, context: &Context) -> Outcome {
    let Some(connection) = table.get(id) else { return Outcome::Accept };
    let v4 = connection.ip_protocol() == protocol::ICMP;
    if v4 != (view.family() == Family::V4) {
        return Outcome::Invalid(Invalid::IcmpFamily);
    }
    let kind = connection.original().icmp_kind();
    let confirmed = connection.status.has(Status::CONFIRMED);
    let opens = if v4 {
        use icmp_type::{ADDRESS_MASK, ECHO, INFORMATION, TIMESTAMP};
        matches!(kind, ECHO | TIMESTAMP | INFORMATION | ADDRESS_MASK)
    } else {
        matches!(kind, icmpv6_type::ECHO | icmpv6_type::NODE_QUERY)
    };
    if !confirmed && !opens {
        return Outcome::Invalid(Invalid::IcmpAnswer);
    }
    let timeouts = table.timeouts_of(id);
    let timeout = if v4 { timeouts.icmp } else { timeouts.icmpv6 };
    table.refresh(id, context, view.bytes().len(), timeout);
    Outcome::Accept
}
