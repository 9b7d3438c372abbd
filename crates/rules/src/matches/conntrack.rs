//! What connection tracking knows of a packet (`-m conntrack`).
use std::borrow::Cow;
use std::net::IpAddr;

use packet::AddrMask;

use super::PortRange;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, Listing, OptionCall, OptionSpec, Place, Spec, check_nothing,
};
use crate::syntax::text::{push_address, push_not, push_number};
use crate::syntax::value::{Kind, Value};
use crate::{Negatable, put};

/// `-m conntrack`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conntrack {
    /// `--ctstate`: a set of [`StateSet`] bits.
    pub state: Option<Negatable<StateSet>>,
    /// `--ctproto`.
    pub protocol: Option<Negatable<u8>>,
    /// `--ctorigsrc`.
    pub original_source: Option<Negatable<HostMask>>,
    /// `--ctorigdst`.
    pub original_destination: Option<Negatable<HostMask>>,
    /// `--ctreplsrc`.
    pub reply_source: Option<Negatable<HostMask>>,
    /// `--ctrepldst`.
    pub reply_destination: Option<Negatable<HostMask>>,
    /// `--ctstatus`: a set of [`StatusSet`] bits.
    pub status: Option<Negatable<StatusSet>>,
    /// `--ctexpire`: seconds left, from and to.
    pub expire: Option<Negatable<(u32, u32)>>,
    /// `--ctorigsrcport`.
    pub original_source_port: Option<Negatable<PortRange>>,
    /// `--ctorigdstport`.
    pub original_destination_port: Option<Negatable<PortRange>>,
    /// `--ctreplsrcport`.
    pub reply_source_port: Option<Negatable<PortRange>>,
    /// `--ctrepldstport`.
    pub reply_destination_port: Option<Negatable<PortRange>>,
    /// `--ctdir`: `true` for ORIGINAL, `false` for REPLY.
    pub direction_original: Option<bool>,
}

/// An address with a prefix length, kept as typed: iptables prints `10.0.0.1/8` as such here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostMask {
    /// The address, bits beyond the prefix included.
    pub address: IpAddr,
    /// The prefix length, at most the family's bits.
    pub length: u8,
}

impl HostMask {
    /// The network that is meant: bits beyond the prefix never count.
    pub fn network(&self) -> AddrMask {
        AddrMask::prefix(self.address, self.length).unwrap_or(AddrMask::host(self.address))
    }

    /// Whether an address lies in the network.
    #[inline]
    pub fn contains(&self, candidate: IpAddr) -> bool {
        self.network().contains(candidate)
    }
}

/// A set of connection states, as `--ctstate` and `--state` name them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StateSet(pub u8);

impl StateSet {
    /// INVALID.
    pub const INVALID: StateSet = StateSet(1);
    /// NEW.
    pub const NEW: StateSet = StateSet(2);
    /// RELATED.
    pub const RELATED: StateSet = StateSet(4);
    /// ESTABLISHED.
    pub const ESTABLISHED: StateSet = StateSet(8);
    /// UNTRACKED.
    pub const UNTRACKED: StateSet = StateSet(16);
    /// SNAT: the source is translated.
    pub const SNAT: StateSet = StateSet(32);
    /// DNAT: the destination is translated.
    pub const DNAT: StateSet = StateSet(64);

    /// Whether the two sets share a state.
    pub const fn intersects(self, other: StateSet) -> bool {
        self.0 & other.0 != 0
    }
}

/// A set of connection status flags, as `--ctstatus` names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StatusSet(pub u8);

impl StatusSet {
    /// NONE: no flag at all.
    pub const NONE: StatusSet = StatusSet(0);
    /// EXPECTED.
    pub const EXPECTED: StatusSet = StatusSet(1);
    /// SEEN_REPLY.
    pub const SEEN_REPLY: StatusSet = StatusSet(2);
    /// ASSURED.
    pub const ASSURED: StatusSet = StatusSet(4);
    /// CONFIRMED.
    pub const CONFIRMED: StatusSet = StatusSet(8);
}

/// The names of states in the order of printing.
const STATES: [(&str, StateSet); 7] = [
    ("INVALID", StateSet::INVALID),
    ("NEW", StateSet::NEW),
    ("RELATED", StateSet::RELATED),
    ("ESTABLISHED", StateSet::ESTABLISHED),
    ("UNTRACKED", StateSet::UNTRACKED),
    ("SNAT", StateSet::SNAT),
    ("DNAT", StateSet::DNAT),
];

/// The names of status flags in the order of printing.
const STATUSES: [(&str, StatusSet); 5] = [
    ("NONE", StatusSet::NONE),
    ("EXPECTED", StatusSet::EXPECTED),
    ("SEEN_REPLY", StatusSet::SEEN_REPLY),
    ("ASSURED", StatusSet::ASSURED),
    ("CONFIRMED", StatusSet::CONFIRMED),
];

impl StateSet {
    /// Appends the names, with commas.
    pub(super) fn push(self, out: &mut String) {
        push_names(out, STATES.iter().filter(|(_, state)| self.intersects(*state)).map(|(name, _)| *name));
    }
}

impl StatusSet {
    fn push(self, out: &mut String) {
        if self == StatusSet::NONE {
            out.push_str("NONE");
        }
        push_names(out, STATUSES.iter().filter(|(_, own)| self.0 & own.0 != 0).map(|(name, _)| *name));
    }
}

fn push_names<'n>(out: &mut String, names: impl Iterator<Item = &'n str>) {
    for (at, name) in names.enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(name);
    }
}

/// `-m conntrack` in the language.
pub const EXTENSION: Extension<Conntrack> = Extension {
    spec: Spec {
        name: "conntrack",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("ctstate", Kind::Word).invertible(),
            OptionSpec::new("ctproto", Kind::Protocol).invertible(),
            OptionSpec::new("ctorigsrc", Kind::Network).invertible(),
            OptionSpec::new("ctorigdst", Kind::Network).invertible(),
            OptionSpec::new("ctreplsrc", Kind::Network).invertible(),
            OptionSpec::new("ctrepldst", Kind::Network).invertible(),
            OptionSpec::new("ctstatus", Kind::Word).invertible(),
            OptionSpec::new("ctexpire", Kind::U32_RANGE).invertible(),
            OptionSpec::new("ctorigsrcport", Kind::PortRange).invertible(),
            OptionSpec::new("ctorigdstport", Kind::PortRange).invertible(),
            OptionSpec::new("ctreplsrcport", Kind::PortRange).invertible(),
            OptionSpec::new("ctrepldstport", Kind::PortRange).invertible(),
            OptionSpec::new("ctdir", Kind::Word),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Conntrack::default(),
    parse: parse_option,
    finish: |_, calls: &Calls, _| {
        if calls.is_empty() {
            return Err(calls.error("conntrack: At least one option is required"));
        }
        Ok(())
    },
    save: |conntrack, out| {
        conntrack.push(out, "--", &mut |out, host| push_host(out, host));
    },
    list: |conntrack, out, listing: &Listing<'_>| {
        conntrack.push(out, "", &mut |out, host| push_host_listed(out, host, listing));
    },
    check: check_nothing,
};

fn parse_option(conntrack: &mut Conntrack, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let invert = call.invert;
    let host = || match call.value {
        Value::Network(address, length) => Some(Negatable { invert, value: HostMask { address, length } }),
        _ => None,
    };
    let ports = || match call.value {
        Value::Ports(value) => Some(Negatable { invert, value }),
        _ => None,
    };
    match call.name {
        "ctstate" => {
            let value = parse_states(call, "ctstate", true, call.text())?;
            conntrack.state = Some(Negatable { invert, value });
        }
        "ctstatus" => {
            let bits =
                parse_names(call, "ctstatus", call.text(), &STATUSES.map(|(name, own)| (name, own.0)))?;
            conntrack.status = Some(Negatable { invert, value: StatusSet(bits) });
        }
        "ctproto" => {
            let value = call.value.number_u8();
            if value == 0 {
                return Err(call.error(if invert {
                    "condition would always match protocol"
                } else {
                    "rule would never match protocol"
                }));
            }
            conntrack.protocol = Some(Negatable { invert, value });
        }
        "ctorigsrc" => conntrack.original_source = host(),
        "ctorigdst" => conntrack.original_destination = host(),
        "ctreplsrc" => conntrack.reply_source = host(),
        "ctrepldst" => conntrack.reply_destination = host(),
        "ctorigsrcport" => conntrack.original_source_port = ports(),
        "ctorigdstport" => conntrack.original_destination_port = ports(),
        "ctreplsrcport" => conntrack.reply_source_port = ports(),
        "ctrepldstport" => conntrack.reply_destination_port = ports(),
        "ctexpire" => {
            if let Value::Range(from, to) = call.value {
                let cut = |seconds| u32::try_from(seconds).unwrap_or(u32::MAX);
                conntrack.expire = Some(Negatable { invert, value: (cut(from), cut(to)) });
            }
        }
        _ => {
            conntrack.direction_original = Some(match call.text() {
                text if text.eq_ignore_ascii_case("ORIGINAL") => true,
                text if text.eq_ignore_ascii_case("REPLY") => false,
                _ => return Err(call.bad_value()),
            });
        }
    }
    Ok(())
}

/// A list of states by name or prefix of a name; `virtual_states`: SNAT and DNAT are allowed.
pub(super) fn parse_states(
    call: &OptionCall<'_>,
    what: &str,
    virtual_states: bool,
    list: &str,
) -> Result<StateSet, Error> {
    let known = if virtual_states { 7 } else { 5 };
    let names = STATES.map(|(name, state)| (name, state.0));
    parse_names(call, what, list, names.get(..known).unwrap_or(&names)).map(StateSet)
}

/// The bits of a list of names, each a name or the start of one in any case; the first that fits counts.
fn parse_names(
    call: &OptionCall<'_>,
    what: &str,
    list: &str,
    names: &[(&'static str, u8)],
) -> Result<u8, Error> {
    let mut bits = 0;
    let mut start = 0;
    for word in list.split(',') {
        let fits = |name: &str| {
            name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)) && !word.is_empty()
        };
        match names.iter().find(|(name, _)| fits(name)) {
            Some((_, own)) => bits |= own,
            None => {
                // Linux: the text shows the rest of the list from the wrong name on.
                let rest = call.text().get(start..).unwrap_or(word);
                return Err(call
                    .error_at(start, start + word.len(), format!("Bad {what} \"{rest}\""))
                    .suggest(word, names.iter().map(|(name, _)| *name)));
            }
        }
        start += word.len() + 1;
    }
    Ok(bits)
}

impl Conntrack {
    /// All conditions in iptables' order; `dashes` stands before each name.
    fn push(&self, out: &mut String, dashes: &str, push_host: &mut dyn FnMut(&mut String, &HostMask)) {
        if let Some(state) = self.state {
            push_name(out, state.invert, dashes, "ctstate");
            out.push(' ');
            state.value.push(out);
        }
        if let Some(protocol) = self.protocol {
            push_name(out, protocol.invert, dashes, "ctproto");
            put!(out, " {}", protocol.value);
        }
        for (name, host) in [
            ("ctorigsrc", &self.original_source),
            ("ctorigdst", &self.original_destination),
            ("ctreplsrc", &self.reply_source),
            ("ctrepldst", &self.reply_destination),
        ] {
            if let Some(host) = host {
                push_name(out, host.invert, dashes, name);
                push_host(out, &host.value);
            }
        }
        for (name, ports) in [
            ("ctorigsrcport", self.original_source_port),
            ("ctorigdstport", self.original_destination_port),
            ("ctreplsrcport", self.reply_source_port),
            ("ctrepldstport", self.reply_destination_port),
        ] {
            if let Some(ports) = ports {
                push_name(out, ports.invert, dashes, name);
                push_range(out, u64::from(ports.value.first), u64::from(ports.value.last));
            }
        }
        if let Some(status) = self.status {
            push_name(out, status.invert, dashes, "ctstatus");
            out.push(' ');
            status.value.push(out);
        }
        if let Some(expire) = self.expire {
            push_name(out, expire.invert, dashes, "ctexpire");
            push_range(out, u64::from(expire.value.0), u64::from(expire.value.1));
        }
        if let Some(original) = self.direction_original {
            push_name(out, false, dashes, "ctdir");
            out.push_str(if original { " ORIGINAL" } else { " REPLY" });
        }
    }
}

fn push_name(out: &mut String, invert: bool, dashes: &str, name: &str) {
    push_not(out, invert);
    out.push(' ');
    out.push_str(dashes);
    out.push_str(name);
}

fn push_range(out: &mut String, first: u64, last: u64) {
    out.push(' ');
    push_number(out, first);
    if first != last {
        out.push(':');
        push_number(out, last);
    }
}

/// An address as `-L` prints it, by name without `-n`.
pub(super) fn push_host_listed(out: &mut String, host: &HostMask, listing: &Listing<'_>) {
    if listing.numeric {
        push_host(out, host);
    } else if host.address.is_unspecified() {
        out.push_str(" anywhere");
    } else {
        match listing.names.host_name(host.address) {
            Some(name) => {
                put!(out, " {name}");
                push_length(out, host);
            }
            None => push_host(out, host),
        }
    }
}

/// An address as `-S` prints it, with a blank in front.
pub(super) fn push_host(out: &mut String, host: &HostMask) {
    out.push(' ');
    push_address(out, host.address);
    push_length(out, host);
}

fn push_length(out: &mut String, host: &HostMask) {
    if host.length != packet::Family::of(host.address).bits() {
        out.push('/');
        push_number(out, u64::from(host.length));
    }
}

const HELP: &str = "conntrack match options:
[!] --ctstate {INVALID|ESTABLISHED|NEW|RELATED|UNTRACKED|SNAT|DNAT}[,...]
                               State(s) to match
[!] --ctproto proto            Protocol to match; by number or name, e.g. \"tcp\"
[!] --ctorigsrc address[/mask]
[!] --ctorigdst address[/mask]
[!] --ctreplsrc address[/mask]
[!] --ctrepldst address[/mask]
                               Original/Reply source/destination address
[!] --ctorigsrcport port
[!] --ctorigdstport port
[!] --ctreplsrcport port
[!] --ctrepldstport port
                               TCP/UDP/SCTP orig./reply source/destination port
[!] --ctstatus {NONE|EXPECTED|SEEN_REPLY|ASSURED|CONFIRMED}[,...]
                               Status(es) to match
[!] --ctexpire time[:time]     Match remaining lifetime in seconds against
                               value or range of values (inclusive)
    --ctdir {ORIGINAL|REPLY}   Flow direction of packet
";
