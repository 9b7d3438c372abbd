//! Why a rule did not match: the value that it wanted beside the value that the packet had.
//!
//! What was wanted is taken from the rule as a save file writes it, so that a reader finds the same words in the rule.
use netfilter::trace::{Found, Membership, Mismatch};
use packet::view::tcp_flags;
use rules::{Rule, TableRules};

use super::wording;

/// A reason in words.
pub(super) fn sentence(mismatch: &Mismatch, wanted: Option<&str>) -> String {
    let option = mismatch.option;
    let found = found(mismatch);
    match (option, mismatch.found, wanted) {
        ("--probability", Found::Number(_), Some(wanted)) => match wanted.strip_prefix("not ") {
            None => format!("{option}: drew {found}, wanted less than {wanted}"),
            Some(wanted) => format!("{option}: drew {found}, wanted {wanted} or more"),
        },
        ("--every", Found::Number(left), Some(wanted)) => match wanted.strip_prefix("not ") {
            None => format!("{option}: wanted one packet of {wanted}, not this one ({left} more before it)"),
            Some(wanted) => format!("{option}: this is the one packet of {wanted} that is left out"),
        },
        ("--limit", Found::Nothing(_), Some(wanted)) => format!("{option}: {wanted} is used up"),
        ("-f", Found::Nothing(_), _) => "-f: wanted a later fragment, the packet is none".to_owned(),
        ("-f", ..) => "-f: wanted no later fragment, the packet is one".to_owned(),
        ("--match-set", Found::Member(..), Some(wanted)) => match wanted.strip_prefix("not ") {
            None => format!("{option}: wanted a member of {}, the packet has {found}", set_of(wanted)),
            Some(wanted) => {
                format!("{option}: wanted no member of {}, the packet has {found}", set_of(wanted))
            }
        },
        ("--match-set", Found::Word(word), _) => format!("{option}: {word}"),
        ("--match-set", Found::Nothing(_), Some(wanted)) => {
            let wanted = set_of(wanted.trim_start_matches("not "));
            format!("{option}: the packet has {found} that could be in {wanted}")
        }
        (_, _, Some(wanted)) if option.ends_with("-lt") => {
            format!("{option}: wanted less than {wanted}, the packet has {found}")
        }
        (_, _, Some(wanted)) if option.ends_with("-gt") => {
            format!("{option}: wanted more than {wanted}, the packet has {found}")
        }
        (_, _, Some(wanted)) if !wanted.is_empty() => {
            format!("{option}: wanted {wanted}, the packet has {found}")
        }
        _ => format!("{option}: the packet has {found}"),
    }
}

/// What a packet had, in words.
pub(super) fn found(mismatch: &Mismatch) -> String {
    match mismatch.found {
        // Chance is a number below 2^31.
        Found::Number(number) if mismatch.option == "--probability" => {
            let ten_thousandths = number.min(0x7fff_ffff) * 10_000 / 0x8000_0000;
            format!("0.{ten_thousandths:04}")
        }
        Found::Address(address) => address.to_string(),
        Found::Port(port) => port.to_string(),
        Found::Ports(source, destination) => format!("source {source}, destination {destination}"),
        Found::Number(number) => number.to_string(),
        Found::Hex(number) => format!("{number:#x}"),
        Found::Flags(flags) => flag_names(flags),
        Found::Icmp(kind, code) => format!("type {kind} code {code}"),
        Found::Interface(name) => name.to_string(),
        Found::Mac(mac) => {
            let parts: Vec<String> = mac.iter().map(|part| format!("{part:02x}")).collect();
            parts.join(":")
        }
        Found::Protocol(protocol) => wording::protocol(protocol),
        Found::Time(second) => time(second),
        Found::Member(element, state) => member(element, state),
        Found::Word(word) => word.to_owned(),
        Found::Nothing(what) => format!("no {what}"),
    }
}

/// The set of `NAME src,dst`.
fn set_of(wanted: &str) -> &str {
    wanted.split(' ').next().unwrap_or(wanted)
}

/// What was looked up in a set, and what came of it.
fn member(element: rules::set::Element, state: Membership) -> String {
    let mut text = String::new();
    element.push(&mut text, &rules::syntax::NoNames);
    text.push_str(match state {
        Membership::Absent => ", which is not in it",
        Membership::Present => ", which is in it",
        Membership::NoMatch => ", which is in it as nomatch",
        Membership::Expired => ", which was in it and is expired",
        Membership::OtherMac => ", which is in it with another Ethernet address",
        Membership::OutOfRange => ", which is outside its range",
    });
    text
}

/// A time with its day of the week, which a rule may ask for.
fn time(second: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let (day, clock) = (second / 86_400, second % 86_400);
    let name = DAYS.get((day % 7) as usize).unwrap_or(&"");
    let (year, month, date) = rules::matches::time::civil(u32::try_from(day).unwrap_or(u32::MAX / 2));
    let (hours, minutes, seconds) = (clock / 3_600, clock / 60 % 60, clock % 60);
    format!("{name} {year}-{month:02}-{date:02} {hours:02}:{minutes:02}:{seconds:02} UTC")
}

fn flag_names(flags: u8) -> String {
    let names = [
        (tcp_flags::FIN, "FIN"),
        (tcp_flags::SYN, "SYN"),
        (tcp_flags::RST, "RST"),
        (tcp_flags::PSH, "PSH"),
        (tcp_flags::ACK, "ACK"),
        (tcp_flags::URG, "URG"),
    ];
    let set: Vec<&str> = names.iter().filter(|(bit, _)| flags & bit != 0).map(|&(_, name)| name).collect();
    if set.is_empty() { "no flag".to_owned() } else { set.join(",") }
}

/// What the condition wanted: the words behind its option in the saved form, `not` before them where it is inverted.
/// `None`: the rule has no such option (a match that refuses what is cut short).
pub(super) fn wanted(table: &TableRules, rule: &Rule, mismatch: &Mismatch) -> Option<String> {
    let mut text = String::new();
    match mismatch.place {
        Some(place) => rule.matches.get(usize::from(place))?.save(&mut text),
        None => {
            let header = Rule { matches: Vec::new(), target: None, ..rule.clone() };
            rules::syntax::print::rule(&mut text, table, "chain", &header, false);
        }
    }
    let words = words(&text);
    let option = mismatch.option.split(' ').next().unwrap_or_default();
    let spelled = |word: &&str| *word == option || (option == "--string" && *word == "--hex-string");
    let at = words.iter().position(|word| spelled(&word.as_str()))?;
    let not = at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|word| word == "!");
    let values: Vec<&str> = words
        .iter()
        .skip(at + 1)
        .map(String::as_str)
        .take_while(|word| *word != "!" && !word.starts_with('-'))
        .collect();
    let value = match (option, values.as_slice()) {
        ("--tcp-flags", [mask, set]) => format!("{set} of {mask}"),
        _ => values.join(" "),
    };
    // An option without a value speaks for itself.
    Some(if not && !value.is_empty() { format!("not {value}") } else { value })
}

/// The words of a saved rule; what stands in quotes is one word, quotes included.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut escaped) = (String::new(), false, false);
    for letter in text.chars() {
        if letter == ' ' && !quoted {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        if letter == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = letter == '\\' && !escaped;
        word.push(letter);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests;
