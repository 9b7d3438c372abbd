//! Timeout policies (Linux: `struct ctnl_timeout`): how long a connection lives in each state, under a name, for one family
//! and protocol. What a policy does not say is as it is without one.
use std::time::Duration;

use packet::{Family, protocol};
use rules::syntax::objects::PolicyFor;

use crate::conntrack::Timeouts;

/// A timeout policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name, 1 to 31 bytes (`CTNL_TIMEOUT_NAME_MAX` less the closing zero).
    pub name: Box<str>,
    /// For which packets it is.
    pub packets: PolicyFor,
    /// What it says: the states as `nfct` names them, with seconds.
    values: Vec<(&'static str, u32)>,
}

/// A protocol as `nfct` names it, with its states.
struct Kind {
    name: &'static str,
    /// `None`: every protocol without a tracker of its own.
    number: Option<u8>,
    states: &'static [&'static str],
}

const STREAM: &[&str] = &["unreplied", "replied"];
const ONE: &[&str] = &["timeout"];

const KINDS: [Kind; 8] = [
    Kind {
        name: "tcp",
        number: Some(protocol::TCP),
        states: &[
            "syn_sent",
            "syn_recv",
            "established",
            "fin_wait",
            "close_wait",
            "last_ack",
            "time_wait",
            "close",
            "syn_sent2",
            "retrans",
            "unacknowledged",
        ],
    },
    Kind { name: "udp", number: Some(protocol::UDP), states: STREAM },
    Kind { name: "udplite", number: Some(protocol::UDPLITE), states: STREAM },
    Kind { name: "gre", number: Some(protocol::GRE), states: STREAM },
    Kind { name: "icmp", number: Some(protocol::ICMP), states: ONE },
    Kind { name: "icmpv6", number: Some(protocol::ICMPV6), states: ONE },
    Kind {
        name: "sctp",
        number: Some(protocol::SCTP),
        states: &[
            "closed",
            "cookie_wait",
            "cookie_echoed",
            "established",
            "shutdown_sent",
            "shutdown_recd",
            "shutdown_ack_sent",
            "heartbeat_sent",
        ],
    },
    Kind { name: "generic", number: None, states: ONE },
];

impl Policy {
    /// Reads `NAME inet|inet6 PROTOCOL [STATE SECONDS]…`: what stands behind `nfct timeout add`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut words = text.split_ascii_whitespace();
        let (Some(name), Some(family), Some(kind)) = (words.next(), words.next(), words.next()) else {
            return Err("wanted is `nfct timeout add NAME inet|inet6 PROTOCOL [STATE SECONDS]…`");
        };
        let family = match family {
            "inet" => Family::V4,
            "inet6" => Family::V6,
            _ => return Err("a policy is for `inet` or `inet6`"),
        };
        let kind = KINDS.iter().find(|own| own.name == kind).ok_or("a protocol without timeouts")?;
        let words: Vec<&str> = words.collect();
        let mut own = Self::new(name, family, kind)?;
        for pair in words.chunks(2) {
            let [state, seconds] = pair else { return Err("a state without its seconds") };
            own.say(kind, state, seconds)?;
        }
        Ok(own)
    }

    /// Reads what `nfct timeout list` prints: `.NAME = {`, `.l3proto = N,`, `.l4proto = N,`, `.policy = {`, `.STATE = N,` …
    pub(super) fn parse_listed(lines: &[&str]) -> Result<Self, &'static str> {
        const FORM: &str = "not as `nfct timeout list` prints a policy";
        let fields: Vec<(&str, &str)> = lines
            .iter()
            .filter_map(|line| line.strip_prefix('.')?.split_once(" = "))
            .map(|(name, value)| (name, value.trim_end_matches(',')))
            .collect();
        let [(name, "{"), ("l3proto", family), ("l4proto", number), ("policy", "{"), states @ ..] =
            fields.as_slice()
        else {
            return Err(FORM);
        };
        let family = match *family {
            "2" => Family::V4,
            "10" => Family::V6,
            _ => return Err(FORM),
        };
        let number = match number.parse::<u8>().map_err(|_| FORM)? {
            255 => None,
            number => Some(number),
        };
        let kind = KINDS.iter().find(|own| own.number == number).ok_or("a protocol without timeouts")?;
        let mut own = Self::new(name, family, kind)?;
        for (state, seconds) in states {
            own.say(kind, &state.to_ascii_lowercase(), seconds)?;
        }
        Ok(own)
    }

    fn new(name: &str, family: Family, kind: &Kind) -> Result<Self, &'static str> {
        if !(1..=31).contains(&name.len()) {
            return Err("a name has 1 to 31 bytes");
        }
        let packets = PolicyFor { family, protocol: kind.number };
        Ok(Self { name: name.into(), packets, values: Vec::new() })
    }

    fn say(&mut self, kind: &Kind, state: &str, seconds: &str) -> Result<(), &'static str> {
        let state = kind.states.iter().find(|own| **own == state).ok_or("the protocol has no such state")?;
        let seconds = seconds.parse().map_err(|_| "not a number of seconds")?;
        self.values.push((state, seconds));
        Ok(())
    }

    /// All timeouts under the policy, where `usual` ones hold without it.
    pub(crate) fn timeouts(&self, usual: &Timeouts) -> Timeouts {
        let mut all = usual.clone();
        for &(state, seconds) in &self.values {
            let own = match (self.packets.protocol, state) {
                (Some(protocol::TCP), "syn_sent") => &mut all.tcp_syn_sent,
                (Some(protocol::TCP), "syn_recv") => &mut all.tcp_syn_recv,
                (Some(protocol::TCP), "established") => &mut all.tcp_established,
                (Some(protocol::TCP), "fin_wait") => &mut all.tcp_fin_wait,
                (Some(protocol::TCP), "close_wait") => &mut all.tcp_close_wait,
                (Some(protocol::TCP), "last_ack") => &mut all.tcp_last_ack,
                (Some(protocol::TCP), "time_wait") => &mut all.tcp_time_wait,
                (Some(protocol::TCP), "close") => &mut all.tcp_close,
                (Some(protocol::TCP), "syn_sent2") => &mut all.tcp_syn_sent2,
                (Some(protocol::TCP), "retrans") => &mut all.tcp_max_retrans,
                (Some(protocol::TCP), "unacknowledged") => &mut all.tcp_unacknowledged,
                (Some(protocol::UDP | protocol::UDPLITE), "unreplied") => &mut all.udp,
                (Some(protocol::UDP | protocol::UDPLITE), "replied") => &mut all.udp_stream,
                (Some(protocol::GRE), "unreplied") => &mut all.gre,
                (Some(protocol::GRE), "replied") => &mut all.gre_stream,
                (Some(protocol::ICMP), _) => &mut all.icmp,
                (Some(protocol::ICMPV6), _) => &mut all.icmpv6,
                (Some(protocol::SCTP), "closed") => &mut all.sctp_closed,
                (Some(protocol::SCTP), "cookie_wait") => &mut all.sctp_cookie_wait,
                (Some(protocol::SCTP), "cookie_echoed") => &mut all.sctp_cookie_echoed,
                (Some(protocol::SCTP), "established") => &mut all.sctp_established,
                (Some(protocol::SCTP), "shutdown_sent") => &mut all.sctp_shutdown_sent,
                (Some(protocol::SCTP), "shutdown_recd") => &mut all.sctp_shutdown_recd,
                (Some(protocol::SCTP), "shutdown_ack_sent") => &mut all.sctp_shutdown_ack_sent,
                (Some(protocol::SCTP), "heartbeat_sent") => &mut all.sctp_heartbeat_sent,
                (None, _) => &mut all.generic,
                _ => continue,
            };
            *own = Duration::from_secs(u64::from(seconds));
        }
        all
    }
}
