//! JSON → the lines of a restore file, each with the place in the document that it comes from.
use std::fmt;

use packet::Family;
use rules::syntax::extension::{Lookup, Spec};
use rules::syntax::saved;
use rules::{matches, targets};

use super::{Condition, Document, ExtensionOption, FamilyName, Rule, SCHEMA, Target};

/// A line of a restore file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Without its newline.
    pub(crate) text: String,
    /// Where it comes from.
    pub(crate) place: Place,
}

/// A place in a document: `tables[0].chains[1].rules[2]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    table: usize,
    chain: Option<usize>,
    rule: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tables[{}]", self.table)?;
        if let Some(chain) = self.chain {
            write!(f, ".chains[{chain}]")?;
        }
        if let Some(rule) = self.rule {
            write!(f, ".rules[{rule}]")?;
        }
        Ok(())
    }
}

/// Why a document is none of rules.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It is no JSON, or not of this shape; line and column are in it.
    Shape(serde_json::Error),
    /// Another version of the schema.
    Schema(u32),
    /// The rules of the other family.
    Family,
    /// A name of a table or chain, or a policy, with a blank in it.
    Name {
        /// The name.
        name: String,
        /// Where.
        place: Place,
    },
    /// An extension has no such option.
    Option {
        /// The match or target.
        extension: String,
        /// The option.
        option: String,
        /// Where.
        place: Place,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(error) => write!(f, "{error}"),
            Self::Schema(schema) => write!(f, "schema {schema} is not known, only {SCHEMA}"),
            Self::Family => write!(f, "the rules are those of the other family"),
            Self::Name { name, place } => write!(f, "{place}: {name:?} is no name"),
            Self::Option { extension, option, place } => {
                write!(f, "{place}: `{extension}' has no option \"{option}\"")
            }
        }
    }
}

/// The lines of a document. `counters`: rules have theirs in front.
pub(crate) fn lines(text: &[u8], family: Family, counters: bool) -> Result<Vec<Line>, Fault> {
    let document: Document<'_> = serde_json::from_slice(text).map_err(Fault::Shape)?;
    if document.schema != SCHEMA {
        return Err(Fault::Schema(document.schema));
    }
    if document.family != FamilyName::from(family) {
        return Err(Fault::Family);
    }
    let mut lines = Vec::new();
    for (at, table) in document.tables.iter().enumerate() {
        let mut place = Place { table: at, ..Place::default() };
        check_name(&table.table, place)?;
        lines.push(Line { text: format!("*{}", table.table), place });
        for (at, chain) in table.chains.iter().enumerate() {
            place.chain = Some(at);
            check_name(&chain.chain, place)?;
            check_name(chain.policy.as_deref().unwrap_or("-"), place)?;
            let mut text = format!(":{} {}", chain.chain, chain.policy.as_deref().unwrap_or("-"));
            if counters && chain.policy.is_some() {
                text += &format!(" [{}:{}]", chain.packets.unwrap_or(0), chain.bytes.unwrap_or(0));
            }
            lines.push(Line { text, place });
        }
        for (at, chain) in table.chains.iter().enumerate() {
            for (rule_at, rule) in chain.rules.iter().enumerate() {
                place = Place { chain: Some(at), rule: Some(rule_at), ..place };
                let text = self::rule(&chain.chain, rule, family, counters, place)?;
                lines.push(Line { text, place });
            }
        }
        lines.push(Line { text: "COMMIT".into(), place: Place { chain: None, rule: None, ..place } });
    }
    Ok(lines)
}

/// Why: these stand without quotes, and a blank would end them.
fn check_name(name: &str, place: Place) -> Result<(), Fault> {
    match name.is_empty() || name.contains(char::is_whitespace) {
        true => Err(Fault::Name { name: name.to_owned(), place }),
        false => Ok(()),
    }
}

fn rule(chain: &str, rule: &Rule<'_>, family: Family, counters: bool, place: Place) -> Result<String, Fault> {
    let mut out = String::new();
    if counters {
        out += &format!("[{}:{}] ", rule.packets.unwrap_or(0), rule.bytes.unwrap_or(0));
    }
    out.push_str("-A");
    push_word(&mut out, chain);
    let conditions = [
        ("-s", &rule.source),
        ("-d", &rule.destination),
        ("-i", &rule.in_interface),
        ("-o", &rule.out_interface),
        ("-p", &rule.protocol),
    ];
    for (letter, condition) in conditions {
        let Some(Condition { invert, value }) = condition else { continue };
        push_option(&mut out, *invert, letter);
        push_word(&mut out, value);
    }
    if let Some(fragment) = &rule.fragment {
        push_option(&mut out, fragment.invert, "-f");
    }
    for own in &rule.matches {
        out.push_str(" -m");
        push_word(&mut out, &own.name);
        // Why: of a match that is not there the parser speaks.
        if let Lookup::Found(data) = matches::lookup(&own.name, family) {
            push_options(&mut out, data.spec(), &own.name, &own.options, place)?;
        }
    }
    match &rule.target {
        None => {}
        Some(Target::Jump(jump)) => {
            out.push_str(" -j");
            push_word(&mut out, &jump.jump);
        }
        Some(Target::Goto(goto)) => {
            out.push_str(" -g");
            push_word(&mut out, &goto.goto);
        }
        Some(Target::Named(own)) => {
            out.push_str(" -j");
            push_word(&mut out, &own.target);
            match targets::lookup(&own.target, family) {
                Lookup::Found(data) => push_options(&mut out, data.spec(), &own.target, &own.options, place)?,
                Lookup::NotModelled => {}
                Lookup::Unknown => push_options(&mut out, None, &own.target, &own.options, place)?,
            }
        }
    }
    Ok(out)
}

fn push_options(
    out: &mut String,
    spec: Option<&Spec>,
    extension: &str,
    options: &[ExtensionOption<'_>],
    place: Place,
) -> Result<(), Fault> {
    for own in options {
        // Why: `--jump` in the options of a match would be another rule than the document shows.
        if spec.is_none_or(|spec| saved::find(spec, &own.option).is_none()) {
            let (extension, option) = (extension.to_owned(), own.option.clone().into_owned());
            return Err(Fault::Option { extension, option, place });
        }
        push_option(out, own.invert, "--");
        out.push_str(&own.option);
        for value in &own.values {
            push_word(out, value);
        }
    }
    Ok(())
}

fn push_option(out: &mut String, invert: bool, name: &str) {
    out.push_str(if invert { " ! " } else { " " });
    out.push_str(name);
}

/// A word in quotes where it could be read otherwise.
fn push_word(out: &mut String, word: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+:,./%@=".contains(&byte);
    out.push(' ');
    if !word.is_empty() && word.bytes().all(plain) {
        out.push_str(word);
        return;
    }
    out.push('"');
    for character in word.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}
