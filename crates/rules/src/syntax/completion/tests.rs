use super::*;
use crate::syntax::NoNames;

fn at(line: &str) -> Situation {
    let words: Vec<String> = line.split_ascii_whitespace().map(str::to_owned).collect();
    situation(&words, Family::V4, &NoNames)
}

fn expects(line: &str) -> String {
    match at(line).expects {
        Expects::Extension(spec, option, which) => format!("{} {} {which}", spec.name, option.name),
        other => format!("{other:?}"),
    }
}

#[test]
fn the_word_at_the_cursor() {
    for (line, wanted) in [
        ("", "Option"),
        ("-A", "Chain"),
        ("--append", "Chain"),
        ("-nvL", "ChainOrOption"),
        ("-L INPUT", "NumberOrOption"),
        ("-L INPUT 3", "Option"),
        ("-P INPUT", "Policy"),
        ("-N", "NewChain"),
        ("-E a", "NewChain"),
        ("-t", "Generic('t')"),
        ("-A INPUT -j", "Generic('j')"),
        ("-A INPUT -p tcp --dport", "tcp destination-port 0"),
        ("-A INPUT -p tcp --tcp-flags SYN", "tcp tcp-flags 1"),
        ("-A INPUT -p tcp --tcp-flags SYN SYN", "Option"),
        ("-A INPUT -m conntrack --ctst", "Option"),
        ("-A INPUT -m conntrack ! --ctstate", "conntrack ctstate 0"),
        ("-A INPUT -j LOG --log-level", "LOG log-level 0"),
        ("-A INPUT --nonsense -j LOG --log-prefix", "LOG log-prefix 0"),
        ("-A INPUT -c 1", "Generic('c')"),
    ] {
        assert_eq!(expects(line), wanted, "{line}");
    }
}

#[test]
fn what_is_offered() {
    let names = |line: &str| offered(&at(line)).into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
    assert!(names("").contains(&"append") && names("").contains(&"list"));
    let tcp = names("-A INPUT -p tcp");
    assert!(
        tcp.contains(&"dport")
            && tcp.contains(&"jump")
            && !tcp.contains(&"protocol")
            && !tcp.contains(&"list")
    );
    let used = names("-A INPUT -p tcp --dport 22");
    assert!(!used.contains(&"dport") && !used.contains(&"destination-port") && used.contains(&"sport"));
    assert!(names("-L").contains(&"line-numbers") && names("-S").contains(&"json"));
    assert!(!names("-S").contains(&"numeric"));
    let nat = at("-t nat -A PREROUTING");
    let targets = target_names(&nat);
    assert!(targets.contains(&"DNAT") && targets.contains(&"ACCEPT"));
    assert!(!targets.contains(&"DROP") && !targets.contains(&"REJECT") && !targets.contains(&"MASQUERADE"));
    let matches = match_names(&at("-A INPUT"));
    assert!(matches.contains(&"mac") && !matches.contains(&"owner") && !matches.contains(&"icmp6"));
}

/// Whatever stands in a rule that is taken is offered at its place; no beginning of any line is too odd.
#[test]
fn every_option_of_every_fixture_is_offered_where_it_stands() {
    let (mut count, mut faults) = (0, Vec::new());
    for folder in ["match", "target"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            for case in crate::fixture::read(&std::fs::read_to_string(&path).unwrap()).unwrap() {
                let line = format!("-t {} -A {} {}", case.table, case.chain, case.rule);
                let words: Vec<String> = crate::syntax::lex::printed_words(&line)
                    .into_iter()
                    .map(|word| word.into_owned())
                    .collect();
                for (at, word) in words.iter().enumerate() {
                    let situation = situation(&words[..at], case.family, &NoNames);
                    let offered = offered(&situation);
                    let taken = matches!(case.outcome, crate::fixture::Outcome::Taken { .. });
                    let Some(name) = word.strip_prefix("--").filter(|_| taken) else { continue };
                    let exact = |spec: &&&Spec| {
                        spec.families.has(case.family) && crate::syntax::saved::find(spec, name).is_some()
                    };
                    let known = matches::SPECS.iter().chain(targets::SPECS).any(|spec| exact(&spec));
                    if !known || !matches!(situation.expects, Expects::Option) {
                        continue;
                    }
                    count += 1;
                    // Abbreviations are what one completes. Protocols in capitals are names that only a machine knows.
                    let capitals = words.iter().any(|word| matches!(&**word, "ESP" | "SCTP" | "DCCP" | "AH"));
                    if !capitals && !offered.iter().any(|(long, ..)| long.starts_with(name)) {
                        faults.push(format!("{}:{}: {word} in {line}", path.display(), case.line));
                    }
                }
            }
        }
    }
    assert!(count > 300, "{count}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
