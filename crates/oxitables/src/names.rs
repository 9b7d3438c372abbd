//! Names of this system: /etc/services, /etc/protocols, /etc/networks, /etc/hosts, /etc/passwd, /etc/group,
//! /etc/iproute2/rt_realms, /etc/iproute2/group, /etc/xtables/connlabel.conf, the resolver.
//!
//! The files are read themselves, so that a static build needs no name service switch. Each file is read once, when it
//! is first asked for. Host names are resolved by the standard library; numbers are turned into host names by /etc/hosts
//! and /etc/networks only.
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs as _};

use packet::Family;
use rules::syntax::{KnownSet, Names, value};

use crate::target::{Place, SetHeads};

/// The names of this system.
#[derive(Default)]
pub(crate) struct SystemNames {
    services: OnceCell<Services>,
    protocols: OnceCell<Pairs<u8>>,
    networks: OnceCell<Pairs<Ipv4Addr>>,
    hosts: OnceCell<HashMap<IpAddr, String>>,
    users: OnceCell<Pairs<u32>>,
    groups: OnceCell<Pairs<u32>>,
    realms: OnceCell<Pairs<u32>>,
    device_groups: OnceCell<Pairs<u32>>,
    labels: OnceCell<Pairs<u16>>,
    /// Where the sets are that rules may name; `None`: nobody is asked.
    sets: Option<Place>,
    /// The families of the only sets that there are; `None`: nobody has said.
    given_sets: Option<HashMap<String, Option<Family>>>,
    /// The sets as they stood in a file.
    known_sets: RefCell<Option<SetHeads>>,
    /// Hosts that were resolved already: one question for each name.
    resolved: RefCell<HashMap<(String, Family), Vec<IpAddr>>>,
}

/// Numbers by name, and the first name of each number.
struct Pairs<N> {
    numbers: HashMap<String, N>,
    names: HashMap<N, String>,
}

impl<N: Copy + Eq + std::hash::Hash> Pairs<N> {
    /// From lines of a file: the name, other names, the number.
    fn read(path: &str, line: impl Fn(&str) -> Option<(Vec<String>, N)>) -> Self {
        let mut pairs = Self { numbers: HashMap::new(), names: HashMap::new() };
        for (names, number) in text_of(path).lines().filter_map(line) {
            if let Some(first) = names.first() {
                pairs.names.entry(number).or_insert_with(|| first.clone());
            }
            for name in names {
                pairs.numbers.entry(name).or_insert(number);
            }
        }
        pairs
    }
}

#[derive(Default)]
struct Services {
    /// By name and protocol.
    ports: HashMap<(String, String), u16>,
    /// By name alone: the first line of the file.
    any: HashMap<String, u16>,
    names: HashMap<(u16, String), String>,
}

/// Names of labels of connections.
const LABELS: &str = "/etc/xtables/connlabel.conf";

fn text_of(path: &str) -> String {
    match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

/// The words of a line before `#`.
fn words(line: &str) -> Vec<&str> {
    line.split('#').next().unwrap_or("").split_ascii_whitespace().collect()
}

/// `name number alias…`.
fn name_number(line: &str) -> Option<(Vec<String>, &str)> {
    let words = words(line);
    let (name, rest) = words.split_first()?;
    let (number, aliases) = rest.split_first()?;
    let names = std::iter::once(name).chain(aliases).map(|&name| name.to_owned()).collect();
    Some((names, number))
}

/// `name:x:number:…`.
fn account(line: &str) -> Option<(Vec<String>, u32)> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    Some((vec![name.to_owned()], fields.nth(1)?.parse().ok()?))
}

/// `number name`, as the files of iproute2 have it: decimal or hexadecimal, at most 255.
fn number_name(line: &str) -> Option<(Vec<String>, u32)> {
    let mut words = line.split_ascii_whitespace();
    let number = words.next()?;
    let number = match number.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16),
        None => number.parse(),
    };
    let name = words.next().filter(|name| !name.starts_with('#'))?;
    Some((vec![name.to_owned()], u32::from(number.ok()?)))
}

/// `number name of a label`: a name may have blanks, but no quotes and no control characters.
fn label(line: &str) -> Option<(Vec<String>, u16)> {
    let (number, name) = line.trim().split_once([' ', '\t'])?;
    let name = name.trim();
    let fit = !name.is_empty() && !name.contains(|letter: char| letter == '"' || letter.is_control());
    let number = value::number(number, 0, u64::from(u16::MAX)).filter(|_| fit)?;
    Some((vec![name.to_owned()], u16::try_from(number).ok()?))
}

impl SystemNames {
    /// Nothing read yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The same with the sets of the ruleset's file, for programs that change it.
    pub(crate) fn with_sets() -> Self {
        Self { sets: Place::from_environment().ok(), ..Self::default() }
    }

    /// The same with the only sets that there are, for rules that are run.
    pub(crate) fn with_given(sets: &rules::set::Sets) -> Self {
        let families = sets.iter().map(|set| (set.name().to_string(), set.family())).collect();
        Self { given_sets: Some(families), ..Self::default() }
    }

    fn services(&self) -> &Services {
        self.services.get_or_init(|| {
            let mut services = Services::default();
            for line in text_of("/etc/services").lines() {
                let Some((names, number)) = name_number(line) else { continue };
                let Some((port, protocol)) = number.split_once('/') else { continue };
                let Ok(port) = port.parse() else { continue };
                if let Some(first) = names.first() {
                    services.names.entry((port, protocol.to_owned())).or_insert_with(|| first.clone());
                }
                for name in names {
                    services.any.entry(name.clone()).or_insert(port);
                    services.ports.entry((name, protocol.to_owned())).or_insert(port);
                }
            }
            services
        })
    }

    fn protocols(&self) -> &Pairs<u8> {
        self.protocols.get_or_init(|| {
            Pairs::read("/etc/protocols", |line| {
                let (names, number) = name_number(line)?;
                Some((names, number.parse().ok()?))
            })
        })
    }

    fn realms(&self) -> &Pairs<u32> {
        self.realms.get_or_init(|| Pairs::read("/etc/iproute2/rt_realms", number_name))
    }

    fn device_groups(&self) -> &Pairs<u32> {
        self.device_groups.get_or_init(|| Pairs::read("/etc/iproute2/group", number_name))
    }

    fn networks(&self) -> &Pairs<Ipv4Addr> {
        self.networks.get_or_init(|| {
            Pairs::read("/etc/networks", |line| {
                let (names, number) = name_number(line)?;
                match value::literal_address(number, Family::V4)? {
                    IpAddr::V4(network) => Some((names, network)),
                    IpAddr::V6(_) => None,
                }
            })
        })
    }
}

impl Names for SystemNames {
    fn service(&self, name: &str, protocol: Option<&str>) -> Option<u16> {
        let services = self.services();
        match protocol {
            Some(protocol) => services.ports.get(&(name.to_owned(), protocol.to_owned())).copied(),
            None => services.any.get(name).copied(),
        }
    }

    fn service_name(&self, port: u16, protocol: Option<&str>) -> Option<String> {
        let names = &self.services().names;
        match protocol {
            Some(protocol) => names.get(&(port, protocol.to_owned())).cloned(),
            None => ["tcp", "udp"].iter().find_map(|own| names.get(&(port, (*own).to_owned())).cloned()),
        }
    }

    fn protocol(&self, name: &str) -> Option<u8> {
        self.protocols().numbers.get(name).copied()
    }

    fn protocol_name(&self, number: u8) -> Option<String> {
        self.protocols().names.get(&number).cloned()
    }

    fn host(&self, name: &str, family: Family) -> Vec<IpAddr> {
        let key = (name.to_owned(), family);
        if let Some(known) = self.resolved.borrow().get(&key) {
            return known.clone();
        }
        let mut addresses = Vec::new();
        // Why: a name with a NUL or blanks in it is nobody's; the resolver need not be asked.
        if let Ok(found) = (name, 0_u16).to_socket_addrs() {
            for address in found.map(|socket| socket.ip()).filter(|&address| Family::of(address) == family) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        self.resolved.borrow_mut().insert(key, addresses.clone());
        addresses
    }

    fn host_name(&self, address: IpAddr) -> Option<String> {
        let hosts = self.hosts.get_or_init(|| {
            let mut hosts = HashMap::new();
            for line in text_of("/etc/hosts").lines() {
                if let [address, name, ..] = words(line).as_slice()
                    && let Ok(address) = address.parse()
                {
                    hosts.entry(address).or_insert_with(|| (*name).to_owned());
                }
            }
            hosts
        });
        let network = match address {
            IpAddr::V4(v4) => self.networks().names.get(&v4),
            IpAddr::V6(_) => None,
        };
        hosts.get(&address).or(network).cloned()
    }

    fn network(&self, name: &str) -> Option<Ipv4Addr> {
        self.networks().numbers.get(name).copied()
    }

    fn user(&self, name: &str) -> Option<u32> {
        self.users.get_or_init(|| Pairs::read("/etc/passwd", account)).numbers.get(name).copied()
    }

    fn user_name(&self, id: u32) -> Option<String> {
        self.users.get_or_init(|| Pairs::read("/etc/passwd", account)).names.get(&id).cloned()
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.groups.get_or_init(|| Pairs::read("/etc/group", account)).numbers.get(name).copied()
    }

    fn group_name(&self, id: u32) -> Option<String> {
        self.groups.get_or_init(|| Pairs::read("/etc/group", account)).names.get(&id).cloned()
    }

    fn connection_label(&self, name: &str) -> Option<u16> {
        self.labels.get_or_init(|| Pairs::read(LABELS, label)).numbers.get(name).copied()
    }

    fn connection_label_name(&self, number: u16) -> Option<String> {
        self.labels.get_or_init(|| Pairs::read(LABELS, label)).names.get(&number).cloned()
    }

    fn realm(&self, name: &str) -> Option<u32> {
        self.realms().numbers.get(name).copied()
    }

    fn realm_name(&self, id: u32) -> Option<String> {
        self.realms().names.get(&id).cloned()
    }

    fn device_group(&self, name: &str) -> Option<u32> {
        self.device_groups().numbers.get(name).copied()
    }

    fn device_group_name(&self, id: u32) -> Option<String> {
        self.device_groups().names.get(&id).cloned()
    }

    fn set(&self, name: &str) -> KnownSet {
        if let Some(given) = &self.given_sets {
            return given.get(name).map_or(KnownSet::Missing, |family| KnownSet::Present(*family));
        }
        let Some(place) = &self.sets else { return KnownSet::NotAsked };
        let mut known = self.known_sets.borrow_mut();
        if !known.as_ref().is_some_and(|heads| heads.is_current(place)) {
            *known = place.set_heads();
        }
        // Why: a file that cannot be read is told when it is opened to be changed.
        known.as_ref().map_or(KnownSet::NotAsked, |heads| heads.find(name))
    }
}
