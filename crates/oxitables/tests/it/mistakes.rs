//! The mistakes that people make most: each with the whole message as it was read and found good
//! (`fixtures/command/mistakes.txt`), off a terminal; on one it is the same with colours.
//!
//! `OXITABLES_BLESS=1 cargo test -p oxitables mistakes` writes the file anew; read what changed before it is kept.
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::commands::plain;
use crate::programs::Home;

/// What is typed on a ruleset with a chain `web` that INPUT jumps to.
const MISTAKES: &[&str] = &[
    "iptables -t fliter -A INPUT -j ACCEPT",
    "iptables -A PREROUTING -p tcp --dport 80 -j ACCEPT",
    "iptables -A INPUT --dport 22 -j ACCEPT",
    "iptables -A INPUT -m multiport --dports 22,80 -j ACCEPT",
    "iptables -A INPUT -p tcp --dport 22 -j accept",
    "iptables -A INPUT -s 255.255.255.0/192.168.1.0 -j ACCEPT",
    "iptables -A INPUT -s 192.168.1.0/33 -j ACCEPT",
    "iptables -A INPUTT -p tcp -j ACCEPT",
    "iptables -A INPUT -p tcp -j web2",
    "iptables -A INPUT -p tcp -j REJCET",
    "iptables -A INPUT -m contrack --ctstate NEW -j ACCEPT",
    "iptables -A INPUT -p tcp --dprot 22 -j ACCEPT",
    "iptables -A OUTPUT -i eth0 -j ACCEPT",
    "iptables -A INPUT ! -s 10.0.0.1,10.0.0.2 -j DROP",
    "iptables -A INPUT -m set --match-set nosuchset src -j DROP",
    "iptables -A INPUT --ctstate NEW -m conntrack -j ACCEPT",
    "iptables -A INPUT -p tcp --sport 70000 -j ACCEPT",
    "iptables -A INPUT -p tcp -dport 22 -j ACCEPT",
    "iptables -A INPUT -tcp --dport 22 -j ACCEPT",
    "iptables -A INPUT -p tcp -j ACCEPT -j LOG",
    "iptables -t nat -A PREROUTING -p tcp --dport 23 -j DROP",
    "iptables -A INPUT -m conntrack --ctstate NEW,ESTABLISHD -j ACCEPT",
    "iptables -A INPUT -p tcp --dport 1024:22 -j ACCEPT",
    "iptables -A INPUT !-s 10.0.0.1 -j DROP",
    "iptables -A INPUT -p ! tcp -j DROP",
    "iptables -A INPUT -p tcp --icmp-type echo-request -j ACCEPT",
    "iptables -A INPUT -s 2001:db8::1 -j DROP",
    "ip6tables -A INPUT -s 192.0.2.1 -j DROP",
    "iptables -A INPUT -p tcp --dport 22,80 -j ACCEPT",
    "iptables -A INPUT -s 10.0.0.1, 10.0.0.2 -j DROP",
    "iptables -t nat -A POSTROUTING -o eth0 -j DNAT --to-destination 10.0.0.5",
    "iptables -t nat -A OUTPUT -d 10.0.0.1 --to-destination 10.0.0.5",
    "iptables -D INPUT -p tcp --dport 2222 -j ACCEPT",
    "iptables -P web DROP",
    "iptables -X web",
    "iptables -t nat -p tcp",
];

/// Types a line; what stands on the error stream, and the exit status.
fn typed(line: &str, colored: bool) -> (String, Option<i32>) {
    let home = Home::new();
    home.iptables("-N web");
    home.iptables("-A INPUT -j web");
    let (program, words) = line.split_once(' ').unwrap();
    let mut command = Command::new(home.bin().join(program));
    home.dress(command.args(words.split(' ')))
        .env("OXITABLES_COLOR", if colored { "always" } else { "never" });
    let output = command.output().unwrap();
    assert!(output.stdout.is_empty(), "{line}");
    (plain(&String::from_utf8(output.stderr).unwrap()), output.status.code())
}

/// A text without the sequences that give it colours.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    out
}

#[test]
fn common_mistakes_are_told_what_to_type_instead() {
    let mut page =
        String::from("# Written by the test `mistakes` of crate oxitables; read before it is kept.\n");
    for line in MISTAKES {
        let (told, exit) = typed(line, false);
        writeln!(page, "\n$ {line}\n{told}= {}", exit.unwrap()).unwrap();
        // Each says why, or what else; the exchanged mask is taken by iptables, so that a warning must do.
        let advice = told.contains("help: did you mean") || told.contains("Warning: ");
        let cause = told.lines().any(|line| line.contains("^ "));
        assert!(advice || cause, "{line}\n{told}");
        let (colored, other) = typed(line, true);
        assert_eq!(exit, other, "{line}");
        assert_eq!(without_colours(&colored), told, "{line}");
        assert!(exit == Some(0) || colored != told, "{line}: no colours on a terminal");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/command/mistakes.txt");
    if std::env::var_os("OXITABLES_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let other = page.lines().zip(kept.lines()).find(|(now, kept)| now != kept);
    assert!(page == kept, "fixtures/command/mistakes.txt says otherwise, first: {other:?}");
}
