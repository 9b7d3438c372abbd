//! Every line of fixtures/command/scenarios.txt, through `oxitables iptables …` and through links, and on the machine's
//! own iptables-legacy in a network namespace of its own: exit code, output, error text, and after each line `-S`,
//! `iptables-save -c` and `-L -n -v -x --line-numbers` of what exists.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::machine;
use crate::programs::{BINARY, Home, NAMES};

const SCENARIOS: &str = include_str!("../../../../fixtures/command/scenarios.txt");
const DIFFERENCES: &str = include_str!("../../../../fixtures/command/differences-1.8.9.txt");

/// What is looked at after each line.
const LOOKS: [(&str, &str); 8] = [
    ("save", "iptables-save -c"),
    ("save", "iptables -S"),
    ("save", "iptables -t nat -S"),
    ("save", "ip6tables-save -c"),
    ("list", "iptables -L -n -v -x --line-numbers"),
    ("list", "iptables -t nat -L -n -v -x --line-numbers"),
    ("list", "iptables -t mangle -L -n -v"),
    ("list", "iptables -L"),
];

/// How a line went.
#[derive(Clone, Debug, Default, PartialEq)]
struct Result_ {
    code: String,
    out: String,
    error: String,
    looks: Vec<String>,
}

fn lines() -> Vec<&'static str> {
    SCENARIOS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The script that runs all lines and writes what they do to files.
fn script(folder: &Path, bin: &Path, prelude: &str) -> String {
    let mut text =
        format!("set -u\nexport PATH={}:$PATH\ncd {}\n{prelude}\n", bin.display(), folder.display());
    text.push_str("printf '*filter\\nCOMMIT\\n' > f6\n");
    for (at, line) in lines().into_iter().enumerate() {
        writeln!(text, "(\n{line}\n) > out.{at} 2> error.{at} < /dev/null; echo $? > code.{at}").unwrap();
        for (look, (_, command)) in LOOKS.iter().enumerate() {
            writeln!(text, "{command} > look.{at}.{look} 2>&1 < /dev/null").unwrap();
        }
    }
    text
}

fn results(folder: &Path) -> Vec<Result_> {
    let read =
        |name: String| String::from_utf8_lossy(&std::fs::read(folder.join(name)).unwrap()).into_owned();
    (0..lines().len())
        .map(|at| Result_ {
            code: read(format!("code.{at}")).trim().to_owned(),
            out: read(format!("out.{at}")),
            error: read(format!("error.{at}")),
            looks: (0..LOOKS.len()).map(|look| read(format!("look.{at}.{look}"))).collect(),
        })
        .collect()
}

/// Whether a new user's or root's view of the files can be made: `unshare` with a mount namespace.
fn can_unshare(network: bool) -> Option<Vec<&'static str>> {
    let root =
        std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let mut words = vec!["unshare", "--mount"];
    if network {
        words.push("--net");
    }
    if !root {
        words.push("--map-root-user");
    }
    let works = Command::new(words[0]).args(&words[1..]).arg("true").output();
    works.is_ok_and(|output| output.status.success()).then_some(words)
}

/// Runs the session; `None` with the reason printed where the machine does not allow it.
fn session(bin_of: impl Fn(&Path) -> PathBuf, network: bool, prelude: &str) -> Option<Vec<Result_>> {
    let Some(words) = can_unshare(network) else {
        machine::skip("`unshare` with a mount namespace is not allowed here");
        return None;
    };
    let home = Home::new();
    let bin = bin_of(home.path());
    let folder = home.path();
    std::fs::write(
        folder.join("hosts"),
        "127.0.0.1 localhost\n192.0.2.1 imap.gmail.com\n192.0.2.2 imap.gmail.com\n",
    )
    .unwrap();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    std::fs::write(folder.join("passwd"), format!("{passwd}tor:x:107:107::/:/bin/false\n")).unwrap();
    let prelude = format!("mount --bind hosts /etc/hosts\nmount --bind passwd /etc/passwd\n{prelude}");
    std::fs::write(folder.join("script"), script(folder, &bin, &prelude)).unwrap();
    let mut command = Command::new(words[0]);
    home.dress(command.args(&words[1..]).arg("sh").arg("script"));
    command.env("XTABLES_LOCKFILE", folder.join("xtables.lock"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(results(folder))
}

/// Programs as small scripts: `oxitables iptables "$@"`, or the machine's.
fn wrappers(folder: &Path, program: impl Fn(&str) -> String) -> PathBuf {
    let bin = folder.join("wrappers");
    std::fs::create_dir(&bin).unwrap();
    for name in NAMES {
        let path = bin.join(name);
        std::fs::write(&path, format!("#!/bin/sh\nexec {} \"$@\"\n", program(name))).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    bin
}

fn by_word() -> Option<&'static Vec<Result_>> {
    static RESULTS: OnceLock<Option<Vec<Result_>>> = OnceLock::new();
    RESULTS.get_or_init(by_word_once).as_ref()
}

fn by_word_once() -> Option<Vec<Result_>> {
    session(|folder| wrappers(folder, |name| format!("{BINARY} {name}")), true, "")
}

fn by_link() -> Option<Vec<Result_>> {
    session(|folder| folder.join("bin"), true, "")
}

/// Dates and folders are no part of a result.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        match line.split_once(" on ").filter(|_| line.starts_with("# ")) {
            Some((before, _)) => writeln!(out, "{before}").unwrap(),
            None if line.starts_with("Warning: host name") => {}
            None => out.push_str(line),
        }
    }
    match out.find("(file:") {
        None => out,
        Some(start) => {
            let end = out[start..].find(')').map_or(out.len(), |end| start + end + 1);
            let bracket = out[start..end].to_owned();
            out.replace(&bracket, "(legacy)")
        }
    }
}

pub(crate) fn translated(scope: &str, text: &str) -> String {
    let mut text = plain(text);
    for line in DIFFERENCES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<_> = line.split('\t').collect();
        let [where_, old, new] = fields.as_slice() else { panic!("three fields: {line}") };
        if *where_ == scope {
            text = text.replace(&old.replace("\\n", "\n"), &new.replace("\\n", "\n"));
        }
    }
    text
}

#[test]
fn a_link_does_what_a_word_does() {
    let (Some(word), Some(link)) = (by_word(), by_link()) else { return };
    for ((line, word), link) in lines().into_iter().zip(word).zip(&link) {
        assert_eq!(word.code, link.code, "{line}");
        assert_eq!(plain(&word.out), plain(&link.out), "{line}");
        assert_eq!(plain(&word.error), plain(&link.error), "{line}");
        for (one, other) in word.looks.iter().zip(&link.looks) {
            assert_eq!(plain(one), plain(other), "{line}");
        }
    }
    // Every line before the wrong ones does what it says.
    let wrong =
        SCENARIOS.lines().filter(|line| !line.is_empty()).take_while(|line| !line.starts_with("# Wrong"));
    let right = wrong.filter(|line| !line.starts_with('#')).count();
    for (line, result) in lines().into_iter().zip(word).take(right) {
        assert_eq!(result.code, "0", "{line}: {}", result.error);
    }
    // Every error has a caret.
    for (line, result) in
        lines().into_iter().zip(word).filter(|(_, result)| result.error.contains("iptables"))
    {
        let about_words = line.starts_with("iptables-save") || line.starts_with("iptables-restore");
        assert!(about_words || result.code == "0" || result.error.contains('^'), "{line}: {}", result.error);
    }
}

/// The machine's program of a name. Its -apply is a script that calls the others by their plain names.
pub(crate) fn of_machine(name: &str) -> String {
    match name.ends_with("-apply") {
        true => format!("/usr/sbin/{name}"),
        false => name.replacen("tables", "tables-legacy", 1),
    }
}

#[test]
fn the_machines_iptables_does_the_same() {
    if let Some(why) = machine::missing_legacy() {
        machine::skip(&format!("commands against iptables-legacy 1.8.9: {why}"));
        return;
    }
    let machine = session(|folder| wrappers(folder, of_machine), true, "");
    let (Some(ours), Some(machine)) = (by_word(), machine) else { return };
    let mut report = String::new();
    for ((line, ours), machine) in lines().into_iter().zip(ours).zip(&machine) {
        let mut differ = |what: &str, ours: &str, machine: &str| {
            if ours == machine {
                return;
            }
            writeln!(report, "== {line}\n-- {what}").unwrap();
            let other: Vec<_> = machine.lines().collect();
            let own: Vec<_> = ours.lines().collect();
            for line in own.iter().filter(|line| !other.contains(line)) {
                writeln!(report, "ours    {line:?}").unwrap();
            }
            for line in other.iter().filter(|line| !own.contains(line)) {
                writeln!(report, "machine {line:?}").unwrap();
            }
        };
        differ("exit code", &ours.code, &machine.code);
        differ(
            "output",
            &translated("list", &translated("out", &ours.out)),
            &translated("list", &translated("save", &translated("out", &machine.out))),
        );
        let error = translated("error", &machine.error);
        let told = plain(&ours.error);
        if !told.starts_with(&error) {
            differ("error", &told, &error);
        }
        for (((scope, command), ours), machine) in LOOKS.iter().zip(&ours.looks).zip(&machine.looks) {
            differ(command, &plain(ours), &translated(scope, machine));
        }
    }
    assert!(report.is_empty(), "{report}");
}
