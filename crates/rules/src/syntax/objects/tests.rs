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

/// Measured likewise: EINVAL for another interval or average under one name.
#[test]
fn an_estimator_has_one_interval_and_one_average() {
    let (none, empty) = (Objects::of(Family::V4, []), TableRules::new(Table::Filter));
    assert!(append(&empty, &none, &[MAKES, MAKES]).is_ok());
    for numbers in ["500ms --rateest-ewmalog 1s", "250ms --rateest-ewmalog 1s"] {
        let other = format!("-j RATEEST --rateest-name foo --rateest-interval {numbers}");
        assert_eq!(append(&empty, &none, &[MAKES, &other]).unwrap_err(), Operation::Invalid, "{other}");
        assert!(append(&empty, &none, &[MAKES, &other.replace("foo", "bar")]).is_ok());
    }
}

/// Measured likewise with `nfacct add a`: ENOENT for an object that nobody has made.
#[test]
fn an_accounting_object_is_there_before_it_is_named() {
    let (none, empty) = (Objects::of(Family::V4, []), TableRules::new(Table::Filter));
    let given = Given { accounts: BTreeSet::from(["a".into()]), ..Given::default() };
    let some = none.clone().with_given(given);
    let [known, other] = ["a", "b"].map(|name| format!("-m nfacct --nfacct-name {name}"));
    assert!(append(&empty, &some, &[&known]).is_ok());
    assert_eq!(append(&empty, &some, &[&other]).unwrap_err(), Operation::NoEntry);
    assert_eq!(append(&empty, &none, &[&known]).unwrap_err(), Operation::NoEntry);
}

/// Measured likewise with `nfct timeout add t inet tcp` and `nfct timeout add g inet generic`.
#[test]
fn a_timeout_policy_is_for_one_protocol() {
    let file = |rule: &str| format!("*raw\n-A PREROUTING {rule}\nCOMMIT\n");
    let policy = |family, protocol| PolicyFor { family, protocol };
    let timeouts = BTreeMap::from([
        ("t".into(), policy(Family::V4, Some(6))),
        ("g".into(), policy(Family::V4, None)),
        ("t6".into(), policy(Family::V6, Some(6))),
    ]);
    let given = Given { timeouts, ..Given::default() };
    let read = |family, rule| {
        let read = crate::syntax::restore::load_given(&file(rule), family, None, &given);
        read.map(|_| ()).map_err(|faults| match faults.into_iter().next().unwrap().error.kind {
            ErrorKind::Restore(error) => format!("{error:?}"),
            other => format!("{other:?}"),
        })
    };
    let fits = |family, rule| read(family, rule).is_ok();
    assert!(fits(Family::V4, "-p tcp -j CT --timeout t"));
    assert!(!fits(Family::V4, "-p udp -j CT --timeout t"));
    assert!(!fits(Family::V4, "-j CT --timeout t"));
    assert!(!fits(Family::V4, "-p tcp -j CT --timeout nobody"));
    assert!(!fits(Family::V4, "-p tcp -j CT --timeout t6"));
    assert!(fits(Family::V6, "-p tcp -j CT --timeout t6"));
    assert!(fits(Family::V4, "-p 99 -j CT --timeout g"));
    assert!(!fits(Family::V4, "-p tcp -j CT --timeout g"));
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
