//! The translators against the machine: what we say in nft's language loads into the real nft, and where upstream's
//! iptables-translate 1.8.9 says something else, the fixture tells what and why. That the rules do the same is asked by
//! `cargo test -p judge` (`translations_are_equal`).
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use packet::Family;
use rules::fixture::DebianNames;
use rules::fixture::translation::{self, Case};
use rules::generate::{Options, from_seed, ruleset};
use rules::syntax::{lex, print};
use rules::translate::command::base_chain;
use rules::translate::file::Translator;
use rules::translate::{Site, family, name};
use rules::{Hook, Table};

use crate::machine;
use crate::programs::BINARY;

/// Why nft or iptables-translate 1.8.9 cannot be asked; `None`: they can.
fn missing() -> Option<String> {
    if let Some(why) = machine::missing_legacy() {
        return Some(why);
    }
    for (program, version) in [("nft", "nftables v1."), ("iptables-translate", "v1.8.9 (nf_tables)")] {
        match Command::new(program).arg("-V").output() {
            Err(error) => return Some(format!("{program}: {error}")),
            Ok(output) if !String::from_utf8_lossy(&output.stdout).contains(version) => {
                return Some(format!("{program} is not {version}"));
            }
            Ok(_) => {}
        }
    }
    None
}

fn fixtures() -> Vec<(String, Case)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/translate");
    let mut files: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let cases = translation::read(&std::fs::read_to_string(&path).unwrap());
        let cases = cases.unwrap_or_else(|error| panic!("{name}: {error}"));
        all.extend(cases.into_iter().map(|case| (format!("{name}:{}", case.line), case)));
    }
    all
}

/// A shell script in a namespace of its own.
fn shell(script: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script");
    std::fs::write(&file, script).unwrap();
    let mut command = Command::new("timeout");
    command.args(["300", "unshare", "-n", "bash"]).arg(&file).env("LC_ALL", "C").stdin(Stdio::null());
    command.output().unwrap()
}

/// The table and all chains that a rule of a fixture may stand in or jump to.
fn around(case: &Case) -> String {
    let table = Table::from_name(&case.table).unwrap();
    let site = Site { family: case.family, table, chain: &case.chain };
    let mut text = format!("add table {}\n", site.table_in_nft());
    for chain in ["chain_of_mine", "f2b-sshd", "cali-fw%wan0", "0", "log", "ipt_x", "mine"] {
        let _ = writeln!(text, "add chain {} {}", site.table_in_nft(), name::chain(chain));
    }
    if let Some(hook) = Hook::from_name(&case.chain) {
        let _ = writeln!(text, "{}", base_chain(case.family, table, hook, None));
    }
    text
}

/// A file for nft with one rule of a fixture.
fn loading(case: &Case, rule: &str) -> String {
    let chain = format!("{} {} {}", family(case.family), case.table, case.chain);
    let rules: String = match rule.contains("nft '") {
        // Upstream has several commands for a rule.
        true => rule
            .split(" ; ")
            .map(|own| own.trim_matches(['n', 'f', 't', ' ', '\'']).to_owned() + "\n")
            .collect(),
        false => format!("add rule {chain} {rule}\n"),
    };
    around(case) + &rules
}

/// Which of some files nft would load, and what it says.
fn loads(files: &[String]) -> Vec<(bool, String)> {
    let mut script = String::from("d=$(mktemp -d)\n");
    for (at, file) in files.iter().enumerate() {
        let _ = write!(script, "cat > $d/{at} <<'@end@'\n{file}@end@\n");
        let _ =
            writeln!(script, "o=$(nft -c -f $d/{at} 2>&1); r=$?; printf '@case %s\\n%s\\n' \"$r\" \"$o\"");
    }
    script.push_str("rm -r \"$d\"\n");
    let output = shell(&script);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let answers: Vec<_> = text
        .split("@case ")
        .skip(1)
        .map(|answer| {
            let (code, words) = answer.split_once('\n').unwrap_or((answer, ""));
            (code == "0", words.to_owned())
        })
        .collect();
    assert_eq!(answers.len(), files.len(), "{}", String::from_utf8_lossy(&output.stderr));
    answers
}

#[test]
fn every_translation_loads() {
    if let Some(why) = missing() {
        machine::skip(&format!("translations loaded into nft: {why}"));
        return;
    }
    let all = fixtures();
    let loadable: Vec<_> = all.iter().filter(|(_, case)| case.unloadable.is_none()).collect();
    let ours: Vec<_> =
        loadable.iter().filter_map(|(at, case)| Some((at, case, case.outcome.as_ref().ok()?))).collect();
    let answers = loads(&ours.iter().map(|(_, case, nft)| loading(case, nft)).collect::<Vec<_>>());
    let mut faults = String::new();
    for ((at, case, nft), (_, words)) in ours.iter().zip(&answers).filter(|(_, (loaded, _))| !loaded) {
        let _ = writeln!(faults, "{at} {:?}\n  rule: {}\n  nft: {nft}\n{words}", case.family, case.rule);
    }
    assert!(faults.is_empty(), "{faults}");
    // And where the fixture says that upstream's translation does not load, it does not.
    let theirs: Vec<_> = all
        .iter()
        .filter(|(_, case)| case.why.as_deref() == Some("upstream does not load"))
        .filter_map(|(at, case)| Some((at, case, case.upstream.as_ref()?)))
        .collect();
    let answers = loads(&theirs.iter().map(|(_, case, nft)| loading(case, nft)).collect::<Vec<_>>());
    for ((at, _, nft), _) in theirs.iter().zip(&answers).filter(|(_, (loaded, _))| *loaded) {
        let _ = writeln!(faults, "{at}: loads: {nft}");
    }
    assert!(faults.is_empty(), "{faults}");
    println!("{} translations load, {} of upstream do not", ours.len(), theirs.len());
}

#[test]
fn differences_from_upstream_are_those_of_the_fixtures() {
    if let Some(why) = missing() {
        machine::skip(&format!("comparison with iptables-translate 1.8.9: {why}"));
        return;
    }
    let all = fixtures();
    let mut script = String::new();
    for (_, case) in &all {
        let program = if case.family == Family::V4 { "iptables-translate" } else { "ip6tables-translate" };
        let mut words = Vec::new();
        let line = format!("-t {} -A {} {}", case.table, case.chain, case.rule);
        lex::restore_line(&line, 0, &mut words).unwrap();
        let words: Vec<_> = words.iter().map(|word| name::shell(&word.text)).collect();
        let _ = writeln!(script, "o=$({program} {} 2>/dev/null); r=$?", words.join(" "));
        script.push_str("printf '@case %s\\n%s\\n' \"$r\" \"$o\"\n");
    }
    let output = shell(&script);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let answers: Vec<_> = text.split("@case ").skip(1).collect();
    assert_eq!(answers.len(), all.len(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut faults, mut different) = (String::new(), 0);
    for ((at, case), answer) in all.iter().zip(answers) {
        let (code, words) = answer.split_once('\n').unwrap_or((answer, ""));
        let words = words.trim_end_matches('\n').replace('\n', " ; ");
        let prefix = format!("nft 'add rule {} {} {} ", family(case.family), case.table, case.chain);
        let theirs = match words.strip_prefix(&prefix) {
            _ if code != "0" => format!("exit {code}"),
            _ if words.starts_with("nft #") => "#".to_owned(),
            Some(rule) => rule.strip_suffix('\'').unwrap_or(rule).to_owned(),
            None => words.clone(),
        };
        let ours = case.outcome.clone().unwrap_or_else(|_| "#".to_owned());
        different += usize::from(ours != theirs);
        if *case.upstream.as_ref().unwrap_or(&ours) != theirs {
            let (family, rule) = (case.family, &case.rule);
            let _ = writeln!(faults, "{at} {family:?}\n  rule: {rule}\n  ours: {ours}\n  upstream: {theirs}");
        }
    }
    assert!(faults.is_empty(), "{faults}");
    println!("{} rules, {different} of them differ from upstream as the fixtures say", all.len());
}

#[test]
fn generated_rulesets_load() {
    if let Some(why) = missing() {
        machine::skip(&format!("generated rulesets loaded into nft: {why}"));
        return;
    }
    let (mut files, mut refused, mut rules) = (Vec::new(), 0, 0);
    for seed in 0..200 {
        let own = if seed % 2 == 0 { Family::V4 } else { Family::V6 };
        let options = Options { queue: false, counters: true, ..Options::default() };
        let made = ruleset(&mut from_seed(seed), own, &options);
        let mut save = String::new();
        print::ruleset(&mut save, &made, true, None);
        let mut translator = Translator::new(own, &DebianNames);
        let mut nft = String::new();
        for line in save.split_inclusive('\n').filter(|line| !line.contains(" -j NFQUEUE")) {
            rules += usize::from(line.contains("-A "));
            translator.line(line, &mut nft).unwrap_or_else(|fault| panic!("seed {seed}: {fault:?}"));
        }
        translator.end(&mut nft).unwrap_or_else(|fault| panic!("seed {seed}: {fault:?}"));
        refused += translator.refused.len();
        files.push(nft);
    }
    let mut faults = String::new();
    for (seed, (_, words)) in loads(&files).iter().enumerate().filter(|(_, (loaded, _))| !loaded) {
        let _ = writeln!(faults, "seed {seed}: {words}");
    }
    assert!(faults.is_empty(), "{faults}");
    println!("200 rulesets with {rules} rules load, {refused} rules have no translation:");
    let mut reasons = std::collections::BTreeMap::<&str, usize>::new();
    let remarks = files
        .iter()
        .flat_map(|nft| nft.lines())
        .filter_map(|line| line.strip_prefix("# cannot be translated: "));
    remarks
        .filter_map(|remark| remark.split_once(": "))
        .for_each(|(what, _)| *reasons.entry(what).or_default() += 1);
    reasons.iter().for_each(|(what, count)| println!("  {what}: {count}"));
}

fn run(words: &[&str]) -> (i32, String, String) {
    let output = Command::new(BINARY).args(words).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_programs() {
    let (code, out, _) =
        run(&["iptables-translate", "-A", "INPUT", "-m", "comment", "--comment", "it's", "-j", "ACCEPT"]);
    assert_eq!(code, 0);
    assert_eq!(out, "nft 'add rule ip filter INPUT counter accept comment \"it'\\''s\"'\n");
    let (code, out, _) = run(&["ip6tables-translate", "-N", "mine"]);
    assert_eq!((code, &*out), (0, "nft add chain ip6 filter mine\n"));
    let (code, out, _) =
        run(&["iptables-translate", "-A", "INPUT", "-m", "string", "--algo", "bm", "--string", "x y"]);
    assert_eq!(code, 0);
    let want = "nft # -A INPUT -m string --algo bm --string x y \n# cannot be translated: -m string: nft has nothing like it\n";
    assert_eq!(out, want);
    let (code, out, err) = run(&["iptables-translate", "-D", "INPUT", "1"]);
    assert_eq!((code, &*out), (1, ""));
    assert!(err.starts_with("Translation not implemented\niptables-translate: -D: "), "{err}");
    let (code, _, err) = run(&["iptables-translate", "-A", "INPUT", "-m", "nothing"]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with("iptables-translate v1.8.13 (nf_tables): Couldn't load match `nothing'"),
        "{err}"
    );
    assert_eq!(run(&["iptables-translate", "-V"]).1, "iptables-translate v1.8.13 (nf_tables)\n");
    let (code, out, _) = run(&["ip6tables-translate", "-h"]);
    assert_eq!(code, 0);
    assert!(
        out.starts_with("ip6tables-translate v1.8.13 (nf_tables)\n\nUsage: ip6tables-translate -[ACD] chain"),
        "{out}"
    );
}

#[test]
fn the_programs_for_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules");
    std::fs::write(&path, "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n").unwrap();
    let path = path.to_str().unwrap();
    let (code, out, err) = run(&["iptables-restore-translate", "-f", path]);
    assert_eq!((code, &*err), (0, ""));
    let lines: Vec<_> = out.lines().collect();
    let [first, table, chain, rule, last] = lines.as_slice() else { panic!("{out}") };
    assert!(first.starts_with("# Translated by iptables-restore-translate v1.8.13 on "), "{first}");
    assert_eq!(*table, "add table ip filter");
    assert_eq!(*chain, "add chain ip filter INPUT { type filter hook input priority 0; policy drop; }");
    assert_eq!(*rule, "add rule ip filter INPUT iifname \"lo\" counter accept");
    assert!(last.starts_with("# Completed on "), "{last}");
    for words in [&["ip6tables-restore-translate"][..], &["ip6tables-restore-translate", path]] {
        let (code, _, err) = run(words);
        assert_eq!(code, 1);
        assert!(err.starts_with("ERROR: missing file name\nip6tables-restore-translate v1.8.13\n"), "{err}");
    }
    let (code, _, err) = run(&["iptables-restore-translate", "-f", "/nowhere/at/all"]);
    assert_eq!((code, &*err), (1, "Cannot open file /nowhere/at/all: No such file or directory\n"));
    std::fs::write(path, "*filter\n-A INPUT -m nothing\nCOMMIT\n").unwrap();
    let (code, _, err) = run(&["iptables-restore-translate", "-f", path]);
    assert_eq!(code, 2);
    let want = "iptables-restore-translate v1.8.13 (nf_tables): Couldn't load match `nothing'";
    assert!(err.starts_with(want), "{err}");
    std::fs::write(path, "*filter\n-A INPUT -m string --algo bm --string x\nCOMMIT\n").unwrap();
    let (code, out, err) = run(&["iptables-restore-translate", "-f", path]);
    assert_eq!(code, 0);
    assert!(
        out.contains(
            "\n# -t filter -A INPUT -m string --algo bm --string x \n# cannot be translated: -m string: "
        ),
        "{out}"
    );
    assert_eq!(err, "iptables-restore-translate: rules that cannot be translated: 1, see the remarks\n");
    assert_eq!(run(&["iptables-restore-translate", "-V"]).1, "iptables-restore-translate v1.8.13\n");
    assert_eq!(run(&["iptables-restore-translate", "--help"]).0, 0);
}
