//! The text form of policies: what `ip xfrm policy` prints, with and without `-s`, and `ip xfrm policy getdefault`.
//!
//! ```text
//! src 10.0.1.0/24 dst 0.0.0.0/0 proto udp sport 5 dport 53
//!     dir in action block priority 100 ptype main
//!     mark 0x1/0xff
//!     tmpl src 1.1.1.1 dst 2.2.2.2
//!         proto esp reqid 1 mode tunnel
//!         level use
//!     if_id 0x3
//! ```
//!
//! The newest stands first. A word that is not known makes the policy one of which nobody can say whether it is about a
//! packet with its addresses.
use packet::{AddrMask, Family, InterfaceName, protocol};

use super::{Direction, Policies, Policy, Says};

/// Most policies that are read; a list that has more is one that could not be read.
const MOST: usize = 100_000;

/// A policy as far as it is read.
struct Draft {
    policy: Policy,
    is_of_socket: bool,
    is_sub: bool,
    has_direction: bool,
    blocks: bool,
    templates: usize,
    optional: usize,
    unread: Option<&'static str>,
}

const WORD: &str = "what a word of a policy of IPsec means";

/// Reads the policies of a list, newest first.
pub fn parse(text: &str) -> Policies {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut is_cut = false;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with(char::is_whitespace) {
            // What stands in front of the first policy is about none.
            if let Some(draft) = drafts.last_mut() {
                draft.read(line.trim());
            }
        } else if drafts.len() < MOST {
            drafts.push(Draft::of(line.trim()));
        } else {
            is_cut = true;
        }
    }
    let mut policies = Policies::default();
    if is_cut {
        drafts.push(Draft::of("(more than are read)"));
    }
    for draft in drafts.into_iter().rev() {
        draft.add_to(&mut policies);
    }
    policies
}

/// Reads what is done with what no policy is about; other lines are passed over.
pub fn read_default(text: &str, policies: &mut Policies) {
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if let Some(direction) = direction(name.trim()) {
            policies.set_default(direction, value.trim() == "block");
        }
    }
}

/// A policy that was added by the words of `ip xfrm policy add`, in the form of the list.
///
/// The words have the order of the list: `src A dst B [proto …] [dev D] dir …`.
pub fn of_words(words: &[&str]) -> String {
    let mut out = String::new();
    let mut words = words.iter().copied().peekable();
    while let Some(word) = words.next() {
        match word {
            "dir" | "mark" | "tmpl" | "if_id" => out.push_str("\n\t"),
            "level" => out.push_str("\n\t\t"),
            "mask" => {
                out.truncate(out.trim_end().len());
                out.push('/');
                out.push_str(words.next().unwrap_or_default());
                out.push(' ');
                continue;
            }
            _ => {}
        }
        out.push_str(word);
        out.push(' ');
        // The ends of a template stand on its first line.
        if word == "tmpl" {
            while let Some(end @ ("src" | "dst")) = words.peek().copied() {
                words.next();
                out.push_str(&format!("{end} {} ", words.next().unwrap_or_default()));
            }
            out.push_str("\n\t\t");
        }
    }
    out.push('\n');
    out
}

fn direction(word: &str) -> Option<Direction> {
    Direction::ALL.into_iter().find(|own| own.name() == word)
}

impl Draft {
    /// `src 10.0.1.0/24 dst 0.0.0.0/0 proto udp sport 5 dport 53 dev eth0`
    fn of(line: &str) -> Self {
        let policy = Policy {
            direction: Direction::In,
            ends: None,
            protocol: None,
            source_port: None,
            destination_port: None,
            device: None,
            mark: None,
            interface: 0,
            priority: 0,
            says: Says::Pass,
            icmp: false,
            line: line.into(),
        };
        let mut draft = Self {
            policy,
            is_of_socket: false,
            is_sub: false,
            has_direction: false,
            blocks: false,
            templates: 0,
            optional: 0,
            unread: None,
        };
        let mut words = line.split_whitespace();
        let (mut from, mut to) = (None, None);
        while let Some(word) = words.next() {
            let value = words.next().unwrap_or_default();
            let own = &mut draft.policy;
            let is_read = match word {
                "src" => set(&mut from, prefix(value)),
                "dst" => set(&mut to, prefix(value)),
                "proto" => set(&mut own.protocol, protocol_number(value)),
                "sport" | "type" => set(&mut own.source_port, value.parse().ok()),
                "dport" | "code" => set(&mut own.destination_port, value.parse().ok()),
                // Of GRE: nobody looks at it (`Policy::fits`).
                "key" => set(&mut own.source_port, Some(0)),
                "dev" => set(&mut own.device, InterfaceName::new(value)),
                "uid" => true,
                _ => false,
            };
            if !is_read {
                draft.unread = Some(WORD);
            }
        }
        draft.policy.ends = from.zip(to).filter(|(from, to)| from.family() == to.family());
        draft
    }

    /// An indented line.
    fn read(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { return };
        match first {
            "dir" | "socket" => {
                self.policy.line = format!("{} {line}", self.policy.line).into();
                self.attributes(line);
            }
            "mark" => {
                let word = words.next().unwrap_or_default();
                let (mark, mask) = word.split_once('/').unwrap_or((word, "0xffffffff"));
                if !set(&mut self.policy.mark, number(mark).zip(number(mask))) {
                    self.unread = Some(WORD);
                }
            }
            "if_id" => match words.next().and_then(number) {
                Some(number) => self.policy.interface = number,
                None => self.unread = Some(WORD),
            },
            "tmpl" => {
                self.templates += 1;
                self.policy.line = format!("{} {line}", self.policy.line).into();
            }
            "proto" if self.templates != 0 => {
                self.policy.line = format!("{} {line}", self.policy.line).into();
            }
            "level" => self.optional += usize::from(words.next() == Some("use")),
            // `-s`: times, amounts, algorithms.
            "lifetime" | "limit:" | "expire" | "add" | "enc-mask" | "share" => {}
            _ if first.ends_with("(bytes),") => {}
            _ => self.unread = Some(WORD),
        }
    }

    /// `dir in action block index 8 priority 100 ptype main share any flag localok (0x00000001)`
    fn attributes(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "flag" => break,
                "dir" | "socket" => {
                    self.is_of_socket = word == "socket";
                    match words.next().and_then(direction) {
                        Some(direction) => {
                            self.policy.direction = direction;
                            self.has_direction = true;
                        }
                        None => self.unread = Some(WORD),
                    }
                }
                "action" => match words.next() {
                    Some("allow") => {}
                    Some("block") => self.blocks = true,
                    _ => self.unread = Some(WORD),
                },
                "priority" => match words.next().and_then(|word| word.parse().ok()) {
                    Some(priority) => self.policy.priority = priority,
                    None => self.unread = Some(WORD),
                },
                "ptype" => match words.next() {
                    Some("main") => {}
                    Some("sub") => self.is_sub = true,
                    _ => self.unread = Some(WORD),
                },
                "index" | "share" => drop(words.next()),
                _ => self.unread = Some(WORD),
            }
        }
        for flag in words {
            match flag {
                "icmp" => self.policy.icmp = true,
                // Linux: nobody asks for it any more.
                "localok" => {}
                _ if flag.starts_with('(') => {}
                _ => self.unread = Some(WORD),
            }
        }
    }

    fn add_to(mut self, policies: &mut Policies) {
        let policy = &mut self.policy;
        policy.says = match self.unread {
            // Which of two policies counts, and that both do, is not modelled.
            _ if self.is_sub => Says::Unknown("what a policy of IPsec of the type `sub` does"),
            Some(why) => Says::Unknown(why),
            None if self.blocks => Says::Forbidden,
            None if self.templates > self.optional => Says::Demands,
            None => Says::Pass,
        };
        if self.is_sub {
            policy.priority = 0;
        }
        if self.unread.is_some() {
            // It may be about all of its addresses.
            (policy.protocol, policy.source_port, policy.destination_port) = (None, None, None);
            (policy.device, policy.mark, policy.interface) = (None, None, 0);
        }
        let directions: &[Direction] =
            if self.has_direction { &[self.policy.direction] } else { &Direction::ALL };
        for &direction in directions {
            let policy = Policy { direction, ..self.policy.clone() };
            if self.is_of_socket {
                policies.add_of_socket(policy);
            } else {
                policies.add(policy);
            }
        }
    }
}

/// Whether there is a value, which is put into its place.
fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    *place = value;
    place.is_some()
}

fn prefix(word: &str) -> Option<AddrMask> {
    let (address, length) = word.split_once('/').map_or((word, None), |(own, length)| (own, Some(length)));
    let address = address.parse().ok()?;
    let length = length.map_or(Ok(Family::of(address).bits()), str::parse).ok()?;
    AddrMask::prefix(address, length)
}

/// A number, decimal or `0x…`.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Names as `/etc/protocols` of Debian has them.
fn protocol_number(word: &str) -> Option<u8> {
    Some(match word {
        "ip" => return None,
        "icmp" => protocol::ICMP,
        "igmp" => protocol::IGMP,
        "ipencap" | "ipip" | "ipv4" => protocol::IPIP,
        "tcp" => protocol::TCP,
        "udp" => protocol::UDP,
        "dccp" => protocol::DCCP,
        "ipv6" => protocol::IPV6,
        "gre" => protocol::GRE,
        "esp" => protocol::ESP,
        "ah" => protocol::AH,
        "ipv6-icmp" | "icmpv6" => protocol::ICMPV6,
        "ospf" => 89,
        "vrrp" => 112,
        "l2tp" => 115,
        "ipcomp" | "comp" => protocol::IPCOMP,
        "sctp" => protocol::SCTP,
        "mobility-header" => protocol::MOBILITY,
        "udplite" => protocol::UDPLITE,
        _ => return word.parse().ok(),
    })
}
