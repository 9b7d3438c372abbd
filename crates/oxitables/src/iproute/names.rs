//! Names of tables, groups and realms, which iproute2 prints instead of numbers (`ip -N` prints numbers).
use std::collections::BTreeMap;

use super::json::number_of;

/// Numbers by name, out of /etc/iproute2.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    tables: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
    realms: BTreeMap<String, u32>,
}

impl Names {
    /// Reads the texts of `rt_tables`, `group` and `rt_realms`, as far as they are there.
    pub(crate) fn new(tables: &str, groups: &str, realms: &str) -> Self {
        Self { tables: read(tables), groups: read(groups), realms: read(realms) }
    }

    /// The number of a routing table.
    pub(super) fn table(&self, word: &str) -> Option<u32> {
        let usual = match word {
            "unspec" => Some(0),
            "default" => Some(netfilter::network::TABLE_DEFAULT),
            "main" => Some(netfilter::network::TABLE_MAIN),
            "local" => Some(netfilter::network::TABLE_LOCAL),
            _ => None,
        };
        usual.or_else(|| find(&self.tables, word))
    }

    /// The number of a group of devices.
    pub(super) fn group(&self, word: &str) -> Option<u32> {
        if word == "default" { Some(0) } else { find(&self.groups, word) }
    }

    /// The number of a realm.
    pub(super) fn realm(&self, word: &str) -> Option<u32> {
        if word == "cosmos" { Some(0) } else { find(&self.realms, word) }
    }
}

fn find(names: &BTreeMap<String, u32>, word: &str) -> Option<u32> {
    let number = || number_of(word).and_then(|number| u32::try_from(number).ok());
    names.get(word).copied().or_else(number)
}

/// `NUMBER NAME` in each line; remarks begin with `#`.
fn read(text: &str) -> BTreeMap<String, u32> {
    let mut names = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or("").split_whitespace();
        if let (Some(number), Some(name)) = (words.next(), words.next())
            && let Some(number) = number_of(number).and_then(|number| u32::try_from(number).ok())
        {
            names.insert(name.to_owned(), number);
        }
    }
    names
}

/// A scope by name or number (Linux: `RT_SCOPE_*`).
pub(super) fn scope(word: &str) -> Option<u8> {
    Some(match word {
        "global" => 0,
        "site" => 200,
        "link" => 253,
        "host" => 254,
        "nowhere" => 255,
        _ => return number_of(word).and_then(|number| u8::try_from(number).ok()),
    })
}

/// A kind of routes by name or number (Linux: `RTN_*`).
pub(super) fn kind(word: &str) -> Option<netfilter::network::RouteKind> {
    use netfilter::network::RouteKind as K;
    Some(match word {
        "unicast" | "1" => K::Unicast,
        "local" | "2" => K::Local,
        "broadcast" | "3" => K::Broadcast,
        "anycast" | "4" => K::Anycast,
        "multicast" | "5" => K::Multicast,
        "blackhole" | "6" => K::Blackhole,
        "unreachable" | "7" => K::Unreachable,
        "prohibit" | "8" => K::Prohibit,
        "throw" | "9" => K::Throw,
        _ => return None,
    })
}
