use std::path::Path;

use packet::Family;
use rules::fixture::{self, Outcome};
use rules::generate::{Options, from_seed, ruleset};
use rules::syntax::restore;
use rules::syntax::{NoNames, print};
use rules::{Ruleset, TableRules};

use super::read::{Fault, lines};
use super::*;

const ALL: Extent =
    Extent { chain: None, number: None, rule_counters: true, policy_counters: true, numbers: true };

fn written(ruleset: &Ruleset, extent: Extent) -> String {
    document(ruleset.family(), ruleset.tables().iter().rev(), extent).unwrap()
}

/// What a document is read as.
fn read(text: &str, family: Family) -> Result<Ruleset, String> {
    let mut ruleset = Ruleset::new(family);
    let options = restore::Options { counters: true, ..restore::Options::new(family, &NoNames) };
    let mut reader = restore::Reader::new(options);
    let lines = lines(text.as_bytes(), family, true).map_err(|fault| fault.to_string())?;
    let told = |reader: &mut restore::Reader<'_>| {
        let fault = reader.take_faults().swap_remove(0);
        format!("{}: {}", lines[fault.line - 1].place, fault.error.kind.to_string().trim())
    };
    for line in &lines {
        if reader.line(&line.text, &mut ruleset, &mut String::new()).is_err() {
            return Err(told(&mut reader));
        }
    }
    reader.end(&mut ruleset).map_err(|_| told(&mut reader))?;
    Ok(ruleset)
}

fn saved(ruleset: &Ruleset) -> String {
    let mut out = String::new();
    let mut tables: Vec<&TableRules> = ruleset.tables().iter().collect();
    tables.sort_by_key(|rules| rules.table().name());
    for rules in tables {
        print::table(&mut out, rules, true, None);
    }
    out
}

/// Every option that an extension prints is one of its table, and comes back.
#[test]
fn every_fixture_there_and_back() {
    let (mut count, mut unread) = (0, 0);
    for folder in ["match", "target"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            for case in fixture::read(&std::fs::read_to_string(&path).unwrap()).unwrap() {
                let Outcome::Taken { saved: text, .. } = &case.outcome else { continue };
                let mut file = format!("*{}\n", case.table);
                case.setup.iter().for_each(|line| file += &format!("{line}\n"));
                file += &format!("-A {} {text}\nCOMMIT\n", case.chain);
                let name = format!("{}:{}", path.display(), case.line);
                // Why: a few are saved with names that only a machine knows, or name objects of other programs.
                let Ok(ruleset) = restore::load(&file, case.family, None) else {
                    unread += 1;
                    continue;
                };
                let json = written(&ruleset, ALL);
                let again =
                    read(&json, case.family).unwrap_or_else(|fault| panic!("{name}: {fault}\n{json}"));
                assert_eq!(saved(&again), saved(&ruleset), "{name}\n{json}");
                count += 1;
            }
        }
    }
    assert!(count > 400 && unread * 50 < count, "{count}, {unread} not read");
}

#[test]
fn random_rulesets_there_and_back() {
    for seed in 0..60 {
        let family = if seed % 2 == 0 { Family::V4 } else { Family::V6 };
        let made = ruleset(&mut from_seed(seed), family, &Options { counters: true, ..Options::default() });
        let json = written(&made, ALL);
        assert_eq!(saved(&read(&json, family).unwrap()), saved(&made), "seed {seed}");
        // A rule stands on one line, and the document is one value for any reader of JSON.
        let rules =
            made.tables().iter().flat_map(|rules| rules.slots_in_order()).map(|(_, chain)| chain.rules.len());
        assert_eq!(json.lines().filter(|line| line.starts_with("  {")).count(), rules.sum::<usize>());
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["tables"].as_array().map(Vec::len), Some(made.tables().len()));
    }
}

#[test]
fn what_is_no_document_is_refused_and_says_where() {
    let rule = |rule: &str| {
        format!(
            r#"{{"schema":1,"family":"ipv4","tables":[{{"table":"filter","chains":[
               {{"chain":"INPUT","policy":"ACCEPT","rules":[{{}},{rule}]}}]}}]}}"#
        )
    };
    let refused = |text: &str| read(text, Family::V4).map(|ruleset| saved(&ruleset)).unwrap_err();
    let here = "tables[0].chains[0].rules[1]: ";
    assert_eq!(
        refused(&rule(r#"{"matches":[{"match":"mark","options":[{"option":"jump","values":["DROP"]}]}]}"#)),
        format!("{here}`mark' has no option \"jump\"")
    );
    assert_eq!(
        refused(&rule(r#"{"target":{"target":"ACCEPT","options":[{"option":"goto","values":["x"]}]}}"#)),
        format!("{here}`ACCEPT' has no option \"goto\"")
    );
    assert!(refused(&rule(r#"{"target":{"jump":"nowhere"}}"#)).starts_with(here));
    assert!(
        refused(&rule(r#"{"source":{"value":"10.0.0.0/8 -j DROP"}}"#)).starts_with(here),
        "a value is one word"
    );
    assert!(refused(&rule(r#"{"matches":[{"match":"nosuch"}]}"#)).contains("nosuch"));
    let unknown = refused(&rule(r#"{"sourc":{"value":"10.0.0.0/8"}}"#));
    assert!(unknown.contains("unknown field `sourc`") && unknown.contains("line 2"), "{unknown}");
    assert!(refused("{").contains("EOF"));
    assert!(refused(r#"{"schema":2,"family":"ipv4","tables":[]}"#).contains("schema 2"));
    assert!(matches!(
        lines(br#"{"schema":1,"family":"ipv6","tables":[]}"#, Family::V4, false),
        Err(Fault::Family)
    ));
    assert!(refused(&rule("{}").replace("INPUT", "a - x")).contains("is no name"));
    assert!(refused(&rule("{}").replace("filter", "nosuch")).starts_with("tables[0]: "));
}

/// What a save file cannot carry in a line: a newline in a text.
#[test]
fn words_of_any_letters() {
    let words = ["a\nb", "", "!", "--jump", "\"", "\\", "'", "é ✓", "\t ", "# x", "COMMIT\n*nat"];
    for word in words {
        let value = serde_json::to_string(word).unwrap();
        let json = format!(
            r#"{{"schema":1,"family":"ipv4","tables":[{{"table":"filter","chains":[{{"chain":"INPUT","policy":"ACCEPT","rules":[
               {{"matches":[{{"match":"comment","options":[{{"option":"comment","values":[{value}]}}]}}],"target":{{"target":"DROP"}}}}]}}]}}]}}"#
        );
        let ruleset = read(&json, Family::V4).unwrap_or_else(|fault| panic!("{word:?}: {fault}"));
        assert_eq!(ruleset.tables().len(), 1, "{word:?}");
        let again: serde_json::Value = serde_json::from_str(&written(&ruleset, ALL)).unwrap();
        let rule = &again["tables"][0]["chains"][0]["rules"][0];
        assert_eq!(rule["matches"][0]["options"][0]["values"][0], word);
        assert_eq!(rule["target"]["target"], "DROP");
    }
}

/// Documents with a few bytes changed: refused or read, and what is read is written and read as the same.
#[test]
fn broken_documents() {
    let mut dice = from_seed(7);
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..300 {
        let made =
            ruleset(&mut from_seed(seed % 10), Family::V4, &Options { counters: true, ..Options::default() });
        let mut bytes = written(&made, ALL).into_bytes();
        for _ in 0..=dice() % 3 {
            let at = usize::try_from(dice() % bytes.len() as u64).unwrap();
            let other = usize::try_from(dice() % bytes.len() as u64).unwrap();
            match dice() % 3 {
                // A digit for a digit is another document at times.
                _ if seed % 2 == 0 => {
                    let digits: Vec<usize> =
                        (0..bytes.len()).filter(|&at| bytes[at].is_ascii_digit()).collect();
                    bytes[digits[at % digits.len()]] = b'1' + u8::try_from(other % 9).unwrap();
                }
                0 => bytes[at] = bytes[other],
                1 => drop(bytes.remove(at)),
                _ => bytes.swap(at, other),
            }
        }
        let Ok(text) = String::from_utf8(bytes) else { continue };
        match read(&text, Family::V4) {
            Ok(ruleset) => {
                taken += 1;
                let again = read(&written(&ruleset, ALL), Family::V4).unwrap();
                assert_eq!(saved(&again), saved(&ruleset));
            }
            Err(_) => refused += 1,
        }
    }
    assert!(taken > 20 && refused > 100, "{taken} taken, {refused} refused");
}
