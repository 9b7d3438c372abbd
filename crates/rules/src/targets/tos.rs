//! The type of service (`-j TOS`).
use std::borrow::Cow;

use crate::matches::tos::{NAME_MASK, name, push_names, read};
use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing,
};
use crate::syntax::value::Kind;
use crate::{Table, put};

/// `-j TOS` (F74): field = (field & !mask) ^ value. In IPv6 the field is the traffic class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tos {
    /// The bits that are set or toggled.
    pub value: u8,
    /// The bits that are cleared first.
    pub mask: u8,
}

const ALL: &[&str] = &["set-tos", "and-tos", "or-tos", "xor-tos"];

/// `-j TOS` in the language: four ways to write one operation, saved as `--set-tos value/mask`.
pub const EXTENSION: Extension<Tos> = Extension {
    spec: Spec {
        name: "TOS",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("set-tos", Kind::Word).excludes(ALL),
            OptionSpec::new("and-tos", Kind::U8).excludes(ALL),
            OptionSpec::new("or-tos", Kind::U8).excludes(ALL),
            OptionSpec::new("xor-tos", Kind::U8).excludes(ALL),
        ],
        place: Place::tables(&[Table::Mangle]),
        help: |_| {
            let mut text = String::from(HELP);
            push_names(&mut text, 28);
            text.push_str(HELP_END);
            Cow::Owned(text)
        },
    },
    start: |_| Tos { value: 0, mask: 0 },
    parse: parse_option,
    finish: |_, calls, _| match calls.is_empty() {
        true => Err(calls.error("TOS: An action is required")),
        false => Ok(()),
    },
    save: |tos, out| put!(out, " --set-tos 0x{:02x}/0x{:02x}", tos.value, tos.mask),
    list: |tos, out, listing| {
        let Tos { value, mask } = *tos;
        if listing.numeric {
            put!(out, " TOS set 0x{value:02x}/0x{mask:02x}");
        } else if let Some(name) = name(value, mask) {
            // Linux: with one blank too many, and one too few.
            put!(out, "  TOS set{name}");
        // Linux: the shortest form that says the same, tried in this order.
        } else if value == 0 {
            put!(out, " TOS and 0x{:02x}", !mask);
        } else if value == mask {
            put!(out, " TOS or 0x{value:02x}");
        } else if mask == 0 {
            put!(out, " TOS xor 0x{value:02x}");
        } else {
            put!(out, " TOS set 0x{value:02x}/0x{mask:02x}");
        }
    },
    check: check_nothing,
};

fn parse_option(tos: &mut Tos, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let bits = call.value.number_u8();
    let (value, mask) = match call.name {
        "set-tos" => read(call, NAME_MASK)?,
        "and-tos" => (0, !bits),
        "or-tos" => (bits, bits),
        _ => (bits, 0),
    };
    *tos = Tos { value, mask };
    Ok(())
}

// Linux: the version of libxtables stands where that of iptables should.
const HELP: &str = "TOS target vlibxtables.so.12 options:
  --set-tos value[/mask]  Set Type of Service/Priority field to value
                          (Zero out bits in mask and XOR value into TOS)
  --set-tos symbol        Set TOS field (IPv4 only) by symbol
                          (this zeroes the 4-bit Precedence part!)
                          Accepted symbolic names for value are:
";

const HELP_END: &str = "
  --and-tos bits          Binary AND the TOS value with bits
  --or-tos  bits          Binary OR the TOS value with bits
  --xor-tos bits          Binary XOR the TOS value with bits
";
