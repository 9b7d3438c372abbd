//! The types of sets: names, families, what they hold. Their tables are in [`super::types`].
use packet::Family;

use super::manual;
use super::option::{Argument, Fields};
use super::types::SPECS;

/// A type of sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `bitmap:ip`.
    BitmapIp,
    /// `bitmap:ip,mac`.
    BitmapIpMac,
    /// `bitmap:port`.
    BitmapPort,
    /// `hash:ip`.
    HashIp,
    /// `hash:mac`.
    HashMac,
    /// `hash:ip,mac`.
    HashIpMac,
    /// `hash:net`.
    HashNet,
    /// `hash:net,net`.
    HashNetNet,
    /// `hash:ip,port`.
    HashIpPort,
    /// `hash:net,port`.
    HashNetPort,
    /// `hash:ip,port,ip`.
    HashIpPortIp,
    /// `hash:ip,port,net`.
    HashIpPortNet,
    /// `hash:net,port,net`.
    HashNetPortNet,
    /// `hash:net,iface`.
    HashNetIface,
    /// `hash:ip,mark`.
    HashIpMark,
    /// `list:set`.
    ListSet,
}

/// A part of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Address, prefix or range.
    Ip,
    /// One address.
    SingleIp,
    /// IPv4: address, prefix or range; IPv6: one address.
    IpOrSingle6,
    /// IPv4: address, prefix or range; IPv6: address or prefix.
    NetOrNet6,
    /// The second address of the element: one address.
    SecondIp,
    /// The second address of the element, as [`Self::NetOrNet6`].
    SecondNet,
    /// An Ethernet address.
    Mac,
    /// `[PROTO:]PORT`.
    Port,
    /// The same of TCP or UDP; the protocol is forgotten.
    TcpUdpPort,
    /// A mark.
    Mark,
    /// `[physdev:]IFACE`.
    Iface,
    /// The name of a set.
    SetName,
}

/// The families of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeFamilies {
    /// inet.
    V4,
    /// inet and inet6.
    Both,
    /// None: ports, Ethernet addresses, names.
    None,
}

/// What one of create, add, del and test takes.
#[derive(Debug)]
pub(crate) struct Syntax {
    pub(crate) arguments: &'static [&'static Argument],
    /// What must be there.
    pub(crate) need: Fields,
    /// What may be there besides the options.
    pub(crate) full: Fields,
    /// What stands in the help behind the type.
    pub(crate) help: &'static str,
}

/// A type.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    /// Its name in old versions of ipset.
    pub(crate) alias: &'static str,
    pub(crate) families: TypeFamilies,
    pub(crate) parts: &'static [Part],
    /// Whether the last part may be missing.
    pub(crate) last_optional: bool,
    pub(crate) create: Syntax,
    pub(crate) add: Syntax,
    pub(crate) delete: Syntax,
    pub(crate) test: Syntax,
}

/// What the members of a set are made of. Sets of the same features and family can be swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features(u8);

const IP: u8 = 1;
const PORT: u8 = 2;
const MAC: u8 = 4;
const IP2: u8 = 8;
const NAME: u8 = 16;
const IFACE: u8 = 32;
const MARK: u8 = 64;
const NOMATCH: u8 = 128;

impl Kind {
    /// All types.
    pub const ALL: [Kind; 16] = [
        Self::BitmapIp,
        Self::BitmapIpMac,
        Self::BitmapPort,
        Self::HashIp,
        Self::HashMac,
        Self::HashIpMac,
        Self::HashNet,
        Self::HashNetNet,
        Self::HashIpPort,
        Self::HashNetPort,
        Self::HashIpPortIp,
        Self::HashIpPortNet,
        Self::HashNetPortNet,
        Self::HashNetIface,
        Self::HashIpMark,
        Self::ListSet,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The type of a name; old names (`iphash`) are known.
    pub fn from_name(name: &str) -> Option<Kind> {
        Some(SPECS.iter().find(|spec| spec.name == name || spec.alias == name)?.kind)
    }

    pub(crate) fn spec(self) -> &'static Spec {
        &SPECS[self as usize]
    }

    /// The revision that is spoken.
    pub fn revision(self) -> u8 {
        manual::revisions(self).first().map_or(0, |revision| revision.0)
    }

    /// The family that a set has if none is given; `None`: the type has none.
    pub fn default_family(self) -> Option<Family> {
        match self.spec().families {
            TypeFamilies::None => None,
            TypeFamilies::V4 | TypeFamilies::Both => Some(Family::V4),
        }
    }

    /// How many of `src` and `dst` a rule may give (kernel: `dimension`).
    pub fn dimensions(self) -> usize {
        self.spec().parts.len()
    }

    /// Whether it is a list of sets.
    pub fn is_list(self) -> bool {
        self == Self::ListSet
    }

    pub(crate) fn features(self) -> Features {
        Features(match self {
            Self::BitmapIp | Self::HashIp => IP,
            Self::BitmapIpMac | Self::HashIpMac => IP | MAC,
            Self::BitmapPort => PORT,
            Self::HashMac => MAC,
            Self::HashNet => IP | NOMATCH,
            Self::HashNetNet => IP | IP2 | NOMATCH,
            Self::HashIpPort => IP | PORT,
            Self::HashNetPort => IP | PORT | NOMATCH,
            Self::HashIpPortIp => IP | PORT | IP2,
            Self::HashIpPortNet | Self::HashNetPortNet => IP | PORT | IP2 | NOMATCH,
            Self::HashNetIface => IP | IFACE | NOMATCH,
            Self::HashIpMark => IP | MARK,
            Self::ListSet => NAME,
        })
    }

    /// Whether members may be marked `nomatch`.
    pub fn has_nomatch(self) -> bool {
        self.features().0 & NOMATCH != 0
    }
}
