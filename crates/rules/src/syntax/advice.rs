//! What to type instead: a cause in our words, and often a better word, for the mistakes that people make most.
//!
//! iptables' own text says what it stumbled over; this says why. Nothing here decides anything: an [`Error`] comes in and
//! goes out with the same kind.
use packet::Family;

use super::error::{Error, ErrorKind};
use super::lex::Word;
use super::value;
use crate::matches;

/// Adds what a person wants to know to an error of a command line that has no cause yet.
pub(crate) fn advise(mut error: Error, words: &[Word<'_>], family: Family) -> Error {
    let text_at = |error: &Error| {
        let own =
            words.iter().find(|word| word.span.start <= error.span.start && error.span.end <= word.span.end);
        own.map(|word| word.text.to_string())
    };
    match &error.kind {
        ErrorKind::Host(text) => {
            let (other, program) = match family {
                Family::V4 => (Family::V6, "ip6tables"),
                Family::V6 => (Family::V4, "iptables"),
            };
            if value::literal_address(text, other).is_some() && text.contains([':', '.']) {
                let kind = if other == Family::V6 { "an IPv6" } else { "an IPv4" };
                error.cause =
                    Some(format!("this is {kind} address: such rules are made by `{program}'").into());
            }
            return error;
        }
        _ if error.cause.is_some() => return error,
        ErrorKind::BadArgument(text) => {
            let text = text.to_string();
            return bad_argument(&text, error, words);
        }
        ErrorKind::Mask(_) => {
            let bits = family.bits();
            let example = if family == Family::V4 { "255.255.255.0" } else { "ffff:ffff::" };
            error.cause =
                Some(format!("a mask is a length from 0 to {bits}, or written in full: {example}").into());
        }
        ErrorKind::NotWithSeveral => {
            error.cause = Some(
                "a list makes one rule for each address, and each of them would match the packets of the others; \
                 use a set (`-m set ! --match-set NAME src'), or a chain with a `-j RETURN' for each address"
                    .into(),
            );
        }
        ErrorKind::OptionTwice(option) => {
            error.cause = Some(match &**option {
                "--jump" => "a rule has one target; write one rule for each".into(),
                "--source" | "--destination" => "several addresses are one list, parted by commas".into(),
                "--in-interface" | "--out-interface" => {
                    "a rule has one of them; write one rule for each, or `eth+'".into()
                }
                _ => "once is enough".into(),
            });
        }
        ErrorKind::Protocol(text) if &**text == "!" => {
            error.cause = Some("`!' stands before the option: `! -p'".into());
        }
        ErrorKind::NoCommand => {
            error.cause = Some(
                "say what to do: `-A CHAIN' appends a rule, `-L' lists, `-D CHAIN' deletes; see -h".into(),
            );
        }
        ErrorKind::UnknownMatch(_) => error.cause = Some("there is no match of this name".into()),
        ErrorKind::Extension(text) if text.starts_with("multiport needs ") => {
            error.cause = Some("write `-p tcp' or `-p udp' in front of it".into());
        }
        ErrorKind::Extension(text)
            if text.contains("portrange (min > max)") || text.contains(" is negative.") =>
        {
            error.cause = Some("the smaller port comes first".into());
            let turned = text_at(&error).and_then(|range| {
                let (first, last) = range.split_once(':')?;
                Some(format!("{last}:{first}"))
            });
            error.suggestion = turned.map(Into::into);
        }
        _ => {}
    }
    error
}

/// A word that is no option and belongs to none.
fn bad_argument(text: &str, mut error: Error, words: &[Word<'_>]) -> Error {
    if let Some(option) = text.strip_prefix('!').filter(|option| !option.is_empty()) {
        error.cause = Some("a blank belongs behind `!'".into());
        error.suggestion = Some(format!("! {option}").into());
        return error;
    }
    let before = words.iter().take_while(|word| word.span.start < error.span.start).last();
    if let Some(before) = before
        && let Some(name) =
            before.text.strip_prefix('-').filter(|name| name.len() > 2 && !name.starts_with('-'))
        && let Some(letter) = name.chars().next()
        && let Some(rest) = name.get(letter.len_utf8()..)
    {
        error.span = before.span;
        error.cause =
            Some(format!("`-{name}' was read as `-{letter} {rest}'; a long option has two dashes").into());
        error.suggestion = Some(format!("--{name}").into());
        return error;
    }
    if before.is_some_and(|before| before.text.ends_with(',')) {
        error.cause = Some("a list has no blanks behind its commas".into());
    }
    error
}

/// Why a port is none.
pub(crate) fn port(text: &str, option: &str) -> String {
    if !text.contains(',') {
        return "a port is a number from 0 to 65535 or the name of a service".into();
    }
    let several = if option.starts_with('d') { "dports" } else { "sports" };
    let list = text.trim_end_matches(',');
    format!("one port or one range; several are `-m multiport --{several} {list}', without blanks")
}

/// Of which match or target an option is that nobody knows here, and how that is said. `protocol`: what `-p` says.
pub(crate) fn owner(name: &str, protocol: Option<u8>, family: Family) -> Option<String> {
    let has = |spec: &&&super::extension::Spec| {
        spec.families.has(family)
            && spec.options.iter().any(|option| option.name == name || option.aliases.contains(&name))
    };
    let of_ports =
        ["tcp", "udp"].iter().any(|own| matches::SPECS.iter().filter(has).any(|spec| spec.name == *own));
    if of_ports && protocol.is_none() {
        return Some(format!(
            "`--{name}' is an option of ports: write `-p tcp' or `-p udp' (or another protocol that has ports) before it"
        ));
    }
    let first = matches::SPECS.iter().find(has);
    if let Some(spec) = first {
        let own = spec.place.protocol.and_then(value::protocol_name);
        return Some(match (own, protocol.and_then(value::protocol_name)) {
            (Some(own), Some(other)) if own != other => {
                format!("this is an option of `-p {own}', and this rule says `-p {other}'")
            }
            (Some(own), None) => format!("this is an option of `-p {own}', which must stand before it"),
            _ => format!("this is an option of `-m {}', which must stand before it", spec.name),
        });
    }
    let target = crate::targets::SPECS.iter().find(has)?;
    Some(format!("this is an option of `-j {}', which must stand before it", target.name))
}
