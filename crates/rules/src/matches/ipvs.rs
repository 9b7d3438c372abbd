//! What IPVS, the kernel's load balancer, knows of a packet (`-m ipvs`). The kernel measured has no IPVS, so that a rule
//! with it is refused where it is applied.
use std::borrow::Cow;

use super::PortRange;
use super::conntrack::{HostMask, push_host, push_host_listed};
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, Listing, OptionCall, OptionSpec, Place, Spec, check_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, Value};
use crate::{Negatable, put};

/// `-m ipvs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ipvs {
    /// `--ipvs`: the packet belongs to a connection of IPVS; the value is the inversion. The other options imply it.
    pub belongs: Option<bool>,
    /// `--vproto`.
    pub protocol: Option<Negatable<u8>>,
    /// `--vaddr`.
    pub address: Option<Negatable<HostMask>>,
    /// `--vport`.
    pub port: Option<Negatable<u16>>,
    /// `--vdir`: `true` for ORIGINAL, `false` for REPLY.
    pub direction_original: Option<bool>,
    /// `--vmethod`.
    pub method: Option<Negatable<Method>>,
    /// `--vportctl`: the port of the connection that controls this one.
    pub control_port: Option<Negatable<u16>>,
}

/// How IPVS hands packets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GATE`: by another gateway.
    Gate,
    /// `IPIP`: in a tunnel.
    Tunnel,
    /// `MASQ`: translated.
    Masquerade,
}

/// The names of methods.
const METHODS: [(&str, Method); 3] =
    [("GATE", Method::Gate), ("IPIP", Method::Tunnel), ("MASQ", Method::Masquerade)];

/// `-m ipvs` in the language.
pub const EXTENSION: Extension<Ipvs> = Extension {
    spec: Spec {
        name: "ipvs",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("ipvs", Kind::Flag).invertible(),
            OptionSpec::new("vproto", Kind::Protocol).invertible(),
            OptionSpec::new("vaddr", Kind::Network).invertible(),
            OptionSpec::new("vport", Kind::Port).invertible(),
            OptionSpec::new("vdir", Kind::Word),
            OptionSpec::new("vmethod", Kind::Word).invertible(),
            OptionSpec::new("vportctl", Kind::Port).invertible(),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Ipvs::default(),
    parse: parse_option,
    finish: |ipvs, calls: &Calls, _| {
        if calls.is_empty() {
            return Err(calls.error("IPVS: At least one option is required"));
        }
        let others = Ipvs { belongs: None, ..ipvs.clone() } != Ipvs::default();
        if others && ipvs.belongs == Some(true) {
            return Err(calls.error("! --ipvs cannot be together with other options"));
        }
        if others {
            ipvs.belongs = None;
        }
        Ok(())
    },
    save: |ipvs, out| ipvs.push(out, "--", &mut |out, host| push_host(out, host)),
    list: |ipvs, out, listing: &Listing<'_>| {
        ipvs.push(out, "", &mut |out, host| push_host_listed(out, host, listing));
    },
    check: check_nothing,
};

fn parse_option(ipvs: &mut Ipvs, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let invert = call.invert;
    let port = || match call.value {
        Value::Ports(PortRange { first, .. }) => Some(Negatable { invert, value: first }),
        _ => None,
    };
    match call.name {
        "ipvs" => ipvs.belongs = Some(invert),
        "vproto" => ipvs.protocol = Some(Negatable { invert, value: call.value.number_u8() }),
        "vaddr" => {
            if let Value::Network(address, length) = call.value {
                ipvs.address = Some(Negatable { invert, value: HostMask { address, length } });
            }
        }
        "vport" => ipvs.port = port(),
        "vportctl" => ipvs.control_port = port(),
        "vdir" => {
            ipvs.direction_original = Some(match call.text() {
                text if text.eq_ignore_ascii_case("ORIGINAL") => true,
                text if text.eq_ignore_ascii_case("REPLY") => false,
                text => return Err(call.bad_value().suggest(text, ["ORIGINAL", "REPLY"])),
            });
        }
        _ => {
            let known = METHODS.iter().find(|(name, _)| name.eq_ignore_ascii_case(call.text()));
            let &(_, value) =
                known.ok_or_else(|| call.bad_value().suggest(call.text(), METHODS.map(|(name, _)| name)))?;
            ipvs.method = Some(Negatable { invert, value });
        }
    }
    Ok(())
}

impl Ipvs {
    fn push(&self, out: &mut String, dashes: &str, host: &mut dyn FnMut(&mut String, &HostMask)) {
        let name = |out: &mut String, invert, name| {
            push_not(out, invert);
            put!(out, " {dashes}{name}");
        };
        if let Some(invert) = self.belongs {
            name(out, invert, "ipvs");
        }
        if let Some(protocol) = self.protocol {
            name(out, protocol.invert, "vproto");
            put!(out, " {}", protocol.value);
        }
        if let Some(address) = self.address {
            name(out, address.invert, "vaddr");
            host(out, &address.value);
        }
        if let Some(port) = self.port {
            name(out, port.invert, "vport");
            put!(out, " {}", port.value);
        }
        if let Some(original) = self.direction_original {
            name(out, false, "vdir");
            out.push_str(if original { " ORIGINAL" } else { " REPLY" });
        }
        if let Some(method) = self.method {
            name(out, method.invert, "vmethod");
            for (text, _) in METHODS.iter().filter(|(_, own)| *own == method.value) {
                put!(out, " {text}");
            }
        }
        if let Some(port) = self.control_port {
            name(out, port.invert, "vportctl");
            put!(out, " {}", port.value);
        }
    }
}

const HELP: &str = "IPVS match options:
[!] --ipvs                      packet belongs to an IPVS connection

Any of the following options implies --ipvs (even negated)
[!] --vproto protocol           VIP protocol to match; by number or name,
                                e.g. \"tcp\"
[!] --vaddr address[/mask]      VIP address to match
[!] --vport port                VIP port to match; by number or name,
                                e.g. \"http\"
    --vdir {ORIGINAL|REPLY}     flow direction of packet
[!] --vmethod {GATE|IPIP|MASQ}  IPVS forwarding method used
[!] --vportctl port             VIP port of the controlling connection to
                                match, e.g. 21 for FTP
";
