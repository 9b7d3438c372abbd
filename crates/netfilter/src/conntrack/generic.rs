//! Protocols without a tracker of their own: addresses and protocol are all that counts (Linux: `generic_packet`).
use packet::View;

use super::track::{Context, Outcome};
use super::{ConnectionId, Conntrack};

/// What a packet does to its connection: it lives on.
pub(super) fn packet(table: &mut Conntrack, id: ConnectionId, view: View<'_>, context: &Context) -> Outcome {
    let timeout = table.timeouts_of(id).generic;
    table.refresh(id, context, view.bytes().len(), timeout);
    Outcome::Accept
}
