//! The packet to a socket of this machine, unchanged (`-j TPROXY`).
use std::borrow::Cow;
use std::net::IpAddr;

use packet::protocol;

use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec, finish_nothing,
};
use crate::syntax::text::push_address;
use crate::syntax::value::{Kind, Value};
use crate::{Hook, Table, put};

/// `-j TPROXY` (F73).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tproxy {
    /// `--on-port`; 0: the packet's own.
    pub port: u16,
    /// `--on-ip`; 0: the address of the device by which the packet came.
    pub address: IpAddr,
    /// `--tproxy-mark`: mark = (mark & !mask) ^ value.
    pub mark: u32,
    /// Its mask; 0 when the option is not there.
    pub mask: u32,
}

/// `-j TPROXY` in the language.
pub const EXTENSION: Extension<Tproxy> = Extension {
    spec: Spec {
        name: "TPROXY",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("on-port", Kind::Port).mandatory(),
            OptionSpec::new("on-ip", Kind::Address),
            OptionSpec::new("tproxy-mark", Kind::Mark),
        ],
        place: Place { tables: &[Table::Mangle], hooks: &[Hook::Prerouting], protocol: None },
        help: |_| Cow::Borrowed(HELP),
    },
    start: |family| Tproxy { port: 0, address: family.unspecified(), mark: 0, mask: 0 },
    parse: parse_option,
    finish: finish_nothing,
    save: |own, out| {
        put!(out, " --on-port {} --on-ip ", own.port);
        push_address(out, own.address);
        put!(out, " --tproxy-mark 0x{:x}/0x{:x}", own.mark, own.mask);
    },
    list: |own, out, _| {
        out.push_str(" TPROXY redirect ");
        push_address(out, own.address);
        put!(out, ":{} mark 0x{:x}/0x{:x}", own.port, own.mark, own.mask);
    },
    // Linux: `tproxy_tg4_check` and `tproxy_tg6_check` in xt_TPROXY.c.
    check: |_, site: &Site<'_>| match site.header.positive_protocol() {
        Some(protocol::TCP | protocol::UDP) => Ok(()),
        _ => Err(Refusal::invalid("`TPROXY' needs `-p tcp' or `-p udp' in the same rule")),
    },
};

fn parse_option(own: &mut Tproxy, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    match call.value {
        Value::Ports(port) => own.port = port.first,
        Value::Address(address) => own.address = address,
        Value::Mark { value, mask } => (own.mark, own.mask) = (value, mask),
        _ => {}
    }
    Ok(())
}

const HELP: &str = "TPROXY target options:
  --on-port port\t\t    Redirect connection to port, or the original port if 0
  --on-ip ip\t\t\t    Optionally redirect to the given IP
  --tproxy-mark value[/mask]\t    Mark packets with the given value/mask

";
