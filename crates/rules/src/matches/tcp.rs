//! Ports, flags and options of TCP (`-m tcp`).
use std::borrow::Cow;

use packet::protocol;

use super::PortRange;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, Listing, OptionCall, OptionSpec, Place, Repeat, Spec, check_nothing,
};
use crate::syntax::text::{push_not, push_number};
use crate::syntax::value::{Kind, number};
use crate::syntax::{Error, ErrorKind};
use crate::{Negatable, put};

/// `-m tcp`. Needs `-p tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// `--sport`; 0 to 65535, not inverted, is left out.
    pub source: Option<Negatable<PortRange>>,
    /// `--dport`.
    pub destination: Option<Negatable<PortRange>>,
    /// `--tcp-flags mask comparison`, `--syn`.
    pub flags: Option<Negatable<TcpFlags>>,
    /// `--tcp-option`: the number of an option that must be present.
    pub option: Option<Negatable<u8>>,
}

/// `--tcp-flags`: of the flags in `mask` exactly those in `set` are set. Bits as in [`packet::view::tcp_flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFlags {
    /// The flags that are looked at.
    pub mask: u8,
    /// Those of them that must be set.
    pub set: u8,
}

impl TcpFlags {
    /// `--syn`: `FIN,SYN,RST,ACK SYN`.
    pub const SYN: TcpFlags = TcpFlags { mask: 0x17, set: 0x02 };
}

/// `-m tcp` in the language. Upstream reads its options by hand, so the texts of errors are its own.
pub const EXTENSION: Extension<Tcp> = Extension {
    spec: Spec {
        name: "tcp",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("source-port", Kind::Word)
                .aliases(&["sport"])
                .invertible()
                .repeat(Repeat::ErrorText("Only one `--source-port' allowed")),
            OptionSpec::new("destination-port", Kind::Word)
                .aliases(&["dport"])
                .invertible()
                .repeat(Repeat::ErrorText("Only one `--destination-port' allowed")),
            OptionSpec::new("syn", Kind::Flag).invertible().repeat(Repeat::ErrorText(ONE_OF_FLAGS)),
            OptionSpec::new("tcp-flags", Kind::TwoWords).invertible().repeat(Repeat::ErrorText(ONE_OF_FLAGS)),
            OptionSpec::new("tcp-option", Kind::Word)
                .invertible()
                .repeat(Repeat::ErrorText("Only one `--tcp-option' allowed")),
        ],
        place: Place::protocol(protocol::TCP),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Tcp { source: None, destination: None, flags: None, option: None },
    parse: parse_option,
    finish,
    save,
    list,
    check: check_nothing,
};

const ONE_OF_FLAGS: &str = "Only one of `--syn' or `--tcp-flags'  allowed";

/// Names of flags in the order of printing.
const FLAGS: [(&str, u8); 8] = [
    ("FIN", 0x01),
    ("SYN", 0x02),
    ("RST", 0x04),
    ("PSH", 0x08),
    ("ACK", 0x10),
    ("URG", 0x20),
    ("ALL", 0x3f),
    ("NONE", 0),
];

fn parse_option(tcp: &mut Tcp, call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<(), Error> {
    let invert = call.invert;
    match call.name {
        "source-port" => tcp.source = ports(call, context)?,
        "destination-port" => tcp.destination = ports(call, context)?,
        "tcp-option" => {
            let text = call.text();
            let option = number(text, 1, 255).and_then(|value| u8::try_from(value).ok());
            let value = option.ok_or_else(|| call.error(format!("Bad TCP option \"{text}\"")))?;
            tcp.option = Some(Negatable { invert, value });
        }
        flags => {
            if tcp.flags.is_some() {
                return Err(Error::new(ErrorKind::Extension(ONE_OF_FLAGS.into()), call.span));
            }
            let value = match flags {
                "syn" => TcpFlags::SYN,
                _ => TcpFlags { mask: flag_set(call, 0)?, set: flag_set(call, 1)? },
            };
            tcp.flags = Some(Negatable { invert, value });
        }
    }
    Ok(())
}

fn finish(tcp: &mut Tcp, _: &Calls, _: &mut Context<'_>) -> Result<(), Error> {
    // Linux: `NONE NONE` looks at no flag and is left out; inverted it never matches and stays.
    let nothing = TcpFlags { mask: 0, set: 0 };
    tcp.flags = tcp.flags.filter(|flags| flags.invert || flags.value != nothing);
    Ok(())
}

fn flag_set(call: &OptionCall<'_>, at: usize) -> Result<u8, Error> {
    let Some(word) = call.words.get(at) else { return Ok(0) };
    let mut set = 0;
    let mut start = 0;
    // Linux: strtok, so that empty parts do not count.
    for name in word.text.split(',') {
        let end = start + name.len();
        match FLAGS.iter().find(|(flag, _)| flag.eq_ignore_ascii_case(name)) {
            Some((_, bits)) => set |= bits,
            None if name.is_empty() => {}
            None => {
                let kind = ErrorKind::Extension(format!("Unknown TCP flag `{name}'").into());
                return Err(
                    Error::new(kind, word.part(start, end)).suggest(name, FLAGS.map(|(name, _)| name))
                );
            }
        }
        start = end + 1;
    }
    Ok(set)
}

/// Ports, where every port, not inverted, is left out.
fn ports(call: &OptionCall<'_>, context: &Context<'_>) -> Result<Option<Negatable<PortRange>>, Error> {
    Ok(shown(Some(Negatable { invert: call.invert, value: parse_ports(call, context, "tcp")? })))
}

/// Ports that upstream reads by hand (tcp, sctp): `a`, `a:b`, `a:`, `:b`, each a number (`strtoul`) or a service of the
/// protocol.
pub(super) fn parse_ports(
    call: &OptionCall<'_>,
    context: &Context<'_>,
    protocol: &str,
) -> Result<PortRange, Error> {
    let text = call.text();
    let one = |part: &str, from: usize| {
        number(part, 0, 65_535)
            .and_then(|port| u16::try_from(port).ok())
            .or_else(|| context.names.service(part, Some(protocol)))
            .ok_or_else(|| {
                let span = call.words.first().map_or(call.span, |word| word.part(from, from + part.len()));
                Error::new(ErrorKind::Port(part.into()), span)
            })
    };
    let range = match text.split_once(':') {
        None => {
            let port = one(text, 0)?;
            PortRange { first: port, last: port }
        }
        Some((first, last)) => PortRange {
            first: if first.is_empty() { 0 } else { one(first, 0)? },
            last: if last.is_empty() { u16::MAX } else { one(last, first.len() + 1)? },
        },
    };
    if range.first > range.last {
        return Err(call.error("invalid portrange (min > max)"));
    }
    Ok(range)
}

/// The ports that a listing has: not those that are every port, not inverted.
pub(super) fn shown(ports: Option<Negatable<PortRange>>) -> Option<Negatable<PortRange>> {
    ports.filter(|ports| ports.invert || ports.value != PortRange::ALL)
}

fn save(tcp: &Tcp, out: &mut String) {
    push_ports_saved(out, "sport", tcp.source);
    push_ports_saved(out, "dport", tcp.destination);
    if let Some(option) = tcp.option {
        push_not(out, option.invert);
        put!(out, " --tcp-option {}", option.value);
    }
    if let Some(flags) = tcp.flags {
        push_not(out, flags.invert);
        out.push_str(" --tcp-flags ");
        push_flags(out, flags.value.mask);
        out.push(' ');
        push_flags(out, flags.value.set);
    }
}

fn list(tcp: &Tcp, out: &mut String, listing: &Listing<'_>) {
    out.push_str(" tcp");
    push_ports_listed(out, "spt", tcp.source, "tcp", listing);
    push_ports_listed(out, "dpt", tcp.destination, "tcp", listing);
    if let Some(option) = tcp.option {
        put!(out, " option={}{}", if option.invert { "!" } else { "" }, option.value);
    }
    if let Some(flags) = tcp.flags {
        out.push_str(" flags:");
        if flags.invert {
            out.push('!');
        }
        if listing.numeric {
            put!(out, "0x{:02X}/0x{:02X}", flags.value.mask, flags.value.set);
        } else {
            push_flags(out, flags.value.mask);
            out.push('/');
            push_flags(out, flags.value.set);
        }
    }
}

fn push_flags(out: &mut String, set: u8) {
    if set == 0 {
        out.push_str("NONE");
        return;
    }
    let single = FLAGS.iter().filter(|(_, bits)| bits.count_ones() == 1 && bits & set != 0);
    for (at, (name, _)) in single.enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(name);
    }
}

/// A range of ports as `-S` prints it: ` --sport 1:2`.
pub(super) fn push_ports_saved(out: &mut String, option: &str, ports: Option<Negatable<PortRange>>) {
    let Some(ports) = ports else { return };
    push_not(out, ports.invert);
    out.push_str(" --");
    out.push_str(option);
    out.push(' ');
    push_number(out, u64::from(ports.value.first));
    if ports.value.last != ports.value.first {
        out.push(':');
        push_number(out, u64::from(ports.value.last));
    }
}

/// A range of ports as `-L` prints it: ` spt:ssh`, ` spts:!1:2`.
pub(super) fn push_ports_listed(
    out: &mut String,
    label: &str,
    ports: Option<Negatable<PortRange>>,
    protocol: &str,
    listing: &Listing<'_>,
) {
    let Some(ports) = ports else { return };
    let PortRange { first, last } = ports.value;
    let several = if first == last { "" } else { "s" };
    put!(out, " {label}{several}:{}", if ports.invert { "!" } else { "" });
    let push = |out: &mut String, port: u16| {
        let name = if listing.numeric { None } else { listing.names.service_name(port, Some(protocol)) };
        match name {
            Some(name) => out.push_str(&name),
            None => push_number(out, u64::from(port)),
        }
    };
    push(out, first);
    if first != last {
        out.push(':');
        push(out, last);
    }
}

const HELP: &str = "tcp match options:
[!] --tcp-flags mask comp\tmatch when TCP flags & mask == comp
\t\t\t\t(Flags: SYN ACK FIN RST URG PSH ALL NONE)
[!] --syn\t\t\tmatch when only SYN flag set
\t\t\t\t(equivalent to --tcp-flags SYN,RST,ACK,FIN SYN)
[!] --source-port port[:port]
 --sport ...
\t\t\t\tmatch source port(s)
[!] --destination-port port[:port]
 --dport ...
\t\t\t\tmatch destination port(s)
[!] --tcp-option number        match if TCP option set
";
