//! Matches and targets that every kernel refuses: how they are printed can only be seen before the table is applied, as
//! `iptables-restore -t` with `-S` and `-L -n` in its input shows it. Measured with 1.8.9.
use packet::Family;
use rules::syntax::apply::{Editor, Session};
use rules::syntax::{Mode, NoNames, Parsed, lex, parse};
use rules::{Table, TableRules};

/// Rule as typed, saved form (empty: as typed), listing.
const CASES: &[(&str, &str, &str)] = &[
    (
        "-j CLUSTERIP --new --hashmode sourceip --clustermac 01:AA:7b:47:f7:d7 --total-nodes 2 --local-node 0 --hash-init 1",
        "-j CLUSTERIP --new --hashmode sourceip --clustermac 01:AA:7B:47:F7:D7 --total-nodes 2 --local-node 0 --hash-init 1",
        "CLUSTERIP hashmode=sourceip clustermac=01:AA:7B:47:F7:D7 total_nodes=2 local_node=0 hash_init=1",
    ),
    ("-j CLUSTERIP", "", "CLUSTERIP"),
    (
        "-j CLUSTERIP --new --hashmode sourceip-sourceport --clustermac 01:0:0:0:0:7 --total-nodes 16 --local-node 3",
        "-j CLUSTERIP --new --hashmode sourceip-sourceport --clustermac 01:00:00:00:00:07 --total-nodes 16 --local-node 3 --hash-init 0",
        "CLUSTERIP hashmode=sourceip-sourceport clustermac=01:00:00:00:00:07 total_nodes=16 local_node=3 hash_init=0",
    ),
    ("-j ULOG", "", "ULOG copy_range 0 nlgroup 1 queue_threshold 1"),
    (
        "-j ULOG --ulog-prefix \"a b\" --ulog-nlgroup 32 --ulog-cprange 100 --ulog-qthreshold 50",
        "",
        "ULOG copy_range 100 nlgroup 32 prefix \"a b\" queue_threshold 50",
    ),
    (
        "-j ULOG --ulog-nlgroup 1 --ulog-cprange 0 --ulog-qthreshold 1",
        "-j ULOG",
        "ULOG copy_range 0 nlgroup 1 queue_threshold 1",
    ),
    (
        "-j ULOG --ulog-nlgroup 2 --ulog-cprange 18446744073709551615",
        "-j ULOG --ulog-nlgroup 2 --ulog-cprange 4294967295",
        "ULOG copy_range 4294967295 nlgroup 2 queue_threshold 1",
    ),
    (
        "-j ULOG --ulog-prefix 12345678901234567890123456789012345",
        "-j ULOG --ulog-prefix 1234567890123456789012345678901",
        "ULOG copy_range 0 nlgroup 1 prefix \"1234567890123456789012345678901\" queue_threshold 1",
    ),
    (
        "-j LED --led-trigger-id foo",
        "-j LED --led-trigger-id \"foo\"",
        "led-trigger-id:\"foo\" led-delay:0ms",
    ),
    ("-j LED --led-trigger-id \"foo\" --led-delay 1000", "", "led-trigger-id:\"foo\" led-delay:1000ms"),
    (
        "-j LED --led-trigger-id \"\" --led-always-blink",
        "",
        "led-trigger-id:\"\" led-delay:0ms led-always-blink",
    ),
    // iptables saves `--led-delay -1`, which it does not read.
    (
        "-j LED --led-trigger-id \"a b\" --led-delay infinity --led-always-blink",
        "-j LED --led-trigger-id \"a b\" --led-delay inf --led-always-blink",
        "led-trigger-id:\"a b\" led-delay:inf led-always-blink",
    ),
    (
        "-j SECMARK --selctx system_u:object_r:firefox_t:s0",
        "",
        "SECMARK selctx system_u:object_r:firefox_t:s0",
    ),
    ("-m ipvs --ipvs", "", "ipvs"),
    ("-m ipvs ! --ipvs", "", "! ipvs"),
    ("-m ipvs --vproto tcp", "-m ipvs --vproto 6", "vproto 6"),
    (
        "-m ipvs ! --vproto 17 ! --vaddr 10.0.0.1/8 ! --vport 80 --vdir reply ! --vmethod MASQ ! --vportctl 21",
        "-m ipvs ! --vproto 17 ! --vaddr 10.0.0.1/8 ! --vport 80 --vdir REPLY ! --vmethod MASQ ! --vportctl 21",
        "! vproto 17 ! vaddr 10.0.0.1/8 ! vport 80 vdir REPLY ! vmethod MASQ ! vportctl 21",
    ),
    (
        "-m ipvs --vaddr 10.0.0.1 --vport 80 --vdir ORIGINAL --vmethod GATE",
        "",
        "vaddr 10.0.0.1 vport 80 vdir ORIGINAL vmethod GATE",
    ),
    ("-m ipvs --vmethod ipip", "-m ipvs --vmethod IPIP", "vmethod IPIP"),
    ("-m ipvs --ipvs --vport 80", "-m ipvs --vport 80", "vport 80"),
    // Two blanks, as iptables has them.
    ("-m nfacct --nfacct-name foo", "-m nfacct --nfacct-name  foo", "nfacct-name  foo"),
    ("-m nfacct --nfacct-name \"a b\"", "-m nfacct --nfacct-name  \"a b\"", "nfacct-name  \"a b\""),
    (
        "-m nfacct --nfacct-name abcdefghijklmnopqrstuvwxyz123456",
        "-m nfacct --nfacct-name  abcdefghijklmnopqrstuvwxyz12345",
        "nfacct-name  abcdefghijklmnopqrstuvwxyz12345",
    ),
];

#[test]
fn what_is_refused_is_printed_as_iptables_prints_it() {
    let mut warned = 0;
    for &(rule, saved, listed) in CASES {
        let mut editor = Editor::new(TableRules::new(Table::Filter), Family::V4);
        let mut run = |line: &str| {
            let mut words = Vec::new();
            lex::restore_line(line, 0, &mut words).unwrap();
            let mode = Mode { family: Family::V4, names: &NoNames, restore: None, trusted: false };
            let Ok(Parsed::Command(command)) = parse::parse(&words, mode, None) else { panic!("{line}") };
            let (mut out, mut warnings) = (String::new(), Vec::new());
            let mut session = Session { names: &NoNames, out: &mut out, warnings: &mut warnings };
            editor.apply(*command, &mut session).unwrap();
            warned += warnings.len();
            out
        };
        run(&format!("-A INPUT {rule}"));
        let own = run("-S INPUT");
        let want = if saved.is_empty() { rule } else { saved };
        assert_eq!(own.lines().nth(1), Some(&*format!("-A INPUT {want}")));
        let list = run("-nL INPUT");
        assert!(list.ends_with(&format!(" {listed}\n")), "{list}");
        let refused = editor.finish().expect_err("no kernel takes it");
        assert_eq!(refused.error.kind.exit() as u8, 1, "{rule}");
        // SECMARK is in the kernel, but not for this table.
        let secmark = rule.contains("SECMARK");
        let text = if secmark { "Invalid argument" } else { "No chain/target/match by that name" };
        assert_eq!(refused.error.kind.to_string(), text, "{rule}");
    }
    // Each but SECMARK and nfacct, which the kernel has.
    let in_kernel = |rule: &str| rule.contains("SECMARK") || rule.contains("nfacct");
    assert_eq!(warned, CASES.iter().filter(|(rule, ..)| !in_kernel(rule)).count());
}
