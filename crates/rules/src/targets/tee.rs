//! A copy of the packet to another host (`-j TEE`).
use std::borrow::Cow;
use std::net::IpAddr;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec, finish_nothing,
};
use crate::syntax::text::{push_address, push_word};
use crate::syntax::value::{Kind, Value};

/// `-j TEE` (F73).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tee {
    /// `--gateway`: where the copy is sent, on a network of this machine; not 0.
    pub gateway: IpAddr,
    /// `--oif`: the device, at most 15 bytes; it need not exist.
    pub device: Option<Box<str>>,
}

/// `-j TEE` in the language.
pub const EXTENSION: Extension<Tee> = Extension {
    spec: Spec {
        name: "TEE",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("gateway", Kind::Address).mandatory(),
            OptionSpec::new("oif", Kind::Text { min: 0, max: 0, cut: 15 }),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |family| Tee { gateway: family.unspecified(), device: None },
    parse: parse_option,
    finish: finish_nothing,
    save: |tee, out| {
        out.push_str(" --gateway ");
        push_address(out, tee.gateway);
        if let Some(device) = &tee.device {
            out.push_str(" --oif ");
            push_word(out, device);
        }
    },
    list: |tee, out, listing| {
        out.push_str(" TEE gw:");
        match listing.names.host_name(tee.gateway).filter(|_| !listing.numeric) {
            Some(name) => out.push_str(&name),
            None => push_address(out, tee.gateway),
        }
        if let Some(device) = &tee.device {
            put!(out, " oif={device}");
        }
    },
    // Linux: `tee_tg_check` in xt_TEE.c.
    check: |tee, _: &Site<'_>| match tee.gateway.is_unspecified() {
        true => Err(Refusal::invalid("`--gateway' must be the address of a host")),
        false => Ok(()),
    },
};

fn parse_option(tee: &mut Tee, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    match &call.value {
        Value::Address(gateway) => tee.gateway = *gateway,
        device => tee.device = Some(device.text()).filter(|text| !text.is_empty()).map(Into::into),
    }
    Ok(())
}

const HELP: &str = "TEE target options:
  --gateway IPADDR    Route packet via the gateway given by address
  --oif NAME          Include oif in route calculation

";
