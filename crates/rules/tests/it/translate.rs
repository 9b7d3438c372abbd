//! Every fixture of `fixtures/translate` through our translator; whole commands and files.
use std::fmt::Write;
use std::path::Path;

use packet::Family;
use rules::fixture::translation::{self, Case};
use rules::syntax::lex;
use rules::syntax::parse::{Mode, Parsed, parse};
use rules::translate::file::Translator;
use rules::translate::{Line, command};

use rules::fixture::DebianNames;

fn translated(family: Family, line: &str) -> Vec<Line> {
    let mut words = Vec::new();
    lex::restore_line(line, 0, &mut words).expect("a fixture is a line of a restore file");
    let mode = Mode { family, names: &DebianNames, restore: None, trusted: false };
    let Ok(Parsed::Command(own)) = parse(&words, mode, None) else { panic!("{line} is no command") };
    command(family, &own, &|_| false).unwrap_or_else(|error| panic!("{line}: {error:?}"))
}

fn run(case: &Case) -> Result<String, String> {
    let line = format!("-t {} -A {} {}", case.table, case.chain, case.rule);
    let family = rules::translate::family(case.family);
    match translated(case.family, &line).as_slice() {
        [Line::Nft(text)] => {
            let prefix = format!("add rule {family} {} {} ", case.table, case.chain);
            Ok(text.strip_prefix(&prefix).unwrap_or(text).to_owned())
        }
        [Line::Refused(why)] => Err(why.to_string()),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn translations() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/translate");
    let mut files: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut faults, mut count) = (String::new(), 0);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let cases = translation::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!cases.is_empty(), "{name} has no case");
        for case in cases {
            count += 1;
            let ours = run(&case);
            if ours != case.outcome {
                let _ = writeln!(
                    faults,
                    "{name}:{} {:?} {}\n  want: {:?}\n  ours: {ours:?}",
                    case.line, case.family, case.rule, case.outcome
                );
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
    println!("{count} translations");
}

#[test]
fn commands() {
    let lines = |line: &str| {
        let words = |line: &Line| match line {
            Line::Nft(text) => text.clone(),
            Line::Refused(why) => format!("# {why}"),
        };
        translated(Family::V4, line).iter().map(words).collect::<Vec<_>>().join("\n")
    };
    for (line, nft) in [
        ("-N mine", "add chain ip filter mine"),
        ("-t nat -N log", "add chain ip nat ipt_log"),
        ("-X mine", "delete chain ip filter mine"),
        ("-E mine other", "rename chain ip filter mine other"),
        ("-F", "flush table ip filter"),
        ("-F INPUT", "flush chain ip filter INPUT"),
        ("-L", "list table ip filter"),
        ("-S FORWARD", "list chain ip filter FORWARD"),
        ("-P INPUT DROP", "add chain ip filter INPUT { type filter hook input priority 0; policy drop; }"),
        (
            "-t mangle -P OUTPUT ACCEPT",
            "add chain ip mangle OUTPUT { type route hook output priority -150; policy accept; }",
        ),
        ("-I INPUT -j DROP", "insert rule ip filter INPUT counter drop"),
        ("-I INPUT 1 -j DROP", "insert rule ip filter INPUT counter drop"),
        ("-I INPUT 3 -j DROP", "add rule ip filter INPUT index 1 counter drop"),
        (
            "-A INPUT -s 10.0.0.1,10.0.0.2 -d 10.1.0.0/16,10.2.0.0/16",
            "add rule ip filter INPUT ip saddr 10.0.0.1 ip daddr 10.1.0.0/16 counter\n\
             add rule ip filter INPUT ip saddr 10.0.0.1 ip daddr 10.2.0.0/16 counter\n\
             add rule ip filter INPUT ip saddr 10.0.0.2 ip daddr 10.1.0.0/16 counter\n\
             add rule ip filter INPUT ip saddr 10.0.0.2 ip daddr 10.2.0.0/16 counter",
        ),
        (
            "-A INPUT -s 10.0.0.1,10.0.0.2 -m string --algo bm --string x",
            "# -m string: nft has nothing like it",
        ),
    ] {
        assert_eq!(lines(line), nft, "{line}");
    }
}

#[track_caller]
fn file(text: &str, want: &str) {
    let mut translator = Translator::new(Family::V4, &DebianNames);
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        translator.line(line, &mut out).unwrap();
    }
    translator.end(&mut out).unwrap();
    assert_eq!(out, want);
}

#[test]
fn a_save_file() {
    file(
        "# a remark\n*filter\n:INPUT DROP [1:2]\n:mine - [0:0]\n:a:b - [0:0]\n-A INPUT -j mine\n[5:6] -A INPUT -g a:b\n\
         -A mine -m string --algo bm --string x -j DROP\n-A OUTPUT -j ACCEPT\nCOMMIT\n* nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n",
        "add table ip filter\n\
         add chain ip filter INPUT { type filter hook input priority 0; policy drop; }\n\
         add chain ip filter mine\n\
         # chain a:b is ipt_a_3ab here\n\
         add chain ip filter ipt_a_3ab\n\
         add chain ip filter OUTPUT { type filter hook output priority 0; }\n\
         add rule ip filter INPUT counter jump mine\n\
         add rule ip filter INPUT counter goto ipt_a_3ab\n\
         # -t filter -A mine -m string --algo bm --string x -j DROP \n\
         # cannot be translated: -m string: nft has nothing like it\n\
         add rule ip filter OUTPUT counter accept\n\
         add table ip nat\n\
         add chain ip nat POSTROUTING { type nat hook postrouting priority 100; }\n\
         add rule ip nat POSTROUTING counter masquerade\n",
    );
}

#[test]
fn a_file_of_commands() {
    // firewalld's lines, and rules that are put between others.
    file(
        "*filter\n-P INPUT DROP\n-F\n-X\n-Z\n-N mine\n-N gone\n-A INPUT -p 1\n-A mine -p 2\n-I INPUT 2 -p 3\n-I INPUT -p 4\n\
         -I INPUT 2 -p 5\n-D INPUT 4\n-R mine 1 -s 10.0.0.1\n-X gone\nCOMMIT\n",
        "add table ip filter\n\
         add chain ip filter INPUT { type filter hook input priority 0; policy drop; }\n\
         add chain ip filter mine\n\
         add rule ip filter INPUT ip protocol 4 counter\n\
         add rule ip filter INPUT ip protocol 5 counter\n\
         add rule ip filter INPUT ip protocol icmp counter\n\
         add rule ip filter mine ip saddr 10.0.0.1 counter\n",
    );
}

#[test]
fn faults_of_a_file() {
    for (text, line) in [
        ("-A INPUT -j ACCEPT\n", 1),
        ("*filter\n-A INPUT -j ACCEPT\n", 3),
        ("*filter\n:INPUT DROP\n-E a b\nCOMMIT\n", 3),
        ("*filter\n-D INPUT 1\nCOMMIT\n", 2),
        ("*filter\n-A INPUT -j ACCEPT\n-I INPUT 3 -j DROP\nCOMMIT\n", 3),
        ("*nothing\nCOMMIT\n", 1),
        ("*filter\n-N a\n-N a\nCOMMIT\n", 3),
        ("*filter\n-A INPUT -m nothing\nCOMMIT\n", 2),
    ] {
        let mut translator = Translator::new(Family::V4, &DebianNames);
        let mut out = String::new();
        let steps = text.split_inclusive('\n').try_for_each(|line| translator.line(line, &mut out));
        let fault = steps.and_then(|()| translator.end(&mut out)).expect_err(text);
        assert_eq!(fault.line, line, "{text}");
    }
}
