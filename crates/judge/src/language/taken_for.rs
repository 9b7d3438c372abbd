//! Lines that iptables 1.8.9 carries out as if another line had been typed: what it must say and leave then is what
//! oxitables says and leaves for that other line, in full.
use packet::Family;
use rules::fixture::DebianNames;
use rules::syntax::command::{Action, Named, RuleSpec, TargetSpec};
use rules::syntax::{Mode, Parsed, lex, parse, print, value};
use rules::{Rule, Ruleset, Table, Target};

use super::ours::Ours;
use super::{Said, Side, Speaker};

/// A way in which a line is taken for another one.
pub struct TakenFor {
    /// Part of the line in docs/deviations.md.
    pub deviation: &'static str,
    /// The lines for one of which it is taken.
    pub lines: fn(&[String], &Ruleset) -> Vec<Vec<String>>,
    /// What is put back in the place of what the other line has.
    pub back: fn(&str) -> String,
    /// Whether what is echoed is the line as it was typed.
    pub echoes: bool,
}

/// All of them.
pub const TAKEN_FOR: &[TakenFor] = &[
    TakenFor { deviation: "`--label 65536`", lines: label, back: str::to_owned, echoes: false },
    TakenFor {
        deviation: "`NFQUEUE --queue-balance`",
        lines: queue_balance,
        back: |text| text.replace("65533:65534", "65534:65535").replace(":65534", ":65535"),
        echoes: false,
    },
    TakenFor {
        deviation: "`-C` and `-D` of ip6tables",
        lines: rule_with_other_data,
        back: str::to_owned,
        echoes: true,
    },
];

/// The entry by which the machine has done as it did; `before` is our side before the line, `typed` what ours said of it.
pub fn entry(
    words: &[String],
    table: &str,
    before: &Ours,
    typed: &Said,
    theirs: &Side,
) -> Option<&'static str> {
    TAKEN_FOR.iter().find(|own| own.explains(words, table, before, typed, theirs)).map(|own| own.deviation)
}

impl TakenFor {
    fn explains(&self, words: &[String], table: &str, before: &Ours, typed: &Said, theirs: &Side) -> bool {
        (self.lines)(words, before.ruleset()).iter().any(|line| {
            let mut ours = before.clone();
            let mut said = ours.say(line);
            said.out = if self.echoes { typed.out.clone() } else { (self.back)(&said.out) };
            said.error = super::differences::without_hints(&said.error);
            let looks = ours.look(table);
            // Why: quotes that only one side needs are another entry.
            let bare = |text: &str| text.replace(['"', '\\'], "");
            let same = |ours: &str, theirs: &str| bare(&(self.back)(ours)) == bare(theirs);
            said == theirs.said
                && same(&looks.save, &theirs.looks.save)
                && same(&looks.rules, &theirs.looks.rules)
                && same(&looks.list, &theirs.looks.list)
        })
    }
}

/// The line with another value behind each use of an option (by the start of its name).
fn with_values(words: &[String], start: &str, value: impl Fn(&str) -> Option<String>) -> Vec<Vec<String>> {
    let mut line = words.to_vec();
    let mut changed = false;
    for at in 0..line.len() {
        let Some(word) = line.get(at).filter(|word| word.starts_with(start)).cloned() else { continue };
        let (place, own) = match word.split_once('=') {
            Some((name, own)) => (at, value(own).map(|value| format!("{name}={value}"))),
            None => (at + 1, words.get(at + 1).and_then(|own| value(own))),
        };
        if let (Some(slot), Some(own)) = (line.get_mut(place), own) {
            *slot = own;
            changed = true;
        }
    }
    if changed { vec![line] } else { Vec::new() }
}

/// Numbers of labels are counted modulo 65536.
fn label(words: &[String], _: &Ruleset) -> Vec<Vec<String>> {
    with_values(words, "--l", |text| {
        let number = value::number(text.trim_start(), 0, u64::from(u32::MAX))?;
        (number > u64::from(u16::MAX)).then(|| (number % 65_536).to_string())
    })
}

/// The last queue may be 65535.
fn queue_balance(words: &[String], _: &Ruleset) -> Vec<Vec<String>> {
    with_values(words, "--queue-b", |text| {
        let (first, last) = text.split_once(':')?;
        let last = if last.is_empty() { 65_535 } else { value::number(last, 0, 65_535)? };
        let first = if value::number(first, 0, 65_535) == Some(65_534) { "65533" } else { first };
        (last == 65_535).then(|| format!("{first}:65534"))
    })
}

/// ip6tables compares the data of matches and targets only in part: a rule that is the typed one but for data.
fn rule_with_other_data(words: &[String], ruleset: &Ruleset) -> Vec<Vec<String>> {
    if ruleset.family() != Family::V6 {
        return Vec::new();
    }
    // Why: a line may be taken for another one for two reasons.
    let labelled = label(words, ruleset).pop();
    let (_, parts) = lex::arguments(labelled.as_deref().unwrap_or(words));
    let mode = Mode { family: Family::V6, names: &DebianNames, restore: None, trusted: false };
    let Ok(Parsed::Command(command)) = parse::parse(&parts, mode, None) else { return Vec::new() };
    let letter = command.action.letter();
    let (Action::Check { chain, rule } | Action::Delete { chain, rule }) = &command.action else {
        return Vec::new();
    };
    let Some(rules) = Table::from_name(&command.table.text).and_then(|table| ruleset.table(table)) else {
        return Vec::new();
    };
    let Some(own) = rules.find(&chain.text).and_then(|id| rules.chain(id)) else { return Vec::new() };
    let jump = |name: &Named| rules.find(&name.text);
    let alike = own.rules.iter().filter(|present| {
        let target = match (&rule.target, &present.target) {
            (TargetSpec::None, None) => true,
            (TargetSpec::Chain(name, goto), Some(Target::Goto(id))) => *goto && jump(name) == Some(*id),
            (TargetSpec::Chain(name, goto), Some(Target::Jump(id))) => !goto && jump(name) == Some(*id),
            (TargetSpec::Target(target, _), Some(present)) => target.name() == present.name(),
            _ => false,
        };
        target && is_alike(rule, present)
    });
    alike
        .map(|present| {
            let mut text = String::new();
            print::rule(&mut text, rules, &chain.text, present, false);
            let mut line: Vec<String> = ["-t", &command.table.text].map(str::to_owned).to_vec();
            line.extend(lex::printed_words(&text).into_iter().map(|word| word.into_owned()));
            if let Some(word) = line.get_mut(2) {
                *word = format!("-{letter}");
            }
            line
        })
        .collect()
}

/// Whether the header and the kinds of the matches are the same.
fn is_alike(typed: &RuleSpec, present: &Rule) -> bool {
    let names = |list: &[rules::Match]| list.iter().map(rules::Match::name).collect::<Vec<_>>();
    typed.headers().contains(&present.header) && names(&typed.matches) == names(&present.matches)
}
