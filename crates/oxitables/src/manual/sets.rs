//! The page of ipset.
use rules::set::Kind;

use super::pages::{begin, environment, exit_status, see_also};
use super::{Entry, ipset};

/// The letters of options of the program.
const LETTERS: [(&str, char); 8] = [
    ("exist", '!'),
    ("output", 'o'),
    ("name", 'n'),
    ("terse", 't'),
    ("sorted", 's'),
    ("quiet", 'q'),
    ("resolve", 'r'),
    ("file", 'f'),
];

pub(super) fn page() -> String {
    let mut page = begin("ipset", 8, "sets of addresses, networks and ports for rules");
    page.section("SYNOPSIS");
    for rest in ["[OPTIONS] COMMAND", "[OPTIONS] -"] {
        page.synopsis("ipset", rest);
    }
    page.section("DESCRIPTION");
    page.paragraph(
        "A rule that names a set (-m set --match-set NAME src) asks one question where a list of addresses would need \
         a rule for each. Sets live in the same place as the rules, and are of both families of commands.",
    );
    page.paragraph(
        "Packets change sets where rules are run (oxitables trace, exec, lab): there counters count and -j SET adds and \
         removes. That is state of what runs, and ends with it; the sets that this command shows are what commands have \
         made of them.",
    );
    let headings = ["COMMANDS", "OPTIONS", "OPTIONS OF CREATE", "OPTIONS OF ENTRIES"];
    for (entry, heading) in ipset().iter().zip(headings) {
        page.section(heading);
        page.paragraph(entry.about);
        for option in &entry.options {
            let letter = LETTERS.iter().find(|(name, _)| entry.name == "program" && *name == option.name);
            let name = match letter {
                Some((name, letter)) => format!("-{letter}, -{name}"),
                None => option.name.to_owned(),
            };
            page.term(&name, option.value, option.text);
        }
    }
    page.section("TYPES");
    for kind in Kind::ALL {
        let usage = kind.usage();
        let mut text = format!("Entries: {}.", usage.entry);
        if !usage.create.is_empty() {
            text = format!("create NAME {} {}. {text}", kind.name(), usage.create);
        }
        text += &format!(" Options of create: {}.", usage.create_options.join(", "));
        text += &format!(" Options of entries: {}.", usage.entry_options.join(", "));
        page.term(kind.name(), "", &text);
    }
    exit_status(
        &mut page,
        &[("0", "Done; with test: the entry is in the set."), ("1", "Not, or the command is wrong.")],
    );
    environment(&mut page);
    page.section("EXAMPLES");
    page.verbatim(
        "ipset create guests hash:net timeout 3600 comment\nipset add guests 192.0.2.0/24 comment \"the hall\"\n\
         iptables -A INPUT -m set --match-set guests src -j ACCEPT",
    );
    see_also(&mut page, "iptables(8), iptables-extensions(8), oxitables(1)");
    page.finish()
}

/// What an option of `create` (or behind an entry) means, for completion.
pub(crate) fn option_text(create: bool, name: &str) -> &'static str {
    let wanted = if create { "create" } else { "entries" };
    let entry = ipset().into_iter().find(|entry| entry.name == wanted);
    let text = |entry: &Entry| entry.option(name).map(super::OptionText::brief);
    entry.as_ref().and_then(text).unwrap_or("")
}
