//! A snapshot as what an engine is made of.
use netfilter::hook::World;
use netfilter::xfrm::{self, Policies};
use netfilter::{Machine, Network};
use packet::Family;
use rules::Ruleset;
use rules::set::Sets;

use super::foreign::{self, Foreign};
use super::sysctls::{self, Settings};
use super::{Problem, Section};
use crate::iproute::{self, Names, Outputs};
use crate::rulesfile;

/// A host.
#[derive(Debug)]
pub(crate) struct Host {
    /// The file that it was read from.
    pub(crate) name: String,
    /// Devices, addresses, routes, rules, settings of the way.
    pub(crate) network: Network,
    /// Rules, by world and family. A ruleset without tables is one that was looked for and is empty.
    pub(crate) rulesets: Vec<(World, Ruleset)>,
    /// Families of which rules and routes are known.
    pub(crate) families: Vec<Family>,
    /// Sets.
    pub(crate) sets: Option<Sets>,
    /// Sockets and the like.
    pub(crate) machine: Machine,
    /// Connections and expectations: the text, and the line it begins with.
    pub(crate) connections: Vec<(String, usize)>,
    /// Settings of the engine.
    pub(crate) settings: Settings,
    /// Base chains of nft that are not of iptables.
    pub(crate) foreign: Vec<Foreign>,
    /// Whether connections are tracked because of something beside the rules of iptables.
    pub(crate) tracks: bool,
    /// The time of the snapshot in nanoseconds since 1970.
    pub(crate) wall: Option<u64>,
    /// What a person should know.
    pub(crate) notes: Vec<String>,
}

impl Host {
    /// The rules of a family in one of the two implementations of iptables.
    pub(crate) fn rules(&self, world: World, family: Family) -> Ruleset {
        let found = self.rulesets.iter().find(|(own, rules)| *own == world && rules.family() == family);
        found.map_or_else(|| Ruleset::new(family), |(_, rules)| rules.clone())
    }
}

/// Why a snapshot cannot be used.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The message.
    pub(crate) text: String,
    /// Exit code.
    pub(crate) exit: u8,
}

impl Failure {
    fn at(file: &str, problem: &Problem) -> Self {
        Self { text: format!("{file}:{problem}"), exit: 2 }
    }
}

/// The sections of a snapshot, taken one after another.
struct Sections<'s> {
    /// The name of the file.
    file: &'s str,
    all: &'s [Section],
    taken: Vec<bool>,
}

impl<'s> Sections<'s> {
    /// The sections whose names fit.
    fn take(&mut self, fits: impl Fn(&str) -> bool) -> Vec<&'s Section> {
        let mut found = Vec::new();
        for (section, taken) in self.all.iter().zip(&mut self.taken) {
            if fits(&section.name) {
                *taken = true;
                found.push(section);
            }
        }
        found
    }

    /// The text of a section; what is not there is noted.
    fn text(&mut self, name: &str, notes: &mut Vec<String>) -> Option<(&'s Section, &'s str)> {
        let found = self.take(|own| own == name);
        readable(found, name, notes)
    }
}

fn readable<'s>(
    found: Vec<&'s Section>,
    name: &str,
    notes: &mut Vec<String>,
) -> Option<(&'s Section, &'s str)> {
    let section = *found.first()?;
    match &section.body {
        Ok(body) => Some((section, body)),
        Err(reason) => {
            notes.push(format!("`{name}` was not read: {reason}"));
            None
        }
    }
}

/// Whether a section is `ip` with JSON, of an object (`link`), and of a family where that counts.
fn is_ip(name: &str, objects: &[&str], family: Option<Family>) -> bool {
    let mut words = name.split(' ');
    if words.next().is_none_or(|program| program.rsplit('/').next() != Some("ip")) {
        return false;
    }
    let (mut json, mut own) = (false, None);
    for word in words {
        match word {
            "-4" => own = Some(Family::V4),
            "-6" => own = Some(Family::V6),
            "-j" | "-json" | "--json" => json = true,
            flag if flag.starts_with('-') => {}
            object => return json && objects.contains(&object) && (family.is_none() || own == family),
        }
    }
    false
}

/// Reads a host out of its snapshot. `name` is that of the file, for messages about rules.
pub(crate) fn read(name: &str, sections: &[Section]) -> Result<Host, Failure> {
    let mut notes = Vec::new();
    let mut sections = Sections { file: name, all: sections, taken: vec![false; sections.len()] };
    let (mut network, routed) = network(&mut sections, &mut notes)?;
    let mut settings =
        match sections.take(|own| matches!(own, "sysctl" | "sysctl -a" | "sysctl -a -N")).first() {
            None => Settings::default(),
            Some(section) => match &section.body {
                Ok(text) => sysctls::read(section, text, &mut network, &mut notes)
                    .map_err(|problem| Failure::at(name, &problem))?,
                Err(reason) => {
                    return Err(Failure {
                        text: format!("cannot decide: the settings (`sysctl`) were not read: {reason}"),
                        exit: 3,
                    });
                }
            },
        };
    parameters(&mut sections, &mut settings)?;
    let (machine, policies) = machine(&mut sections, &settings, &mut notes)?;
    network.policies = policies;
    let native = sections.text("nft -j list ruleset", &mut notes);
    let sets = match sections.text("ipset save", &mut notes) {
        None => None,
        Some((section, text)) => Some(sets(name, section, text)?),
    };
    let rulesets = rulesets(name, &mut sections, sets.as_ref(), &mut notes)?;
    let known = |family: Family| {
        [World::Legacy, World::Nft]
            .iter()
            .all(|world| rulesets.iter().any(|(own, ruleset)| own == world && ruleset.family() == family))
    };
    let families =
        [Family::V4, Family::V6].into_iter().filter(|family| known(*family) && routed.contains(family));
    let families = families.collect();
    let is_ours = |family: Family, table: &str| {
        let mut nft = rulesets.iter().filter(|(world, own)| *world == World::Nft && own.family() == family);
        nft.any(|(_, own)| own.tables().iter().any(|rules| rules.table().name() == table))
    };
    let foreign = match native {
        Some((section, text)) => {
            foreign::read(text, section.line, &is_ours).map_err(|problem| Failure::at(name, &problem))?
        }
        None => Vec::new(),
    };
    let connections = connections(&mut sections, &mut notes);
    let wall = sections.text("time", &mut notes).and_then(|(_, text)| nanoseconds(text));
    sections.take(|own| own == "versions");
    if let Some((section, _)) = sections.all.iter().zip(&sections.taken).find(|(_, taken)| !**taken) {
        let line = section.line.saturating_sub(1);
        let what = format!("no section is called `{}`", section.name);
        return Err(Failure::at(name, &Problem { line, what }));
    }
    let tracks = native.is_some_and(|(_, text)| !foreign.is_empty() && foreign::tracks(text));
    let name = name.to_owned();
    Ok(Host {
        name,
        network,
        rulesets,
        families,
        sets,
        machine,
        connections,
        settings,
        foreign,
        tracks,
        wall,
        notes,
    })
}

/// Parameters of modules: files below `/sys/module`, one a section.
fn parameters(sections: &mut Sections<'_>, settings: &mut Settings) -> Result<(), Failure> {
    let file = sections.file;
    for section in sections.take(|own| own.starts_with("/sys/module/")) {
        // A kernel that has not the module has no such connections either.
        let Ok(text) = &section.body else { continue };
        let name = section.name.rsplit('/').next().unwrap_or_default();
        if settings.conntrack.helpers.set(name, text) != Some(true) {
            let what = format!("{}: not a parameter, or no value of it: `{}`", section.name, text.trim());
            return Err(Failure::at(file, &Problem { line: section.line, what }));
        }
    }
    Ok(())
}

/// The network, and the families whose routes and rules are there.
fn network(sections: &mut Sections<'_>, notes: &mut Vec<String>) -> Result<(Network, Vec<Family>), Failure> {
    let [tables, groups, realms] = ["rt_tables", "group", "rt_realms"]
        .map(|name| sections.text(name, notes).map_or("", |(_, text)| text));
    let names = Names::new(tables, groups, realms);
    let mut outputs = Outputs::default();
    for section in sections.take(|own| is_ip(own, &["l", "link", "a", "addr", "address"], None)) {
        match &section.body {
            Ok(text) => outputs.links.push((&section.name, text)),
            Err(reason) => notes.push(format!("`{}` was not read: {reason}", section.name)),
        }
    }
    if outputs.links.is_empty() {
        let text = "cannot decide: the snapshot has no `ip -d -j addr`".to_owned();
        return Err(Failure { text, exit: 3 });
    }
    for section in sections.take(|own| is_ip(own, &["n", "neigh", "neighbor", "neighbour"], None)) {
        outputs.neighbours = section.body.as_deref().ok().map(|text| (section.name.as_str(), text));
    }
    for section in sections.take(|own| is_ip(own, &["m", "maddr", "maddress"], None)) {
        match &section.body {
            Ok(text) => outputs.groups = Some((section.name.as_str(), text)),
            Err(reason) => notes.push(format!("`{}` was not read: {reason}", section.name)),
        }
    }
    for section in sections.take(|own| matches!(own, "/proc/net/mcfilter" | "/proc/net/mcfilter6")) {
        outputs.filters.extend(section.body.as_deref().ok().map(|text| (section.name.as_str(), text)));
    }
    for section in sections.take(|own| matches!(own, "ip -4 route show cache" | "ip -6 route show cache")) {
        match &section.body {
            Ok(text) => outputs.learned.push((section.name.as_str(), text)),
            Err(reason) => notes.push(format!("`{}` was not read: {reason}", section.name)),
        }
    }
    // A host without bridges has no program for them.
    for section in sections.take(|own| matches!(own, "bridge -j fdb" | "bridge -j fdb show")) {
        outputs.forwarding = section.body.as_deref().ok().map(|text| (section.name.as_str(), text));
    }
    let mut families = Vec::new();
    for family in [Family::V4, Family::V6] {
        let mut of = |objects: &[&str]| {
            let found = sections.take(|own| is_ip(own, objects, Some(family)));
            let name = found.first().map(|section| section.name.as_str()).unwrap_or_default();
            readable(found, name, notes).map(|(section, text)| (section.name.as_str(), text))
        };
        let routes = of(&["r", "ro", "route"]);
        let rules = of(&["ru", "rule"]);
        if routes.is_some() && rules.is_some() {
            families.push(family);
        }
        match family {
            Family::V4 => (outputs.routes_v4, outputs.rules_v4) = (routes, rules),
            Family::V6 => (outputs.routes_v6, outputs.rules_v6) = (routes, rules),
        }
    }
    let read = iproute::read(&outputs, &names)
        .map_err(|problem| Failure { text: format!("{}: {problem}", sections.file), exit: 2 })?;
    notes.extend(read.notes);
    Ok((read.network, families))
}

fn rulesets(
    file: &str,
    sections: &mut Sections<'_>,
    sets: Option<&Sets>,
    notes: &mut Vec<String>,
) -> Result<Vec<(World, Ruleset)>, Failure> {
    let mut rulesets = Vec::new();
    for family in [Family::V4, Family::V6] {
        let program = crate::applets::family_name(family);
        for (world, variant) in [(World::Legacy, "legacy"), (World::Nft, "nft")] {
            let command = format!("{program}-{variant}-save");
            let found = sections.take(|own| own.split(' ').next() == Some(command.as_str()));
            let missing = |section: &&Section| {
                // Who has not the program of a variant has no rules of it.
                matches!(&section.body, Err(reason) if reason.ends_with("is not there"))
            };
            if found.is_empty() || found.iter().any(missing) {
                rulesets.push((world, Ruleset::new(family)));
                continue;
            }
            let Some((section, text)) = readable(found, &command, notes) else { continue };
            // Why: so that messages name the line of the snapshot.
            let text = "\n".repeat(section.line.saturating_sub(1)) + text;
            let ruleset = rulesfile::read(family, file, &text, sets)
                .map_err(|problem| Failure { text: problem.text, exit: problem.exit })?;
            rulesets.push((world, ruleset));
        }
    }
    Ok(rulesets)
}

fn sets(file: &str, section: &Section, text: &str) -> Result<Sets, Failure> {
    rules::set::restore::load(text, START_MILLISECONDS).map_err(|(line, fault)| {
        let what = format!("ipset: {}", fault.text());
        Failure::at(file, &Problem { line: section.line + line - 1, what })
    })
}

/// The engine's clock begins at one hour.
pub(crate) const START_MILLISECONDS: u64 = 3_600_000;

fn machine(
    sections: &mut Sections<'_>,
    settings: &Settings,
    notes: &mut Vec<String>,
) -> Result<(Machine, Policies), Failure> {
    let file = sections.file;
    let mut reader = netfilter::machine::text::Reader::default();
    let mut read = |line: usize, text: &str| {
        reader.read(text).map_err(|mut problem| {
            problem.line += line.saturating_sub(1);
            Failure { text: format!("{file}:{problem}"), exit: 2 }
        })
    };
    read(0, &settings.machine)?;
    for name in ["/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6", "machine"] {
        if let Some((section, text)) = sections.text(name, notes) {
            read(section.line, text)?;
        }
    }
    for section in sections.take(|own| own.starts_with("ss ")) {
        if let Ok(text) = &section.body {
            read(section.line, text)?;
        }
    }
    let mut policies = Policies::default();
    let states = sections.take(|own| own == "ip xfrm state count");
    let has_none = states
        .first()
        .and_then(|section| section.body.as_deref().ok())
        .is_some_and(|text| text.split_whitespace().collect::<Vec<_>>().ends_with(&["SAD", "count", "0"]));
    if let Some((section, text)) = sections.text("ip xfrm policy", notes) {
        policies = xfrm::text::parse(text);
        // What has no policy, and what has one and no state, is not protected.
        if text.trim().is_empty() || has_none {
            read(section.line, "ipsec none\n")?;
        }
    }
    // Programs and kernels before 5.14 have no default but to accept.
    let default = sections.take(|own| own == "ip xfrm policy getdefault");
    if let Some(text) = default.first().and_then(|section| section.body.as_deref().ok()) {
        xfrm::text::read_default(text, &mut policies);
    }
    Ok((reader.finish(), policies))
}

fn connections(sections: &mut Sections<'_>, notes: &mut Vec<String>) -> Vec<(String, usize)> {
    let is_table = |own: &str| {
        matches!(own, "/proc/net/nf_conntrack" | "/proc/net/nf_conntrack_expect")
            || own.starts_with("conntrack ")
    };
    let mut found = Vec::new();
    for section in sections.take(is_table) {
        match &section.body {
            Ok(text) => found.push((text.clone(), section.line)),
            Err(reason) => {
                notes
                    .push(format!("`{}` was not read: {reason}; no connection of it is known", section.name));
            }
        }
    }
    found
}

/// `SECONDS.NANOSECONDS`.
fn nanoseconds(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let nanos: u64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    seconds.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nanos)
}
