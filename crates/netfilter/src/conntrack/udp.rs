//! UDP and UDP-Lite: a flow without states (Linux: `nf_conntrack_udp_packet`; F44, F45).
use std::time::Duration;

use packet::{View, checksum, protocol};
use rules::Hook;

use super::track::{Context, Invalid, Outcome};
use super::tuple::be16;
use super::{Changes, ConnectionId, Conntrack, ProtocolState, Status};
use crate::time::Instant;

/// A flow that is answered counts as a stream once it is this old.
const STREAM_AFTER: Duration = Duration::from_secs(2);

/// What is remembered of a UDP flow.
// Why: packed, so that all that protocols remember may lie at an even address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(Rust, packed(2))]
pub struct Udp {
    /// From then on it is a stream.
    stream_from: Instant,
}

impl Udp {
    /// A flow that began at some time.
    pub(super) fn since(begin: Instant) -> Self {
        Self { stream_from: begin + STREAM_AFTER }
    }
}

fn error(view: View<'_>, context: &Context) -> Option<Invalid> {
    let Some(bytes) = view.transport().filter(|bytes| bytes.len() >= 8) else { return Some(Invalid::Short) };
    let length = usize::from(be16(bytes, 4).unwrap_or(0));
    let sum = be16(bytes, 6).unwrap_or(0);
    let checked = context.checks(Hook::Prerouting);
    if view.protocol() == Some(protocol::UDPLITE) {
        return lite_error(view, bytes, length, sum, checked);
    }
    if length > bytes.len() || length < 8 {
        return Some(Invalid::UdpLength);
    }
    (sum != 0 && checked && !super::track::checksum_is_right(view)).then_some(Invalid::Checksum)
}

/// UDP-Lite: the length field says how much the checksum covers (0: all), and the checksum must be there.
fn lite_error(view: View<'_>, bytes: &[u8], coverage: usize, sum: u16, checked: bool) -> Option<Invalid> {
    let covered = if coverage == 0 { bytes.len() } else { coverage };
    if covered < 8 || covered > bytes.len() {
        return Some(Invalid::UdpLength);
    }
    if sum == 0 {
        return Some(Invalid::Checksum);
    }
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    // Linux: `udplite_error` sums with the pseudo header of UDP, so that datagrams after RFC 3828 are INVALID (measured).
    let pseudo = checksum::pseudo(view.source(), view.destination(), protocol::UDP, length);
    let wrong = checksum::finish(checksum::add(pseudo, bytes.get(..covered).unwrap_or(bytes))) != 0;
    (checked && wrong).then_some(Invalid::Checksum)
}

/// What a packet does to its flow.
pub(super) fn packet(table: &mut Conntrack, id: ConnectionId, view: View<'_>, context: &Context) -> Outcome {
    if let Some(error) = error(view, context) {
        return Outcome::Invalid(error);
    }
    let timeouts = table.timeouts_of(id);
    let (unreplied, stream) = (timeouts.udp, timeouts.udp_stream);
    let lite = view.protocol() == Some(protocol::UDPLITE);
    let Some(connection) = table.get_mut(id) else { return Outcome::Accept };
    let status = connection.status;
    if !status.has(Status::CONFIRMED) {
        connection.protocol = ProtocolState::Udp(Udp { stream_from: context.now + STREAM_AFTER });
    }
    let old_enough = match connection.protocol {
        ProtocolState::Udp(udp) => lite || context.now > { udp.stream_from },
        _ => false,
    };
    let streaming = status.has(Status::SEEN_REPLY) && old_enough;
    if streaming && !status.has(Status::ASSURED) {
        connection.status.set(Status::ASSURED);
        table.note(Changes::ASSURED, id);
    }
    table.refresh(id, context, view.bytes().len(), if streaming { stream } else { unreplied });
    Outcome::Accept
}
