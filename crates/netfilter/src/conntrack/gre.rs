//! GRE: tunnels without states; PPTP's have keys (Linux: `nf_conntrack_gre_packet`, `gre_pkt_to_tuple`).
//!
//! A packet of PPTP carries only its receiver's key. The sender's is found in a table ([`Keys`]) that the helper of the
//! control connection fills; without an entry it is 0.
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use packet::{Family, View, protocol};

use super::track::{Context, Outcome};
use super::tuple::{be16, quoted_transport};
use super::{Changes, ConnectionId, Conntrack, ProtocolState, Status, Tuple};

/// The senders' keys by source, destination and receiver's key; of several entries the oldest counts (Linux:
/// `gre_keymap_lookup`). Each control connection has at most two entries.
#[derive(Debug, Default)]
pub(super) struct Keys {
    entries: BTreeMap<(IpAddr, IpAddr, u16), Vec<(ConnectionId, u16)>>,
}

impl Keys {
    /// Adds an entry of a control connection.
    pub(super) fn add(&mut self, control: ConnectionId, tuple: Tuple) {
        let place = (tuple.source, tuple.destination, tuple.destination_id);
        self.entries.entry(place).or_default().push((control, tuple.source_id));
    }

    /// Removes an entry.
    pub(super) fn remove(&mut self, control: ConnectionId, tuple: &Tuple) {
        let place = (tuple.source, tuple.destination, tuple.destination_id);
        if let Some(list) = self.entries.get_mut(&place) {
            list.retain(|(own, _)| *own != control);
            if list.is_empty() {
                self.entries.remove(&place);
            }
        }
    }

    fn source_key(&self, tuple: &Tuple) -> u16 {
        let place = (tuple.source, tuple.destination, tuple.destination_id);
        self.entries.get(&place).and_then(|list| list.first()).map_or(0, |(_, key)| *key)
    }

    /// How many entries there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.values().map(Vec::len).sum()
    }
}

impl Conntrack {
    /// The tuple of a packet, as [`Tuple::of`], with the sender's key of a tunnel of PPTP.
    pub fn tuple_of(&self, view: View<'_>) -> Option<Tuple> {
        Tuple::of(view).map(|tuple| self.with_key(tuple, view.bytes(), view.layout().transport))
    }

    /// The tuple of a header that an ICMP error quotes, as [`Tuple::of_quoted`], with the sender's key.
    pub(super) fn tuple_of_quoted(&self, packet: &[u8], at: usize, family: Family) -> Option<Tuple> {
        let tuple = Tuple::of_quoted(packet, at, family)?;
        let (transport, _) = quoted_transport(packet, at, family)?;
        Some(self.with_key(tuple, packet, transport))
    }

    #[inline]
    fn with_key(&self, tuple: Tuple, bytes: &[u8], at: usize) -> Tuple {
        if tuple.protocol != protocol::GRE || self.keys.entries.is_empty() {
            return tuple;
        }
        // Only version 1 has a key.
        if be16(bytes, at).is_none_or(|flags| flags & 7 != 1) || be16(bytes, at + 6).is_none() {
            return tuple;
        }
        Tuple { source_id: self.keys.source_key(&tuple), ..tuple }
    }
}

/// What is remembered of a tunnel: its timeouts, as they were when it began.
// Why: packed, see `Udp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(Rust, packed(2))]
pub struct Gre {
    /// While nothing came back.
    pub timeout: Duration,
    /// Afterwards.
    pub stream_timeout: Duration,
}

/// What a packet does to its tunnel.
pub(super) fn packet(table: &mut Conntrack, id: ConnectionId, view: View<'_>, context: &Context) -> Outcome {
    let timeouts = table.timeouts_of(id);
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
        table.note(Changes::ASSURED, id);
    }
    let timeout = if streaming { gre.stream_timeout } else { gre.timeout };
    table.refresh(id, context, view.bytes().len(), timeout);
    Outcome::Accept
}

#[cfg(test)]
mod tests;
