//! `--json`: what `-L`, `-S` and save print, and what restore reads.
use crate::programs::Home;

const RULES: &str = "*nat
:PREROUTING ACCEPT [1:60]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
[2:120] -A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2:8080
COMMIT
*filter
:INPUT DROP [7:420]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:guests - [0:0]
[3:180] -A INPUT ! -s 10.0.0.0/8 -p tcp -m comment --comment \"a \\\"b\\\" ! --x\" -g guests
[18446744073709551615:1] -A INPUT -j guests
[0:0] -A guests -f -j LOG --log-prefix \"-- \"
COMMIT
";

fn home() -> Home {
    let home = Home::new();
    assert!(home.run_with("iptables-restore", &["-c"], RULES).status.success());
    home
}

fn out(home: &Home, program: &str, words: &[&str]) -> String {
    let output = home.run(program, words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Rules of a dump without comments.
fn plain(dump: &str) -> Vec<&str> {
    dump.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn save_and_restore_are_inverse() {
    let (one, two) = (home(), Home::new());
    let json = out(&one, "iptables-save", &["-c", "--json"]);
    let restored = two.run_with("iptables-restore", &["-c", "--json"], &json);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let (mut first, mut second) = (out(&one, "iptables-save", &["-c"]), out(&two, "iptables-save", &["-c"]));
    for dump in [&mut first, &mut second] {
        let mut tables: Vec<String> =
            plain(dump).join("\n").split("COMMIT").map(|table| table.trim().into()).collect();
        tables.sort();
        *dump = tables.join("\n");
    }
    assert_eq!(first, second);
    // Without -c counters of rules are neither written nor read.
    let without = out(&one, "iptables-save", &["--json"]);
    assert!(!without.contains("180") && without.contains("420"));
    assert!(two.run_with("iptables-restore", &["--json"], &json).status.success());
    assert!(plain(&out(&two, "iptables-save", &["-c"])).contains(&":INPUT DROP [0:0]"));
    // One table of several, and one that nobody has used.
    assert!(!out(&one, "iptables-save", &["--json", "-t", "nat"]).contains("filter"));
    assert!(out(&one, "iptables-save", &["--json", "-t", "raw"]).contains("\"table\":\"raw\""));
}

#[test]
fn listings() {
    let home = home();
    let value = |words: &[&str]| -> serde_json::Value {
        serde_json::from_str(&out(&home, "iptables", words)).unwrap()
    };
    let all = value(&["-L", "--json"]);
    assert_eq!(all["family"], "ipv4");
    let chains = all["tables"][0]["chains"].as_array().unwrap();
    assert_eq!(
        chains.iter().map(|chain| chain["chain"].as_str().unwrap()).collect::<Vec<_>>(),
        ["INPUT", "FORWARD", "OUTPUT", "guests"]
    );
    assert_eq!(chains[3]["references"], 2);
    assert!(chains[0].get("packets").is_none() && chains[0]["rules"][0].get("packets").is_none());
    assert_eq!(chains[0]["rules"][0]["target"]["goto"], "guests");
    assert_eq!(chains[0]["rules"][0]["matches"][0]["options"][0]["values"][0], "a \"b\" ! --x");

    let counted = value(&["-vS", "INPUT", "2", "--json"]);
    let rules = counted["tables"][0]["chains"][0]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 1);
    assert_eq!((rules[0]["number"].as_u64(), rules[0]["packets"].as_u64()), (Some(2), Some(u64::MAX)));
    assert_eq!(
        value(&["-t", "nat", "-S", "OUTPUT", "--json"])["tables"][0]["chains"].as_array().unwrap().len(),
        1
    );

    // -Z: what is shown is what was there before.
    assert_eq!(value(&["-vL", "INPUT", "-Z", "--json"])["tables"][0]["chains"][0]["packets"], 7);
    assert_eq!(value(&["-vL", "INPUT", "--json"])["tables"][0]["chains"][0]["packets"], 0);
    let missing = home.run("iptables", &["-L", "nosuch", "--json"]);
    assert_eq!((missing.status.code(), missing.stdout.len()), (Some(1), 0));
}

/// `--json` is no option of other commands, and takes no abbreviation from others.
#[test]
fn the_option() {
    let home = home();
    let refused = home.run("iptables", &["-A", "INPUT", "--json", "-j", "DROP"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Illegal option `--json' with this command"));
    assert!(home.run("iptables", &["-A", "INPUT", "--j", "DROP"]).status.success());
    assert!(home.run("iptables", &["-A", "INPUT", "-m", "comment", "--comment", "--json"]).status.success());
    assert_eq!(home.run("iptables", &["-J"]).status.code(), Some(2));
    let file = home.run_with("iptables-restore", &[], "*filter\n-L --json\nCOMMIT\n");
    assert_eq!(file.status.code(), Some(2));
}

#[test]
fn a_fault_is_told_with_its_place_and_nothing_is_changed() {
    let home = home();
    let before = std::fs::read(home.ruleset()).unwrap();
    let json = out(&home, "iptables-save", &["-c", "--json"]);
    // The other table is good, and not put in force either.
    let broken = json.replace("10.0.0.0/8", "10.0.0.0/99").replace("\"log-prefix\"", "\"log-level\"");
    let broken = broken.replace("\"80\"", "\"81\"");
    let refused = home.run_with("iptables-restore", &["--json"], &broken);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.starts_with("iptables-restore v1.8.13 (file:"), "{said}");
    assert!(said.contains("invalid mask `99' specified"), "{said}");
    let filter = if json.find("filter") < json.find("nat") { 0 } else { 1 };
    assert!(said.contains(&format!("\ntables[{filter}].chains[0].rules[0]\n")), "{said}");
    assert!(said.contains(&format!("\ntables[{filter}].chains[3].rules[0]\n")), "all faults: {said}");
    assert_eq!(std::fs::read(home.ruleset()).unwrap(), before);

    let shape = home.run_with("iptables-restore", &["--json"], "{\"schema\":1,\n\"family\":\"ipv4\"}");
    assert_eq!(shape.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&shape.stderr).contains("missing field `tables` at line 2"));
    let other = home.run_with("ip6tables-restore", &["--json"], &json);
    assert_eq!(other.status.code(), Some(2));
    assert_eq!(std::fs::read(home.ruleset()).unwrap(), before);
    let test = home.run_with("iptables-restore", &["--json", "--test"], &json);
    assert!(test.status.success());
    assert_eq!(std::fs::read(home.ruleset()).unwrap(), before);
}

/// What docs/rules-json.md shows is read, and is what is written.
#[test]
fn the_page() {
    let home = Home::new();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules-json.md");
    let page = std::fs::read_to_string(path).unwrap();
    let shown = page.split("```\n").nth(1).unwrap();
    let restored = home.run_with("iptables-restore", &["-c", "--json"], shown);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    assert_eq!(out(&home, "iptables-save", &["-c", "--json"]), shown);
}
