//! The conditions that every rule can have, in a form that is compared without looking at text.
//!
//! Linux: `ip_packet_match` and `ip6_packet_match`; the order of the checks is theirs: source, destination, incoming
//! device, outgoing device, protocol, fragment.
use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::BitAnd;

use packet::{AddrMask, Family, InterfaceName, protocol};
use rules::{Header, Hook, InterfacePattern, Negatable};

use crate::hook::World;
use crate::network::{DeviceId, Network};
use crate::skb::Packet;
use crate::trace::{Found, Mismatch};

/// Addresses of one family as integers in host order.
pub(super) trait Address: Copy + PartialEq + BitAnd<Output = Self> {
    /// No bit.
    const NONE: Self;
    /// The integer of an address; of the other family: no bit.
    fn of(address: IpAddr) -> Self;
}

impl Address for u32 {
    const NONE: Self = 0;

    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => v4.into(),
            IpAddr::V6(_) => Self::NONE,
        }
    }
}

impl Address for u128 {
    const NONE: Self = 0;

    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::NONE,
            IpAddr::V6(v6) => v6.into(),
        }
    }
}

/// A set of things that a header condition asks or inverts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asks(u16);

impl Asks {
    const NOTHING: Asks = Asks(0);
    const SOURCE_INVERTED: Asks = Asks(1);
    const DESTINATION_INVERTED: Asks = Asks(1 << 1);
    const INPUT_INVERTED: Asks = Asks(1 << 2);
    const OUTPUT_INVERTED: Asks = Asks(1 << 3);
    const PROTOCOL: Asks = Asks(1 << 4);
    const PROTOCOL_INVERTED: Asks = Asks(1 << 5);
    const FRAGMENT: Asks = Asks(1 << 6);
    const FRAGMENT_INVERTED: Asks = Asks(1 << 7);

    #[inline]
    const fn has(self, other: Asks) -> bool {
        self.0 & other.0 != 0
    }

    fn add(&mut self, other: Asks, wanted: bool) {
        if wanted {
            self.0 |= other.0;
        }
    }
}

/// Patterns of device names: name and mask as 16 bytes in memory order, as the kernel compares them. The first one
/// fits everything.
#[derive(Debug)]
pub(super) struct Patterns {
    list: Vec<(u128, u128)>,
    /// The number of each, while a program is compiled.
    known: HashMap<(u128, u128), u32>,
}

impl Patterns {
    pub(super) fn new() -> Self {
        Self { list: vec![(0, 0)], known: HashMap::new() }
    }

    /// All rules are compiled: only the list is kept.
    pub(super) fn finish(&mut self) {
        self.known = HashMap::new();
        self.list.shrink_to_fit();
    }

    /// The number of a pattern, new or known.
    fn number(&mut self, pattern: InterfacePattern) -> u32 {
        let (name, bytes) = match pattern {
            InterfacePattern::Any => return 0,
            // The NUL behind the name counts: `lan` does not fit `lan0` (F18).
            InterfacePattern::Exact(name) => (name, name.as_bytes().len() + 1),
            InterfacePattern::Prefix(name) => (name, name.as_bytes().len()),
        };
        let mut mask = [0_u8; 16];
        mask.iter_mut().take(bytes).for_each(|byte| *byte = 0xff);
        let entry = (u128::from_ne_bytes(*name.padded()), u128::from_ne_bytes(mask));
        *self.known.entry(entry).or_insert_with(|| {
            self.list.push(entry);
            u32::try_from(self.list.len() - 1).unwrap_or(0)
        })
    }

    #[inline]
    fn fits(&self, number: u32, name: u128) -> bool {
        self.list.get(number as usize).is_none_or(|&(pattern, mask)| (name ^ pattern) & mask == 0)
    }
}

/// What the header conditions look at; taken from a packet once for a walk.
#[derive(Debug)]
pub(super) struct Facts<A> {
    source: A,
    destination: A,
    input: u128,
    output: u128,
    protocol: Option<u8>,
    later_fragment: bool,
}

impl<A: Address> Facts<A> {
    pub(super) fn of(packet: &Packet, world: World, place: &Place, network: &Network) -> Self {
        let view = packet.view();
        let padded =
            |device| device_name(network, device).map_or(0, |name| u128::from_ne_bytes(*name.padded()));
        Self {
            source: A::of(view.source()),
            destination: A::of(view.destination()),
            input: padded(place.input),
            output: padded(place.output),
            protocol: protocol_in(world, packet),
            later_fragment: packet.layout.later_fragment(),
        }
    }
}

/// The protocol that rules see. For those of iptables-nft (`meta l4proto`) the headers of IPv6 end with an authentication
/// header, behind which legacy rules look (F20).
///
/// Linux: `nft_set_pktinfo_ipv6` calls `ipv6_find_hdr` with `IP6_FH_F_AUTH`.
fn protocol_in(world: World, packet: &Packet) -> Option<u8> {
    let layout = packet.layout;
    // Why: without extension headers nothing need be sought.
    if world == World::Nft
        && layout.family == Family::V6
        && (layout.transport != 40 || layout.protocol.is_none())
        && let Ok(Some(_)) = packet.view().find_extension(protocol::AH)
    {
        return Some(protocol::AH);
    }
    layout.protocol
}

/// The name of a device, if there is one.
pub(crate) fn device_name(network: &Network, device: Option<DeviceId>) -> Option<InterfaceName> {
    network.devices.get(device?.0 as usize).map(|device| device.name)
}

/// Where a packet is asked, and the devices that rules see there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The table.
    pub table: rules::Table,
    /// The hook.
    pub hook: Hook,
    /// The incoming device as `-i` sees it.
    pub input: Option<DeviceId>,
    /// The outgoing device as `-o` sees it.
    pub output: Option<DeviceId>,
}

impl Place {
    /// Linux: the `in` and `out` of `struct nf_hook_state`: before the routing decision there is no outgoing device,
    /// and what is delivered here has none; what starts here has no incoming one. POSTROUTING shows the incoming
    /// device of forwarded packets (F14, F18).
    pub(crate) fn of(packet: &Packet, table: rules::Table, hook: Hook) -> Self {
        let (input, output) = match hook {
            Hook::Prerouting | Hook::Input => (packet.input, None),
            Hook::Forward | Hook::Postrouting => (packet.input, packet.output),
            Hook::Output => (None, packet.output),
        };
        Self { table, hook, input, output }
    }

    /// The Ethernet header that rules see: that with which the packet came. Linux: as long as its device (`skb->dev`) is one with
    /// such headers, and in POSTROUTING that is the outgoing one.
    pub(crate) fn ethernet(&self, packet: &Packet, network: &Network) -> Option<[u8; 14]> {
        let leaves_by_other = self.hook == Hook::Postrouting
            && self
                .output
                .and_then(|output| network.device(output))
                .is_none_or(|output| output.mac.is_none());
        packet.link.ethernet.filter(|_| !leaves_by_other)
    }
}

/// A header condition that did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Source,
    Destination,
    Input,
    Output,
    Protocol,
    /// IPv6: a protocol is asked for, and the extension headers are cut short.
    CutShort,
    Fragment,
}

impl Part {
    /// What is told of it.
    pub(super) fn mismatch(
        self,
        packet: &Packet,
        world: World,
        place: &Place,
        network: &Network,
    ) -> Mismatch {
        let view = packet.view();
        let device =
            |device, nothing| device_name(network, device).map_or(Found::Nothing(nothing), Found::Interface);
        let (option, found) = match self {
            Self::Source => ("-s", Found::Address(view.source())),
            Self::Destination => ("-d", Found::Address(view.destination())),
            Self::Input => ("-i", device(place.input, "incoming interface")),
            Self::Output => ("-o", device(place.output, "outgoing interface")),
            Self::Protocol => {
                let found = protocol_in(world, packet);
                ("-p", found.map_or(Found::Nothing("protocol"), Found::Protocol))
            }
            Self::CutShort => ("-p", Found::Nothing("whole extension headers")),
            Self::Fragment if packet.layout.later_fragment() => ("-f", Found::Word("a later fragment")),
            Self::Fragment => ("-f", Found::Nothing("fragment offset")),
        };
        Mismatch { option, place: None, found }
    }
}

/// The header conditions of a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions<A> {
    source: A,
    source_mask: A,
    destination: A,
    destination_mask: A,
    input: u32,
    output: u32,
    asks: Asks,
    protocol: u8,
}

impl<A: Address> Conditions<A> {
    /// Conditions that hold for everything.
    pub(super) const NONE: Self = Self {
        source: A::NONE,
        source_mask: A::NONE,
        destination: A::NONE,
        destination_mask: A::NONE,
        input: 0,
        output: 0,
        asks: Asks::NOTHING,
        protocol: 0,
    };

    pub(super) fn new(header: &Header, world: World, patterns: &mut Patterns) -> Self {
        let mut this = Self::NONE;
        let both =
            |address: Negatable<AddrMask>| (A::of(address.value.address()), A::of(address.value.mask()));
        if let Some(source) = header.source {
            (this.source, this.source_mask) = both(source);
            this.asks.add(Asks::SOURCE_INVERTED, source.invert);
        }
        if let Some(destination) = header.destination {
            (this.destination, this.destination_mask) = both(destination);
            this.asks.add(Asks::DESTINATION_INVERTED, destination.invert);
        }
        if let Some(input) = header.input {
            this.input = patterns.number(input.value);
            this.asks.add(Asks::INPUT_INVERTED, input.invert);
        }
        if let Some(output) = header.output {
            this.output = patterns.number(output.value);
            this.asks.add(Asks::OUTPUT_INVERTED, output.invert);
        }
        // Linux: of `-p all` iptables-nft makes nothing, ip6tables-legacy that the headers must be whole.
        if let Some(protocol) = header.protocol.filter(|own| world == World::Legacy || own.value != 0) {
            this.protocol = protocol.value;
            this.asks.add(Asks::PROTOCOL, true);
            this.asks.add(Asks::PROTOCOL_INVERTED, protocol.invert);
        }
        if let Some(invert) = header.fragment {
            this.asks.add(Asks::FRAGMENT, true);
            this.asks.add(Asks::FRAGMENT_INVERTED, invert);
        }
        this
    }

    /// Whether nothing is asked (Linux: `unconditional`, without matches).
    pub(super) fn unconditional(&self) -> bool {
        self.asks == Asks::NOTHING
            && (self.input, self.output) == (0, 0)
            && self.source_mask == A::NONE
            && self.destination_mask == A::NONE
    }

    /// Whether the source does not fit, of a rule that does not invert it.
    #[inline]
    pub(super) fn is_of_others(&self, facts: &Facts<A>) -> bool {
        facts.source & self.source_mask != self.source && !self.asks.has(Asks::SOURCE_INVERTED)
    }

    /// The first condition that does not hold.
    #[inline]
    pub(super) fn failing(&self, facts: &Facts<A>, patterns: &Patterns) -> Option<Part> {
        let asks = self.asks;
        if (facts.source & self.source_mask != self.source) != asks.has(Asks::SOURCE_INVERTED) {
            return Some(Part::Source);
        }
        if (facts.destination & self.destination_mask != self.destination)
            != asks.has(Asks::DESTINATION_INVERTED)
        {
            return Some(Part::Destination);
        }
        if (self.input != 0 || asks.has(Asks::INPUT_INVERTED))
            && patterns.fits(self.input, facts.input) == asks.has(Asks::INPUT_INVERTED)
        {
            return Some(Part::Input);
        }
        if (self.output != 0 || asks.has(Asks::OUTPUT_INVERTED))
            && patterns.fits(self.output, facts.output) == asks.has(Asks::OUTPUT_INVERTED)
        {
            return Some(Part::Output);
        }
        if asks.has(Asks::PROTOCOL) {
            match facts.protocol {
                Some(protocol) if (protocol == self.protocol) != asks.has(Asks::PROTOCOL_INVERTED) => {}
                // Linux: `-p all` of ip6tables asks only that the packet's headers can be followed to their end.
                Some(_) if self.protocol == 0 => {}
                Some(_) => return Some(Part::Protocol),
                None => return Some(Part::CutShort),
            }
        }
        if asks.has(Asks::FRAGMENT) && facts.later_fragment == asks.has(Asks::FRAGMENT_INVERTED) {
            return Some(Part::Fragment);
        }
        None
    }
}
