//! Where a packet's way begins: at a device, at a process of this machine.
use std::net::{IpAddr, Ipv6Addr};

use packet::{Family, layout};

use crate::engine::{Decision, Engine, SendError};
use crate::machine::lookup::Sought;
use crate::skb::{Drop, Link, LinkKind, Origin, Owner, Packet, Tracking};
use crate::tables::device_name;
use crate::trace::Step;
use crate::{DeviceId, Now};

impl Engine {
    /// Handles a packet that came in by a device. `bytes` is the IP packet; padding behind it is cut off. What comes to a port
    /// of a bridge needs its Ethernet header ([`crate::bridge`]).
    pub fn receive(&mut self, now: Now, device: DeviceId, link: Link, bytes: Vec<u8>) -> Decision {
        self.forget_learned(now);
        let id = self.take_packet_id();
        let decision = match self.network.bridge_of(device) {
            Some(bridge) => self.receive_by_port(now, id, (bridge, device), link, bytes),
            None => match self.arrive(id, Some(device), link, bytes) {
                Ok(mut packet) => self.input(now, &mut packet, 0),
                Err(reason) => self.ended(id, reason),
            },
        };
        self.settle(now, 0);
        decision
    }

    /// Handles a packet that a process of this machine sends. The packet is complete: addresses, lengths, checksums.
    pub fn send_local(&mut self, now: Now, origin: Origin, bytes: Vec<u8>) -> Result<Decision, SendError> {
        self.send_about(now, origin, bytes, Tracking::None)
    }

    /// As [`Engine::send_local`], for an ICMP error of the local stack about a packet that was delivered to it: it is
    /// RELATED to that packet's connection from the first rule on.
    ///
    /// Linux: `icmp_glue_bits` attaches; what TCP and UDP answer is not attached, they have let go of the connection.
    pub fn send_about(
        &mut self,
        now: Now,
        origin: Origin,
        bytes: Vec<u8>,
        about: Tracking,
    ) -> Result<Decision, SendError> {
        self.forget_learned(now);
        let id = self.take_packet_id();
        let link = Link { kind: LinkKind::Outgoing, ..Link::default() };
        let outcome = match self.arrive(id, None, link, bytes) {
            Ok(mut packet) => {
                packet.mark = origin.mark;
                packet.cpu = origin.cpu;
                packet.origin = Some(self.sender(origin, &packet));
                crate::Conntrack::attach(&mut packet, about);
                // Linux: `tcp_v6_send_response` leaves the sum to the device, its IPv4 twin does not.
                packet.unsummed = origin.known
                    && origin.socket.is_none()
                    && packet.family() == Family::V6
                    && packet.layout.protocol == Some(packet::protocol::TCP);
                // Linux: of what raw sockets send nothing is kept.
                if origin.known
                    && origin.socket.is_none_or(|own| !own.has_file)
                    && packet.family() == Family::V4
                {
                    packet.options = crate::options::of_own(packet.header());
                }
                // Linux: `rawv6_sendmsg`: what a process sends to :: goes to loopback; what the machine itself answers to it has
                // the way of any other address.
                let process = !origin.known || origin.socket.is_some_and(|own| own.has_file);
                let destination = match packet.view().destination() {
                    IpAddr::V6(own) if own.is_unspecified() && process => Ipv6Addr::LOCALHOST.into(),
                    own => own,
                };
                self.output(now, &mut packet, destination, 0)
            }
            Err(reason) => {
                self.ended(id, reason);
                Err(SendError::Invalid)
            }
        };
        self.settle(now, 0);
        outcome
    }

    /// Forgets what was learned of ways when its time is over.
    fn forget_learned(&mut self, now: Now) {
        if self.network.exceptions.is_empty() {
            return;
        }
        let begun = *self.begun.get_or_insert(now.mono);
        let age = now.mono.0.saturating_sub(begun.0) / 1_000_000_000;
        let before = self.network.exceptions.len();
        self.network.exceptions.retain(|own| own.expires.is_none_or(|expires| age < expires));
        if self.network.exceptions.len() != before {
            self.routes.forget();
        }
    }

    /// Who sends a packet, by the sockets of the machine where nobody said it: the one whose own end is its source.
    fn sender(&self, origin: Origin, packet: &Packet) -> Origin {
        let Some(sought) = Sought::of(&packet.view(), None).filter(|_| !origin.known) else { return origin };
        let socket = self.machine().sockets.sender(&sought);
        let Some((socket, uid)) = socket.and_then(|own| Some((own, own.uid?))) else { return origin };
        Origin {
            socket: Some(Owner { uid, gid: socket.gid.unwrap_or_default(), has_file: true }),
            known: true,
            group_unknown: socket.gid.is_none(),
            cgroup: origin.cgroup.or(socket.cgroup),
            class: origin.class.or(socket.class),
            groups: origin.groups.or(socket.groups),
            ..origin
        }
    }

    pub(super) fn take_packet_id(&mut self) -> u64 {
        let id = self.next_packet;
        self.next_packet = id.wrapping_add(1);
        id
    }

    /// Parses bytes into a packet at the beginning of its way.
    pub(crate) fn arrive(
        &mut self,
        id: u64,
        device: Option<DeviceId>,
        link: Link,
        bytes: Vec<u8>,
    ) -> Result<Packet, Drop> {
        self.tell_arrival(id, device, &bytes);
        self.read_arrived(id, device, link, bytes)
    }

    /// The first step of a packet's trace.
    pub(crate) fn tell_arrival(&mut self, id: u64, device: Option<DeviceId>, bytes: &[u8]) {
        if let Some(trace) = &mut self.trace {
            let device = device_name(&self.network, device);
            trace.push(id, Step::Arrive { device, bytes: bytes.to_vec() });
        }
    }

    /// The same without saying that it arrives.
    pub(crate) fn read_arrived(
        &self,
        id: u64,
        device: Option<DeviceId>,
        link: Link,
        mut bytes: Vec<u8>,
    ) -> Result<Packet, Drop> {
        let layout = layout::parse(&bytes).map_err(Drop::Malformed)?;
        bytes.truncate(layout.total_len);
        let Link { cpu, secured, .. } = link;
        Ok(Packet { input: device, link, cpu, secured, ..Packet::new(id, bytes, layout) })
    }
}
