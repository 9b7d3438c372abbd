//! Options behind the words of create, add, del and test, and what must and may be among them.
use packet::Family;

use super::Kind;
use super::entry::Entry;
use super::fault::Fault;
use super::kind::{Spec, Syntax, TypeFamilies};
use super::option::{Argument, Field, Fields, RANGES, Value};
use super::value::{self, Reading, Slot};

/// One of the four commands with elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    Add,
    Delete,
    Test,
}

impl Verb {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Add => "add",
            Self::Delete => "del",
            Self::Test => "test",
        }
    }

    pub(crate) fn syntax(self, spec: &'static Spec) -> &'static Syntax {
        match self {
            Self::Create => &spec.create,
            Self::Add => &spec.add,
            Self::Delete => &spec.delete,
            Self::Test => &spec.test,
        }
    }
}

/// The words behind `create NAME TYPE`.
pub(crate) fn create(kind: Kind, words: &[&str], reading: &mut Reading<'_>) -> Result<Entry, Fault> {
    let spec = kind.spec();
    let mut entry = Entry { family: kind.default_family(), ..Entry::default() };
    arguments(&mut entry, spec, Verb::Create, words, true, reading)?;
    arguments(&mut entry, spec, Verb::Create, words, false, reading)?;
    check(&entry, spec, Verb::Create)?;
    Ok(entry)
}

/// The words behind `add NAME`, `del NAME` or `test NAME`, for a set of a type and family.
pub(crate) fn element(
    verb: Verb,
    kind: Kind,
    family: Option<Family>,
    element: &str,
    words: &[&str],
    reading: &mut Reading<'_>,
) -> Result<Entry, Fault> {
    let spec = kind.spec();
    let mut entry = Entry { family, ..Entry::default() };
    let mut late = None;
    if let Err(fault) = parts(&mut entry, spec, element, reading, &mut late) {
        return Err(late.map_or(fault.clone(), |late: Fault| late.and(fault.text())));
    }
    arguments(&mut entry, spec, verb, words, false, reading)?;
    check(&entry, spec, verb)?;
    match late {
        // Linux: the fault has been noted, but the command goes on until it finds that it has lost the set's name.
        Some(late) => Err(late.and(&format!("Invalid {} command: missing setname", verb.name()))),
        None => Ok(entry),
    }
}

/// The parts of an element.
fn parts(
    entry: &mut Entry,
    spec: &Spec,
    text: &str,
    reading: &mut Reading<'_>,
    late: &mut Option<Fault>,
) -> Result<(), Fault> {
    let split = value::separated(text, ',');
    let dimension = spec.parts.len();
    let missing = |which: &str| Fault::syntax(format_args!("{which} element is missing from {text}."));
    if dimension == 1 && split.is_some() {
        if spec.kind.is_list() {
            return listed(entry, text);
        }
        return Err(Fault::syntax(format_args!(
            "Elem separator in {text}, but settype {} supports none.",
            spec.name
        )));
    }
    if dimension > 1 && split.is_none() && !spec.last_optional {
        return Err(missing("Second"));
    }
    let (first, rest) = split.map_or((text, None), |(first, rest)| (first, Some(rest)));
    let split = rest.and_then(|rest| value::separated(rest, ','));
    if dimension <= 2 && split.is_some() {
        return Err(Fault::syntax(format_args!(
            "Two elem separators in {text}, but settype {} supports one.",
            spec.name
        )));
    }
    if dimension > 2 && split.is_none() {
        return Err(missing("Third"));
    }
    let (second, third) = match split {
        Some((second, third)) => (Some(second), Some(third)),
        None => (rest, None),
    };
    if third.is_some_and(|third| value::separated(third, ',').is_some()) {
        return Err(Fault::syntax(format_args!(
            "Three elem separators in {text}, but settype {} supports two.",
            spec.name
        )));
    }
    let texts = [Some(first), second, third];
    for (part, text) in spec.parts.iter().zip(texts) {
        if let Some(text) = text {
            let before = late.is_some();
            value::part(entry, *part, text, reading, late)?;
            if late.is_some() && !before {
                // Linux: the fault has wiped out what was known, the family with it.
                *entry = Entry::default();
            }
        }
    }
    Ok(())
}

/// `NAME,before,NAME` and `NAME,after,NAME`, as old versions wrote it.
fn listed(entry: &mut Entry, text: &str) -> Result<(), Fault> {
    let pieces = value::separated(text, ',')
        .and_then(|(name, rest)| value::separated(rest, ',').map(|(word, other)| (name, word, other)));
    match pieces {
        Some((name, word @ ("before" | "after"), other)) => {
            entry.set = Some(value::set_name(name)?);
            entry.reference = Some(value::set_name(other)?);
            entry.before = word == "before";
            entry.note(Field::Name);
            entry.note(Field::NameRef);
            Ok(())
        }
        _ => Err(Fault::report("you must specify elements as setname,[before|after],setname")),
    }
}

/// All options. `family`: only those that give the family; else all but those.
fn arguments(
    entry: &mut Entry,
    spec: &'static Spec,
    verb: Verb,
    words: &[&str],
    family: bool,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let known = verb.syntax(spec).arguments;
    let mut words = words.iter();
    let mut told: Fields = Fields::NONE;
    let mut specified = false;
    while let Some(&word) = words.next() {
        let name = word.strip_prefix("--").unwrap_or(word);
        let Some(argument) = known.iter().find(|argument| argument.name == name) else {
            return Err(Fault::parameter(format!("Unknown argument: `{word}'")));
        };
        let text = match argument.is_alone() {
            true => word,
            false => words.next().copied().ok_or_else(|| {
                Fault::parameter(format!("Missing mandatory argument of option `{}'", argument.name))
            })?,
        };
        if (argument.field == Field::Family) != family {
            continue;
        }
        let again = if family { specified } else { entry.fields.has(argument.field) };
        if again {
            return Err(Fault::syntax(format_args!("{} already specified", argument.name)));
        }
        if argument.value == Value::Ignored {
            if !told.has(argument.field) {
                reading.warnings.push(format!(
                    "Warning: Option '--{} {text}' is ignored. Please upgrade your syntax.\n",
                    argument.name
                ));
            }
            told = told.with(argument.field);
            continue;
        }
        specified |= family;
        argument_value(entry, spec, argument, text, reading)?;
    }
    Ok(())
}

fn argument_value(
    entry: &mut Entry,
    spec: &Spec,
    argument: &Argument,
    text: &str,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    match argument.value {
        Value::Ignored => {}
        Value::Flag => match argument.field {
            Field::NoMatch => entry.nomatch = true,
            Field::Wildcard => entry.wildcard = true,
            Field::Counters => entry.counters = true,
            Field::CreateComment => entry.with_comment = true,
            Field::SkbInfo => entry.skbinfo = true,
            _ => entry.force_add = true,
        },
        Value::Family => entry.family = family(text)?,
        Value::U8 => {
            entry.bucket = Some(value::u8(text)?);
            entry.note(argument.field);
        }
        Value::U16 => {
            entry.skb.queue = value::u16(text)?;
            entry.note(argument.field);
        }
        Value::U32 => {
            let number = Some(value::u32(text)?);
            match argument.field {
                Field::HashSize => entry.hash_size = number,
                Field::MaxElem => entry.most = number,
                Field::MarkMask => entry.mark_mask = number,
                Field::InitVal => entry.seed = number,
                _ => entry.size = number,
            }
            entry.note(argument.field);
        }
        Value::U64 => {
            let number = Some(value::number(text, 0, u64::MAX - 1)?);
            match argument.field {
                Field::Packets => entry.packets = number,
                _ => entry.bytes = number,
            }
            entry.note(argument.field);
        }
        Value::Timeout => {
            entry.timeout = Some(value::timeout(text)?);
            entry.note(argument.field);
        }
        Value::NetRange => value::net_range(entry, text, reading)?,
        Value::SingleIp if argument.field == Field::IpTo => {
            let first = (entry.ip, entry.fields);
            value::single_address(entry, Slot::First, text, reading)?;
            entry.ip_to = entry.ip;
            entry.ip = first.0;
            entry.fields = first.1.with(Field::IpTo);
        }
        Value::SingleIp => value::single_address(entry, Slot::First, text, reading)?,
        Value::Network => value::network(entry, text, reading)?,
        Value::PortRange => value::tcp_udp_port(entry, text, reading)?,
        Value::SinglePort => value::single_port(entry, argument.field, text, reading)?,
        Value::NetMask | Value::BitMask => mask(entry, argument, text, reading)?,
        Value::SetName => {
            entry.reference = Some(value::set_name(text)?);
            entry.before = argument.name == "before";
            entry.note(argument.field);
        }
        Value::Comment => {
            entry.comment = value::comment(text)?;
            entry.note(argument.field);
        }
        Value::SkbMark => {
            (entry.skb.mark, entry.skb.mask) = value::skb_mark(text)?;
            entry.note(argument.field);
        }
        Value::SkbPrio => {
            entry.skb.priority = value::skb_priority(text)?;
            entry.note(argument.field);
        }
    }
    debug_assert!(spec.families != TypeFamilies::None || entry.ip.is_none());
    Ok(())
}

fn family(text: &str) -> Result<Option<Family>, Fault> {
    match text.strip_prefix("--").unwrap_or(text) {
        "inet" | "ipv4" | "-4" => Ok(Some(Family::V4)),
        "inet6" | "ipv6" | "-6" => Ok(Some(Family::V6)),
        "any" | "unspec" => Ok(None),
        _ => Err(Fault::syntax(format_args!("unknown inet family {text}"))),
    }
}

fn mask(entry: &mut Entry, argument: &Argument, text: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let family = *entry.family.get_or_insert(Family::V4);
    let netmask = argument.value == Value::NetMask;
    if entry.fields.has(if netmask { Field::BitMask } else { Field::NetMask }) {
        return Err(Fault::syntax("bitmask and netmask are mutually exclusive, provide only one"));
    }
    if netmask {
        entry.netmask = Some(value::netmask(text, family)?);
        entry.note(argument.field);
        return Ok(());
    }
    value::any_address(entry, Slot::Mask, text, reading).map_err(|fault| {
        let family = if family == Family::V4 { "inet" } else { "inet6" };
        fault.and(&format!("Syntax error: bitmask is not valid for family = {family}"))
    })
}

/// What must be there, then what may be there.
fn check(entry: &Entry, spec: &'static Spec, verb: Verb) -> Result<(), Fault> {
    let syntax = verb.syntax(spec);
    let mut given = entry.fields;
    if given.has(Field::Cidr) {
        given = given.with(Field::IpTo);
    }
    let missing = syntax.need.without(given);
    if !missing.is_empty() {
        if syntax.arguments.is_empty() {
            return Err(Fault::other(
                "There are missing mandatory flags but can't check them. It's a bug, please report the problem.",
            ));
        }
        if let Some(argument) = syntax.arguments.iter().find(|argument| missing.has(argument.field)) {
            return Err(Fault::parameter(format!("Mandatory option `{}' is missing", argument.name)));
        }
    }
    let mut allowed = syntax.full;
    for argument in syntax.arguments {
        allowed = allowed.with(argument.field);
    }
    if allowed.has(Field::IpTo) {
        allowed = allowed.with(Field::Cidr);
    }
    let beyond = entry.fields.without(allowed);
    let field = RANGES.into_iter().find(|&field| beyond.has(field) && verb != Verb::Create);
    let what = match field {
        None => return Ok(()),
        Some(Field::Cidr) => "IP/CIDR range",
        Some(Field::IpTo) => "FROM-TO IP range",
        Some(Field::PortTo) => "FROM-TO port range",
        Some(field) => {
            let empty = syntax.arguments.is_empty();
            let why = if empty { "option list is empty" } else { "can't resolve them" };
            return Err(Fault::other(format!(
                "There are not allowed options ({}) but {why}. It's a bug, please report the problem.",
                field as u8
            )));
        }
    };
    Err(Fault::other(format!(
        "{what} is not allowed in command {} with set type {} and family {}",
        verb.name(),
        spec.name,
        entry.family_name()
    )))
}
