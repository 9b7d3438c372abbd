//! The pages: what the option tables say, with the texts.
use clap::CommandFactory as _;
use packet::Family;
use rules::syntax::extension::{Families, OptionSpec, Spec};
use rules::syntax::options::GENERIC;
use rules::syntax::{inventory, value};
use rules::{Hook, Table};

use super::roff::Page;
use super::{Entry, OptionText, generic, matches, program, targets};
use crate::applets::program_options;

/// The day of the texts, which stands at the foot of each page: pages of one version are the same wherever they are made.
const DATE: &str = "2026-11-21";

/// All pages by the names of their files, with the number of their section.
pub(crate) fn all() -> Vec<(String, u8, String)> {
    let mut pages = Vec::new();
    for family in [Family::V4, Family::V6] {
        let name = crate::applets::family_name(family);
        pages.push((name.to_owned(), 8, command(name, family)));
        for (ending, synopsis) in [
            ("save", "[-c] [-t TABLE] [-f FILE] [--json]"),
            ("restore", "[-c] [-n] [-t] [-v] [-w [SECONDS]] [-T TABLE] [--json] [FILE]"),
            ("apply", "[-t SECONDS] [-w FILE] {[FILE] | -c [COMMAND]}"),
            ("translate", "COMMAND OF IPTABLES"),
            ("restore-translate", "[-f FILE]"),
        ] {
            let name = format!("{name}-{ending}");
            let text = other(&name, 8, ending, synopsis);
            pages.push((name, 8, text));
        }
    }
    pages.push(("iptables-xml".into(), 1, other("iptables-xml", 1, "xml", "[-c] [-v] [-h] [FILE]")));
    pages.push(("iptables-extensions".into(), 8, extensions()));
    pages.push(("ipset".into(), 8, super::sets::page()));
    let top = crate::Arguments::command();
    pages.push(("oxitables".into(), 1, own("oxitables", &top)));
    for below in top.get_subcommands().filter(|below| !below.is_hide_set()) {
        let name = format!("oxitables-{}", below.get_name());
        let text = own(&name, below);
        pages.push((name, 1, text));
    }
    pages
}

fn version() -> String {
    format!("oxitables {}", env!("CARGO_PKG_VERSION"))
}

pub(super) fn begin(name: &str, section: u8, what: &str) -> Page {
    let mut page = Page::new(name, section, DATE, &version());
    page.section("NAME");
    page.running(&format!("{name} - {what}"));
    page
}

fn command(name: &str, family: Family) -> String {
    let what = match family {
        Family::V4 => "rules for packets of IPv4",
        Family::V6 => "rules for packets of IPv6",
    };
    let mut page = begin(name, 8, what);
    page.section("SYNOPSIS");
    for rest in [
        "[-t TABLE] {-A|-C|-D} CHAIN RULE [OPTIONS]",
        "[-t TABLE] -I CHAIN [NUMBER] RULE [OPTIONS]",
        "[-t TABLE] -R CHAIN NUMBER RULE [OPTIONS]",
        "[-t TABLE] -D CHAIN NUMBER [OPTIONS]",
        "[-t TABLE] {-L|-S|-Z} [CHAIN [NUMBER]] [OPTIONS]",
        "[-t TABLE] {-F|-X} [CHAIN] [OPTIONS]",
        "[-t TABLE] -N CHAIN",
        "[-t TABLE] -E OLD NEW",
        "[-t TABLE] -P CHAIN TARGET [OPTIONS]",
    ] {
        page.synopsis(name, rest);
    }
    page.section("DESCRIPTION");
    page.paragraph(
        "A packet visits tables at five places of its way, the hooks. In each table the rules of the hook's chain are \
         asked in order; the first that fits and has a target that decides is the last. A rule may lead to a chain of \
         one's own. At the end of a built-in chain its policy decides.",
    );
    page.section("TABLES");
    for table in Table::ALL {
        let chains: Vec<_> = table.hooks().iter().map(|(hook, _)| hook.name()).collect();
        page.term(table.name(), "", &format!("{} Chains: {}.", about_table(table), chains.join(", ")));
    }
    for (entry, heading) in generic().iter().zip(["COMMANDS", "RULES", "OPTIONS"]) {
        page.section(heading);
        page.paragraph(entry.about);
        for text in &entry.options {
            generic_option(&mut page, text, family);
        }
    }
    page.section("EXTENSIONS");
    page.paragraph("What may stand behind -m and -j, with its options, is in iptables-extensions(8).");
    exit_status(
        &mut page,
        &[
            ("0", "Done. With -C: there is such a rule."),
            ("1", "The command cannot be done: no such chain or rule, refused where the rule would stand."),
            ("2", "The command line is wrong."),
            ("3", "No such table, or OXITABLES_TARGET names no target."),
            ("4", "The lock is held, or the system refuses."),
        ],
    );
    environment(&mut page);
    page.section("EXAMPLES");
    page.verbatim(&format!(
        "{name} -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT\n{name} -P INPUT DROP\n{name} -nvL --line-numbers\n{name} -t nat -A POSTROUTING -o eth0 -j MASQUERADE"
    ));
    see_also(
        &mut page,
        &format!("{name}-save(8), {name}-restore(8), {name}-apply(8), iptables-extensions(8), oxitables(1)"),
    );
    page.finish()
}

fn about_table(table: Table) -> &'static str {
    match table {
        Table::Filter => "Whether packets may pass.",
        Table::Nat => "Where connections are translated; only the first packet of each comes by.",
        Table::Mangle => "Where headers and marks are changed.",
        Table::Raw => "What comes before connection tracking.",
        Table::Security => "Marks for mandatory access control.",
    }
}

fn generic_option(page: &mut Page, text: &OptionText, family: Family) {
    let row = GENERIC.iter().find(|own| own.long.contains(&text.name));
    if row.is_some_and(|row| row.letter == 'f') && family == Family::V6 {
        return;
    }
    let mut names = format!("--{}", text.name);
    if let Some(row) = row.filter(|row| row.letter != '0' && row.first() == text.name) {
        names = format!("-{}, {names}", row.letter);
    }
    let not = if "psdiof".contains(row.map_or(' ', |row| row.letter)) { "[!] " } else { "" };
    page.term(&format!("{not}{names}"), text.value, text.text);
}

pub(super) fn exit_status(page: &mut Page, codes: &[(&str, &str)]) {
    page.section("EXIT STATUS");
    for (code, text) in codes {
        page.term(code, "", text);
    }
}

pub(super) fn environment(page: &mut Page) {
    page.section("ENVIRONMENT");
    page.term(
        "OXITABLES_TARGET",
        "",
        "Where the ruleset lives: file:PATH. Without it /var/lib/oxitables/ruleset for root, and \
         $XDG_STATE_HOME/oxitables/ruleset for others.",
    );
    page.term("XTABLES_LOCKFILE", "", "The lock, instead of a file beside the ruleset.");
    page.term(
        "OXITABLES_COLOR",
        "",
        "always or never: colours of diagnoses; NO_COLOR turns them off as well.",
    );
}

pub(super) fn see_also(page: &mut Page, pages: &str) {
    page.section("SEE ALSO");
    page.running(pages);
}

/// A program with few options.
fn other(name: &str, section: u8, kind: &str, synopsis: &str) -> String {
    let what = match kind {
        "save" => "print all rules",
        "restore" => "load rules from a file",
        "apply" => "put new rules on trial",
        "translate" => "a command in the language of nft",
        "restore-translate" => "saved rules in the language of nft",
        _ => "saved rules as XML",
    };
    let entry = program(kind);
    let mut page = begin(name, section, what);
    page.section("SYNOPSIS");
    page.synopsis(name, synopsis);
    page.section("DESCRIPTION");
    page.paragraph(entry.about);
    let options = program_options(kind);
    if !options.is_empty() {
        page.section("OPTIONS");
    }
    for option in options {
        let long = option.long();
        let Some(text) = entry.option(long) else { continue };
        let names =
            option.letter().map_or_else(|| format!("--{long}"), |letter| format!("-{letter}, --{long}"));
        page.term(&names, text.value, text.text);
    }
    match kind {
        "apply" => exit_status(
            &mut page,
            &[
                ("0", "Confirmed."),
                ("1", "A wrong timeout, or another fault of the command line."),
                ("2", "The file of rules cannot be read."),
                ("3", "OXITABLES_TARGET names no target."),
                ("4", "The old rules cannot be kept, or not be put back; it is said where they are."),
                ("5", "The new rules cannot be put in force; the old ones are."),
                ("6", "The command may not be executed."),
                ("7", "The command failed; the old rules are in force."),
                ("8", "The file of -w may not be written."),
                ("9", "The file of -w could not be written."),
                ("127", "There is no such command."),
                ("255", "Not confirmed; the old rules are in force."),
            ],
        ),
        "translate" | "restore-translate" => exit_status(
            &mut page,
            &[
                ("0", "Done, remarks included."),
                ("1", "There is no translation at all, or a file cannot be read."),
                ("2", "A command or a rule is wrong."),
                ("3", "No such table."),
            ],
        ),
        "xml" => exit_status(
            &mut page,
            &[
                ("0", "Done."),
                ("1", "A file that is none of iptables-save, or cannot be read."),
                ("2", "A line that is wrong."),
            ],
        ),
        _ => exit_status(
            &mut page,
            &[
                ("0", "Done."),
                (
                    "1",
                    "The command line is wrong, a line of the input failed, or a table was refused at its COMMIT.",
                ),
                ("2", "A rule of the input is wrong."),
                ("3", "OXITABLES_TARGET names no target."),
                ("4", "The lock is held, or the system refuses."),
            ],
        ),
    }
    if matches!(kind, "save" | "restore" | "apply") {
        environment(&mut page);
    }
    let family = name.split('-').next().unwrap_or(name);
    see_also(&mut page, &format!("{family}(8), iptables-extensions(8), ipset(8), oxitables(1)"));
    page.finish()
}

fn extensions() -> String {
    let mut page = begin("iptables-extensions", 8, "the matches and targets of iptables and ip6tables");
    page.section("SYNOPSIS");
    page.synopsis("iptables", "... [-m MATCH [OPTIONS]]... [-j TARGET [OPTIONS]]");
    page.synopsis("iptables", "{-m MATCH | -j TARGET} -h");
    page.section("DESCRIPTION");
    page.paragraph(
        "Behind -m stands a match, behind -j a target; their options follow. `[!]' marks options that may be turned over \
         by `!' before them. Where a rule may stand is checked by the built-in chains that lead to it.",
    );
    page.section("MATCHES");
    all_of(&mut page, &matches(), rules::matches::SPECS, inventory::MATCHES);
    page.section("TARGETS");
    all_of(&mut page, &targets(), rules::targets::SPECS, inventory::TARGETS);
    see_also(&mut page, "iptables(8), ip6tables(8), oxitables(1)");
    page.finish()
}

fn all_of(page: &mut Page, entries: &[Entry], specs: &[&'static Spec], inventory: &[(&str, Families)]) {
    for entry in entries {
        page.subsection(entry.name);
        page.running(entry.about);
        let own: Vec<&'static Spec> = specs.iter().copied().filter(|spec| spec.name == entry.name).collect();
        let known = inventory.iter().filter(|(name, _)| *name == entry.name);
        let facts = facts(&own, known.map(|(_, families)| *families).next());
        if !facts.is_empty() {
            page.paragraph(&facts);
        }
        let mut written: Vec<&str> = Vec::new();
        for spec in &own {
            for option in spec.options.iter().filter(|option| !written.contains(&option.name)) {
                extension_option(page, entry, &own, option);
            }
            written.extend(spec.options.iter().map(|option| option.name));
        }
    }
}

/// Where an extension exists and may stand.
fn facts(specs: &[&'static Spec], families: Option<Families>) -> String {
    let mut facts = Vec::new();
    match families {
        Some(Families::V4) => facts.push("IPv4 only.".to_owned()),
        Some(Families::V6) => facts.push("IPv6 only.".to_owned()),
        _ => {}
    }
    let Some(spec) = specs.first() else {
        if families.is_some() {
            facts.push("Not in this version of oxitables: a rule with it is refused.".into());
        }
        return facts.join(" ");
    };
    let place = &spec.place;
    if !place.tables.is_empty() {
        let tables: Vec<_> = place.tables.iter().map(|table| table.name()).collect();
        facts.push(format!("In table {} only.", tables.join(" and ")));
    }
    if !place.hooks.is_empty() {
        let hooks: Vec<_> = place.hooks.iter().copied().map(Hook::name).collect();
        facts.push(format!("Only where {} leads to it.", hooks.join(" or ")));
    }
    if let Some(name) = place.protocol.and_then(value::protocol_name) {
        facts.push(format!("Needs -p {name}."));
    }
    if !spec.aliases.is_empty() {
        facts.push(format!("Also called {}.", spec.aliases.join(", ")));
    }
    facts.join(" ")
}

fn extension_option(page: &mut Page, entry: &Entry, specs: &[&'static Spec], option: &OptionSpec) {
    let mut names = format!("{}--{}", if option.invertible { "[!] " } else { "" }, option.name);
    for alias in option.aliases {
        names += &format!(", --{alias}");
    }
    let text = entry.option(option.name);
    let mut words = text.map_or_else(String::new, |text| text.text.to_owned());
    if let Some(table_words) = text.and_then(|text| text.words.first()).filter(|line| !line.contains('@')) {
        let (_, list) = table_words.split_once(' ').unwrap_or(("", ""));
        // Why: names that the text has already said are not said again.
        if list.split(' ').any(|word| !words.contains(word)) {
            let all = text.into_iter().flat_map(|text| &text.words).filter_map(|line| line.split_once(' '));
            let all: Vec<_> = all.map(|(_, list)| list.replace(' ', ", ")).collect();
            words += &format!(" Known: {}.", all.join("; IPv6: "));
        }
    }
    if option.mandatory {
        words += " Must be there.";
    }
    for (what, others) in [("Not together with", option.excludes), ("Needs", option.needs)] {
        if !others.is_empty() {
            let others: Vec<_> = others.iter().map(|name| format!("--{name}")).collect();
            words += &format!(" {what} {}.", others.join(", "));
        }
    }
    let having: Vec<_> =
        specs.iter().filter(|spec| spec.options.iter().any(|own| own.name == option.name)).collect();
    match (specs.len() > 1, having.as_slice()) {
        (true, [only]) if only.families == Families::V4 => words += " IPv4 only.",
        (true, [only]) if only.families == Families::V6 => words += " IPv6 only.",
        _ => {}
    }
    page.term(&names, text.map_or("", |text| text.value), words.trim());
}

/// A page of oxitables itself, out of what clap knows.
fn own(name: &str, command: &clap::Command) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut page = begin(name, 1, about.trim_end_matches('.'));
    page.section("SYNOPSIS");
    let usage = command.clone().bin_name(name.replacen('-', " ", 1)).render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).trim();
    for line in usage.lines() {
        page.paragraph(line);
    }
    page.section("DESCRIPTION");
    let long = command.get_long_about().map(ToString::to_string).unwrap_or_else(|| format!("{about}."));
    for paragraph in long.split("\n\n") {
        page.paragraph(paragraph);
    }
    let shown = |argument: &&clap::Arg| !argument.is_hide_set();
    if command.get_arguments().any(|argument| shown(&argument)) {
        page.section("OPTIONS");
    }
    for argument in command.get_arguments().filter(shown) {
        let names: Vec<String> = [
            argument.get_short().map(|letter| format!("-{letter}")),
            argument.get_long().map(|long| format!("--{long}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        let value = argument
            .get_value_names()
            .unwrap_or_default()
            .iter()
            .map(|name| name.to_string())
            .collect::<Vec<_>>();
        let value = if argument.get_action().takes_values() { value.join(" ") } else { String::new() };
        let help =
            argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
        let mut help = if help.ends_with('.') || help.is_empty() { help } else { format!("{help}.") };
        let possible: Vec<_> =
            argument.get_possible_values().iter().map(|own| own.get_name().to_owned()).collect();
        if !possible.is_empty() && argument.get_action().takes_values() {
            help += &format!(" One of {}.", possible.join(", "));
        }
        match names.is_empty() {
            true => page.term("", &value, &help),
            false => page.term(&names.join(", "), &value, &help),
        }
    }
    let subcommands: Vec<_> = command.get_subcommands().filter(|below| !below.is_hide_set()).collect();
    if !subcommands.is_empty() {
        page.section("COMMANDS");
        for below in &subcommands {
            let about = below.get_about().map(ToString::to_string).unwrap_or_default();
            page.term(below.get_name(), "", &format!("{}.", about.trim_end_matches('.')));
        }
    }
    if let Some(text) = command.get_after_long_help().or(command.get_after_help()) {
        page.section("NOTES");
        page.verbatim(&text.to_string());
    }
    let pages: Vec<String> =
        subcommands.iter().map(|below| format!("oxitables-{}(1)", below.get_name())).collect();
    see_also(
        &mut page,
        &match pages.is_empty() {
            true => "oxitables(1), iptables(8)".to_owned(),
            false => format!("{}, iptables(8), iptables-extensions(8)", pages.join(", ")),
        },
    );
    page.finish()
}
