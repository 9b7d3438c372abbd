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
        let kind = KINDS.iter().find(|own| own.number == self.packets.protocol);
        // Linux: UDP-Lite has the states and timeouts of UDP.
        let protocol = kind.map_or("", |own| own.name.trim_end_matches("lite"));
        for &(state, seconds) in &self.values {
            // As the sysctls are called, of which one state has none.
            let timeout = match state {
                "syn_sent2" => Some(&mut all.tcp_syn_sent2),
                "retrans" => all.named("tcp_timeout_max_retrans"),
                "timeout" | "unreplied" => all.named(&format!("{protocol}_timeout")),
                "replied" => all.named(&format!("{protocol}_timeout_stream")),
                _ => all.named(&format!("{protocol}_timeout_{state}")),
            };
            if let Some(timeout) = timeout {
                *timeout = Duration::from_secs(u64::from(seconds));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_every_protocol_has_its_timeout() {
        let usual = Timeouts::default();
        let mut seen = Vec::new();
        for kind in &KINDS {
            for state in kind.states {
                let text = format!("a inet {} {state} 7777", kind.name);
                let all = Policy::parse(&text).unwrap().timeouts(&usual);
                assert_ne!(all, usual, "{text}");
                // UDP and UDP-Lite share theirs.
                assert!(kind.name == "udplite" || !seen.contains(&all), "{text}");
                seen.push(all);
            }
        }
    }
}
