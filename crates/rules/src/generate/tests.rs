use super::*;
use crate::syntax::{NoNames, inventory, load, print};

fn saved(ruleset: &Ruleset, counters: bool) -> String {
    let mut out = String::new();
    print::ruleset(&mut out, ruleset, counters, None);
    out
}

/// Tables by their content: ids of chains may differ, names and rules may not.
fn meaning(ruleset: &Ruleset) -> Vec<(Table, String)> {
    ruleset
        .tables()
        .iter()
        .map(|table| {
            let mut out = String::new();
            print::table(&mut out, table, true, None);
            (table.table(), out)
        })
        .collect()
}

#[test]
fn print_and_parse_are_inverse_on_rulesets() {
    let mut rules = 0;
    for seed in 0..2000 {
        let family = if seed % 2 == 0 { Family::V4 } else { Family::V6 };
        let options = Options { counters: seed % 3 == 0, ..Options::default() };
        let first = ruleset(&mut from_seed(seed), family, &options);
        let text = saved(&first, true);
        // `iptables-save` prints the newest table first, so that the order turns round with each reading.
        let second = load(&text, family, Some(&NoNames))
            .unwrap_or_else(|faults| panic!("seed {seed}: {faults:?}\n{text}"));
        let mut turned = meaning(&second);
        turned.reverse();
        assert_eq!(meaning(&first), turned, "seed {seed}");
        for table in first.tables() {
            let other = second.table(table.table()).expect("the table");
            for ((_, chain), (_, own)) in table.chains().into_iter().zip(other.chains()) {
                assert_eq!(chain.name, own.name);
                assert_eq!((chain.policy, chain.counters), (own.policy, own.counters), "seed {seed}");
                for (rule, read) in chain.rules.iter().zip(&own.rules) {
                    rules += 1;
                    assert_eq!(rule.header, read.header, "seed {seed}\n{text}");
                    assert_eq!(rule.matches, read.matches, "seed {seed}\n{text}");
                    assert_eq!(rule.counters, read.counters, "seed {seed}\n{text}");
                    let (target, again) = (&rule.target, &read.target);
                    if target.as_ref().and_then(Target::chain).is_none() {
                        assert_eq!(target, again, "seed {seed}\n{text}");
                    }
                }
            }
        }
    }
    assert!(rules > 40_000, "only {rules} rules");
}

#[test]
fn every_extension_comes_up() {
    let mut missing: Vec<&str> = crate::matches::SPECS.iter().map(|spec| spec.name).collect();
    missing.extend(crate::targets::SPECS.iter().map(|spec| spec.name));
    // The kernel refuses these wherever they stand.
    missing.retain(|name| inventory::missing(name).is_none() && !["SECMARK", "nfacct"].contains(name));
    for seed in 0..400 {
        let family = if seed % 2 == 0 { Family::V4 } else { Family::V6 };
        let text = saved(&ruleset(&mut from_seed(seed), family, &Options::default()), false);
        missing
            .retain(|name| !text.contains(&format!(" -m {name}")) && !text.contains(&format!(" -j {name}")));
    }
    assert!(missing.is_empty(), "never generated: {missing:?}");
}

#[test]
fn the_same_seed_gives_the_same_ruleset() {
    let make = |seed| saved(&ruleset(&mut from_seed(seed), Family::V4, &Options::default()), false);
    assert_eq!(make(7), make(7));
    assert_ne!(make(7), make(8));
}

#[test]
fn single_rules_are_valid_where_they_stand() {
    for seed in 0..400 {
        let mut next = from_seed(seed);
        for table in Table::ALL {
            for &(hook, _) in table.hooks() {
                let rule = rule(&mut next, Family::V6, table, hook, &Options::default());
                let mut rules = TableRules::new(table);
                let id = rules.builtin(hook).expect("a chain");
                rules.chain_mut(id).expect("a chain").rules.push(rule);
                if let Err(fault) = crate::syntax::validity::check(&rules, Family::V6, Default::default()) {
                    let mut text = String::new();
                    print::table(&mut text, &rules, false, None);
                    panic!("seed {seed}: {}\n{text}", fault.cause);
                }
            }
        }
    }
}
