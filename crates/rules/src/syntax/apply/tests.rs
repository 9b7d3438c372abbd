use super::*;
use crate::Table;
use crate::syntax::{Mode, NoNames, Parsed, lex, parse};

/// Runs commands on an empty filter table; the last one's error, and `-S`.
fn run(commands: &[&str]) -> (Result<(), Operation>, String) {
    let mut editor = Editor::new(TableRules::new(Table::Filter), Family::V4);
    let mut result = Ok(());
    let (mut out, mut warnings) = (String::new(), Vec::new());
    for line in commands.iter().chain(&["-S"]) {
        out.clear();
        let mut words = Vec::new();
        lex::restore_line(line, 0, &mut words).unwrap();
        let mode = Mode { family: Family::V4, names: &NoNames, restore: None, trusted: false };
        let Ok(Parsed::Command(command)) = parse::parse(&words, mode, None) else { panic!("{line}") };
        let mut session = Session { names: &NoNames, out: &mut out, warnings: &mut warnings };
        if let Err(error) = editor.apply(*command, &mut session) {
            let ErrorKind::Operation(operation) = error.kind else { panic!("{line}: {error:?}") };
            result = Err(operation);
        }
    }
    (result, out.lines().filter(|line| !line.starts_with("-P")).collect::<Vec<_>>().join("|"))
}

#[test]
fn rules_in_front_keep_their_order() {
    let (result, rules) = run(&[
        "-A INPUT -p 9",
        "-I INPUT -p 1",
        "-I INPUT -p 2",
        "-A INPUT -p 10",
        "-I INPUT 2 -p 3",
        "-I INPUT -s 1.1.1.1,2.2.2.2",
        "-D INPUT 3",
        "-R INPUT 3 -p 4",
    ]);
    assert_eq!(result, Ok(()));
    assert_eq!(
        rules,
        "-A INPUT -s 2.2.2.2/32|-A INPUT -s 1.1.1.1/32|-A INPUT -p 4|-A INPUT -p icmp|-A INPUT -p 9|-A INPUT -p 10"
    );
}

#[test]
fn references_are_counted_through_all_commands() {
    assert_eq!(run(&["-N a", "-I INPUT -j a", "-X a"]).0, Err(Operation::Links));
    assert_eq!(run(&["-N a", "-I INPUT -j a", "-D INPUT -j a", "-X a"]), (Ok(()), String::new()));
    assert_eq!(run(&["-N a", "-A INPUT -j a", "-R INPUT 1 -j ACCEPT", "-X a"]).0, Ok(()));
    assert_eq!(run(&["-N a", "-A INPUT -j a", "-F", "-X"]).0, Ok(()));
    assert_eq!(run(&["-N a", "-I a -j ACCEPT", "-X a"]).0, Err(Operation::NotEmpty));
    assert_eq!(run(&["-N a", "-A INPUT -j a", "-E a b"]).1, "-N b|-A INPUT -j b");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(3000))]

    /// Whatever words come: no panic, and a table that passes the commit reads back as the same text.
    #[test]
    fn any_words_are_survived_and_what_they_make_reads_back(
        lines in proptest::collection::vec(command_words(), 1..8),
    ) {
        let mut editor = Editor::new(TableRules::new(Table::Filter), Family::V4);
        let (mut out, mut warnings) = (String::new(), Vec::new());
        for line in &lines {
            let (text, words) = lex::arguments(line);
            let mode = Mode { family: Family::V4, names: &NoNames, restore: None, trusted: false };
            match parse::parse(&words, mode, None) {
                Ok(Parsed::Command(command)) => {
                    let mut session = Session { names: &NoNames, out: &mut out, warnings: &mut warnings };
                    let _ = editor.apply(*command, &mut session);
                }
                Ok(_) => {}
                Err(error) => proptest::prop_assert!(error.span.end as usize <= text.len(), "{text}: {error:?}"),
            }
        }
        if let Ok(rules) = editor.finish() {
            let mut saved = String::new();
            print::table(&mut saved, &rules, true, None);
            let read = crate::syntax::load(&saved, Family::V4, None);
            let read = read.map_err(|faults| proptest::test_runner::TestCaseError::fail(format!("{saved}{faults:?}")))?;
            let mut again = String::new();
            print::ruleset(&mut again, &read, true, None);
            proptest::prop_assert_eq!(saved, again);
        }
    }
}

/// A command: a likely beginning, some likely phrases, and now and then anything.
fn command_words() -> impl proptest::strategy::Strategy<Value = Vec<String>> {
    use proptest::prelude::*;
    let heads = [
        "-A INPUT",
        "-A FORWARD",
        "-I INPUT",
        "-I OUTPUT 1",
        "-N a",
        "-N b",
        "-A a",
        "-A b",
        "-P INPUT DROP",
        "-E a b",
        "-X",
        "-F a",
        "-D INPUT 1",
        "-R INPUT 1",
        "-Z",
        "-L",
        "-S -v",
        "-C INPUT",
    ];
    let phrases = [
        "-j a",
        "-g b",
        "-j ACCEPT",
        "-j RETURN",
        "-j LOG",
        "--log-prefix",
        "-j MARK --set-mark 1/2",
        "-j REJECT",
        "--reject-with tcp-reset",
        "-p tcp",
        "--dport 22",
        "--sport 1:5",
        "--dport :",
        "!",
        "-s 10.0.0.1",
        "-d 10.1/16",
        "-s 1.1.1.1,2.2.2.2",
        "-i eth0",
        "-o eth+",
        "-i +",
        "-m comment --comment",
        "-m state --state NEW",
        "-f",
        "--syn",
        "--tcp-flags ALL SYN",
        "-c 5 6",
        "-m limit --limit 3/min",
        "-v",
        "-m multiport --dports 1,2:3",
        "-m mark --mark 1",
        "-m string --algo bm --string",
        "-m owner --uid-owner 1-5",
        "-m mac --mac-source 0:1:2:3:4:5",
        "-p 99",
        "-m iprange --src-range 1.1.1.1-2.2.2.2",
        "-m addrtype --dst-type LOCAL",
        "-m statistic --mode nth --every 3 --packet 1",
        "-m conntrack --ctstate NEW,DNAT",
        "--physdev-in",
        "-m physdev --physdev-is-in",
        "-p icmp --icmp-type 8/0",
    ];
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let phrase = prop_oneof![
        20 => proptest::sample::select(phrases.to_vec()).prop_map(words),
        1 => "[ -~]{0,12}".prop_map(|text| vec![text]),
        1 => any::<String>().prop_filter("a line of a file", |text| !text.contains(['\n', '\r'])).prop_map(|text| vec![text]),
    ];
    let head = proptest::sample::select(heads.to_vec()).prop_map(words);
    (head, proptest::collection::vec(phrase, 0..4)).prop_map(|(mut head, rest)| {
        head.extend(rest.into_iter().flatten());
        head
    })
}
