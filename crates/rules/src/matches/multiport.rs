//! Lists of ports (`-m multiport`).
use std::borrow::Cow;

use packet::protocol::{DCCP, SCTP, TCP, UDP, UDPLITE};

use super::PortRange;
use crate::put;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, Listing, OptionCall, OptionSpec, Place, Refusal, Site, Spec,
};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, number, protocol_name};
use crate::syntax::{Error, ErrorKind};

/// `-m multiport`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multiport {
    /// Whether `!` stands before the list.
    pub invert: bool,
    /// Which port is looked at.
    pub side: Side,
    /// 1 to 15 ports; a range counts as two.
    pub ports: Box<[PortRange]>,
}

/// Which port `-m multiport` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `--sports`.
    Source,
    /// `--dports`.
    Destination,
    /// `--ports`: either.
    Either,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Source => "sports",
            Self::Destination => "dports",
            Self::Either => "ports",
        }
    }
}

/// The most ports (`XT_MULTI_PORTS`); a range counts as two.
pub const MAX_PORTS: usize = 15;

/// `-m multiport` in the language.
pub const EXTENSION: Extension<Multiport> = Extension {
    spec: Spec {
        name: "multiport",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("source-ports", Kind::Word)
                .aliases(&["sports"])
                .invertible()
                .excludes(&["destination-ports", "ports"]),
            OptionSpec::new("destination-ports", Kind::Word)
                .aliases(&["dports"])
                .invertible()
                .excludes(&["source-ports", "ports"]),
            OptionSpec::new("ports", Kind::Word)
                .invertible()
                .excludes(&["source-ports", "destination-ports"]),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Multiport { invert: false, side: Side::Either, ports: Box::default() },
    parse: |multiport, call, context| {
        multiport.side = match call.option.name {
            "source-ports" => Side::Source,
            "destination-ports" => Side::Destination,
            _ => Side::Either,
        };
        multiport.invert = call.invert;
        multiport.ports = ports(call, context)?.into();
        Ok(())
    },
    finish: |_, calls: &Calls, _| {
        if calls.is_empty() {
            return Err(calls.error("no ports specified"));
        }
        Ok(())
    },
    save: |multiport, out| {
        push_not(out, multiport.invert);
        put!(out, " --{} ", multiport.side.name());
        push_list(out, &multiport.ports, |out, port| put!(out, "{port}"));
    },
    list: |multiport, out, listing: &Listing<'_>| {
        put!(out, " multiport {} ", multiport.side.name());
        if multiport.invert {
            // Linux: a second blank stands before the `!` (measured).
            out.push_str(" !");
        }
        let protocol = listing.header.positive_protocol().and_then(protocol_name);
        push_list(out, &multiport.ports, |out, port| {
            let name = if listing.numeric { None } else { listing.names.service_name(port, protocol) };
            match name {
                Some(name) => out.push_str(&name),
                None => put!(out, "{port}"),
            }
        });
    },
    check,
};

fn push_list(out: &mut String, ports: &[PortRange], push: impl Fn(&mut String, u16)) {
    for (at, range) in ports.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push(out, range.first);
        if range.first != range.last {
            out.push(':');
            push(out, range.last);
        }
    }
}

/// Protocols with ports, as this match sees them.
const PROTOCOLS: [u8; 5] = [TCP, UDP, UDPLITE, SCTP, DCCP];

fn ports(call: &OptionCall<'_>, context: &Context<'_>) -> Result<Vec<PortRange>, Error> {
    let protocol = match context.header.protocol.filter(|protocol| protocol.value != 0) {
        None => {
            return Err(
                call.error("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'")
            );
        }
        Some(protocol) if protocol.invert || !PROTOCOLS.contains(&protocol.value) => {
            return Err(call.error("multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP"));
        }
        Some(protocol) => protocol_name(protocol.value),
    };
    let one = |text: &str, from: usize| {
        number(text, 0, 0xffff)
            .and_then(|port| u16::try_from(port).ok())
            .or_else(|| context.names.service(text, protocol))
            .ok_or_else(|| {
                let span = call.words.first().map_or(call.span, |word| word.part(from, from + text.len()));
                Error::new(ErrorKind::Port(text.into()), span)
            })
    };
    let mut ports = Vec::new();
    let mut count = 0;
    let mut start = 0;
    for part in call.text().split(',') {
        let end = start + part.len();
        let too_many = || call.error_at(start, end, "too many ports specified");
        if count >= MAX_PORTS {
            return Err(too_many());
        }
        let range = match part.split_once(':') {
            None => {
                let port = one(part, start)?;
                PortRange { first: port, last: port }
            }
            Some((first, last)) => {
                if count + 1 >= MAX_PORTS {
                    return Err(too_many());
                }
                count += 1;
                let range =
                    PortRange { first: one(first, start)?, last: one(last, start + first.len() + 1)? };
                if range.first >= range.last {
                    return Err(call.error_at(start, end, "invalid portrange specified"));
                }
                range
            }
        };
        ports.push(range);
        count += 1;
        start = end + 1;
    }
    Ok(ports)
}

/// Linux: `check` in xt_multiport.c.
fn check(_: &Multiport, site: &Site<'_>) -> Result<(), Refusal> {
    match site.header.positive_protocol() {
        Some(protocol) if PROTOCOLS.contains(&protocol) => Ok(()),
        _ => Err(Refusal::invalid("`multiport' needs `-p' of a protocol with ports in the same rule")),
    }
}

const HELP: &str = "multiport match options:
[!] --source-ports port[,port:port,port...]
 --sports ...
\t\t\t\tmatch source port(s)
[!] --destination-ports port[,port:port,port...]
 --dports ...
\t\t\t\tmatch destination port(s)
[!] --ports port[,port:port,port]
\t\t\t\tmatch both source and destination port(s)
";
