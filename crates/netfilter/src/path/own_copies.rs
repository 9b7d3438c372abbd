//! What this machine sends to everybody or to a group comes to it as well, if it is one of them.
//!
//! Linux: `ip_mc_output` makes the copy before POSTROUTING, which both pass; `ip6_finish_output2` behind it and behind the
//! cutting, so that each piece passes POSTROUTING once more.
use std::net::IpAddr;

use packet::{Family, layout};
use rules::Hook;

use super::Passed;
use crate::engine::Engine;
use crate::network::{Unroutable, Way};
use crate::route::groups;
use crate::skb::{Drop, Link, LinkKind, Origin, Packet};
use crate::{DeviceId, Now};

impl Engine {
    /// An IPv4 packet that the machine sends. An error: it goes no further.
    pub(super) fn hear_own_v4(
        &mut self,
        now: Now,
        packet: &Packet,
        device: DeviceId,
        depth: u8,
    ) -> Result<(), Drop> {
        if packet.family() != Family::V4 {
            return Ok(());
        }
        if matches!(packet.route.map(|route| route.way), Some(Way::Broadcast { .. })) {
            self.hear_own(now, packet.clone(), device, LinkKind::Broadcast, depth);
        } else if self.network.hears_itself(packet, device).map_err(Drop::Route)? {
            self.hear_own(now, packet.clone(), device, LinkKind::Multicast, depth);
            if packet.view().ttl() == 0 {
                return Err(Drop::TimeToLive);
            }
        }
        Ok(())
    }

    /// A packet, or a piece of one, is to leave by a device: IPv6 looks whether it is for this machine, too.
    pub(super) fn leave(
        &mut self,
        now: Now,
        packet: &Packet,
        (device, next_hop): (DeviceId, IpAddr),
        bytes: Vec<u8>,
        depth: u8,
    ) -> Result<(), Drop> {
        let to_group = matches!(packet.route.map(|route| route.way), Some(Way::Multicast { .. }));
        if to_group
            && packet.layout.family == Family::V6
            && let Ok(layout) = layout::parse(&bytes)
        {
            let copy = Packet { bytes: bytes.clone(), layout, ..packet.clone() };
            let hears = self.network.hears_itself(&copy, device).map_err(Drop::Route)?;
            let (ttl, destination) = (copy.view().ttl(), copy.view().destination());
            if hears {
                self.hear_own(now, copy, device, LinkKind::Multicast, depth);
                if ttl == 0 {
                    return Err(Drop::TimeToLive);
                }
            }
            if device != DeviceId::LOOPBACK && groups::stays_within(destination) {
                return Err(Drop::Route(Unroutable::WithinMachine));
            }
        }
        self.transmit(now, packet, device, next_hop, bytes);
        Ok(())
    }

    /// A copy comes in by the device that the packet leaves by; it passes POSTROUTING on its own (Linux:
    /// `dev_loopback_xmit`).
    fn hear_own(&mut self, now: Now, mut copy: Packet, device: DeviceId, kind: LinkKind, depth: u8) {
        copy.input = None;
        copy.output = Some(device);
        // Linux: `skb_clone`: a copy has no socket.
        copy.origin = copy.origin.map(|origin| Origin { socket: None, known: true, ..origin });
        self.shared = true;
        let passed = self.pass(now, Hook::Postrouting, &mut copy, depth);
        self.shared = false;
        let Passed::On = passed else { return };
        self.loop_back(&mut copy, device, Link { kind, looped: true, ..Link::default() });
    }
}
