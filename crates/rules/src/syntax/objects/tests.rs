use super::*;
use crate::syntax::apply::{Editor, Session};
use crate::syntax::error::{ErrorKind, Operation};
use crate::syntax::{Mode, NoNames, Parsed, lex, parse};
use crate::{Ruleset, Table};

/// Appends rules to a table with what other tables hold, and commits.
fn append(present: &TableRules, objects: &Objects, rules: &[&str]) -> Result<TableRules, Operation> {
    let mut editor = Editor::new(present.clone(), Family::V4).with_objects(objects.clone());
    for rule in rules {
        let words: Vec<String> = format!("-A INPUT {rule}").split(' ').map(str::to_owned).collect();
        let (_, words) = lex::arguments(&words);
        let mode = Mode { family: Family::V4, names: &NoNames, restore: None, trusted: false };
        let Ok(Parsed::Command(command)) = parse::parse(&words, mode, None) else { panic!("{rule}") };
        let (mut out, mut warnings) = (String::new(), Vec::new());
        let mut session = Session { names: &NoNames, out: &mut out, warnings: &mut warnings };
        editor.apply(*command, &mut session).unwrap();
    }
    editor.finish().map_err(|refused| match refused.error.kind {
        ErrorKind::Operation(operation) => operation,
        other => panic!("{other:?}"),
    })
}

const MAKES: &str = "-j RATEEST --rateest-name foo --rateest-interval 250ms --rateest-ewmalog 500ms";
const NAMES: &str = "-m rateest --rateest foo --rateest-lt --rateest-pps 5";

/// Measured with iptables-legacy 1.8.9 on 6.18: ENOENT without an estimator, which a rule before in the table, an old
/// one of the table or one of another table makes.
#[test]
fn an_estimator_is_made_before_it_is_named() {
    let (none, empty) = (Objects::of(Family::V4, []), TableRules::new(Table::Filter));
    assert_eq!(append(&empty, &none, &[NAMES]).unwrap_err(), Operation::NoEntry);
    assert_eq!(append(&empty, &none, &[NAMES, MAKES]).unwrap_err(), Operation::NoEntry);
    let both = append(&empty, &none, &[MAKES, NAMES]).unwrap();
    let mut only = both.clone();
    let id = only.find("INPUT").unwrap();
    only.chain_mut(id).unwrap().rules.remove(0);
    assert!(append(&only, &none, &[NAMES]).is_ok(), "a match keeps it");
    for family in [Family::V4, Family::V6] {
        assert!(append(&empty, &Objects::of(Family::V4, [(family, &both)]), &[NAMES]).is_ok());
    }
    assert!(append(&empty, &Objects::default(), &[NAMES]).is_ok(), "not looked at");
}

const COUNTS: &str = "-m hashlimit --hashlimit-name foo --hashlimit-above 10/sec";
const MEASURES: &str = "-m hashlimit --hashlimit-name foo --hashlimit-above 10/sec --hashlimit-rate-match";

/// Measured likewise: EINVAL for both kinds under one name of one family, in any tables.
#[test]
fn a_table_of_hashlimit_measures_or_does_not() {
    let (none, empty) = (Objects::of(Family::V4, []), TableRules::new(Table::Filter));
    assert_eq!(append(&empty, &none, &[COUNTS, MEASURES]).unwrap_err(), Operation::Invalid);
    assert_eq!(append(&empty, &none, &[MEASURES, COUNTS]).unwrap_err(), Operation::Invalid);
    let other = "-m hashlimit --hashlimit-name foo --hashlimit-upto 1mb/s --hashlimit-mode srcip";
    assert!(append(&empty, &none, &[COUNTS, other]).is_ok());
    let measures = append(&empty, &none, &[MEASURES, MEASURES]).unwrap();
    assert_eq!(append(&measures, &none, &[COUNTS]).unwrap_err(), Operation::Invalid);
    let there = |family| Objects::of(Family::V4, [(family, &measures)]);
    assert_eq!(append(&empty, &there(Family::V4), &[COUNTS]).unwrap_err(), Operation::Invalid);
    assert!(append(&empty, &there(Family::V6), &[COUNTS]).is_ok());
}

#[test]
fn a_file_with_both_kinds_in_two_tables_is_refused() {
    let file = |name: &str| {
        format!(
            "*mangle\n:INPUT ACCEPT\n-A INPUT {MEASURES}\nCOMMIT\n*filter\n:INPUT ACCEPT\n-A INPUT {}\nCOMMIT\n",
            COUNTS.replace("foo", name)
        )
    };
    let read = |name| crate::syntax::load(&file(name), Family::V4, None);
    let ruleset: Ruleset = read("bar").unwrap();
    assert_eq!(ruleset.tables().len(), 2);
    assert_eq!(read("foo").unwrap_err().len(), 1);
}
