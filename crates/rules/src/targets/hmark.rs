//! A mark out of a hash of addresses and ports (`-j HMARK`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, Listing, OptionCall, OptionSpec, Place, Refusal, Site, Spec,
};
use crate::syntax::value::Kind;

/// `-j HMARK`: mark = hash scaled to `modulus`, + `offset`. What is `None` is taken as it is in the fields of `set`, and
/// does not count in those of masks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hmark {
    /// `ct` in `--hmark-tuple`: the addresses of the connection, not those of the packet.
    pub connection: bool,
    /// `--hmark-src-prefix`: how many bits of the source count.
    pub source: Option<u8>,
    /// `--hmark-dst-prefix`.
    pub destination: Option<u8>,
    /// `--hmark-sport-mask`: which bits of the source port count.
    pub source_port_mask: Option<u16>,
    /// `--hmark-dport-mask`.
    pub destination_port_mask: Option<u16>,
    /// `--hmark-spi-mask`: the same for both ports, or the index of ESP and AH.
    pub spi_mask: Option<u32>,
    /// `--hmark-sport`: bits that are set in the source port.
    pub source_port: Option<u16>,
    /// `--hmark-dport`.
    pub destination_port: Option<u16>,
    /// `--hmark-spi`.
    pub spi: Option<u32>,
    /// `--hmark-proto-mask`: which bits of the protocol count.
    pub protocol_mask: Option<u16>,
    /// `--hmark-rnd`: the seed of the hash.
    pub seed: u32,
    /// `--hmark-mod`: not 0.
    pub modulus: u32,
    /// `--hmark-offset`.
    pub offset: Option<u32>,
    /// What `--hmark-tuple` has set, until the rule is complete: an option for it may not follow.
    tuple: u8,
}

impl Hmark {
    /// A mark in which nothing counts yet.
    pub fn new(seed: u32, modulus: u32) -> Self {
        Self { seed, modulus, ..Self::default() }
    }
}

/// `-j HMARK` in the language.
pub const EXTENSION: Extension<Hmark> = Extension {
    spec: Spec {
        name: "HMARK",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("hmark-tuple", Kind::Word),
            OptionSpec::new("hmark-src-prefix", Kind::PrefixLength),
            OptionSpec::new("hmark-dst-prefix", Kind::PrefixLength),
            OptionSpec::new("hmark-sport-mask", Kind::U16),
            OptionSpec::new("hmark-dport-mask", Kind::U16),
            OptionSpec::new("hmark-spi-mask", Kind::U32),
            OptionSpec::new("hmark-sport", Kind::U16),
            OptionSpec::new("hmark-dport", Kind::U16),
            OptionSpec::new("hmark-spi", Kind::U32),
            OptionSpec::new("hmark-proto-mask", Kind::U16),
            OptionSpec::new("hmark-rnd", Kind::U32),
            OptionSpec::new("hmark-mod", Kind::Number { min: 1, max: 0xffff_ffff }).mandatory(),
            OptionSpec::new("hmark-offset", Kind::U32),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Hmark::default(),
    parse: parse_option,
    finish,
    save,
    list,
    check: |own, _: &Site<'_>| {
        // Linux: `hmark_tg_check` in xt_HMARK.c.
        if own.spi.is_some() && (own.source_port.is_some() || own.destination_port.is_some()) {
            return Err(Refusal::invalid(
                "`--hmark-spi' cannot stand beside `--hmark-sport' or `--hmark-dport'",
            ));
        }
        Ok(())
    },
};

/// The words of `--hmark-tuple`, with the option whose place each takes. The order decides what a start of a word means.
const TUPLE: [(&str, &str); 7] = [
    ("src", "hmark-src-prefix"),
    ("dst", "hmark-dst-prefix"),
    ("sport", "hmark-sport-mask"),
    ("dport", "hmark-dport-mask"),
    ("spi", "hmark-spi-mask"),
    ("proto", "hmark-proto-mask"),
    ("ct", ""),
];

fn parse_option(own: &mut Hmark, call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<(), Error> {
    let set = TUPLE.iter().position(|(_, option)| *option == call.name);
    if set.is_some_and(|at| own.tuple & (1 << at) != 0) {
        return Err(call.error(format!("HMARK: option \"--{}\" can only be used once.\n", call.name)));
    }
    let number = call.value.number_u32();
    let short = Some(u16::try_from(number).unwrap_or(u16::MAX));
    // Linux: a mask that is no prefix counts as one of all bits.
    let length = Some(call.value.number_u8().min(context.family.bits()));
    match call.name {
        "hmark-tuple" => parse_tuple(own, call, context)?,
        "hmark-src-prefix" => own.source = length,
        "hmark-dst-prefix" => own.destination = length,
        "hmark-sport-mask" => own.source_port_mask = short,
        "hmark-dport-mask" => own.destination_port_mask = short,
        "hmark-spi-mask" => own.spi_mask = Some(number),
        "hmark-sport" => own.source_port = short,
        "hmark-dport" => own.destination_port = short,
        "hmark-spi" => own.spi = Some(number),
        "hmark-proto-mask" => own.protocol_mask = short,
        "hmark-rnd" => own.seed = number,
        "hmark-mod" => own.modulus = number,
        _ => own.offset = Some(number),
    }
    Ok(())
}

fn parse_tuple(own: &mut Hmark, call: &OptionCall<'_>, context: &Context<'_>) -> Result<(), Error> {
    let mut rest = Some(call.text());
    while let Some(text) = rest {
        let start = call.text().len() - text.len();
        if text.is_empty() {
            return Err(call.error(
                "\"--hmark-tuple\" requires a list of types with no spaces, e.g. src,dst,sport,dport,proto",
            ));
        }
        let word = text.split(',').next().unwrap_or(text);
        let fits = |name: &str| name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        let found = TUPLE.iter().position(|(name, _)| !word.is_empty() && fits(name));
        let Some(at) = found else {
            return Err(call
                .error_at(start, start + word.len(), format!("Bad type \"{text}\""))
                .suggest(word, TUPLE.map(|(name, _)| name)));
        };
        own.tuple |= 1 << at;
        match at {
            0 => own.source = Some(context.family.bits()),
            1 => own.destination = Some(context.family.bits()),
            2 => own.source_port_mask = Some(u16::MAX),
            3 => own.destination_port_mask = Some(u16::MAX),
            4 => own.spi_mask = Some(u32::MAX),
            5 => own.protocol_mask = Some(u16::MAX),
            _ => own.connection = true,
        }
        rest = text.split_once(',').map(|(_, rest)| rest);
    }
    Ok(())
}

fn finish(own: &mut Hmark, calls: &Calls, _: &mut Context<'_>) -> Result<(), Error> {
    own.tuple = 0;
    for name in ["hmark-mod", "hmark-rnd"] {
        if !calls.has(&EXTENSION.spec, name) {
            return Err(calls.error(format!("--{name} is mandatory")));
        }
    }
    if (Hmark { seed: 0, modulus: 0, offset: None, ..*own }) == Hmark::default() {
        return Err(calls.error("you have to specify --hmark-tuple at least"));
    }
    if own.spi_mask.is_some() && (own.source_port_mask.is_some() || own.destination_port_mask.is_some()) {
        return Err(calls.error("you cannot use --hmark-spi-mask and --hmark-?port-mask,at the same time"));
    }
    Ok(())
}

fn save(own: &Hmark, out: &mut String) {
    for (name, length) in [("src", own.source), ("dst", own.destination)] {
        if let Some(length) = length {
            put!(out, " --hmark-{name}-prefix {length}");
        }
    }
    for (name, mask) in [("sport", own.source_port_mask), ("dport", own.destination_port_mask)] {
        if let Some(mask) = mask {
            put!(out, " --hmark-{name}-mask 0x{mask:04x}");
        }
    }
    if let Some(mask) = own.spi_mask {
        put!(out, " --hmark-spi-mask 0x{mask:08x}");
    }
    for (name, port) in [("sport", own.source_port), ("dport", own.destination_port)] {
        if let Some(port) = port {
            put!(out, " --hmark-{name} 0x{port:04x}");
        }
    }
    if let Some(spi) = own.spi {
        put!(out, " --hmark-spi 0x{spi:08x}");
    }
    if let Some(mask) = own.protocol_mask {
        put!(out, " --hmark-proto-mask 0x{mask:02x}");
    }
    put!(out, " --hmark-rnd 0x{:08x} --hmark-mod {}", own.seed, own.modulus);
    if let Some(offset) = own.offset {
        put!(out, " --hmark-offset {offset}");
    }
    if own.connection {
        out.push_str(" --hmark-tuple ct");
    }
}

fn list(own: &Hmark, out: &mut String, _: &Listing<'_>) {
    put!(out, " HMARK mod {}", own.modulus);
    if let Some(offset) = own.offset {
        put!(out, " + 0x{offset:x}");
    }
    if own.connection {
        out.push_str(" ct,");
    }
    for (name, length) in [("src", own.source), ("dst", own.destination)] {
        match length {
            // Linux: the whole address of IPv6 has no number.
            Some(128) => put!(out, " {name}-prefix "),
            Some(length) => put!(out, " {name}-prefix {length}"),
            None => {}
        }
    }
    let short = |number: Option<u16>| number.map(u32::from);
    for (name, number) in [
        ("sport-mask", short(own.source_port_mask)),
        ("dport-mask", short(own.destination_port_mask)),
        ("spi-mask", own.spi_mask),
        ("sport", short(own.source_port)),
        ("dport", short(own.destination_port)),
        ("spi", own.spi),
        ("proto-mask", short(own.protocol_mask)),
        ("rnd", Some(own.seed)),
    ] {
        if let Some(number) = number {
            put!(out, " {name} 0x{number:x}");
        }
    }
    // Linux: a blank at the end.
    out.push(' ');
}

const HELP: &str = "HMARK target options, i.e. modify hash calculation by:
  --hmark-tuple [src|dst|sport|dport|spi|proto|ct][,...]
  --hmark-mod value\t\t    nfmark modulus value
  --hmark-offset value\t\t    Last action add value to nfmark

  --hmark-rnd\t\t\t    Random see for hashing
 Alternatively, fine tuning of what will be included in hash calculation
  --hmark-src-prefix length\t    Source address mask CIDR prefix
  --hmark-dst-prefix length\t    Dest address mask CIDR prefix
  --hmark-sport-mask value\t    Mask src port with value
  --hmark-dport-mask value\t    Mask dst port with value
  --hmark-spi-mask value\t    For esp and ah AND spi with value
  --hmark-sport value\t\t    OR src port with value
  --hmark-dport value\t\t    OR dst port with value
  --hmark-spi value\t\t    For esp and ah OR spi with value
  --hmark-proto-mask value\t    Mask Protocol with value
";
