//! Completion in real shells: a person at a terminal who presses Tab.
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::machine;
use crate::programs::{BINARY, Home};
use crate::terminal::terminal;

/// A home with a chain to complete, and `oxitables` beside the links.
fn home() -> Home {
    let home = Home::new();
    std::os::unix::fs::symlink(BINARY, home.bin().join("oxitables")).unwrap();
    home.iptables("-N guests-in");
    home.iptables("-t nat -N other");
    assert!(home.run("oxitables", &["ipset", "create", "blocked", "hash:net", "comment"]).status.success());
    home
}

fn script(home: &Home, shell: &str) -> PathBuf {
    let output = home.run("oxitables", &["completions", shell]);
    assert!(output.status.success());
    let path = home.path().join(format!("completion.{shell}"));
    std::fs::write(&path, output.stdout).unwrap();
    path
}

fn dressed(home: &Home, shell: &str, words: &[&str]) -> Command {
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait", shell]).args(words);
    home.dress(&mut command);
    command
        .env("PATH", format!("{}:/usr/bin:/bin", home.bin().display()))
        .env("TERM", "xterm")
        .env("HOME", home.path());
    command
}

fn is_missing(shell: &str) -> bool {
    let missing =
        Command::new(shell).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err();
    if missing {
        machine::skip(&format!("{shell} is not installed"));
    }
    missing
}

/// Types lines that end with a Tab, and gives what the shell makes of each.
fn typed(mut command: Command, setup: &str, lines: &[&str]) -> Vec<String> {
    let (mut ours, theirs) = terminal();
    let copy = || Stdio::from(theirs.try_clone().unwrap());
    let mut child = command.stdin(copy()).stdout(copy()).stderr(copy()).spawn().unwrap();
    drop((theirs, command));
    let mut poller = sys::poll::Poller::new().unwrap();
    poller.add(&ours, 0).unwrap();
    let mut told = String::new();
    let end = Instant::now() + Duration::from_secs(60);
    let mut read_to = |ours: &mut std::fs::File, told: &mut String, mark: &str| {
        while !told.contains(mark) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{mark:?} does not come: {told:?}");
            if poller.wait(Some(left)).unwrap().count() > 0 {
                let mut piece = [0; 4096];
                let length = ours.read(&mut piece).unwrap_or(0);
                assert!(length > 0, "it ended: {told:?}");
                told.push_str(&String::from_utf8_lossy(&piece[..length]));
            }
        }
    };
    ours.write_all(format!("{setup}; echo READY$((1 + 1))\n").as_bytes()).unwrap();
    read_to(&mut ours, &mut told, "READY2");
    let mut results = Vec::new();
    for line in lines {
        told.clear();
        // Tab, then to the start of the line, and the line as words of an echo.
        ours.write_all(format!("{line}\t\u{1}echo 'GOT'\":\" \u{5} :END\n").as_bytes()).unwrap();
        read_to(&mut ours, &mut told, "GOT: ");
        let start = told.find("GOT: ").unwrap() + 5;
        let mut rest = told.split_off(start);
        read_to(&mut ours, &mut rest, ":END");
        results.push(rest.split(":END").next().unwrap().trim().to_owned());
    }
    ours.write_all(b"exit\n").unwrap();
    drop(ours);
    child.wait().unwrap();
    results
}

const LINES: [(&str, &str); 11] = [
    ("iptables --appe", "iptables --append"),
    ("iptables -A gue", "iptables -A guests-in"),
    ("iptables -t nat -A ot", "iptables -t nat -A other"),
    ("iptables -A INPUT -p tcp --dest", "iptables -A INPUT -p tcp --destination"),
    (
        "iptables -A INPUT -m conntrack --ctstate NEW,ESTAB",
        "iptables -A INPUT -m conntrack --ctstate NEW,ESTABLISHED",
    ),
    ("iptables -A INPUT -j LOG --log-pre", "iptables -A INPUT -j LOG --log-prefix"),
    ("oxitables ip6tables-sav", "oxitables ip6tables-save"),
    ("ip6tables-restore -T secu", "ip6tables-restore -T security"),
    ("iptables -A INPUT -m set --match-set blo", "iptables -A INPUT -m set --match-set blocked"),
    ("ipset add blocked 10.0.0.0/8 nom", "ipset add blocked 10.0.0.0/8 nomatch"),
    ("iptables-restore some-fi", "iptables-restore some-file.rules"),
];

fn check(shell: &str, words: &[&str], setup: &str) {
    if is_missing(shell) {
        return;
    }
    let home = home();
    std::fs::write(home.path().join("some-file.rules"), "").unwrap();
    let setup = setup.replace("SCRIPT", &script(&home, shell).display().to_string());
    let lines: Vec<_> = LINES.iter().map(|(line, _)| *line).collect();
    let results = typed(dressed(&home, shell, words), &setup, &lines);
    for ((line, wanted), got) in LINES.iter().zip(results) {
        assert_eq!(got, *wanted, "{shell}: {line}");
    }
}

#[test]
fn bash() {
    check("bash", &["--norc", "--noprofile", "-i"], "source SCRIPT");
    if is_missing("bash") {
        return;
    }
    // What bash parts at `=`.
    let home = home();
    let setup = format!("source {}", script(&home, "bash").display());
    let line = "iptables -A INPUT -p tcp --jump=ACC";
    let got = typed(dressed(&home, "bash", &["--norc", "--noprofile", "-i"]), &setup, &[line]);
    assert_eq!(got, ["iptables -A INPUT -p tcp --jump=ACCEPT"]);
}

#[test]
fn zsh() {
    check("zsh", &["-f", "-i"], "bindkey -e; autoload -Uz compinit; compinit -D -u; source SCRIPT");
    // From a folder of fpath, as packages put it.
    let fpath = "mkdir f; cp SCRIPT f/_oxitables; fpath=($PWD/f $fpath); bindkey -e; autoload -Uz compinit; compinit -D -u";
    check("zsh", &["-f", "-i"], fpath);
}

#[test]
fn fish() {
    if is_missing("fish") {
        return;
    }
    let home = home();
    let script = script(&home, "fish");
    for (line, wanted) in LINES {
        let mut command = Command::new("fish");
        let ask = format!("source {}; complete -C '{line}'", script.display());
        let path = format!("{}:/usr/bin:/bin", home.bin().display());
        std::fs::write(home.path().join("some-file.rules"), "").unwrap();
        let output =
            home.dress(command.args(["--no-config", "-c", &ask])).env("PATH", path).env("HOME", home.path());
        let output = output.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = wanted.rsplit(' ').next().unwrap();
        // With its meaning behind a tab.
        let words: Vec<_> = said.lines().map(|line| line.split('\t').next().unwrap()).collect();
        let found = words.iter().any(|word| *word == last || word.starts_with(last));
        assert!(found && words.len() <= 2, "{line}: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
}
