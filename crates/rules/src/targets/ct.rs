//! What connection tracking shall do with a packet (`-j CT`).
use std::borrow::Cow;

use packet::{Family, protocol};

use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec, finish_nothing,
};
use crate::syntax::value::{Kind, number};
use crate::{Table, put};

/// `-j CT`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ct {
    /// `--notrack`.
    pub notrack: bool,
    /// `--helper`: 1 to 15 bytes.
    pub helper: Option<Box<str>>,
    /// `--timeout`: the name of a policy, 1 to 31 bytes.
    pub timeout: Option<Box<str>>,
    /// `--ctevents`: bits in the order new related destroy reply assured protoinfo helper mark natseqinfo secmark.
    pub events: Option<u16>,
    /// `--expevents`: bit 0 is new.
    pub expectation_events: Option<u16>,
    /// `--zone`, `--zone-orig`, `--zone-reply`.
    pub zone: Option<Zone>,
}

/// The zone that `-j CT` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// For which direction.
    pub direction: ZoneDirection,
    /// The number, or the packet's mark.
    pub id: ZoneId,
}

/// Directions in which a zone counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneDirection {
    /// `--zone`.
    Both,
    /// `--zone-orig`.
    Original,
    /// `--zone-reply`.
    Reply,
}

/// A zone's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneId {
    /// A number; 0, the zone of those that have none, is not printed.
    Number(u16),
    /// The packet's mark (its low 16 bits).
    Mark,
}

const EVENTS: &[&str] = &[
    "new",
    "related",
    "destroy",
    "reply",
    "assured",
    "protoinfo",
    "helper",
    "mark",
    "natseqinfo",
    "secmark",
];

const EXPECTATION_EVENTS: &[&str] = &["new"];

/// `-j CT` in the language.
pub const EXTENSION: Extension<Ct> = Extension {
    spec: Spec {
        name: "CT",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("notrack", Kind::Flag),
            OptionSpec::new("helper", Kind::Text { min: 0, max: 0, cut: 15 }),
            OptionSpec::new("timeout", Kind::Text { min: 0, max: 0, cut: 31 }),
            OptionSpec::new("ctevents", Kind::Word),
            OptionSpec::new("expevents", Kind::Word),
            OptionSpec::new("zone-orig", Kind::Word),
            OptionSpec::new("zone-reply", Kind::Word),
            OptionSpec::new("zone", Kind::Word),
        ],
        place: Place::tables(&[Table::Raw]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Ct::default(),
    parse: parse_option,
    finish: finish_nothing,
    save: |ct, out| ct.push(out, "--"),
    list: |ct, out, _| {
        out.push_str(" CT");
        ct.push(out, "");
    },
    check,
};

fn parse_option(ct: &mut Ct, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let name = || Some(call.value.text()).filter(|text| !text.is_empty()).map(Into::into);
    match call.name {
        "notrack" => ct.notrack = true,
        "helper" => ct.helper = name(),
        "timeout" => ct.timeout = name(),
        "ctevents" => ct.events = Some(events(call, EVENTS)?),
        "expevents" => ct.expectation_events = Some(events(call, EXPECTATION_EVENTS)?),
        zone => parse_zone(ct, call, zone)?,
    }
    Ok(())
}

/// Linux: one number and one set of directions for all three options: the last number counts, `mark` stays, and
/// `--zone-orig` with `--zone-reply` is `--zone` (measured).
fn parse_zone(ct: &mut Ct, call: &OptionCall<'_>, option: &str) -> Result<(), Error> {
    let text = call.text();
    let id = if text.eq_ignore_ascii_case("mark") {
        ZoneId::Mark
    } else {
        let id = number(text, 0, 0xffff).and_then(|id| u16::try_from(id).ok());
        ZoneId::Number(id.ok_or_else(|| call.error(format!("Cannot parse {text} as a zone ID")))?)
    };
    let before = ct.zone.map(|zone| zone.direction);
    let direction = match (option, before) {
        ("zone", _) => before.unwrap_or(ZoneDirection::Both),
        ("zone-orig", Some(ZoneDirection::Reply)) | ("zone-reply", Some(ZoneDirection::Original)) => {
            ZoneDirection::Both
        }
        ("zone-orig", _) => ZoneDirection::Original,
        _ => ZoneDirection::Reply,
    };
    let id = if ct.zone.is_some_and(|zone| zone.id == ZoneId::Mark) { ZoneId::Mark } else { id };
    ct.zone = Some(Zone { direction, id });
    Ok(())
}

fn events(call: &OptionCall<'_>, names: &[&'static str]) -> Result<u16, Error> {
    let mut bits = 0;
    let mut start = 0;
    for word in call.text().split(',') {
        match names.iter().position(|name| *name == word) {
            Some(at) => bits |= 1 << at,
            None => {
                return Err(call
                    .error_at(start, start + word.len(), format!("Unknown event type \"{word}\""))
                    .suggest(word, names.iter().copied()));
            }
        }
        start += word.len() + 1;
    }
    Ok(bits)
}

impl Ct {
    fn push(&self, out: &mut String, dashes: &str) {
        if self.notrack {
            put!(out, " {dashes}notrack");
        }
        for (option, name) in [("helper", &self.helper), ("timeout", &self.timeout)] {
            let Some(name) = name else { continue };
            put!(out, " {dashes}{option}");
            // Why: iptables prints the name bare, so that it cannot read back one with a blank. Quoted, it can be read.
            if !dashes.is_empty() && name.contains([' ', '\t', '"', '\\']) {
                crate::syntax::text::push_quoted(out, name);
            } else {
                put!(out, " {name}");
            }
        }
        for (option, bits, names) in
            [("ctevents", self.events, EVENTS), ("expevents", self.expectation_events, EXPECTATION_EVENTS)]
        {
            if let Some(bits) = bits {
                put!(out, " {dashes}{option} ");
                let set: Vec<_> = names
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| bits & (1 << at) != 0)
                    .map(|(_, name)| *name)
                    .collect();
                out.push_str(&set.join(","));
            }
        }
        if let Some(zone) = self.zone.filter(|zone| zone.id != ZoneId::Number(0)) {
            let option = match zone.direction {
                ZoneDirection::Both => "zone",
                ZoneDirection::Original => "zone-orig",
                ZoneDirection::Reply => "zone-reply",
            };
            match zone.id {
                ZoneId::Number(id) => put!(out, " {dashes}{option} {id}"),
                ZoneId::Mark => put!(out, " {dashes}{option} mark"),
            }
        }
    }
}

/// The helpers of the kernel, with their protocol and whether IPv6 has them (measured on 6.18).
const HELPERS: &[(&str, u8, bool)] = &[
    ("ftp", protocol::TCP, true),
    ("irc", protocol::TCP, false),
    ("pptp", protocol::TCP, false),
    ("sane", protocol::TCP, true),
    ("sip", protocol::TCP, true),
    ("Q.931", protocol::TCP, true),
    ("sip", protocol::UDP, true),
    ("tftp", protocol::UDP, true),
    ("amanda", protocol::UDP, true),
    ("snmp", protocol::UDP, false),
    ("snmp_trap", protocol::UDP, false),
    ("netbios-ns", protocol::UDP, false),
    ("RAS", protocol::UDP, true),
];

/// Linux: `xt_ct_tg_check` in xt_CT.c. With `--notrack` nothing is looked up.
fn check(ct: &Ct, site: &Site<'_>) -> Result<(), Refusal> {
    if ct.notrack {
        return Ok(());
    }
    let protocol = site.header.positive_protocol();
    if let Some(helper) = &ct.helper {
        let Some(protocol) = protocol else {
            return Err(Refusal::no_entry("`--helper' needs `-p' of the helper's protocol in the same rule"));
        };
        let known = HELPERS.iter().any(|&(name, own, both)| {
            name == &**helper && own == protocol && (both || site.family == Family::V4)
        });
        if !known {
            return Err(Refusal::no_entry(format!("there is no helper `{helper}' for this protocol")));
        }
    }
    if ct.timeout.is_some() && protocol.is_none() {
        return Err(Refusal::invalid("`--timeout' needs `-p' in the same rule"));
    }
    Ok(())
}

const HELP: &str = "CT target options:
 --notrack\t\t\tDon't track connection
 --helper name\t\t\tUse conntrack helper 'name' for connection
 --timeout name \t\tUse timeout policy 'name' for connection
 --ctevents event[,event...]\tGenerate specified conntrack events for connection
 --expevents event[,event...]\tGenerate specified expectation events for connection
 --zone {ID|mark}\t\tAssign/Lookup connection in zone ID/packet nfmark
 --zone-orig {ID|mark}\t\tSame as 'zone' option, but only applies to ORIGINAL direction
 --zone-reply {ID|mark} \tSame as 'zone' option, but only applies to REPLY direction
";
