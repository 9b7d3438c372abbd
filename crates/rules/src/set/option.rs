//! The options of ipset's commands as data: names, values, help.

/// A kind of value of a command. The numbers are those of ipset, because one of its messages prints them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Field {
    Family = 3,
    Ip = 4,
    IpTo = 5,
    Cidr = 6,
    Mark = 7,
    Port = 8,
    PortTo = 9,
    Timeout = 10,
    Gc = 11,
    HashSize = 12,
    MaxElem = 13,
    MarkMask = 14,
    NetMask = 15,
    Probes = 16,
    Resize = 17,
    Size = 18,
    ForceAdd = 19,
    BitMask = 20,
    Ether = 24,
    Name = 25,
    NameRef = 26,
    Ip2 = 27,
    Cidr2 = 28,
    Ip2To = 29,
    Proto = 30,
    Iface = 31,
    Before = 34,
    Physdev = 35,
    NoMatch = 36,
    Counters = 37,
    Packets = 38,
    Bytes = 39,
    CreateComment = 40,
    Comment = 41,
    SkbInfo = 42,
    SkbMark = 43,
    SkbPrio = 44,
    SkbQueue = 45,
    Wildcard = 46,
    BucketSize = 47,
    InitVal = 48,
}

/// The fields in which a range or a prefix of an element may stand, in the order in which they are looked at.
pub(crate) const RANGES: [Field; 7] =
    [Field::IpTo, Field::Cidr, Field::PortTo, Field::Ether, Field::NameRef, Field::Ip2, Field::Cidr2];

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(u64);

impl Fields {
    /// None.
    pub(crate) const NONE: Fields = Fields(0);

    /// These.
    pub(crate) const fn of(fields: &[Field]) -> Fields {
        let mut bits = 0;
        let mut at = 0;
        while at < fields.len() {
            bits |= 1 << fields[at] as u8;
            at += 1;
        }
        Fields(bits)
    }

    pub(crate) const fn has(self, field: Field) -> bool {
        self.0 & (1 << field as u8) != 0
    }

    pub(crate) const fn with(self, field: Field) -> Fields {
        Fields(self.0 | 1 << field as u8)
    }

    pub(crate) const fn without(self, other: Fields) -> Fields {
        Fields(self.0 & !other.0)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// How the value of an option is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// There is none.
    Flag,
    /// A family; `-4` and `-6` are their own value.
    Family,
    /// A number of 8 bits.
    U8,
    /// A number of 16 bits.
    U16,
    /// A number of 32 bits.
    U32,
    /// A number of 64 bits, but the largest.
    U64,
    /// Seconds.
    Timeout,
    /// `IP/CIDR` or `FROM-TO`.
    NetRange,
    /// One address.
    SingleIp,
    /// `IP/CIDR`.
    Network,
    /// `[PROTO:]FROM-TO`.
    PortRange,
    /// One port of TCP.
    SinglePort,
    /// A prefix length.
    NetMask,
    /// An address as mask.
    BitMask,
    /// A set's name, as `before` or `after` it.
    SetName,
    /// Text.
    Comment,
    /// `0xMARK[/0xMASK]`.
    SkbMark,
    /// `MAJOR:MINOR`.
    SkbPrio,
    /// Read and forgotten, with a warning.
    Ignored,
}

/// An option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) field: Field,
    pub(crate) value: Value,
    /// The line of the help; empty: not told.
    pub(crate) help: &'static str,
}

const fn argument(name: &'static str, field: Field, value: Value, help: &'static str) -> Argument {
    Argument { name, field, value, help }
}

impl Argument {
    /// Whether no word stands behind it.
    pub(crate) const fn is_alone(&self) -> bool {
        // Why: `-4` is an alias of `family inet` without a value.
        matches!(self.value, Value::Flag) || matches!(self.name.as_bytes(), [b'-', ..])
    }
}

pub(crate) const FAMILY: Argument =
    argument("family", Field::Family, Value::Family, "[family inet|inet6]|[-4|-6]");
pub(crate) const INET: Argument = argument("-4", Field::Family, Value::Family, "");
pub(crate) const INET6: Argument = argument("-6", Field::Family, Value::Family, "");
pub(crate) const HASHSIZE: Argument = argument("hashsize", Field::HashSize, Value::U32, "[hashsize VALUE]");
pub(crate) const MAXELEM: Argument = argument("maxelem", Field::MaxElem, Value::U32, "[maxelem VALUE]");
pub(crate) const PROBES: Argument = argument("probes", Field::Probes, Value::Ignored, "");
pub(crate) const RESIZE: Argument = argument("resize", Field::Resize, Value::Ignored, "");
pub(crate) const GC: Argument = argument("gc", Field::Gc, Value::Ignored, "");
pub(crate) const IGNORED_FROM: Argument = argument("from", Field::Ip, Value::Ignored, "");
pub(crate) const IGNORED_TO: Argument = argument("to", Field::IpTo, Value::Ignored, "");
pub(crate) const IGNORED_NETWORK: Argument = argument("network", Field::Ip, Value::Ignored, "");
pub(crate) const SIZE: Argument = argument("size", Field::Size, Value::U32, "[size VALUE]");
pub(crate) const IPRANGE: Argument = argument("range", Field::Ip, Value::NetRange, "");
pub(crate) const NETMASK: Argument = argument("netmask", Field::NetMask, Value::NetMask, "[netmask CIDR]");
pub(crate) const PORTRANGE: Argument = argument("range", Field::Port, Value::PortRange, "");
pub(crate) const BEFORE: Argument = argument("before", Field::NameRef, Value::SetName, "[before|after NAME]");
pub(crate) const AFTER: Argument = argument("after", Field::NameRef, Value::SetName, "");
pub(crate) const FROM_IP: Argument = argument("from", Field::Ip, Value::SingleIp, "");
pub(crate) const TO_IP: Argument = argument("to", Field::IpTo, Value::SingleIp, "");
pub(crate) const NETWORK: Argument = argument("network", Field::Ip, Value::Network, "");
pub(crate) const FROM_PORT: Argument = argument("from", Field::Port, Value::SinglePort, "");
pub(crate) const TO_PORT: Argument = argument("to", Field::PortTo, Value::SinglePort, "");
pub(crate) const FORCEADD: Argument = argument("forceadd", Field::ForceAdd, Value::Flag, "[forceadd]");
pub(crate) const MARKMASK: Argument = argument("markmask", Field::MarkMask, Value::U32, "markmask VALUE");
pub(crate) const NOMATCH: Argument = argument("nomatch", Field::NoMatch, Value::Flag, "[nomatch]");
pub(crate) const WILDCARD: Argument = argument("wildcard", Field::Wildcard, Value::Flag, "[wildcard]");
pub(crate) const TIMEOUT: Argument = argument("timeout", Field::Timeout, Value::Timeout, "[timeout VALUE]");
pub(crate) const COUNTERS: Argument = argument("counters", Field::Counters, Value::Flag, "[counters]");
pub(crate) const PACKETS: Argument = argument("packets", Field::Packets, Value::U64, "[packets VALUE]");
pub(crate) const BYTES: Argument = argument("bytes", Field::Bytes, Value::U64, "[bytes VALUE]");
pub(crate) const CREATE_COMMENT: Argument =
    argument("comment", Field::CreateComment, Value::Flag, "[comment]");
pub(crate) const COMMENT: Argument =
    argument("comment", Field::Comment, Value::Comment, "[comment \"string\"]");
pub(crate) const SKBINFO: Argument = argument("skbinfo", Field::SkbInfo, Value::Flag, "[skbinfo]");
pub(crate) const SKBMARK: Argument = argument("skbmark", Field::SkbMark, Value::SkbMark, "[skbmark VALUE]");
pub(crate) const SKBPRIO: Argument = argument("skbprio", Field::SkbPrio, Value::SkbPrio, "[skbprio VALUE]");
pub(crate) const SKBQUEUE: Argument = argument("skbqueue", Field::SkbQueue, Value::U16, "[skbqueue VALUE]");
pub(crate) const BUCKETSIZE: Argument =
    argument("bucketsize", Field::BucketSize, Value::U8, "[bucketsize VALUE]");
pub(crate) const INITVAL: Argument = argument("initval", Field::InitVal, Value::U32, "[initval VALUE]");
pub(crate) const BITMASK: Argument = argument("bitmask", Field::BitMask, Value::BitMask, "[bitmask bitmask]");
