//! Sets of ipset on a packet's way: what of a packet is looked up, added or removed (Linux: `ip_set_test`, `ip_set_add`,
//! `ip_set_del` and the `kadt` function of each type).
//!
//! A rule holds the place of its set ([`Bound`]), so that a packet needs no name. A packet that lacks what an element is made
//! of (ports of a later fragment, an Ethernet header, a device) is in no set, and nothing is added of it.
//!
//! # Limits
//! A set takes what packets add up to its `maxelem`, and refuses or, with `forceadd`, gives another member's place away.
//! Expired members go when room is wanted.
//!
//! Timeouts count in milliseconds of [`crate::Now::mono`].
use packet::{Family, InterfaceName, protocol};
use rules::matches::set::Comparison;
use rules::set::{
    Adder, Device, Directions, Element, Expiry, Kind, Mac, Member, Prefix, ProtocolPort, Refusal, Search,
    Set, SetReference, Sets, Shape, SkbInfo, has_ports,
};
use rules::syntax::NoNames;

use super::{Place, device_name};
use crate::Env;
use crate::skb::Packet;
use crate::trace::{Found, MemberChange, Membership, Step};

/// The longest timeout in seconds (`IPSET_MAX_TIMEOUT`).
const LONGEST_TIMEOUT: u32 = u32::MAX / 2 / 1_000;

/// A set that a rule names.
#[derive(Debug)]
pub(super) struct Bound {
    reference: SetReference,
    /// Its place among the sets; `None`: it is not there.
    place: Option<usize>,
}

impl Bound {
    pub(super) fn new(reference: &SetReference) -> Self {
        Self { reference: reference.clone(), place: None }
    }

    /// Looks the set up by its name.
    pub(super) fn bind(&mut self, sets: &Sets) {
        self.place = sets.place(self.reference.name.as_str());
    }

    pub(super) fn place(&self) -> Option<usize> {
        self.place
    }

    /// What is asked about a packet.
    pub(super) fn query<'a>(&self, packet: &'a Packet, place: &Place, env: &Env<'_>) -> Query<'a> {
        let device = |source| {
            let device = if source { place.input } else { place.output };
            device_name(env.network, device)
        };
        // Linux: the second part of hash:net,iface.
        let interface = device(self.reference.directions.is_source(1));
        let ethernet = place.ethernet(packet, env.network);
        Query { packet, directions: self.reference.directions, interface, ethernet, now: milliseconds(env) }
    }

    /// Whether asking about a packet can change the set.
    pub(super) fn moves(&self, sets: &Sets, keep_counters: bool) -> bool {
        let Some(set) = self.place.and_then(|place| sets.at(place)) else { return false };
        (set.extensions().counters && !keep_counters)
            || matches!(set.kind(), Kind::ListSet | Kind::BitmapIpMac)
    }
}

/// The time by which members expire.
pub(crate) fn milliseconds(env: &Env<'_>) -> u64 {
    env.now.mono.0 / 1_000_000
}

/// A packet with what a rule looks at.
pub(super) struct Query<'a> {
    packet: &'a Packet,
    directions: Directions,
    interface: Option<InterfaceName>,
    ethernet: Option<[u8; 14]>,
    now: u64,
}

/// What a rule wants of the member that it finds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    pub(super) return_nomatch: bool,
    pub(super) keep_counters: bool,
    pub(super) keep_subcounters: bool,
    pub(super) packets: Option<Comparison>,
    pub(super) bytes: Option<Comparison>,
}

/// What came of a search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) hit: bool,
    /// The option that did not hold, or that would not if it were inverted.
    pub(super) option: &'static str,
    pub(super) found: Found,
}

const fn miss(found: Found) -> Answer {
    Answer { hit: false, option: MATCH, found }
}

const MATCH: &str = "--match-set";

/// Why no set of the type has anything of the packet, whatever is in it.
fn unfit(set: &Set, query: &Query<'_>) -> Option<Found> {
    if query.directions.count() < set.kind().dimensions() {
        return Some(Found::Word("the rule has fewer of src and dst than an element of the set has parts"));
    }
    let other = set.family().is_some_and(|family| family != query.packet.family());
    other.then_some(Found::Word("the set is of the other family"))
}

/// Whether a packet is in a set. `info`: what `--map-set` takes from the member.
pub(super) fn test(
    at: usize,
    query: &Query<'_>,
    wanted: &Wanted,
    info: &mut SkbInfo,
    env: &mut Env<'_>,
) -> Answer {
    let Some(set) = env.named.sets.at(at) else { return miss(Found::Nothing("set")) };
    if let Some(found) = unfit(set, query) {
        return miss(found);
    }
    match set.kind() {
        Kind::ListSet => test_list(at, query, wanted, info, env),
        _ => match element(set, query, false) {
            Ok(element) => search(at, element, query, wanted, info, env),
            Err(found) => miss(found),
        },
    }
}

/// Linux: `list_set_ktest`. Counters of the sets in it are not compared.
fn test_list(at: usize, query: &Query<'_>, wanted: &Wanted, info: &mut SkbInfo, env: &mut Env<'_>) -> Answer {
    let inner = Wanted {
        keep_counters: wanted.keep_counters || wanted.keep_subcounters,
        packets: None,
        bytes: None,
        ..*wanted
    };
    let mut answer = miss(Found::Word("the list has no sets"));
    for number in 0.. {
        let listed = env.named.sets.at_mut(at).and_then(|list| list.listed_mut(number));
        let Some((place, _)) = listed else { break };
        // Lists have no lists, so that this goes one step down.
        if env.named.sets.at(place).is_none_or(|set| set.kind().is_list()) {
            continue;
        }
        answer = test(place, query, &inner, info, env);
        if !answer.hit {
            continue;
        }
        let Some(list) = env.named.sets.at_mut(at) else { break };
        let extensions = *list.extensions();
        let Some((_, member)) = list.listed_mut(number) else { break };
        if member.expiry.is_over(query.now) {
            answer = miss(Found::Word("the set of the list is expired"));
            continue;
        }
        match extend(member, extensions.counters, query, wanted) {
            Ok(()) => {
                if extensions.skbinfo {
                    *info = member.skb;
                }
                return answer;
            }
            Err((option, found)) => answer = Answer { hit: false, option, found },
        }
    }
    Answer { hit: false, ..answer }
}

/// Counts, then compares. Linux: `ip_set_match_extensions`; where nothing is counted nothing is compared.
fn extend(
    member: &mut Member,
    counters: bool,
    query: &Query<'_>,
    wanted: &Wanted,
) -> Result<(), (&'static str, Found)> {
    if !counters {
        return Ok(());
    }
    if !wanted.keep_counters {
        member.packets = member.packets.wrapping_add(1);
        member.bytes = member.bytes.wrapping_add(query.packet.len() as u64);
    }
    let option = |comparison: Comparison, names: [&'static str; 3]| match comparison {
        Comparison::Equal(_) | Comparison::NotEqual(_) => names[0],
        Comparison::Less(_) => names[1],
        Comparison::Greater(_) => names[2],
    };
    let compare = |comparison: Option<Comparison>, counter, names| match comparison {
        Some(own) if !own.holds(counter) => Err((option(own, names), Found::Number(counter))),
        _ => Ok(()),
    };
    compare(wanted.packets, member.packets, ["--packets-eq", "--packets-lt", "--packets-gt"])?;
    compare(wanted.bytes, member.bytes, ["--bytes-eq", "--bytes-lt", "--bytes-gt"])
}

/// Linux: `mtype_test`, `mtype_test_cidrs`: what does not fit is passed over for the next larger network.
fn search(
    at: usize,
    element: Element,
    query: &Query<'_>,
    wanted: &Wanted,
    info: &mut SkbInfo,
    env: &mut Env<'_>,
) -> Answer {
    let mut answer = miss(Found::Member(element, Membership::Absent));
    let Env { named, trace, .. } = env;
    let Some(set) = named.sets.at_mut(at) else { return answer };
    let (kind, extensions) = (set.kind(), *set.extensions());
    let mut search = Search::default();
    while let Some(number) = set.next_fitting(&element, &mut search) {
        let Some((own, member)) = set.fitting_mut(number) else { break };
        let own = *own;
        if kind == Kind::BitmapIpMac {
            let mac = mac(query, 1);
            match member.mac {
                None => return learn(at, element, query, env),
                Some(known) if mac != Some(known) => return miss(Found::Member(own, Membership::OtherMac)),
                Some(_) => {}
            }
        }
        if member.expiry.is_over(query.now) {
            answer = miss(Found::Member(own, Membership::Expired));
            continue;
        }
        let fits = extend(member, extensions.counters, query, wanted);
        if extensions.skbinfo && fits.is_ok() {
            *info = member.skb;
        }
        let nomatch = member.nomatch;
        if extensions.counters
            && !wanted.keep_counters
            && let Some(trace) = trace.as_deref_mut()
        {
            trace.push(query.packet.id, step(set, &own, MemberChange::Counted, query.now));
        }
        if let Err((option, found)) = fits {
            answer = Answer { hit: false, option, found };
            continue;
        }
        let state = if nomatch { Membership::NoMatch } else { Membership::Present };
        // Linux: `--return-nomatch` turns the answer of a type that knows `nomatch` round.
        let hit = nomatch == (wanted.return_nomatch && kind.has_nomatch());
        return Answer { hit, option: MATCH, found: Found::Member(own, state) };
    }
    answer
}

/// bitmap:ip,mac: an address whose Ethernet address is not known is in the set, and the packet's is from now on. Linux:
/// `ip_set_test` at EAGAIN.
fn learn(at: usize, element: Element, query: &Query<'_>, env: &mut Env<'_>) -> Answer {
    put(at, element, query, false, None, env);
    Answer { hit: true, option: MATCH, found: Found::Member(element, Membership::Present) }
}

/// Adds what a packet has. Whether that was done, or nothing was to be done.
pub(super) fn add(
    at: usize,
    query: &Query<'_>,
    exist: bool,
    timeout: Option<u32>,
    env: &mut Env<'_>,
) -> bool {
    each(at, query, env, &mut |at, element, env| put(at, element, query, exist, timeout, env))
}

/// Removes what a packet has.
pub(super) fn delete(at: usize, query: &Query<'_>, env: &mut Env<'_>) -> bool {
    each(at, query, env, &mut |at, element, env| {
        let Env { named, trace, .. } = env;
        let Some(set) = named.sets.at_mut(at) else { return false };
        let gone = trace.as_ref().map(|_| step(set, &element, MemberChange::Removed, query.now));
        let done = set.delete(&element, query.now).is_ok();
        if done && let Some((trace, gone)) = trace.as_deref_mut().zip(gone) {
            trace.push(query.packet.id, gone);
        }
        done
    })
}

/// Does something to a set, or to the first set of a list that lets it be done (Linux: `list_set_kadd`, `list_set_kdel`).
fn each(
    at: usize,
    query: &Query<'_>,
    env: &mut Env<'_>,
    act: &mut dyn FnMut(usize, Element, &mut Env<'_>) -> bool,
) -> bool {
    let Some(set) = env.named.sets.at(at) else { return false };
    if unfit(set, query).is_some() {
        return false;
    }
    if !set.kind().is_list() {
        return match element(set, query, true) {
            Ok(element) => act(at, element, env),
            Err(_) => false,
        };
    }
    for number in 0.. {
        let listed = env.named.sets.at_mut(at).and_then(|list| list.listed_mut(number));
        let Some((place, member)) = listed else { break };
        let over = member.expiry.is_over(query.now);
        if over || env.named.sets.at(place).is_none_or(|set| set.kind().is_list()) {
            continue;
        }
        if each(place, query, env, act) {
            break;
        }
    }
    true
}

/// Adds an element as packets do: it has counted one packet, and nothing else is known of it.
fn put(
    at: usize,
    element: Element,
    query: &Query<'_>,
    exist: bool,
    timeout: Option<u32>,
    env: &mut Env<'_>,
) -> bool {
    let Env { named, trace, .. } = env;
    let Some(set) = named.sets.at_mut(at) else { return false };
    let extensions = *set.extensions();
    let expiry = extensions.timeout.map_or(Expiry::Never, |usual| {
        Expiry::after(timeout.unwrap_or(usual).min(LONGEST_TIMEOUT), query.now)
    });
    let (packets, bytes) = if extensions.counters { (1, query.packet.len() as u64) } else { (0, 0) };
    let mac = if set.kind() == Kind::BitmapIpMac { mac(query, 1) } else { None };
    let known = trace.is_some() && set.find(&element, query.now).is_some();
    // Linux: a member of a hash keeps its comment, and nothing else (measured).
    let keeps = exist && extensions.comment && matches!(set.shape(), Shape::Hash(_));
    let old = if keeps { set.find(&element, query.now) } else { None };
    let comment = old.and_then(|(_, old)| old.comment.clone());
    let member = Member { expiry, packets, bytes, mac, comment, ..Member::default() };
    let done = set.add(element, member, exist, Adder::Packet, query.now);
    if let Some(trace) = trace.as_deref_mut() {
        let change = match done {
            Ok(()) if known => MemberChange::Renewed,
            Ok(()) => MemberChange::Added,
            Err(Refusal::Exists) => MemberChange::Known,
            Err(_) => MemberChange::Refused,
        };
        trace.push(query.packet.id, step(set, &element, change, query.now));
    }
    done.is_ok()
}

/// What a trace is told of a member: as it is now, or was before it was removed.
fn step(set: &Set, element: &Element, change: MemberChange, now: u64) -> Step {
    let member = match set.find(element, now) {
        Some((own, member)) => set.member_text(&own, member, &NoNames, now),
        None => {
            let mut text = String::new();
            element.push(&mut text, &NoNames);
            text
        }
    };
    Step::Member { set: set.name().clone(), member, change }
}

/// What of a packet is an element of a set; why there is none. `adding`: networks are of the longest length in use, where a
/// search begins with the address.
fn element(set: &Set, query: &Query<'_>, adding: bool) -> Result<Element, Found> {
    let view = query.packet.view();
    let address = |part| set.masked(if source(query, part) { view.source() } else { view.destination() });
    let all = view.family().bits();
    let [first, second] = set.longest().map(|length| if adding { length.unwrap_or(all) } else { all });
    let net = |part, length| Prefix::new(address(part), length);
    Ok(match set.kind() {
        Kind::BitmapIp | Kind::BitmapIpMac => {
            let raw = if source(query, 0) { view.source() } else { view.destination() };
            let inside = match (*set.shape(), raw) {
                (Shape::Addresses { first, last, .. }, std::net::IpAddr::V4(own)) => {
                    (first..=last).contains(&own.to_bits())
                }
                _ => false,
            };
            if !inside {
                return Err(Found::Member(Element::Address(raw), Membership::OutOfRange));
            }
            if set.kind() == Kind::BitmapIpMac {
                mac(query, 1).ok_or(Found::Nothing("Ethernet header"))?;
            }
            Element::Address(address(0))
        }
        Kind::BitmapPort => {
            let ports = port(query, 0)?;
            if !matches!(ports.protocol, protocol::TCP | protocol::UDP) {
                return Err(Found::Nothing("port of TCP or UDP"));
            }
            let inside =
                matches!(*set.shape(), Shape::Ports { first, last } if (first..=last).contains(&ports.port));
            if !inside {
                return Err(Found::Member(Element::Port(ports.port), Membership::OutOfRange));
            }
            Element::Port(ports.port)
        }
        Kind::HashIp => Element::Address(given(address(0))?),
        Kind::HashMac => Element::Mac(mac(query, 0).ok_or(Found::Nothing("Ethernet header"))?),
        Kind::HashIpMac => {
            Element::AddressMac(address(0), mac(query, 1).ok_or(Found::Nothing("Ethernet header"))?)
        }
        Kind::HashNet => Element::Net(net(0, first)),
        Kind::HashNetNet => Element::NetNet(net(0, first), net(1, second)),
        Kind::HashIpPort => Element::AddressPort(given(address(0))?, port(query, 1)?),
        Kind::HashNetPort => Element::NetPort(net(0, first), port(query, 1)?),
        Kind::HashIpPortIp => Element::AddressPortAddress(address(0), port(query, 1)?, address(2)),
        Kind::HashIpPortNet => Element::AddressPortNet(address(0), port(query, 1)?, net(2, first)),
        Kind::HashNetPortNet => Element::NetPortNet(net(0, first), port(query, 1)?, net(2, second)),
        // Linux: no rule of iptables asks for the bridge port (`IPSET_FLAG_PHYSDEV`), so that members with `physdev:`
        // are never found.
        Kind::HashNetIface => match query.interface {
            Some(name) => Element::NetInterface(net(0, first), false, Device(name)),
            None if source(query, 1) => return Err(Found::Nothing("incoming device")),
            None => return Err(Found::Nothing("outgoing device")),
        },
        Kind::HashIpMark => {
            let mask = match set.shape() {
                Shape::Hash(hash) => hash.mark_mask,
                _ => u32::MAX,
            };
            Element::AddressMark(address(0), query.packet.mark & mask)
        }
        Kind::ListSet => return Err(Found::Nothing("element")),
    })
}

fn source(query: &Query<'_>, part: usize) -> bool {
    query.directions.is_source(part)
}

/// An address that is one.
fn given(address: std::net::IpAddr) -> Result<std::net::IpAddr, Found> {
    if address.is_unspecified() { Err(Found::Address(address)) } else { Ok(address) }
}

/// Protocol and port of a part (Linux: `ip_set_get_ip4_port`, `ip_set_get_ip6_port`): ICMP's type and code, 0 for protocols
/// without ports. Later fragments have them in IPv4 if their protocol has none anyway.
fn port(query: &Query<'_>, part: usize) -> Result<ProtocolPort, Found> {
    let packet = query.packet;
    let layout = packet.layout;
    let protocol = layout.protocol.ok_or(Found::Nothing("whole extension headers"))?;
    if match layout.family {
        Family::V4 => protocol == 0,
        Family::V6 => protocol == protocol::NO_NEXT,
    } {
        return Err(Found::Nothing("transport protocol"));
    }
    if layout.later_fragment() {
        let fits = layout.family == Family::V4 && !has_ports(protocol) && protocol != protocol::ICMP;
        return if fits {
            Ok(ProtocolPort { protocol, port: 0 })
        } else {
            Err(Found::Nothing("transport header"))
        };
    }
    let least = match protocol {
        protocol::TCP => 20,
        protocol::SCTP => 12,
        protocol::UDP | protocol::UDPLITE | protocol::ICMP | protocol::ICMPV6 => 8,
        _ => return Ok(ProtocolPort { protocol, port: 0 }),
    };
    let header = packet.bytes.get(..layout.total_len).and_then(|own| own.get(layout.transport..));
    let header = header.filter(|header| header.len() >= least);
    let Some((one, other)) = header.and_then(super::matches::ports) else {
        return Err(Found::Nothing("whole transport header"));
    };
    let named = has_ports(protocol) && !source(query, part);
    Ok(ProtocolPort { protocol, port: if named { other } else { one } })
}

/// The Ethernet address of a part; that of loopback, which is none, does not count.
fn mac(query: &Query<'_>, part: usize) -> Option<Mac> {
    let header = query.ethernet.as_ref()?;
    let bytes = header.get(if source(query, part) { 6..12 } else { 0..6 })?;
    Mac::try_from(bytes).ok().filter(|mac| *mac != [0; 6])
}
