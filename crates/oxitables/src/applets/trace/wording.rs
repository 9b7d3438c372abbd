//! Words that the text and the JSON form of a trace share: packets, drop reasons, names of chains and rules.
use std::net::SocketAddr;

use netfilter::Drop;
use netfilter::hook::World;
use netfilter::network::Unroutable;
use netfilter::skb::Protection;
use netfilter::trace::{Mismatch, Step};
use packet::{Family, InterfaceName};
use rules::{ChainId, Rule, Ruleset, Table};

use super::run::{End, Passage};

/// A packet in the one-line text form.
pub(super) fn packet(bytes: &[u8]) -> String {
    packet::show::print(None, bytes)
}

/// A protocol by name, or by number if it has none here.
pub(super) fn protocol(number: u8) -> String {
    use packet::protocol as p;
    let name = match number {
        p::ICMP => "icmp",
        p::TCP => "tcp",
        p::UDP => "udp",
        p::UDPLITE => "udplite",
        p::ICMPV6 => "ipv6-icmp",
        p::SCTP => "sctp",
        p::DCCP => "dccp",
        p::ESP => "esp",
        p::AH => "ah",
        p::GRE => "gre",
        _ => return format!("protocol {number}"),
    };
    name.to_owned()
}

/// A rule of a ruleset, as far as it is there.
pub(super) struct Found<'a> {
    /// The rule.
    pub(super) rule: Option<&'a Rule>,
    ruleset: Option<&'a Ruleset>,
    table: Table,
}

impl Found<'_> {
    /// The rule as a save file writes it, without its chain.
    pub(super) fn text(&self) -> String {
        match (self.rule, self.ruleset.and_then(|own| own.table(self.table))) {
            (Some(rule), Some(table)) => {
                let mut text = String::new();
                rules::syntax::print::rule(&mut text, table, "chain", rule, false);
                match text.strip_prefix("-A chain").map(str::trim_start) {
                    None | Some("") => "(every packet, counted only)".to_owned(),
                    Some(words) => words.to_owned(),
                }
            }
            _ => String::new(),
        }
    }

    /// What a condition of the rule wanted.
    pub(super) fn wanted(&self, mismatch: &Mismatch) -> Option<String> {
        let table = self.ruleset.and_then(|own| own.table(self.table))?;
        super::reason::wanted(table, self.rule?, mismatch)
    }

    /// What the rule does when it matches.
    pub(super) fn verdict(&self) -> String {
        match (self.rule, self.ruleset) {
            (Some(rule), Some(ruleset)) => super::text::verdict(rule, ruleset, self.table),
            _ => String::new(),
        }
    }
}

/// Looks a rule up.
pub(super) fn find<'a>(
    rulesets: &'a [Ruleset],
    family: Family,
    table: Table,
    chain: ChainId,
    number: usize,
) -> Found<'a> {
    let ruleset = rulesets.iter().find(|own| own.family() == family);
    let rule = ruleset
        .and_then(|own| own.table(table))
        .and_then(|own| own.chain(chain))
        .and_then(|own| own.rules.get(number.checked_sub(1)?));
    Found { rule, ruleset, table }
}

/// The name of a chain.
pub(super) fn chain_name(rulesets: &[Ruleset], family: Family, table: Table, chain: ChainId) -> String {
    rulesets
        .iter()
        .find(|own| own.family() == family)
        .and_then(|own| own.table(table))
        .and_then(|own| own.chain(chain))
        .map_or_else(String::new, |chain| chain.name.to_string())
}

/// Why there is no way.
pub(super) fn unroutable(reason: Unroutable) -> &'static str {
    match reason {
        Unroutable::NoRoute => "no route to the destination",
        Unroutable::Unreachable => "an `unreachable` route",
        Unroutable::Prohibited => "a `prohibit` route",
        Unroutable::Blackhole => "a `blackhole` route",
        Unroutable::MartianSource => {
            "martian source: it cannot come from there (own address, broadcast, multicast, 127/8, or reverse path)"
        }
        Unroutable::MartianDestination => {
            "martian destination (0/8, or 127/8 from outside without route_localnet)"
        }
        Unroutable::NoListener => "nobody here listens to this group",
        Unroutable::WithinMachine => "a group of this machine alone: nothing of it leaves",
        Unroutable::DeviceDown => "the device of the route is down",
        Unroutable::Ipv6Off => "IPv6 is switched off on this device (disable_ipv6)",
        Unroutable::Undecided(what) => what,
        Unroutable::ForwardingOff => {
            "it is for somebody else, and this machine does not forward (ip_forward)"
        }
    }
}

/// Where a packet was dropped, for the step; the result says it at length.
pub(super) fn drop_place(reason: Drop, rulesets: &[Ruleset], family: Family) -> String {
    let rule = |table, chain, number| {
        format!("rule {number} of chain {} (table {table})", chain_name(rulesets, family, table, chain))
    };
    match reason {
        Drop::Rule { table, chain, number, hotdrop: false, .. } => rule(table, chain, number),
        Drop::Rule { table, chain, number, .. } => {
            format!("refused by a match of {}", rule(table, chain, number))
        }
        Drop::Rejected { table, chain, number, .. } => format!("rejected by {}", rule(table, chain, number)),
        Drop::Policy { table, hook } => format!("policy of chain {hook} (table {table})"),
        other => drop_reason(other, rulesets, family),
    }
}

/// Why a packet went no further, with the rule's text where a rule did it.
pub(super) fn drop_reason(reason: Drop, rulesets: &[Ruleset], family: Family) -> String {
    let by_rule = |table, hook, chain, number| {
        let name = chain_name(rulesets, family, table, chain);
        let text = find(rulesets, family, table, chain, number).text();
        format!("rule {number} of chain {name} (table {table}, hook {hook}): {text}")
    };
    match reason {
        Drop::Malformed(what) => format!("not a packet that the stack takes ({})", malformed(what)),
        Drop::Rule { table, hook, chain, number, hotdrop: false } => by_rule(table, hook, chain, number),
        Drop::Rule { table, hook, chain, number, hotdrop: true } => {
            format!("refused by a match (the header is cut short) in {}", by_rule(table, hook, chain, number))
        }
        Drop::Rejected { table, hook, chain, number } => {
            format!("rejected by {}", by_rule(table, hook, chain, number))
        }
        Drop::Policy { table, hook } => {
            format!("policy of chain {hook} (table {table}), no rule decided before")
        }
        Drop::QueueUnheard => "QUEUE, and no program listens".to_owned(),
        Drop::Module(name) => format!("module {name}"),
        Drop::Route(why) => unroutable(why).to_owned(),
        Drop::TimeToLive => "TTL is used up".to_owned(),
        Drop::TooBig => "too big for the next device, and not to be fragmented".to_owned(),
        Drop::SocketAssigned => {
            "TPROXY gave it to a socket of this machine, but its route leads elsewhere: a rule such as \
             `ip rule add fwmark 1 lookup 100` and a route `local default dev lo table 100` are missing"
                .to_owned()
        }
        Drop::SourceRouted => {
            "an IPv4 option prescribes the way (source routing): refused (accept_source_route=0, the default), or \
             it cannot be followed"
                .to_owned()
        }
        Drop::Options => "an IP option is wrong or not known: mostly answered by a parameter problem".to_owned(),
        Drop::NotForwarded => {
            "not to be forwarded (forwarding is off, or the frame was not for us)".to_owned()
        }
        Drop::NotBridged => {
            "the bridge has no other port to send it to: whom it is for is behind the one by which it came"
                .to_owned()
        }
        Drop::Fragment => "bad fragments".to_owned(),
        Drop::InsertFailed => "conntrack: no free tuple, or a clash with another connection".to_owned(),
        Drop::TableFull => "conntrack: the table is full".to_owned(),
        Drop::NatFailed => "NAT found no address or port to translate to".to_owned(),
        Drop::IcmpRedirect => "an ICMP redirect about a translated connection".to_owned(),
        Drop::Conntrack => "conntrack refused it".to_owned(),
        Drop::Helper(why) => format!("a helper dropped it: {why}"),
        Drop::Undecided { table, hook, chain, number, what } => {
            format!("{what} is not known: {}", by_rule(table, hook, chain, number))
        }
        Drop::Ipsec(Protection::Forbidden) => "a policy of IPsec forbids it".to_owned(),
        Drop::Ipsec(Protection::Missing) => {
            "it came in the clear, and a policy of IPsec lets it pass protected only".to_owned()
        }
        Drop::Ipsec(Protection::NoState) => {
            "a policy of IPsec lets it leave protected only, and there is no state (`ip xfrm state`) for it".to_owned()
        }
        Drop::Unknown(what) => format!("{what} is not known"),
        Drop::Limit => "a limit of the engine: too many answers or loops for one packet".to_owned(),
    }
}

fn malformed(what: packet::Malformed) -> &'static str {
    match what {
        packet::Malformed::Version => "not IPv4 or IPv6",
        packet::Malformed::Short => "shorter than its header",
        packet::Malformed::HeaderLength => "bad header length",
        packet::Malformed::TotalLength => "total length does not fit the bytes",
        packet::Malformed::HeaderChecksum => "bad IP header checksum",
    }
}

/// The socket that TPROXY gave a packet to.
pub(super) fn assigned(passage: &Passage, packet: u64) -> Option<SocketAddr> {
    passage.steps.iter().rev().find_map(|(id, step)| match step {
        Step::Assigned { socket } if *id == packet => Some(*socket),
        _ => None,
    })
}

/// The device by which the packet would have left, had IPsec not taken it.
fn protected(passage: &Passage) -> Option<InterfaceName> {
    passage.steps.iter().rev().find_map(|(id, step)| match step {
        Step::Protected { device, .. } if *id == passage.id => Some(*device),
        _ => None,
    })
}

/// The rulesets of one of the two implementations of iptables: IPv4 and IPv6.
pub(super) fn of_world(rulesets: &[Ruleset], world: World) -> &[Ruleset] {
    let (legacy, nft) = rulesets.split_at_checked(2).unwrap_or((rulesets, &[]));
    if world == World::Nft { nft } else { legacy }
}

/// Why a packet of a port has no result.
pub(super) const PORT: &str =
    "the device is a port of a bond or VRF, by which its packets come in: give that as the device";

/// Why a packet of a bridge's port has no result.
pub(super) const FRAME: &str = "the device is a port of a bridge, which sends frames on by their Ethernet addresses: put them before \
     the packet (`p0 frame 02:00:00:00:00:0a > 02:00:00:00:00:0b udp ...`), or use --pcap";

/// Why a packet of an accepted connection has no result.
pub(super) const MARK: &str = "the mark of an accepted connection is that of its first packet here (tcp_fwmark_accept), which is not known: \
     say it (`local mark N tcp ...`)";

/// Why a packet has no result whose way depends on which kind of rules was loaded first.
pub(super) const ORDER: &str = "rules of iptables-legacy and of iptables-nft have the same priority, and the result depends on \
     which were loaded first (--first legacy or --first nft says it)";

/// The end in a sentence.
pub(super) fn result(passage: &Passage, rulesets: &[Ruleset]) -> String {
    match &passage.end {
        End::Delivered => match assigned(passage, passage.id) {
            Some(socket) => format!("ACCEPTED, delivered to the socket at {socket}"),
            None => "ACCEPTED, delivered to a process of this machine".to_owned(),
        },
        End::Forwarded { device } => format!("ACCEPTED, sent by {device}"),
        End::Kept => "kept, a fragment that waits for the rest of its datagram".to_owned(),
        End::Stolen => match protected(passage) {
            Some(device) => format!("ACCEPTED, protected by IPsec before it leaves by {device}"),
            None => "taken by a module".to_owned(),
        },
        End::Dropped(reason) => format!("DROPPED: {}", drop_reason(*reason, rulesets, passage.family)),
        End::Undecided(reason) => {
            format!("CANNOT DECIDE: {}", drop_reason(*reason, rulesets, passage.family))
        }
        End::NotAsked(why) => format!("CANNOT DECIDE: {why}"),
    }
}

/// Why a packet of which a capture kept the beginning only has no result.
pub(super) const CUT: &str = "the capture kept only the beginning of the packet (tcpdump -s 0 keeps all)";

/// Why a packet of a family without a rule file has no result.
pub(super) fn no_rules(family: Family) -> &'static str {
    match family {
        Family::V4 => "no rules of IPv4 were given (--rules FILE; --rules /dev/null if there are none)",
        Family::V6 => "no rules of IPv6 were given (--rules6 FILE; --rules6 /dev/null if there are none)",
    }
}
