//! Native tables of nft (`nft -j list ruleset`): their base chains, which packets pass beside the rules of iptables and
//! which are not modelled.
use netfilter::hook::{Module, Verdict};
use netfilter::skb::Drop;
use netfilter::{DeviceId, Network, Packet};
use packet::{Family, InterfaceName};
use rules::Hook;
use serde::Deserialize;

use super::Problem;

/// What `nft -j list ruleset` prints, as far as it counts here.
#[derive(Debug, Deserialize)]
struct Document {
    nftables: Vec<Item>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    chain: Option<Chain>,
    rule: Option<Rule>,
}

#[derive(Debug, Deserialize)]
struct Chain {
    family: String,
    table: String,
    name: String,
    hook: Option<String>,
    prio: Option<i64>,
    policy: Option<String>,
    dev: Option<Devices>,
}

/// One device or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Devices {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Deserialize)]
struct Rule {
    family: String,
    table: String,
    chain: String,
}

/// A base chain that iptables does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// Families whose packets it meets.
    pub(crate) families: Vec<Family>,
    /// Where.
    pub(crate) hook: Hook,
    /// Its priority.
    pub(crate) priority: i32,
    /// Only packets that come in by these devices (family netdev); none: all.
    devices: Vec<String>,
    /// `table inet fw, chain input`.
    pub(crate) name: String,
}

/// The base chains of native tables that may drop or change packets: those with a rule, or with another policy than
/// accept. `is_ours` knows the tables of iptables-nft by family and name.
pub(super) fn read(
    text: &str,
    line: usize,
    is_ours: &dyn Fn(Family, &str) -> bool,
) -> Result<Vec<Foreign>, Problem> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let document: Document = serde_json::from_str(text)
        .map_err(|error| Problem { line, what: format!("not the JSON of `nft -j list ruleset`: {error}") })?;
    let has_rules = |chain: &Chain| {
        let mut rules = document.nftables.iter().filter_map(|item| item.rule.as_ref());
        rules.any(|rule| {
            (&rule.family, &rule.table, &rule.chain) == (&chain.family, &chain.table, &chain.name)
        })
    };
    let mut found = Vec::new();
    for chain in document.nftables.iter().filter_map(|item| item.chain.as_ref()) {
        let families = match chain.family.as_str() {
            "ip" => vec![Family::V4],
            "ip6" => vec![Family::V6],
            "inet" | "netdev" => vec![Family::V4, Family::V6],
            // Frames of bridges and ARP are no packets of the stack.
            _ => continue,
        };
        let (Some(hook), Some(priority)) = (&chain.hook, chain.prio) else { continue };
        if !has_rules(chain) && chain.policy.as_deref().is_none_or(|policy| policy == "accept") {
            continue;
        }
        if let [family] = *families
            && is_ours(family, &chain.table)
        {
            continue;
        }
        let priority = i32::try_from(priority).unwrap_or(0);
        let (hook, priority) = match hook.as_str() {
            "prerouting" => (Hook::Prerouting, priority),
            "input" => (Hook::Input, priority),
            "forward" => (Hook::Forward, priority),
            "output" => (Hook::Output, priority),
            "postrouting" => (Hook::Postrouting, priority),
            // In front of, and behind everything of the stack.
            "ingress" => (Hook::Prerouting, i32::MIN),
            "egress" => (Hook::Postrouting, i32::MAX),
            other => return Err(Problem { line, what: format!("a chain of nft at the hook `{other}`") }),
        };
        let devices = match &chain.dev {
            None => Vec::new(),
            Some(Devices::One(name)) => vec![name.clone()],
            Some(Devices::Several(names)) => names.clone(),
        };
        let name = format!("table {} {}, chain {}", chain.family, chain.table, chain.name);
        found.push(Foreign { families, hook, priority, devices, name });
    }
    Ok(found)
}

impl Foreign {
    /// Something that stands in its place in the engine: no packet that meets it has a verdict.
    pub(crate) fn module(&self, network: &Network) -> Box<dyn Module> {
        let device = |name: &String| InterfaceName::new(name).and_then(|name| network.device_named(name));
        // Why: a reason of a drop is a plain word; there are as many as chains in one file that is read once.
        let name = String::leak(format!("what nft's own {} does", self.name));
        Box::new(Unknown {
            name,
            devices: self.devices.iter().filter_map(device).collect(),
            outgoing: self.hook == Hook::Postrouting,
            all: self.devices.is_empty(),
        })
    }
}

struct Unknown {
    name: &'static str,
    devices: Vec<DeviceId>,
    outgoing: bool,
    all: bool,
}

impl Module for Unknown {
    fn name(&self) -> &'static str {
        self.name
    }

    fn handle(&mut self, _: Hook, packet: &mut Packet) -> Verdict {
        let device = if self.outgoing { packet.output } else { packet.input };
        if self.all || device.is_some_and(|device| self.devices.contains(&device)) {
            return Verdict::Drop(Drop::Unknown(self.name));
        }
        Verdict::Accept
    }
}

/// Whether something in the ruleset of nft needs connection tracking (Linux: `nft_ct_get_init` and the like, chains of
/// type nat with a rule that translates).
pub(super) fn tracks(text: &str) -> bool {
    ["\"ct\"", "\"snat\"", "\"dnat\"", "\"masquerade\"", "\"redirect\"", "\"synproxy\"", "\"flow\""]
        .iter()
        .any(|word| text.contains(word))
}
