//! GRE: tunnels without states; PPTP's have a key (Linux: `nf_conntrack_gre_packet`).
use std::time::Duration;

use packet::View;

use super::track::{Context, Outcome};
use super::{ConnectionId, Conntrack, EventKind, ProtocolState, Status};

/// What is remembered of a tunnel: its timeouts, as they were when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gre {
    /// While nothing came back.
    pub timeout: Duration,
    /// Afterwards.
    pub stream_timeout: Duration,
}

/// What a packet does to its tunnel.
pub(super) fn packet(table: &mut Conntrack, id: ConnectionId, view: View<'_>, context: &Context) -> Outcome {
    let timeouts = &table.config.timeouts;
    let fresh = Gre { timeout: timeouts.gre, stream_timeout: timeouts.gre_stream };
    let Some(connection) = table.get_mut(id) else { return Outcome::Accept };
    let status = connection.status;
    let gre = match connection.protocol {
        ProtocolState::Gre(gre) if status.has(Status::CONFIRMED) => gre,
        _ => fresh,
    };
    connection.protocol = ProtocolState::Gre(gre);
    let streaming = status.has(Status::SEEN_REPLY);
    if streaming && !status.has(Status::ASSURED) {
        connection.status.set(Status::ASSURED);
        table.note(EventKind::Update, id);
    }
    let timeout = if streaming { gre.stream_timeout } else { gre.timeout };
    table.refresh(id, context, view.bytes().len(), timeout);
    Outcome::Accept
}
