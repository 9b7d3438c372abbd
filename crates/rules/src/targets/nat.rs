//! What SNAT, DNAT, MASQUERADE and REDIRECT have in common: addresses and ports, as they are read and printed.
use std::net::IpAddr;

use packet::{AddrMask, Family, protocol};

use crate::matches::PortRange;
use crate::put;
use crate::syntax::extension::{Context, OptionCall};
use crate::syntax::text::push_address;
use crate::syntax::value::leading_number;
use crate::syntax::{Error, ErrorKind};

/// Where a connection is translated to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NatRange {
    /// Addresses, from and to; `None`: the address stays (SNAT, DNAT with ports only), or is that of the interface
    /// (MASQUERADE, REDIRECT).
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// Ports (or ICMP identifiers).
    pub ports: Option<PortRange>,
    /// The base of a shifted range (`5000-5100/53`).
    pub base_port: Option<u16>,
    /// `--random`.
    pub random: bool,
    /// `--random-fully`.
    pub random_fully: bool,
    /// `--persistent`.
    pub persistent: bool,
}

/// `-j NETMAP --to`: the network part is replaced, host bits stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Netmap {
    /// The new network.
    pub to: AddrMask,
}

/// Whether a target can shift a range of ports by a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    /// DNAT.
    Yes,
    /// The others.
    No,
}

impl NatRange {
    /// Reads `[address[-address]][:ports]`, IPv6 addresses in brackets where ports follow.
    pub(super) fn read(
        &mut self,
        call: &OptionCall<'_>,
        context: &Context<'_>,
        shift: Shift,
    ) -> Result<(), Error> {
        let text = call.text();
        let bad = |part: &str| call.error(format!("Bad IP address \"{part}\""));
        // Linux: what stands around the brackets does not count, and a colon at the third place ends no address
        // (`[]:80`, but also `10:80`).
        let (addresses, colon) = match text.split_once('[') {
            None => {
                let colon = text.find(':').filter(|_| text.matches(':').count() == 1);
                (text.get(..colon.unwrap_or(text.len())).unwrap_or(text), colon)
            }
            Some((_, inside)) => match inside.split_once(']') {
                Some((addresses, behind)) if context.family == Family::V6 => {
                    (addresses, behind.find(':').map(|at| text.len() - behind.len() + at))
                }
                _ => return Err(call.error("Invalid address format")),
            },
        };
        (self.ports, self.base_port) = match colon.and_then(|at| text.get(at + 1..)) {
            Some(ports) => self::ports(call, context, ports, shift)?,
            None => (None, None),
        };
        self.addresses = None;
        if matches!(colon, Some(0 | 2)) {
            return Ok(());
        }
        let one = |part: &str| {
            // Linux: inet_pton, so that all four parts must be there, in decimal.
            let address = part.parse::<IpAddr>().ok();
            address.filter(|address| Family::of(*address) == context.family).ok_or_else(|| bad(part))
        };
        self.addresses = Some(match addresses.split_once('-') {
            Some((from, to)) => (one(from)?, one(to)?),
            None => {
                let address = one(addresses)?;
                (address, address)
            }
        });
        Ok(())
    }

    /// Reads the ports of `--to-ports`.
    pub(super) fn read_ports(&mut self, call: &OptionCall<'_>, context: &Context<'_>) -> Result<(), Error> {
        (self.ports, self.base_port) = ports(call, context, call.text(), Shift::No)?;
        Ok(())
    }

    /// ` --to-source 1.2.3.4:80-90 --random`, or with the name of another option.
    pub(super) fn push_saved(&self, out: &mut String, option: &str) {
        put!(out, " --{option} ");
        self.push(out);
        self.push_flags(out, "--");
    }

    /// ` to:1.2.3.4:80-90 random`.
    pub(super) fn push_listed(&self, out: &mut String) {
        out.push_str(" to:");
        self.push(out);
        self.push_flags(out, "");
    }

    /// ` --to-ports 80-90 --random`, of targets that choose the address themselves.
    pub(super) fn push_saved_ports(&self, out: &mut String) {
        self.push_ports_behind(out, " --to-ports ");
        self.push_flags(out, "--");
    }

    /// As [`Self::push_saved_ports`] for listings, where the ports have other words before them.
    pub(super) fn push_listed_ports(&self, out: &mut String, words: &str) {
        self.push_ports_behind(out, words);
        self.push_flags(out, "");
    }

    fn push_ports_behind(&self, out: &mut String, words: &str) {
        if self.ports.is_some() {
            out.push_str(words);
            self.push_ports(out);
        }
    }

    /// `1.2.3.4-1.2.3.9:80-90`.
    fn push(&self, out: &mut String) {
        if let Some((from, to)) = self.addresses {
            let bracket = Family::of(from) == Family::V6 && self.ports.is_some();
            if bracket {
                out.push('[');
            }
            push_address(out, from);
            if from != to {
                out.push('-');
                push_address(out, to);
            }
            if bracket {
                out.push(']');
            }
        }
        if self.ports.is_some() {
            out.push(':');
        }
        self.push_ports(out);
    }

    /// `80-90`, `5000-5100/53`.
    fn push_ports(&self, out: &mut String) {
        let Some(ports) = self.ports else { return };
        put!(out, "{}", ports.first);
        // Why: iptables leaves out the end of a shifted range of one port, and then cannot read it back.
        if ports.last != ports.first || self.base_port.is_some() {
            put!(out, "-{}", ports.last);
        }
        if let Some(base) = self.base_port {
            put!(out, "/{base}");
        }
    }

    /// ` --random --random-fully --persistent`, or without the dashes for listings.
    fn push_flags(&self, out: &mut String, dashes: &str) {
        for (set, name) in
            [(self.random, "random"), (self.random_fully, "random-fully"), (self.persistent, "persistent")]
        {
            if set {
                put!(out, " {dashes}{name}");
            }
        }
    }
}

/// Ports, and the base of a shifted range.
type Ports = (Option<PortRange>, Option<u16>);

/// `a`, `a-b`, `a-b/base`, or the name of a service; only with `-p` of a protocol with ports, given before.
fn ports(call: &OptionCall<'_>, context: &Context<'_>, text: &str, shift: Shift) -> Result<Ports, Error> {
    // Linux: the protocol's number counts, inverted or not; ICMP's identifier is a port here.
    let number = context.header.protocol.map_or(0, |protocol| protocol.value);
    let able = [protocol::TCP, protocol::UDP, protocol::SCTP, protocol::DCCP, protocol::ICMP];
    if !able.contains(&number) {
        return Err(call.error("Need TCP, UDP, SCTP or DCCP with port specification"));
    }
    let start = call.text().len() - text.len();
    let wrong = |words: String| call.error_at(start, call.text().len(), words);
    let invalid = |part: &str| wrong(format!("Port `{part}' not valid"));
    let port = |text: &'_ str| -> Option<(u16, usize)> {
        let (value, rest) = leading_number(text)?;
        Some((u16::try_from(value).ok()?, text.len() - rest.len()))
    };
    let Some((first, end)) = port(text).or_else(|| Some((context.names.service(text, None)?, text.len())))
    else {
        return Err(invalid(text));
    };
    let rest = text.get(end..).unwrap_or("");
    let single = (Some(PortRange { first, last: first }), None);
    match rest.chars().next() {
        None => return Ok(single),
        Some('-') => {}
        Some(':') => return Err(wrong("Invalid port:port syntax - use dash".to_owned())),
        Some(_) => return Err(wrong(format!("Garbage after port value: `{rest}'"))),
    }
    let upper = rest.get(1..).unwrap_or("");
    let (last, end) = port(upper).ok_or_else(|| invalid(upper))?;
    if last < first {
        return Err(wrong(format!("Port range `{upper}' funky")));
    }
    let range = Some(PortRange { first, last });
    let rest = upper.get(end..).unwrap_or("");
    let Some(base) = rest.strip_prefix('/') else {
        if rest.is_empty() {
            return Ok((range, None));
        }
        return Err(wrong(format!("Garbage after port range: `{rest}'")));
    };
    let base_port = port(base)
        .map(|(base, _)| base)
        .filter(|&base| base != 0)
        .or_else(|| context.names.service(base, None))
        .ok_or_else(|| invalid(base))?;
    if shift == Shift::No {
        // Why: iptables takes the base for SNAT and MASQUERADE, forgets it, and prints `/0`, which it cannot read back.
        let text = "Shifted portmap ranges not supported with this kernel";
        return Err(Error::new(ErrorKind::Extension(text.into()), call.value_span()));
    }
    Ok((range, Some(base_port)))
}
