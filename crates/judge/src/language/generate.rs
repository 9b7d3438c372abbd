//! Command lines from a seed: rules out of the option tables, rules of fixtures that are changed a little, and every
//! other command. About two of three are taken by iptables, so that the ruleset grows while it is on trial.
use packet::Family;
use rules::syntax::extension::{OptionSpec, Spec};
use rules::{Table, matches, targets};

use super::Line;
use super::corpus::{Corpus, Seedling};
use super::values::{self, nasty};
use crate::generate::Choice;

mod commands;

/// What has been typed since the ruleset was empty.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// User chains that were made, with their tables.
    pub chains: Vec<(Table, String)>,
    /// Rules that were appended: table, chain, the words behind it.
    pub rules: Vec<(Table, String, Vec<String>)>,
}

/// Where lines come from.
#[derive(Clone, Debug)]
pub struct Generator<'a> {
    family: Family,
    corpus: &'a Corpus,
    /// The extensions of the family, matches first, with the option that loads them.
    extensions: Vec<(&'static str, &'static Spec)>,
    only: Option<String>,
}

impl<'a> Generator<'a> {
    /// For a family; `only`: every line is about this extension.
    pub fn new(family: Family, corpus: &'a Corpus, only: Option<&str>) -> Self {
        let own = |how: &'static str, specs: &'static [&'static Spec]| {
            specs.iter().filter(move |spec| spec.families.has(family)).map(move |&spec| (how, spec))
        };
        let all = own("-m", matches::SPECS).chain(own("-j", targets::SPECS));
        let extensions = all.filter(|(_, spec)| only.is_none_or(|only| spec.name == only)).collect();
        Self { family, corpus, extensions, only: only.map(str::to_owned) }
    }

    /// The extensions that lines are about.
    pub fn extensions(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.extensions.iter().map(|(_, spec)| spec.name)
    }

    /// The line of a number. Every extension has its turn.
    pub fn line(&self, choice: &mut Choice, number: u64, memory: &Memory) -> Line {
        loop {
            let (words, subject) = self.attempt(choice, number, memory);
            if is_harmless(&words) {
                return Line { words, subject };
            }
        }
    }

    fn attempt(&self, choice: &mut Choice, number: u64, memory: &Memory) -> (Vec<String>, String) {
        if self.extensions.is_empty() || (self.only.is_none() && choice.percent(22)) {
            return (commands::command(self, choice, memory), String::new());
        }
        let at = usize::try_from(number).unwrap_or(0) % self.extensions.len();
        let subject = self.extensions[at];
        let own: Vec<&Seedling> =
            self.corpus.rules.iter().filter(|rule| rule.extension == subject.1.name).collect();
        let mut words = if !own.is_empty() && choice.percent(30) {
            {
                let rule = choice.of(&own);
                seedling(choice, rule)
            }
        } else {
            self.rule(choice, subject, memory)
        };
        if choice.percent(22) {
            change(choice, &mut words);
        }
        (words, subject.1.name.to_owned())
    }

    fn rule(
        &self,
        choice: &mut Choice,
        subject: (&'static str, &'static Spec),
        memory: &Memory,
    ) -> Vec<String> {
        let (how, spec) = subject;
        let table = match spec.place.tables {
            [] => any_table(choice),
            own if choice.percent(90) => choice.of(own),
            _ => any_table(choice),
        };
        let chain = self.chain(choice, table, Some(spec), memory);
        let mut words = Vec::new();
        if table != Table::Filter || choice.percent(5) {
            words.extend(["-t".to_owned(), table.name().to_owned()]);
        }
        words.extend(rule_command(choice, &chain));
        words.extend(self.body(choice, table, how, spec, memory));
        if choice.percent(3) {
            words.push(
                choice.of(&["-v", "-n", "-x", "--line-numbers", "-w", "-vv", "-w1", "--wait"]).to_owned(),
            );
        }
        words
    }

    fn chain(&self, choice: &mut Choice, table: Table, spec: Option<&Spec>, memory: &Memory) -> String {
        let own: Vec<&String> =
            memory.chains.iter().filter(|chain| chain.0 == table).map(|chain| &chain.1).collect();
        if choice.percent(3) {
            return choice.of(&["PREROUTING", "nowhere", "input", "", "ACCEPT", "LOG"]).to_owned();
        }
        if !own.is_empty() && choice.percent(15) {
            return own[choice.below(own.len())].clone();
        }
        let all: Vec<_> = table.hooks().iter().map(|&(hook, _)| hook).collect();
        let allowed: Vec<_> = all
            .iter()
            .copied()
            .filter(|hook| {
                spec.is_none_or(|spec| spec.place.hooks.is_empty() || spec.place.hooks.contains(hook))
            })
            .collect();
        let list = if allowed.is_empty() || choice.percent(8) { &all } else { &allowed };
        choice.of(list).name().to_owned()
    }

    /// Everything behind the chain.
    fn body(
        &self,
        choice: &mut Choice,
        table: Table,
        how: &'static str,
        spec: &'static Spec,
        memory: &Memory,
    ) -> Vec<String> {
        let mut parts: Vec<Vec<String>> = Vec::new();
        let protocol = match spec.place.protocol {
            Some(number) if choice.percent(88) => Some(protocol_word(choice, number)),
            _ if choice.percent(45) => Some(
                choice
                    .of(&[
                        "tcp", "udp", "tcp", "udp", "sctp", "icmp", "icmpv6", "dccp", "udplite", "47", "all",
                        "58", "2",
                    ])
                    .to_owned(),
            ),
            _ => None,
        };
        if let Some(protocol) = protocol {
            let not = if choice.percent(5) { vec!["!".to_owned()] } else { Vec::new() };
            parts.push(
                [not, vec![choice.of(&["-p", "-p", "--protocol", "--proto"]).to_owned(), protocol]].concat(),
            );
        }
        parts.extend(header(choice, self.family));
        if how == "-m" {
            parts.push(self.extension(choice, how, spec));
        }
        if choice.percent(20) {
            let matches: Vec<_> =
                matches::SPECS.iter().filter(|spec| spec.families.has(self.family)).collect();
            let spec = choice.of(&matches);
            parts.push(self.extension(choice, "-m", spec));
        }
        if how == "-j" {
            parts.push(self.extension(choice, how, spec));
        } else {
            parts.extend(self.any_target(choice, table, memory));
        }
        if choice.percent(12) {
            let from = choice.below(parts.len());
            let part = parts.remove(from);
            let to = choice.below(parts.len() + 1);
            parts.insert(to, part);
        }
        parts.concat()
    }

    fn any_target(&self, choice: &mut Choice, table: Table, memory: &Memory) -> Option<Vec<String>> {
        let jump = choice.of(&["-j", "-j", "-j", "--jump", "-g", "--goto"]);
        let own: Vec<&String> =
            memory.chains.iter().filter(|chain| chain.0 == table).map(|chain| &chain.1).collect();
        match choice.below(20) {
            0..=5 => None,
            6..=8 if !own.is_empty() => Some(vec![jump.to_owned(), own[choice.below(own.len())].clone()]),
            9 | 10 => {
                let targets: Vec<_> =
                    targets::SPECS.iter().filter(|spec| spec.families.has(self.family)).collect();
                let spec = choice.of(&targets);
                Some(self.extension(choice, "-j", spec))
            }
            11 => Some(vec![
                jump.to_owned(),
                choice.of(&["accept", "nowhere", "INPUT", "QUEUE", "", "a b"]).to_owned(),
            ]),
            _ => Some(vec!["-j".to_owned(), choice.of(&["ACCEPT", "RETURN", "DROP", "ACCEPT"]).to_owned()]),
        }
    }

    /// `-m NAME` or `-j NAME` with options.
    fn extension(&self, choice: &mut Choice, how: &str, spec: &'static Spec) -> Vec<String> {
        let mut words = Vec::new();
        // Why: `-p tcp --dport 22` without `-m tcp` is how most people type it.
        let implicit = how == "-m" && spec.place.protocol.is_some() && choice.percent(25);
        if !implicit {
            let names: Vec<&str> = std::iter::once(spec.name).chain(spec.aliases.iter().copied()).collect();
            words.extend([how.to_owned(), choice.of(&names).to_owned()]);
        }
        for option in chosen(choice, spec) {
            self.option(choice, spec, option, &mut words);
            if choice.percent(3) {
                self.option(choice, spec, option, &mut words);
            }
        }
        words
    }

    fn option(
        &self,
        choice: &mut Choice,
        spec: &'static Spec,
        option: &'static OptionSpec,
        words: &mut Vec<String>,
    ) {
        let names: Vec<&str> = std::iter::once(option.name).chain(option.aliases.iter().copied()).collect();
        let mut name = choice.of(&names).to_owned();
        if choice.percent(if option.invertible { 25 } else { 2 }) {
            words.push("!".to_owned());
        }
        if choice.percent(5) {
            let keep = 1 + choice.below(name.len());
            name.truncate(keep);
        }
        let seen = self.corpus.values(spec.name, &names);
        let mut value = values::value(choice, option.kind, self.family, &seen);
        if value.len() == 1 && choice.percent(8) {
            words.push(format!("--{name}={}", value.remove(0)));
        } else {
            words.push(format!("--{name}"));
        }
        words.append(&mut value);
    }
}

/// The options of a rule about an extension: mandatory ones nearly always, excluded ones rarely together.
fn chosen(choice: &mut Choice, spec: &'static Spec) -> Vec<&'static OptionSpec> {
    let share = (250 / spec.options.len().max(1)).clamp(8, 60);
    let mut own: Vec<&'static OptionSpec> = Vec::new();
    let start = choice.below(spec.options.len());
    for at in 0..spec.options.len() {
        let option = &spec.options[(start + at) % spec.options.len()];
        let clash = |other: &&&OptionSpec| {
            option.excludes.contains(&other.name) || other.excludes.contains(&option.name)
        };
        if own.iter().any(|other| clash(&other)) && choice.percent(90) {
            continue;
        }
        if choice.percent(if option.mandatory { 94 } else { share }) {
            own.push(option);
        }
    }
    if own.is_empty() && !spec.options.is_empty() && choice.percent(90) {
        own.push(&spec.options[start]);
    }
    let needed: Vec<&str> = own.iter().flat_map(|option| option.needs.iter().copied()).collect();
    for option in spec.options.iter().filter(|option| needed.contains(&option.name)) {
        if !own.iter().any(|other| std::ptr::eq(*other, option)) && choice.percent(85) {
            own.push(option);
        }
    }
    own
}

fn any_table(choice: &mut Choice) -> Table {
    use Table::{Filter, Mangle, Nat, Raw, Security};
    choice.of(&[Filter, Filter, Filter, Filter, Filter, Mangle, Mangle, Nat, Nat, Raw, Security])
}

fn protocol_word(choice: &mut Choice, number: u8) -> String {
    match rules::syntax::value::protocol_name(number) {
        Some(name) if choice.percent(85) => name.to_owned(),
        _ => number.to_string(),
    }
}

/// `-A CHAIN` and its kin.
fn rule_command(choice: &mut Choice, chain: &str) -> Vec<String> {
    let number = choice.of(&["1", "1", "2", "3", "0", "99", "x", "-1"]);
    let words: &[&str] = match choice.below(24) {
        0 => &["-I", chain, number],
        1 => &["-I", chain],
        2 => &["-R", chain, "1"],
        3 => &["-R", chain, number],
        4 => &["-C", chain],
        5 => &["-D", chain],
        6 => &["--append", chain],
        7 => &["--insert", chain, number],
        _ => &["-A", chain],
    };
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Parts of the header besides the protocol.
fn header(choice: &mut Choice, family: Family) -> Vec<Vec<String>> {
    let mut parts = Vec::new();
    let mut part = |choice: &mut Choice, names: &[&str], value: Option<String>| {
        let mut words = Vec::new();
        if choice.percent(15) {
            words.push("!".to_owned());
        }
        words.push(choice.of(names).to_owned());
        words.extend(value);
        parts.push(words);
    };
    for names in [["-s", "--source", "--src"], ["-d", "--destination", "--dst"]] {
        if choice.percent(12) {
            let mut value = values::network(choice, family);
            while choice.percent(12) {
                value = format!("{value},{}", values::network(choice, family));
            }
            part(choice, &names, Some(value));
        }
    }
    for names in [["-i", "--in-interface"], ["-o", "--out-interface"]] {
        if choice.percent(8) {
            let name = choice.of(&[
                "eth0",
                "lo",
                "eth+",
                "+",
                "a",
                "abcdefghijklmno",
                "abcdefghijklmnop",
                "abcdefghijklmn+",
                "",
                "a b",
                "a/b",
                "!x",
            ]);
            part(choice, &names, Some(name.to_owned()));
        }
    }
    if choice.percent(3) {
        part(choice, &["-f", "--fragments"], None);
    }
    if choice.percent(4) {
        let counters = choice.of(&["1 2", "0 0", "5,6", "5", "x 1", "1 x", "18446744073709551615 1", ","]);
        let mut words = vec!["-c".to_owned()];
        words.extend(counters.split(' ').map(str::to_owned));
        parts.push(words);
    }
    parts
}

/// A rule of a fixture as a command line.
fn seedling(choice: &mut Choice, rule: &Seedling) -> Vec<String> {
    let mut words = vec!["-t".to_owned(), rule.table.clone()];
    if let Some(setup) = rule.setup.first().filter(|_| choice.percent(25)) {
        words.extend(setup.iter().cloned());
        return words;
    }
    words.extend(["-A".to_owned(), rule.chain.clone()]);
    words.extend(rule.words.iter().cloned());
    words
}

/// Changes a line a little.
pub fn change(choice: &mut Choice, words: &mut Vec<String>) {
    if words.is_empty() {
        return;
    }
    let at = choice.below(words.len());
    match choice.below(10) {
        0 | 1 => drop(words.remove(at)),
        2 => words.insert(at, words[at].clone()),
        3 => {
            let other = choice.below(words.len());
            words.swap(at, other);
        }
        4 => words.insert(at, "!".to_owned()),
        5 => words[at] = nasty(choice),
        6 | 7 => {
            // A number becomes another one.
            let numbers: Vec<usize> =
                (0..words.len()).filter(|&at| words[at].bytes().any(|byte| byte.is_ascii_digit())).collect();
            let at = if numbers.is_empty() { at } else { choice.of(&numbers) };
            let digit = choice.of(&["0", "1", "9", "00", "65536", "", "8", "-"]);
            let mut changed = false;
            let start = choice.below(words[at].len());
            let mut text = String::new();
            for (place, letter) in words[at].char_indices() {
                if !changed && place >= start && letter.is_ascii_digit() {
                    text.push_str(digit);
                    changed = true;
                } else {
                    text.push(letter);
                }
            }
            words[at] = text;
        }
        8 => {
            // A letter is missing, doubled, or of the other case.
            let letters: Vec<char> = words[at].chars().collect();
            let place = choice.below(letters.len());
            let mut text = String::new();
            let how = choice.below(3);
            for (at, &letter) in letters.iter().enumerate() {
                match (at == place, how) {
                    (true, 0) => {}
                    (true, 1) => text.extend([letter, letter]),
                    (true, _) if letter.is_ascii_uppercase() => text.push(letter.to_ascii_lowercase()),
                    (true, _) => text.push(letter.to_ascii_uppercase()),
                    (false, _) => text.push(letter),
                }
            }
            words[at] = text;
        }
        _ => {
            let extra = choice.of(&[
                "-j",
                "-m",
                "--",
                "-n",
                "-4",
                "-6",
                "foo",
                "-x",
                "--jump=ACCEPT",
                "-jACCEPT",
                "-ptcp",
                "-f",
                "-t",
            ]);
            words.insert(at, extra.to_owned());
        }
    }
}

/// Whether a line may be given to the machine: none that would run a program (`-M`), wait for long, or print help.
fn is_harmless(words: &[String]) -> bool {
    words.iter().all(|word| {
        let long = word.strip_prefix("--");
        let short = word.strip_prefix('-').filter(|_| long.is_none());
        // A cluster ends at the first letter that takes a value.
        let cluster = short.map_or("", |short| {
            let end = short.find(|letter: char| "ACDEFILMNPRSXZWcdijopstmhgw".contains(letter));
            end.map_or(short, |end| &short[..=end])
        });
        let name = long.map_or("", |long| long.split('=').next().unwrap_or(long));
        let means = |option: &str| !name.is_empty() && option.starts_with(name);
        let program =
            cluster.contains(['M', 'h', 'V']) || means("modprobe") || means("help") || means("version");
        !program && word.len() < 1000 && !word.contains(['\n', '\0'])
    })
}
