use std::collections::HashSet;

use rules::syntax::extension::Spec;
use rules::syntax::inventory;
use rules::syntax::options::GENERIC;

use super::*;

fn specs() -> impl Iterator<Item = &'static Spec> {
    rules::matches::SPECS.iter().chain(rules::targets::SPECS).copied()
}

/// Every extension and every option of every extension has its text, and no text is of an option that is not there.
#[test]
fn texts_and_tables_agree() {
    let mut faults = Vec::new();
    for entry in matches().into_iter().chain(targets()) {
        let own: Vec<_> = specs().filter(|spec| spec.name == entry.name).collect();
        let tables = || own.iter().flat_map(|spec| spec.options);
        if entry.about.is_empty() {
            faults.push(format!("{}: no text", entry.name));
        }
        for option in &entry.options {
            if option.text.is_empty() {
                faults.push(format!("{} --{}: no text", entry.name, option.name));
            }
            let named = |row: &rules::syntax::extension::OptionSpec| row.name == option.name;
            if !own.is_empty() && !tables().any(named) {
                faults.push(format!("{} --{}: is not in the table", entry.name, option.name));
            }
        }
        for option in tables() {
            match entry.option(option.name) {
                None => faults.push(format!("{} --{}: is not described", entry.name, option.name)),
                // A value in brackets may follow a flag: the extension looks at the next word itself.
                Some(text)
                    if text.value.is_empty() != (option.kind.arity() == 0)
                        && !text.value.starts_with('[') =>
                {
                    faults.push(format!("{} --{}: its value", entry.name, option.name));
                }
                Some(_) => {}
            }
        }
    }
    for spec in specs().filter(|spec| extension(spec.name).is_none()) {
        faults.push(format!("{}: is not described", spec.name));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// All of upstream is described, each once.
#[test]
fn the_inventory_is_described() {
    let described: Vec<_> = matches().iter().chain(&targets()).map(|entry| entry.name).collect();
    let different: HashSet<_> = described.iter().collect();
    assert_eq!(different.len(), described.len());
    for (name, _) in inventory::MATCHES.iter().chain(inventory::TARGETS) {
        assert!(described.contains(name) || *name == "standard", "{name}");
    }
    for name in ["ACCEPT", "DROP", "RETURN", "QUEUE"] {
        assert!(described.contains(&name));
    }
}

#[test]
fn generic_options_and_programs() {
    let entries = generic();
    let texts = |name: &str| entries.iter().filter(|entry| entry.option(name).is_some()).count();
    for long in GENERIC.iter().flat_map(|option| option.long) {
        assert_eq!(texts(long), 1, "--{long}");
    }
    for name in ["save", "restore", "apply", "translate", "restore-translate", "xml"] {
        assert!(!program(name).about.is_empty(), "{name}");
    }
}

#[test]
fn words_of_texts() {
    let reject = extension("REJECT").unwrap();
    let words = |family| reject.option("reject-with").unwrap().words(family);
    assert!(matches!(words(Family::V4), Some(Words::One(words)) if words.contains(&"icmp-port-unreachable")));
    assert!(matches!(words(Family::V6), Some(Words::One(words)) if words.contains(&"icmp6-no-route")));
    let state = extension("conntrack").unwrap();
    assert!(matches!(state.option("ctstate").unwrap().words(Family::V4), Some(Words::List(_))));
    let owner = extension("owner").unwrap();
    assert_eq!(owner.option("uid-owner").unwrap().words(Family::V4), Some(Words::Machine("users")));
    assert_eq!(brief("One thing. Another."), "One thing");
    assert_eq!(brief("One thing."), "One thing");
}

/// Every command of ipset and every option of every type has its text, and no text is of one that is not there.
#[test]
fn ipset_is_described() {
    let [commands, _, create, entries] = <[Entry; 4]>::try_from(ipset()).unwrap();
    let described = |entry: &Entry| entry.options.iter().map(|option| option.name).collect::<HashSet<_>>();
    assert_eq!(described(&commands), rules::set::run::command_names().collect());
    let usages = || rules::set::Kind::ALL.into_iter().map(rules::set::Kind::usage);
    assert_eq!(described(&create), usages().flat_map(|usage| usage.create_options).collect());
    assert_eq!(described(&entries), usages().flat_map(|usage| usage.entry_options).collect());
    assert!(ipset().iter().flat_map(|entry| &entry.options).all(|option| !option.text.is_empty()));
}
