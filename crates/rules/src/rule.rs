//! A rule: what a packet must be, what is counted, what happens then.
use packet::{AddrMask, InterfaceName};

use crate::{Match, Target};

/// A condition that may stand behind `!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Negatable<T> {
    /// Whether `!` stands before it.
    pub invert: bool,
    /// The condition.
    pub value: T,
}

impl<T> Negatable<T> {
    /// The condition as it stands.
    pub const fn is(value: T) -> Self {
        Self { invert: false, value }
    }

    /// The condition behind `!`.
    pub const fn not(value: T) -> Self {
        Self { invert: true, value }
    }
}

/// Packet and byte counters. Bytes are IP total lengths (F68). Both wrap at 2^64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Counters {
    /// Counts one packet of some bytes.
    #[inline]
    pub fn count(&mut self, bytes: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(bytes as u64);
    }
}

/// An interface in a rule: a name, or a prefix of names (`eth+`), or any (`+`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InterfacePattern {
    /// `+`: every interface, and none as well.
    Any,
    /// One interface.
    Exact(InterfaceName),
    /// `name+`: every interface whose name starts so.
    Prefix(InterfaceName),
}

impl InterfacePattern {
    /// Whether an interface (or `None`, where the packet has none) fits.
    #[inline]
    pub fn matches(&self, interface: Option<InterfaceName>) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => interface == Some(*name),
            Self::Prefix(name) => {
                interface.is_some_and(|interface| interface.as_bytes().starts_with(name.as_bytes()))
            }
        }
    }
}

/// The conditions on the IP header and the interfaces that every rule can have (`-s -d -i -o -p -f`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Header {
    /// `-s`.
    pub source: Option<Negatable<AddrMask>>,
    /// `-d`.
    pub destination: Option<Negatable<AddrMask>>,
    /// `-i`.
    pub input: Option<Negatable<InterfacePattern>>,
    /// `-o`.
    pub output: Option<Negatable<InterfacePattern>>,
    /// `-p`; never 0 (`-p all` is `None`).
    pub protocol: Option<Negatable<u8>>,
    /// `-f` (`Some(false)`: later fragments) or `! -f` (`Some(true)`); IPv4 only. The value is the inversion.
    pub fragment: Option<bool>,
}

impl Header {
    /// The protocol of `-p` if it is not inverted and not `all`.
    pub fn positive_protocol(&self) -> Option<u8> {
        self.protocol
            .filter(|protocol| !protocol.invert && protocol.value != 0)
            .map(|protocol| protocol.value)
    }
}

/// A rule of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Conditions on header and interfaces.
    pub header: Header,
    /// The matches in the order typed; all must hold.
    pub matches: Vec<Match>,
    /// What happens to a packet that fits; `None`: it is only counted.
    pub target: Option<Target>,
    /// How often it matched.
    pub counters: Counters,
}

impl Rule {
    /// Whether two rules are the same for `-C` and `-D`: everything but the counters.
    pub fn same(&self, other: &Rule) -> bool {
        self.header == other.header && self.matches == other.matches && self.target == other.target
    }

    /// How often the rule names a set of ipset.
    pub fn set_references(&self, name: &str) -> usize {
        let matches = self.matches.iter().filter_map(|own| match own {
            Match::Set(own) => own.set.as_ref(),
            _ => None,
        });
        let target = match &self.target {
            Some(Target::Set(own)) => Some(own),
            _ => None,
        };
        let all = matches.chain(target.into_iter().flat_map(|own| own.sets()));
        all.filter(|set| set.name.as_str() == name).count()
    }
}
