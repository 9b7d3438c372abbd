//! What the local host has to know of a packet that was delivered to it.
use std::borrow::Cow;
use std::net::IpAddr;

use netfilter::engine::Deliver;
use netfilter::route::kind;
use netfilter::{DeviceId, Network};

use super::EngineHalf;
use crate::host::view_of;
use crate::{case, craft};

/// The bytes of a packet as the stack has them: where a helper of connection tracking has written a datagram anew, the place of
/// its sum has that of the pseudo header alone.
pub(super) fn as_it_is_quoted(deliver: &Deliver) -> Cow<'_, [u8]> {
    let left = || {
        let view = view_of(&deliver.bytes).filter(|view| deliver.unsummed && view.protocol() == Some(17))?;
        let (at, length) = (view.layout().transport, view.transport()?.len() as u32);
        let mut covered = [craft::octets(view.source()), craft::octets(view.destination())].concat();
        covered.extend(length.to_be_bytes());
        covered.extend([0, 0, 0, 17]);
        let mut bytes = deliver.bytes.clone();
        let field = bytes.get_mut(at + 6..at + 8).filter(|field| **field != [0, 0])?;
        field.copy_from_slice(&(!craft::checksum(&covered)).to_be_bytes());
        Some(bytes)
    };
    left().map_or(Cow::Borrowed(&deliver.bytes), Cow::Owned)
}

impl EngineHalf {
    /// An error of ICMPv6 about a packet that was not sent to an address of this machine comes from one that is (Linux:
    /// `icmp6_send`).
    pub(super) fn named_here(&self, answer: Vec<u8>, device: Option<DeviceId>) -> Vec<u8> {
        let better = || {
            let network = self.engine.as_ref()?.network();
            let mut craft = craft::read(&answer)?;
            let other = match craft.body {
                _ if craft.source.is_ipv4() => false,
                craft::Body::Icmp { kind: 0..=127, .. } => !network.is_source_of_errors(craft.source),
                // Linux: `icmpv6_echo_reply` (`anycast_src_echo_reply` 0).
                craft::Body::Icmp { kind: 129, .. } => is_anycast(network, craft.source),
                _ => false,
            };
            if !other {
                return None;
            }
            craft.source = network.masquerade_address(device?, craft.destination, craft.destination)?;
            Some(craft.build())
        };
        better().unwrap_or(answer)
    }

    /// The device for which a socket that is bound to one takes a packet. Linux: `rt_iif`, `IP6CB(skb)->iif`: what comes
    /// over loopback counts as come by the device that has the address.
    pub(super) fn heard_by(&self, deliver: &Deliver) -> Option<packet::InterfaceName> {
        let network = self.engine.as_ref()?.network();
        let device = match deliver.device? {
            DeviceId::LOOPBACK => {
                let to = case::destination_of(&deliver.bytes)?;
                network.devices.iter().find(|device| device.addresses.iter().any(|own| own.address == to))
            }
            device => network.device(device),
        };
        device.map(|own| own.name)
    }

    /// Whether what was delivered was sent to one machine: not to a broadcast or group address; in IPv4, to this one,
    /// since from another address nothing is sent (`ip_route_output_key_hash`).
    pub(super) fn is_one(&self, address: Option<IpAddr>) -> bool {
        let Some((address, engine)) = address.zip(self.engine.as_ref()) else { return false };
        let own = engine.network().address_type(address, None);
        if address.is_ipv4() { own == kind::LOCAL } else { !is_for_several(own) }
    }
}

/// Whether several machines may have an address.
pub(super) fn is_anycast(network: &Network, address: IpAddr) -> bool {
    network.address_type(address, None) == kind::ANYCAST
}

/// Whether a type of address is that of a group or of everybody.
pub(super) fn is_for_several(number: u8) -> bool {
    matches!(number, kind::BROADCAST | kind::MULTICAST)
}
