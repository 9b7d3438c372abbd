//! What is known of each extension of upstream: the table of `docs/extensions.md`, out of the registry, the fixtures, the
//! engine and the judge's cases. `cargo xtask extensions` writes it; a test fails when it is stale.
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use packet::Family;
use rules::fixture::{self, Case, DebianNames, Outcome};
use rules::syntax::extension::{Families, Lookup, Spec};
use rules::syntax::{inventory, restore};
use rules::{matches, targets};

/// What is known of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// The families in which upstream has it.
    pub families: Families,
    /// Whether it is read, in all of them.
    pub parse: bool,
    /// Rules with a saved form in its fixture, over both families.
    pub printed: usize,
    /// Rules with a listing in its fixture.
    pub listed: usize,
    /// Rules that are refused in its fixture.
    pub refused: usize,
    /// Whether it has a help text; `None`: upstream has none either (the test `help` of crate `oxitables` compares).
    pub help: Option<bool>,
    /// Of the rules that are taken, how many the engine can decide.
    pub decided: usize,
    /// Rules that are taken in the form that the kernel gives back, and so load from a save file.
    pub loaded: usize,
    /// The judge's cases whose rules use it.
    pub judged: usize,
}

/// Extensions of which this kernel refuses every rule, or every one that names nothing that exists.
pub const REFUSED: &[&str] = &["CLUSTERIP", "LED", "SECMARK", "ULOG", "ipvs"];

/// The rows of all matches, then those of all targets.
pub fn rows(fixtures: &Path) -> Result<[Vec<Row>; 2], String> {
    let judged: Vec<_> =
        crate::command::cases(&fixtures.join("kernel"))?.iter().map(crate::conformance::used).collect();
    let of =
        |folder: &str, how: &str, names: &'static [(&'static str, Families)], specs: &[&'static Spec]| {
            names
                .iter()
                .map(|&(name, families)| row(fixtures, folder, how, (name, families), specs, &judged))
                .collect::<Result<Vec<_>, String>>()
        };
    Ok([
        of("match", "-m", inventory::MATCHES, matches::SPECS)?,
        of("target", "-j", inventory::TARGETS, targets::SPECS)?,
    ])
}

fn row(
    fixtures: &Path,
    folder: &str,
    how: &str,
    (name, families): (&'static str, Families),
    specs: &[&'static Spec],
    judged: &[BTreeSet<String>],
) -> Result<Row, String> {
    let known = |family: Family| match (how, name) {
        ("-j", "standard") => true,
        ("-j", _) => matches!(targets::lookup(name, family), Lookup::Found(_)),
        _ => matches!(matches::lookup(name, family), Lookup::Found(_)),
    };
    let own_families = || [Family::V4, Family::V6].into_iter().filter(|&family| families.has(family));
    let own: Vec<_> =
        specs.iter().filter(|spec| own_families().any(|family| spec.answers(name, family))).collect();
    let helps = own.iter().any(|spec| own_families().any(|family| !(spec.help)(family).is_empty()));
    let path = fixtures.join(folder).join(format!("{name}.txt"));
    let cases = match std::fs::read_to_string(&path) {
        Ok(text) => fixture::read(&text).map_err(|error| format!("{}: {error}", path.display()))?,
        Err(_) => Vec::new(),
    };
    let mut row = Row {
        name,
        families,
        parse: own_families().all(known),
        printed: 0,
        listed: 0,
        refused: 0,
        help: (own.is_empty() || helps).then_some(helps).filter(|_| name != "standard"),
        decided: 0,
        loaded: 0,
        judged: judged.iter().filter(|used| used.contains(&format!("{how} {name}"))).count(),
    };
    for case in &cases {
        let Outcome::Taken { saved, list, .. } = &case.outcome else {
            row.refused += 1;
            continue;
        };
        row.printed += 1;
        row.listed += usize::from(!list.is_empty() || name == "comment" || !saved.is_empty());
        if let Some(decided) = decided(case, saved) {
            row.loaded += 1;
            row.decided += usize::from(decided);
        }
    }
    Ok(row)
}

/// Whether the engine can decide a rule that is taken; `None`: its saved form does not load by itself.
fn decided(case: &Case, saved: &str) -> Option<bool> {
    let mut text = format!("*{}\n", case.table);
    for command in &case.setup {
        let _ = writeln!(text, "{command}");
    }
    let _ = writeln!(text, "-A {} {saved}\nCOMMIT", case.chain);
    let given = fixture::given();
    let (ruleset, _) = restore::load_given(&text, case.family, Some(&DebianNames), &given).ok()?;
    let table = ruleset.tables().first()?;
    let rule = table.chain(table.find(&case.chain)?)?.rules.last()?;
    Some(netfilter::tables::unmodelled(rule).is_none())
}

impl Row {
    fn print(&self, out: &mut String) {
        let yes = |so: bool| if so { "yes" } else { "no" };
        let printed =
            |count: usize| if REFUSED.contains(&self.name) && self.parse { "–" } else { yes(count > 0) };
        let families = match self.families {
            Families::Both => "4 6",
            Families::V4 => "4",
            Families::V6 => "6",
        };
        let evaluate = match (self.decided, self.loaded) {
            (0, _) => "no",
            (decided, loaded) if decided == loaded => "yes",
            _ => "in part",
        };
        let help = self.help.map_or("none", yes);
        let compared = self.printed + self.refused;
        let _ = writeln!(
            out,
            "| {} | {families} | {} | {} | {} | {help} | {evaluate} | {compared} | {} |",
            self.name,
            yes(self.parse),
            printed(self.printed),
            printed(self.listed),
            self.judged
        );
    }
}

/// The whole page.
pub fn page(fixtures: &Path) -> Result<String, String> {
    let [matches, targets] = rows(fixtures)?;
    let mut out = String::from(
        "# Extensions\n\n\
         Generated by `cargo xtask extensions` out of the registry, the fixtures, the engine and the judge's cases; a test fails when it is\n\
         stale. Every match and target of iptables 1.8.13:\n\n\
         * parse: read and checked, in every family of the column before; print: saved forms in its fixture; list: listings in its fixture;\n  \
           help: the text of `-h` (none: upstream has none); –: the kernel here refuses every rule of it, so that there is nothing to print;\n\
         * evaluate: the engine decides it; \"no\" means that a packet that such a rule meets ends as \"cannot decide\", never that the rule is\n  \
           skipped; \"in part\": some of the rules in its fixture;\n\
         * fixture cases: rules of its fixture, taken and refused, for each family, that are given to the machine's iptables-legacy as well\n  \
           (`cargo test -p oxitables fixtures`); `cargo xtask compare` gives it as many generated command lines as one likes;\n\
         * judge cases: cases of `fixtures/kernel` whose rules use it, kernel against engine (`cargo test -p judge`).\n",
    );
    for (title, rows) in [("Matches", &matches), ("Targets", &targets)] {
        let _ = write!(
            out,
            "\n## {title} ({})\n\n| name | families | parse | print | list | help | evaluate | fixture cases | judge cases |\n|---|---|---|---|---|---|---|---|---|\n",
            rows.len()
        );
        for row in rows {
            row.print(&mut out);
        }
    }
    let all = || matches.iter().chain(&targets);
    let _ = writeln!(
        out,
        "\n{} of {} are read, {} evaluated at least in part; {} fixture cases.",
        all().filter(|row| row.parse).count(),
        all().count(),
        all().filter(|row| row.decided > 0).count(),
        all().map(|row| row.printed + row.refused).sum::<usize>()
    );
    Ok(out)
}
