//! The network of a machine as text: one statement a line, in the words of `ip`.
//!
//! ```text
//! # what stands behind # is a comment
//! device lan0 mtu 1400 mac 02:00:00:00:00:01
//! device wan0
//! address 10.0.1.1/24 dev lan0
//! address 203.0.113.1/24 dev wan0
//! route default via 203.0.113.254 dev wan0
//! route blackhole 10.9.0.0/16
//! rule fwmark 1 table 100
//! fdb 02:00:00:00:00:0b dev p1
//! neigh 10.0.1.11 lladdr 02:00:00:00:00:0b dev br0
//! sysctl net.ipv4.ip_forward=1
//! ```
//!
//! | statement | words |
//! |---|---|
//! | `device NAME` | `mtu N` (1500), `mac M`, `master DEVICE`, `group N`, `type bridge\|bond\|vrf`, `up` (the default), `down`, `noarp` (in no group of solicited nodes); of a bridge `nf_call_iptables 0\|1`, `nf_call_ip6tables 0\|1`, `vlan_filtering 0\|1`, `mcast_querier 0\|1`; of its port `state forwarding\|…`, and `hairpin`, `isolated`, `learning`, `flood`, `mcast_flood`, `bcast_flood`, each `on\|off`; `lo` is there from the start |
//! | `address A[/N] dev DEVICE` | makes the local, broadcast and connected routes as the kernel does; `peer A`, `brd A` (or `+`), `scope global\|link\|host\|N`, `deprecated`, `temporary` |
//! | `[-4\|-6] route [TYPE] DEST` | TYPE: `unicast local broadcast multicast anycast blackhole unreachable prohibit throw`; DEST: an address, a prefix or `default`; `via A`, `dev DEVICE`, `src A`, `table N\|local\|main\|default`, `metric N`, `tos N`, `mtu [lock] N`, `realms [N/]N`, `from P`, `pref low\|medium\|high`, `onlink`, and any number of `nexthop via A dev DEVICE` |
//! | `[-4\|-6] rule` | `not`, `from P`, `to P`, `fwmark N[/M]`, `iif DEVICE`, `oif DEVICE`, `tos N`, `ipproto N`, `sport N[-N]`, `dport N[-N]`, `uidrange N-N`, `priority N`, `table N` (or `lookup N`), `suppress_prefixlength N`, `suppress_ifgroup N`, `realms [N/]N`; instead of a table `goto N`, `nop`, `blackhole`, `unreachable`, `prohibit` |
//! | `cache A` | what was learned of the way to an address (`ip route show cache`): `dev DEVICE`, `via A`, `mtu [lock] N`, `redirected`, `expires SECONDS` behind the first packet |
//! | `fdb M dev PORT` | the machine with this Ethernet address is behind this port of a bridge, or is the machine's own if PORT is the bridge (`bridge fdb`; `master`, `static`, `dynamic`, `extern_learn` may follow) |
//! | `neigh A lladdr M dev DEVICE` | the Ethernet address of a neighbour (`ip neigh`; `nud STATE`, a state in capitals and `router` may follow) |
//! | `maddr GROUP dev DEVICE` | a group that a device has joined (`ip maddr`), besides 224.0.0.1 in IPv4, and all nodes, all routers and solicited nodes in IPv6; `include A,A` or `exclude A,A`: for these senders, or all but them; `mixed`: for which is not known |
//! | `sysctl NAME=VALUE` | `net.ipv4.ip_forward`, `net.ipv6.conf.all.forwarding`, `net.ipv4.conf.X.{rp_filter,accept_local,route_localnet,src_valid_mark,send_redirects,shared_media,forwarding,mc_forwarding}`, `net.ipv4.route.{redirect_load,redirect_number,redirect_silence,error_cost,error_burst}`, `net.ipv4.icmp_{ratelimit,ratemask,msgs_per_sec,msgs_burst}`, `net.ipv6.icmp.{ratelimit,ratemask}`, `net.ipv6.conf.X.{forwarding,force_forwarding,use_tempaddr,disable_ipv6}`, `net.bridge.bridge-nf-call-{ip,ip6}tables`; X is `all`, `default` (for devices that come later) or a device |
//!
//! A leading word `ip` is taken too. The order counts, as it does for `ip`: a device stands before its addresses. A
//! setting that is not known is an error, because it would be ignored otherwise.
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use packet::{AddrMask, Family, InterfaceName};

use super::fib::{self, Question};
use super::sysctl::{self, Sysctls};
use super::{Flow, v6};
use crate::network::{
    Address, DeviceId, DeviceKind, Hop, Network, PolicyRule, RouteEntry, RouteKind, RuleAction,
    TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN,
};

/// What is wrong with a text, and where: the line and the column count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What.
    pub kind: ErrorKind,
    /// The line.
    pub line: usize,
    /// The column of the word in characters.
    pub column: usize,
    /// The word; empty if one is missing.
    pub word: String,
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// None of the statements.
    Statement,
    /// The statement has no such word.
    Word,
    /// A word wants a value behind it.
    Missing,
    /// Not a device name.
    Name,
    /// No such device above this line.
    Device,
    /// The device is there already.
    Twice,
    /// Not an address or prefix.
    Address,
    /// An address of the other family.
    Families,
    /// The device has the address already.
    Exists,
    /// Not a number, or out of range.
    Number,
    /// Not an Ethernet address.
    Mac,
    /// The route needs a device: none is given, and the gateway is in no connected subnet.
    Gateway,
    /// The setting is not known.
    Setting,
    /// More than 1,000,000 statements, or more than 4,096 devices.
    Limit,
    /// None of the statements about a machine's sockets, IPsec and the rest ([`crate::machine::text`]).
    Fact,
    /// Not an address and port.
    Endpoint,
    /// Not a line of `/proc/net` or of `ss`.
    Listed,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Statement => {
                "a line begins with device, address, route, rule, cache, fdb, neigh, maddr or sysctl"
            }
            Self::Word => "no such word in this statement",
            Self::Missing => "something is missing at the end of the line",
            Self::Name => "a device name has 1 to 15 bytes and no slash",
            Self::Device => "no such device above this line",
            Self::Twice => "this device is there already",
            Self::Address => "not an address or prefix",
            Self::Families => "IPv4 and IPv6 do not mix in one line",
            Self::Exists => "the device has this address already",
            Self::Number => "not a number, or out of range",
            Self::Mac => "not an Ethernet address",
            Self::Gateway => "no device is given, and the gateway is in no connected subnet",
            Self::Setting => "this setting is not known",
            Self::Limit => "too many statements or devices",
            Self::Fact => {
                "a line begins with socket, sockets, unsaid, ipsec, router-alert, cpu, timezone or sysctl"
            }
            Self::Endpoint => "not ADDRESS:PORT or [ADDRESS]:PORT",
            Self::Listed => "not a line of /proc/net/tcp or of ss -e",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.kind)?;
        if self.word.is_empty() { Ok(()) } else { write!(f, ": `{}`", self.word) }
    }
}

impl std::error::Error for Error {}

mod learned;

const MOST_LINES: usize = 1_000_000;
const MOST_DEVICES: usize = 4096;

/// Reads a network.
pub fn parse(text: &str) -> Result<Network, Error> {
    let mut network = Network::new();
    let mut settings = Sysctls::default();
    for (at, line) in text.lines().enumerate() {
        let mut words = Words::new(line, at + 1);
        if at >= MOST_LINES {
            return Err(words.error(ErrorKind::Limit));
        }
        statement(&mut network, &mut settings, &mut words)?;
    }
    settings.settle(&mut network);
    Ok(network)
}

/// The words of a line, with their places.
pub(crate) struct Words<'t> {
    line: &'t str,
    number: usize,
    at: usize,
    last: (usize, &'t str),
}

impl<'t> Words<'t> {
    pub(crate) fn new(line: &'t str, number: usize) -> Self {
        let line = line.split('#').next().unwrap_or("");
        Self { line, number, at: 0, last: (0, "") }
    }

    pub(crate) fn next(&mut self) -> Option<&'t str> {
        let rest = self.line.get(self.at..)?;
        let start = self.at + (rest.len() - rest.trim_start().len());
        let rest = self.line.get(start..)?;
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let word = rest.get(..length)?;
        self.at = start + length;
        self.last = (start, word);
        (!word.is_empty()).then_some(word)
    }

    pub(crate) fn peek(&self) -> Option<&'t str> {
        self.line.get(self.at..)?.split_whitespace().next()
    }

    /// What is left of the line.
    pub(crate) fn rest(&mut self) -> &'t str {
        let rest = self.line.get(self.at..).unwrap_or("").trim();
        self.at = self.line.len();
        rest
    }

    /// An error about the last word.
    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        let (start, word) = self.last;
        let column = self.line.get(..start).unwrap_or("").chars().count() + 1;
        Error { kind, line: self.number, column, word: word.to_owned() }
    }

    pub(crate) fn value(&mut self) -> Result<&'t str, Error> {
        self.next().ok_or_else(|| self.error(ErrorKind::Missing))
    }

    pub(crate) fn number(&mut self) -> Result<u32, Error> {
        let word = self.value()?;
        number(word).ok_or_else(|| self.error(ErrorKind::Number))
    }

    fn device(&mut self, network: &Network) -> Result<DeviceId, Error> {
        let word = self.value()?;
        let name = InterfaceName::new(word).ok_or_else(|| self.error(ErrorKind::Name))?;
        network.device_named(name).ok_or_else(|| self.error(ErrorKind::Device))
    }

    pub(crate) fn address(&mut self) -> Result<IpAddr, Error> {
        self.value()?.parse().map_err(|_| self.error(ErrorKind::Address))
    }

    fn table(&mut self) -> Result<u32, Error> {
        match self.value()? {
            "local" => Ok(TABLE_LOCAL),
            "main" => Ok(TABLE_MAIN),
            "default" => Ok(TABLE_DEFAULT),
            word => number(word).ok_or_else(|| self.error(ErrorKind::Number)),
        }
    }

    /// `N` or `N-N`.
    fn range<T: TryFrom<u32>>(&mut self) -> Result<(T, T), Error> {
        let word = self.value()?;
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let both = number(first).zip(number(last)).filter(|(first, last)| first <= last);
        let both = both.and_then(|(first, last)| Some((T::try_from(first).ok()?, T::try_from(last).ok()?)));
        both.ok_or_else(|| self.error(ErrorKind::Number))
    }

    /// `TO` or `FROM/TO`, each 16 bits.
    fn realms(&mut self) -> Result<u32, Error> {
        let word = self.value()?;
        let (from, to) = word.split_once('/').unwrap_or(("0", word));
        let both = number(from).zip(number(to)).filter(|(from, to)| *from < 65536 && *to < 65536);
        both.map(|(from, to)| from << 16 | to).ok_or_else(|| self.error(ErrorKind::Number))
    }

    /// `default`, an address or a prefix, and its length; the family is needed for `default`.
    pub(crate) fn prefix(&mut self, family: Option<Family>) -> Result<AddrMask, Error> {
        let word = self.value()?;
        if matches!(word, "default" | "all" | "any") {
            let family = family.unwrap_or(Family::V4);
            return AddrMask::prefix(family.unspecified(), 0).ok_or_else(|| self.error(ErrorKind::Address));
        }
        let (address, length) = address_and_length(word).ok_or_else(|| self.error(ErrorKind::Address))?;
        AddrMask::prefix(address, length).ok_or_else(|| self.error(ErrorKind::Address))
    }
}

pub(crate) fn number(word: &str) -> Option<u32> {
    let (digits, radix) = match word.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (word, 10),
    };
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() }
}

fn address_and_length(word: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = match word.split_once('/') {
        Some((address, length)) => (address, Some(u8::try_from(number(length)?).ok()?)),
        None => (word, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = Family::of(address).bits();
    let length = length.unwrap_or(most);
    (length <= most).then_some((address, length))
}

fn statement(network: &mut Network, settings: &mut Sysctls, words: &mut Words<'_>) -> Result<(), Error> {
    let mut family = None;
    let mut first = words.next();
    if first == Some("ip") {
        first = words.next();
    }
    if let Some("-4" | "-6") = first {
        family = Some(if first == Some("-6") { Family::V6 } else { Family::V4 });
        first = words.next();
    }
    let first = match first {
        None if family.is_none() => return Ok(()),
        None => return Err(words.error(ErrorKind::Missing)),
        Some(first) => first,
    };
    if matches!(words.peek(), Some("add")) && matches!(first, "address" | "addr" | "route" | "rule") {
        words.next();
    }
    match (first, family) {
        ("device", None) => device(network, settings, words),
        ("address" | "addr", _) => address(network, words),
        ("route", family) => route(network, words, family),
        ("rule", family) => rule(network, words, family),
        ("fdb", None) => forwarding(network, words),
        ("neigh" | "neighbour" | "neighbor", _) => neighbour(network, words),
        ("cache", None) => learned::learned(network, words),
        ("maddr", None) => learned::joined(network, words),
        ("sysctl", None) => setting(network, settings, words),
        _ => Err(words.error(ErrorKind::Statement)),
    }
}

fn device(network: &mut Network, settings: &mut Sysctls, words: &mut Words<'_>) -> Result<(), Error> {
    let word = words.value()?;
    let name = InterfaceName::new(word)
        .filter(|_| !word.contains('/') && word != "." && word != "..")
        .ok_or_else(|| words.error(ErrorKind::Name))?;
    let id = match network.device_named(name) {
        Some(DeviceId::LOOPBACK) => DeviceId::LOOPBACK,
        Some(_) => return Err(words.error(ErrorKind::Twice)),
        None if network.devices.len() >= MOST_DEVICES => return Err(words.error(ErrorKind::Limit)),
        None => network.add_device(name, 1500),
    };
    settings.added(id);
    while let Some(word) = words.next() {
        match word {
            "mtu" => {
                let mtu = words.number()?;
                if !(68..=65536).contains(&mtu) {
                    return Err(words.error(ErrorKind::Number));
                }
                set(network, id, |device| device.mtu = mtu);
            }
            "mac" => {
                let mac = mac(words.value()?).ok_or_else(|| words.error(ErrorKind::Mac))?;
                set(network, id, |device| device.mac = Some(mac));
            }
            "master" => {
                let master = words.device(network)?;
                set(network, id, |device| device.master = Some(master));
            }
            "group" => {
                let group = words.number()?;
                set(network, id, |device| device.group = group);
            }
            "type" => {
                let kind = match words.value()? {
                    "bridge" => DeviceKind::Bridge,
                    "bond" => DeviceKind::Bond,
                    "vrf" => DeviceKind::Vrf,
                    _ => return Err(words.error(ErrorKind::Word)),
                };
                set(network, id, |device| device.kind = kind);
            }
            "nf_call_iptables" | "nf_call_ip6tables" | "vlan_filtering" | "mcast_querier" => {
                let on = words.number()? != 0;
                set(network, id, |device| match word {
                    "nf_call_iptables" => device.bridge.called_v4 = on,
                    "nf_call_ip6tables" => device.bridge.called_v6 = on,
                    "vlan_filtering" => device.bridge.filters_vlans = on,
                    _ => device.bridge.counts_groups = on,
                });
            }
            "state" => {
                let state = words.value()?;
                let forwards = port_forwards(state).ok_or_else(|| words.error(ErrorKind::Word))?;
                set(network, id, |device| device.port.forwards = forwards);
            }
            "hairpin" | "isolated" | "learning" | "flood" | "mcast_flood" | "bcast_flood" => {
                let on = match words.value()? {
                    "on" => true,
                    "off" => false,
                    _ => return Err(words.error(ErrorKind::Word)),
                };
                set(network, id, |device| match word {
                    "hairpin" => device.port.hairpin = on,
                    "isolated" => device.port.isolated = on,
                    "learning" => device.port.learning = on,
                    "flood" => device.port.flood = on,
                    "mcast_flood" => device.port.multicast_flood = on,
                    _ => device.port.broadcast_flood = on,
                });
            }
            "up" => {}
            "down" => set(network, id, |device| device.up = false),
            "noarp" => set(network, id, |device| device.arp = false),
            _ => return Err(words.error(ErrorKind::Word)),
        }
    }
    Ok(())
}

fn set(network: &mut Network, id: DeviceId, change: impl FnOnce(&mut crate::network::Device)) {
    if let Some(device) = network.devices.get_mut(id.0 as usize) {
        change(device);
    }
}

fn mac(word: &str) -> Option<[u8; 6]> {
    let bytes: Vec<u8> = word
        .split(':')
        .map(|part| (part.len() <= 2).then(|| u8::from_str_radix(part, 16).ok()).flatten())
        .collect::<Option<_>>()?;
    bytes.try_into().ok()
}

/// Whether a port in this state of the spanning tree forwards; `None`: there is no such state.
pub fn port_forwards(state: &str) -> Option<bool> {
    match state {
        "forwarding" => Some(true),
        "disabled" | "listening" | "learning" | "blocking" => Some(false),
        _ => None,
    }
}

/// An Ethernet address behind a port.
fn forwarding(network: &mut Network, words: &mut Words<'_>) -> Result<(), Error> {
    let address = mac(words.value()?).ok_or_else(|| words.error(ErrorKind::Mac))?;
    let mut port = None;
    while let Some(word) = words.next() {
        match word {
            "dev" => {
                let device = words.device(network)?;
                let itself = network.device(device).is_some_and(|own| own.kind == DeviceKind::Bridge);
                let bridge = network.bridge_of(device).or(itself.then_some(device));
                port = Some((bridge.ok_or_else(|| words.error(ErrorKind::Device))?, device));
            }
            "master" => {
                if words
                    .peek()
                    .and_then(InterfaceName::new)
                    .and_then(|name| network.device_named(name))
                    .is_some()
                {
                    words.next();
                }
            }
            "static" | "dynamic" | "extern_learn" => {}
            _ => return Err(words.error(ErrorKind::Word)),
        }
    }
    let (bridge, port) = port.ok_or_else(|| words.error(ErrorKind::Missing))?;
    network.forwarding.insert((bridge, address), port);
    Ok(())
}

/// The Ethernet address of a neighbour.
fn neighbour(network: &mut Network, words: &mut Words<'_>) -> Result<(), Error> {
    let address = words.address()?;
    let (mut link, mut device) = (None, None);
    while let Some(word) = words.next() {
        match word {
            "lladdr" => link = Some(mac(words.value()?).ok_or_else(|| words.error(ErrorKind::Mac))?),
            "dev" => device = Some(words.device(network)?),
            "nud" => {
                words.value()?;
            }
            "router" | "extern_learn" => {}
            state if state.bytes().all(|byte| byte.is_ascii_uppercase()) => {}
            _ => return Err(words.error(ErrorKind::Word)),
        }
    }
    let (Some(link), Some(device)) = (link, device) else { return Err(words.error(ErrorKind::Missing)) };
    network.neighbours.insert((device, address), link);
    Ok(())
}

fn address(network: &mut Network, words: &mut Words<'_>) -> Result<(), Error> {
    let word = words.value()?;
    let (address, length) = address_and_length(word).ok_or_else(|| words.error(ErrorKind::Address))?;
    let place = words.error(ErrorKind::Exists);
    let mut device = None;
    let mut own = Address::new(address, length);
    while let Some(word) = words.next() {
        match word {
            "dev" => device = Some(words.device(network)?),
            "peer" => {
                let peer = words.value()?;
                let (peer, length) =
                    address_and_length(peer).ok_or_else(|| words.error(ErrorKind::Address))?;
                if Family::of(peer) != Family::of(address) {
                    return Err(words.error(ErrorKind::Families));
                }
                (own.peer, own.length) = (Some(peer), length);
            }
            "scope" => {
                own.scope = match words.value()? {
                    "global" => 0,
                    "site" => 200,
                    "link" => 253,
                    "host" => 254,
                    word => {
                        let number = number(word).and_then(|number| u8::try_from(number).ok());
                        number.ok_or_else(|| words.error(ErrorKind::Number))?
                    }
                };
            }
            "brd" | "broadcast" => own.broadcast = broadcast(&own, words)?,
            "deprecated" => own.deprecated = true,
            "temporary" => own.temporary = true,
            "nodad" => {}
            _ => return Err(words.error(ErrorKind::Word)),
        }
    }
    let device = device.ok_or_else(|| words.error(ErrorKind::Missing))?;
    if network.add_address(device, own) { Ok(()) } else { Err(place) }
}

/// An IPv4 address, `+` for the last one of the subnet, or `-` for none.
fn broadcast(own: &Address, words: &mut Words<'_>) -> Result<Option<Ipv4Addr>, Error> {
    let word = words.value()?;
    match (word, own.subnet()) {
        ("-", _) => Ok(None),
        ("+", Some(AddrMask::V4 { address, mask })) => Ok(Some((address | !mask).into())),
        _ => word.parse().map(Some).map_err(|_| words.error(ErrorKind::Address)),
    }
}

fn kind(word: &str) -> Option<RouteKind> {
    Some(match word {
        "unicast" => RouteKind::Unicast,
        "local" => RouteKind::Local,
        "broadcast" => RouteKind::Broadcast,
        "multicast" => RouteKind::Multicast,
        "anycast" => RouteKind::Anycast,
        "blackhole" => RouteKind::Blackhole,
        "unreachable" => RouteKind::Unreachable,
        "prohibit" => RouteKind::Prohibit,
        "throw" => RouteKind::Throw,
        _ => return None,
    })
}

fn route(network: &mut Network, words: &mut Words<'_>, family: Option<Family>) -> Result<(), Error> {
    let kind = words.peek().and_then(kind).inspect(|_| {
        words.next();
    });
    let kind = kind.unwrap_or_default();
    let place = words.error(ErrorKind::Gateway);
    // The family of `default` is that of what follows.
    let by_rest = words.line.contains(':') && words.line.contains("via");
    let destination = words.prefix(family.or(by_rest.then_some(Family::V6)))?;
    let family = destination.family();
    let metric = if family == Family::V6 { v6::USER_METRIC } else { 0 };
    let mut route = RouteEntry { metric, ..RouteEntry::new(destination, kind) };
    let mut hops = Vec::new();
    let mut table = if matches!(kind, RouteKind::Local | RouteKind::Broadcast | RouteKind::Anycast) {
        TABLE_LOCAL
    } else {
        TABLE_MAIN
    };
    while let Some(word) = words.next() {
        match word {
            "via" if words.peek() == Some("inet6") => {
                words.next();
                route.via = Some(words.address()?);
            }
            "via" | "src" => {
                let address = words.address()?;
                if Family::of(address) != family {
                    return Err(words.error(ErrorKind::Families));
                }
                *(if word == "via" { &mut route.via } else { &mut route.source }) = Some(address);
            }
            "dev" => route.device = Some(words.device(network)?),
            "table" => table = words.table()?,
            "metric" | "preference" => route.metric = words.number()?,
            "mtu" => {
                route.mtu_locked = words.peek() == Some("lock");
                if route.mtu_locked {
                    words.next();
                }
                route.mtu = Some(words.number()?);
            }
            "tos" => {
                let tos = words.number()?;
                route.tos = u8::try_from(tos).map_err(|_| words.error(ErrorKind::Number))?;
            }
            "realms" | "realm" => route.realms = words.realms()?,
            "from" => route.from = Some(words.prefix(Some(family))?),
            "pref" => {
                if !matches!(words.value()?, "low" | "medium" | "high") {
                    return Err(words.error(ErrorKind::Word));
                }
            }
            "onlink" => {}
            "nexthop" => hops.push(nexthop(network, words)?),
            _ => return Err(words.error(ErrorKind::Word)),
        }
    }
    if let Some((first, rest)) = hops.split_first() {
        (route.via, route.device) = (first.via, Some(first.device));
        if family == Family::V4 {
            route.hops = rest.to_vec();
        } else {
            for hop in rest {
                let sibling = RouteEntry { via: hop.via, device: Some(hop.device), ..route.clone() };
                network.add_route(table, sibling);
            }
        }
    }
    let needs_device = matches!(
        kind,
        RouteKind::Unicast
            | RouteKind::Local
            | RouteKind::Broadcast
            | RouteKind::Multicast
            | RouteKind::Anycast
    );
    if needs_device && route.device.is_none() {
        let found = route.via.and_then(|gateway| device_of_gateway(network, gateway));
        let local = (kind == RouteKind::Local).then_some(DeviceId::LOOPBACK);
        route.device = Some(found.or(local).ok_or(place)?);
    }
    network.add_route(table, route);
    Ok(())
}

/// One of several next hops: `[via A] [dev DEVICE] [weight N] [onlink]`, up to the next one.
fn nexthop(network: &Network, words: &mut Words<'_>) -> Result<Hop, Error> {
    let (mut via, mut device) = (None, None);
    let place = words.error(ErrorKind::Gateway);
    while let Some(word) = words.peek().filter(|word| matches!(*word, "via" | "dev" | "weight" | "onlink")) {
        words.next();
        match word {
            "via" => via = Some(words.address()?),
            "dev" => device = Some(words.device(network)?),
            "weight" => {
                words.number()?;
            }
            _ => {}
        }
    }
    let device = device.or_else(|| device_of_gateway(network, via?)).ok_or(place)?;
    Ok(Hop { via, device, dead: false })
}

/// The device by which a gateway is reached directly (Linux: `fib_check_nh`).
fn device_of_gateway(network: &Network, gateway: IpAddr) -> Option<DeviceId> {
    let flow = Flow::between(Family::of(gateway).unspecified(), gateway);
    let route = fib::lookup(network, flow, Question::new(DeviceId::LOOPBACK)).ok()?.route;
    route.device.filter(|_| route.kind == RouteKind::Unicast && route.via.is_none())
}

fn rule(network: &mut Network, words: &mut Words<'_>, given: Option<Family>) -> Result<(), Error> {
    let mut family = given;
    let mut rule = PolicyRule::lookup(0, TABLE_MAIN);
    let mut priority = None;
    while let Some(word) = words.next() {
        match word {
            "from" | "to" => {
                let all = matches!(words.peek(), Some("all" | "any" | "default"));
                let prefix = words.prefix(family)?;
                if all {
                    continue;
                }
                if family.is_some_and(|family| family != prefix.family()) {
                    return Err(words.error(ErrorKind::Families));
                }
                family = Some(prefix.family());
                *(if word == "from" { &mut rule.from } else { &mut rule.to }) = Some(prefix);
            }
            "fwmark" => {
                let word = words.value()?;
                let (mark, mask) = word.split_once('/').unwrap_or((word, "0xffffffff"));
                let both = number(mark).zip(number(mask));
                rule.mark = Some(both.ok_or_else(|| words.error(ErrorKind::Number))?);
            }
            "iif" => rule.input = Some(words.device(network)?),
            "oif" => rule.output = Some(words.device(network)?),
            "priority" | "pref" | "preference" | "order" => priority = Some(words.number()?),
            "table" | "lookup" => rule.table = words.table()?,
            "not" => rule.invert = true,
            "tos" | "dsfield" => {
                let tos = u8::try_from(words.number()?).map_err(|_| words.error(ErrorKind::Number))?;
                rule.tos = Some((tos, 0xfc));
            }
            "ipproto" => {
                let protocol = words.value()?;
                let known = protocol_named(protocol).ok_or_else(|| words.error(ErrorKind::Number))?;
                rule.protocol = Some(known);
            }
            "sport" => rule.source_ports = Some(words.range()?),
            "dport" => rule.destination_ports = Some(words.range()?),
            "uidrange" => rule.user = Some(words.range()?),
            "suppress_prefixlength" | "suppress_prefixlen" => {
                let length = u8::try_from(words.number()?).map_err(|_| words.error(ErrorKind::Number))?;
                rule.suppress_length = Some(length);
            }
            "suppress_ifgroup" => rule.suppress_group = Some(words.number()?),
            "realms" => rule.realms = words.realms()?,
            "goto" => rule.action = RuleAction::Goto(words.number()?),
            "nop" => rule.action = RuleAction::Nothing,
            "blackhole" => rule.action = RuleAction::Blackhole,
            "unreachable" => rule.action = RuleAction::Unreachable,
            "prohibit" => rule.action = RuleAction::Prohibit,
            _ => return Err(words.error(ErrorKind::Word)),
        }
    }
    let family = family.unwrap_or(Family::V4);
    if let Some((_, mask)) = &mut rule.tos {
        *mask = tos_of_rules(family);
    }
    rule.priority = priority.unwrap_or_else(|| next_priority(network.rules(family)));
    network.add_rule(family, rule);
    Ok(())
}

/// The bits of the TOS that a rule with `tos` compares (Linux: `fib4_rule_match` takes three bits of the DSCP,
/// `fib6_rule_match` all of it).
pub fn tos_of_rules(family: Family) -> u8 {
    match family {
        Family::V4 => 0x1c,
        Family::V6 => 0xfc,
    }
}

/// A protocol by its number or one of the usual names.
pub fn protocol_named(word: &str) -> Option<u8> {
    use packet::protocol as p;
    Some(match word {
        "icmp" => p::ICMP,
        "tcp" => p::TCP,
        "udp" => p::UDP,
        "ipv6-icmp" | "icmpv6" => p::ICMPV6,
        "sctp" => p::SCTP,
        "udplite" => p::UDPLITE,
        "dccp" => p::DCCP,
        "gre" => p::GRE,
        "esp" => p::ESP,
        "ah" => p::AH,
        _ => number(word).and_then(|number| u8::try_from(number).ok())?,
    })
}

/// `NAME=VALUE`, blanks around the sign allowed.
fn setting(network: &mut Network, settings: &mut Sysctls, words: &mut Words<'_>) -> Result<(), Error> {
    let Some((name, value)) = words.rest().split_once('=') else {
        return Err(words.error(ErrorKind::Missing));
    };
    settings.read(network, name.trim(), value.trim()).map_err(|refusal| {
        words.error(match refusal {
            sysctl::Refusal::Unknown => ErrorKind::Setting,
            sysctl::Refusal::Device => ErrorKind::Device,
            sysctl::Refusal::Value => ErrorKind::Number,
        })
    })
}

/// The priority of a rule that names none: one less than that of the second rule (Linux: `fib_default_rule_pref`).
fn next_priority(rules: &[PolicyRule]) -> u32 {
    rules.get(1).map_or(0, |second| second.priority.saturating_sub(1))
}

#[cfg(test)]
mod tests;
