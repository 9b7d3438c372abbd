use super::*;
use crate::syntax::{Exit, print};

#[track_caller]
fn round(text: &str) -> String {
    let ruleset = load(text, Family::V4, None).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let mut out = String::new();
    print::ruleset(&mut out, &ruleset, true, None);
    out
}

const SAVED: &str = "*filter
:INPUT ACCEPT [1:2]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:Mm - [0:0]
:aa - [0:0]
[3:4] -A INPUT -s 10.0.1.0/24 ! -d 10.0.0.1/32 -i eth+ -p tcp -m tcp --dport 22 -j ACCEPT
[0:0] -A INPUT ! -i + -m comment --comment \"it\\'s \\\"x\\\"\" -j aa
[0:0] -A FORWARD -s 10.0.0.1/255.0.0.255 -p 2 -f -g Mm
[0:0] -A aa -j LOG --log-prefix \"a b\" --log-level 7
[0:0] -A aa -p udp -m udp ! --sport 1:2 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
";

#[test]
fn what_is_saved_is_restored() {
    assert_eq!(round(SAVED), SAVED);
}

#[test]
fn lax_forms_are_read() {
    let text = "* nat \n-N x\n:y - -\n-A x -j y\n-P OUTPUT ACCEPT\nCOMMIT\n*filter\n-F\n-X\n-Z\n-P INPUT DROP\nCOMMIT";
    let saved = round(text);
    assert!(saved.starts_with("*filter\n:INPUT DROP [0:0]\n"), "{saved}");
    assert!(saved.contains("[0:0] -A x -j y\n"), "{saved}");
    // F22: DROP as a policy of nat is refused as a command but taken in a `:` line.
    assert!(round("*nat\n:PREROUTING DROP\nCOMMIT\n").contains(":PREROUTING DROP [0:0]"));
}

#[track_caller]
fn fails(text: &str, line: usize, report: &str) {
    let faults = load(text, Family::V4, None).map(|_| ()).unwrap_err();
    let fault = faults.first().unwrap();
    assert_eq!(fault.line, line);
    let told = fault.error.kind.report("iptables-restore", "v1.8.13 (file)", Some(fault.line));
    assert_eq!(told.lines().next(), report.lines().next(), "{faults:?}");
}

#[test]
fn faults_name_the_line() {
    fails("-A INPUT\n", 1, "iptables-restore: line 1 failed");
    fails("*filter\n", 2, "iptables-restore: COMMIT expected at line 2");
    fails("*filter\n-A nochain -j ACCEPT\nCOMMIT\n", 2, "iptables-restore: line 2 failed");
    fails(
        "*filter\n-A INPUT -j nochain\nCOMMIT\n",
        2,
        "iptables-restore v1.8.13 (file): Couldn't load target `nochain':No such file or directory",
    );
    fails(
        "*filter\n:a - -\n:a - -\nCOMMIT\n",
        3,
        "iptables-restore v1.8.13 (file): error creating chain 'a':File exists",
    );
    fails(
        "*filter\n:INPUT BAD\nCOMMIT\n",
        2,
        "iptables-restore v1.8.13 (file): Can't set policy `BAD' on `INPUT' line 2: Bad policy name",
    );
    fails("*filter\n[1:2 -A INPUT\nCOMMIT\n", 2, "iptables-restore v1.8.13 (file): Bad line 2: need ]");
    fails(
        "*x\nCOMMIT\n",
        1,
        "iptables-restore v1.8.13 (file): iptables-restore: unable to initialize table 'x'",
    );
    fails(
        "*filter\n-A INPUT -t nat\nCOMMIT\n",
        2,
        "iptables-restore v1.8.13 (file): The -t option cannot be used in iptables-restore.",
    );
}

#[test]
fn the_diagnosis_has_no_line_of_its_own() {
    let words = |text: &str| {
        let faults = load(text, Family::V4, None).map(|_| ()).unwrap_err();
        faults.first().unwrap().error.kind.to_string()
    };
    assert_eq!(words("-A INPUT\n"), "this line cannot stand here");
    assert_eq!(words("*filter\n-h\nCOMMIT\n"), "this line cannot stand here");
    assert_eq!(words("*filter\n-V\nCOMMIT\n"), "this line cannot stand here");
    assert_eq!(words("*filter\n"), "COMMIT expected");
    assert_eq!(words("*\n"), "table name invalid");
    assert_eq!(words("*filter\n:INPUT\nCOMMIT\n"), "policy invalid");
    assert_eq!(words("*filter\n:INPUT BAD\nCOMMIT\n"), "Can't set policy `BAD' on `INPUT': Bad policy name");
    assert_eq!(words("*filter\n:a - -\n:a - -\nCOMMIT\n"), "error creating chain 'a':File exists");
}

#[test]
fn counters_are_given_once() {
    fails(
        "*filter\n[1:2] -A INPUT -c 5 6\nCOMMIT\n",
        2,
        "iptables-restore v1.8.13 (file): multiple --set-counters options not allowed",
    );
}

#[test]
fn verbose_restores_echo_what_they_do_unless_they_add() {
    let told = |no_flush| {
        let mut ruleset = Ruleset::new(Family::V4);
        let mut reader =
            Reader::new(Options { no_flush, verbose: true, ..Options::new(Family::V4, &NoNames) });
        let mut out = String::new();
        for line in ["*raw", "# hi", "-A OUTPUT -s 10.0.0.1", "-F OUTPUT", "-Z OUTPUT", "COMMIT", "# bye"] {
            assert!(reader.line(line, &mut ruleset, &mut out).is_ok());
        }
        out
    };
    assert_eq!(
        told(false),
        "Flushing chain `PREROUTING'\nFlushing chain `OUTPUT'\n# hi\n\
         \x20 all opt -- in * out *  10.0.0.1  -> 0.0.0.0/0  \n\
         Flushing chain `OUTPUT'\nZeroing chain `OUTPUT'\n# bye\n"
    );
    assert_eq!(told(true), "# hi\n# bye\n");
}

#[test]
fn a_loop_is_found_at_the_commit_and_names_the_rule() {
    let text = "*filter\n:a - -\n:b - -\n-A a -j b\n-A b -j a\n-A INPUT -j a\nCOMMIT\n";
    let faults = load(text, Family::V4, None).map(|_| ()).unwrap_err();
    let fault = faults.first().unwrap();
    assert_eq!((fault.line, fault.rule_line), (7, Some(5)));
    assert_eq!(fault.error.kind.exit(), Exit::Other);
    // A loop that no packet can reach is none.
    round("*filter\n:a - -\n:b - -\n-A a -j b\n-A b -j a\n-A INPUT -j ACCEPT\n-A INPUT -j a\nCOMMIT\n");
}

#[test]
fn every_fault_of_a_table_is_told_and_nothing_is_committed() {
    let text = "*filter\n-A INPUT -j NO\n-A INPUT -p foo\n-A INPUT -j ACCEPT\nCOMMIT\n";
    let mut ruleset = Ruleset::new(Family::V4);
    let mut reader = Reader::new(Options::new(Family::V4, &NoNames));
    let mut out = String::new();
    let results: Vec<_> =
        text.lines().map(|line| reader.line(line, &mut ruleset, &mut out).is_ok()).collect();
    assert_eq!(results, [true, true, true, true, false]);
    assert_eq!(reader.take_faults().iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3]);
    assert!(ruleset.tables().is_empty());
}
