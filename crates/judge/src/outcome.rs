//! What came of a case, in a form in which the kernel and the engine can be compared and that can be frozen as JSON.
use serde::{Deserialize, Serialize};

/// What came of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The rules were not accepted: the words of the command, and no steps.
    pub refused: Option<String>,
    /// One for each step.
    pub steps: Vec<StepOutcome>,
    /// Counters at the end.
    pub counters: Vec<Counter>,
    /// Members of the sets at the end, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<SetMember>,
    /// How many milliseconds before the rules the sets were made: their members live since then.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lead: u64,
    /// How many milliseconds that took: within them nobody knows when.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub making: u64,
    /// The kernel's clock, if what the rules have depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
}

/// The kernel's count of jiffies, at which its timers fire, and when the timers that the rules have may have begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The count when the steps begin.
    pub jiffies: u64,
    /// How many jiffies before the steps it was begun to load the rules of IPv4, and of IPv6, and how many before them that was
    /// done. Nobody knows when between them the timers began.
    pub loading: [(u64, u64); 2],
}

impl Clock {
    /// How many moments are tried.
    pub const MOST: usize = 64;

    /// When the rules of both families may have been loaded, in jiffies before the steps, the likeliest first: a command does it
    /// last.
    pub fn moments(&self) -> impl Iterator<Item = [u64; 2]> {
        let [(begun4, done4), (begun6, done6)] = self.loading;
        (done4..=begun4).flat_map(move |four| (done6..=begun6).map(move |six| [four, six]))
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A line of `ipset save` that adds a member, without its timeout.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SetMember {
    /// The line.
    pub line: String,
    /// Seconds to live.
    pub timeout: Option<u64>,
}

impl SetMember {
    /// The members in what `ipset save` prints, sorted; those of lists stay in order.
    pub fn of_save(text: &str) -> Vec<Self> {
        let mut out: Vec<Self> =
            text.lines().filter(|line| line.starts_with("add ")).map(Self::of_line).collect();
        let lists: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("create ")?.split_once(" list:set").map(|(name, _)| name))
            .collect();
        let set = |own: &Self| own.line.split(' ').nth(1).unwrap_or("").to_owned();
        out.sort_by_cached_key(|own| {
            let name = set(own);
            let line = if lists.contains(&name.as_str()) { String::new() } else { own.line.clone() };
            (name, line)
        });
        out
    }

    fn of_line(line: &str) -> Self {
        let mut words: Vec<&str> = line.split(' ').collect();
        let at = words.iter().position(|word| *word == "timeout").filter(|at| at + 1 < words.len());
        let timeout = at.and_then(|at| words.drain(at..at + 2).nth(1)?.parse().ok());
        Self { line: words.join(" "), timeout }
    }
}

/// What came of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOutcome {
    /// Milliseconds since the rules were loaded when the step was done.
    pub at: u64,
    /// Error number that a local sender got.
    pub errno: Option<i32>,
    /// Packets that came out of devices, in order for each device.
    pub outputs: Vec<Output>,
    /// Payloads that local listeners got.
    pub delivered: Vec<Delivery>,
    /// The rules that matched, policies and ends of user chains, of all packets of this step in order:
    /// `filter:FORWARD:3`. The number of a policy or an end is the number of rules + 1.
    pub path: Vec<String>,
    /// The connection table and, behind it, expectations.
    pub connections: Vec<Connection>,
    /// What somebody was told besides: lines of the log, events, what listeners of netlink got, what a command printed, the
    /// answer to a question about a socket ([`crate::case`], `network watch`, `command`, `ask`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
}

/// A packet that came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Name of the device.
    pub device: String,
    /// Source and destination of the frame, if it came out of a port of a bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// The IP packet.
    #[serde(with = "hexadecimal")]
    pub bytes: Vec<u8>,
}

/// A payload that a listener got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The listener's address and port.
    pub listener: String,
    /// The peer as the listener sees it.
    pub from: String,
    /// The payload.
    #[serde(with = "hexadecimal")]
    pub payload: Vec<u8>,
}

/// A line of /proc/net/nf_conntrack (or nf_conntrack_expect) without its timeout and reference count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Connection {
    /// The line, blanks made single.
    pub line: String,
    /// Seconds to live; below 0 where the timer of an expectation is late.
    pub timeout: Option<i64>,
}

impl Connection {
    /// Reads a line of /proc/net/nf_conntrack.
    pub fn from_line(line: &str) -> Self {
        let mut timeout = None;
        let words: Vec<&str> = line
            .split_whitespace()
            .enumerate()
            .filter(|(at, word)| {
                if *at == 4 {
                    timeout = word.parse().ok();
                    return timeout.is_none();
                }
                !word.starts_with("use=")
            })
            .map(|(_, word)| word)
            .collect();
        Self { line: words.join(" "), timeout }
    }

    /// The line as it stood in /proc/net/nf_conntrack, with a newline; `None`: it is an expectation.
    pub fn to_line(&self) -> Option<String> {
        if self.line.starts_with("expect ") {
            return None;
        }
        let mut words: Vec<&str> = self.line.split(' ').collect();
        let timeout = self.timeout.map(|seconds| seconds.to_string());
        words.splice(4..4, timeout.as_deref());
        Some(words.join(" ") + "\n")
    }

    /// Reads a line of /proc/net/nf_conntrack_expect.
    pub fn from_expectation(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let timeout = words.next().and_then(|word| word.parse().ok());
        Self { line: format!("expect {}", words.collect::<Vec<_>>().join(" ")), timeout }
    }
}

/// Counters of a rule or policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Counter {
    /// 4 or 6.
    pub family: u8,
    /// `filter:FORWARD:3`, or `filter:FORWARD:policy`.
    pub place: String,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A line of the log that stands in the path: those of `-m osf`, up to what every line says.
pub fn step_of_log(line: &str) -> Option<String> {
    let own = line.split_once('\n').map_or(line, |(own, _)| own);
    (own.starts_with("Remote OS") || own.contains(" hops=")).then(|| format!("log: {own}"))
}

impl Counter {
    /// What connection tracking counts of itself, out of a line `NAME=NUMBER …`; what several processors have counted is
    /// put together by whoever compares.
    pub fn of_statistics(line: &str) -> Vec<Self> {
        let field = |word: &str| {
            let (name, number) = word.split_once('=')?;
            let packets = number.parse().ok().filter(|_| name != "cpu")?;
            Some(Self { family: 0, place: format!("statistics:{name}"), packets, bytes: 0 })
        };
        line.split_whitespace().filter_map(field).collect()
    }

    /// What an accounting object has counted; its family is none.
    pub fn of_account(account: &netfilter::objects::Account) -> Self {
        let told = account.quota.is_some_and(|quota| quota.told);
        let place = format!("nfacct:{}{}", account.name, if told { ":reached" } else { "" });
        Self { family: 0, place, packets: account.counters.packets, bytes: account.counters.bytes }
    }
}

/// The counters of what `iptables-save -c` prints. User chains have no policy.
pub(crate) fn counters_of_save(family: u8, text: &str) -> Vec<Counter> {
    let mut out = Vec::new();
    let mut table = "";
    let mut numbers = std::collections::HashMap::<String, usize>::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
            numbers.clear();
        } else if let Some(chain) = line.strip_prefix(':') {
            let mut words = chain.split_whitespace();
            if let (Some(name), Some(policy), Some(counts)) = (words.next(), words.next(), words.next())
                && policy != "-"
                && let Some((packets, bytes)) = bracket(counts)
            {
                out.push(Counter { family, place: format!("{table}:{name}:policy"), packets, bytes });
            }
        } else if let Some((counts, rule)) = line.split_once(" -A ")
            && let Some((packets, bytes)) = bracket(counts)
        {
            let chain = rule.split_whitespace().next().unwrap_or("");
            let number = numbers.entry(chain.to_owned()).or_default();
            *number += 1;
            out.push(Counter { family, place: format!("{table}:{chain}:{number}"), packets, bytes });
        }
    }
    out.sort();
    out
}

fn bracket(text: &str) -> Option<(u64, u64)> {
    let (packets, bytes) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(':')?;
    Some((packets.parse().ok()?, bytes.parse().ok()?))
}

/// Bytes as hexadecimal text in JSON.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&crate::craft::hex(bytes))
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        crate::craft::unhex(&text).map_err(|error| D::Error::custom(error.0))
    }
}
