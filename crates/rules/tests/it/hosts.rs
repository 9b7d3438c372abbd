//! S19: a host name in a rule. It is resolved when the command runs, once; there is one rule for each address; a warning
//! says so; the numbers are what is kept.
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};

use packet::Family;
use rules::fixture::DebianNames;
use rules::syntax::apply::{Editor, Session};
use rules::syntax::{Mode, Names, Parsed, lex, parse, print, restore};
use rules::{Table, TableRules};

/// A resolver that knows one host, counts how often it is asked, and then gives another answer.
struct Moving {
    asked: Cell<u8>,
}

impl Names for Moving {
    fn host(&self, name: &str, family: Family) -> Vec<IpAddr> {
        if name != "www.example" || family != Family::V4 {
            return Vec::new();
        }
        self.asked.set(self.asked.get() + 1);
        let last = self.asked.get();
        [last, last + 100].map(|last| Ipv4Addr::new(192, 0, 2, last).into()).to_vec()
    }
    fn service(&self, name: &str, protocol: Option<&str>) -> Option<u16> {
        DebianNames.service(name, protocol)
    }
    fn service_name(&self, port: u16, protocol: Option<&str>) -> Option<String> {
        DebianNames.service_name(port, protocol)
    }
    fn protocol(&self, name: &str) -> Option<u8> {
        DebianNames.protocol(name)
    }
    fn protocol_name(&self, number: u8) -> Option<String> {
        DebianNames.protocol_name(number)
    }
}

/// Runs a command on a table; the warnings.
fn run(editor: &mut Editor, names: &dyn Names, command: &str) -> Vec<String> {
    let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let (_, words) = lex::arguments(&words);
    let mode = Mode { family: Family::V4, names, restore: None, trusted: false };
    let Ok(Parsed::Command(command)) = parse::parse(&words, mode, None) else { panic!("{command}") };
    let (mut out, mut warnings) = (String::new(), Vec::new());
    editor.apply(*command, &mut Session { names, out: &mut out, warnings: &mut warnings }).unwrap();
    warnings
}

fn saved(table: &TableRules) -> Vec<String> {
    let mut text = String::new();
    print::table(&mut text, table, false, None);
    text.lines().filter(|line| line.starts_with("-A")).map(str::to_owned).collect()
}

#[test]
fn s19_a_host_name_is_resolved_once_and_kept_as_numbers() {
    let names = Moving { asked: Cell::new(0) };
    let mut editor = Editor::new(TableRules::new(Table::Filter), Family::V4);
    let warnings = run(&mut editor, &names, "-A INPUT -s www.example -p tcp --dport ssh -j DROP");
    assert_eq!(
        warnings,
        ["Warning: host name `www.example' is resolved once, now; the rule holds 192.0.2.1, 192.0.2.101."]
    );
    assert_eq!(names.asked.get(), 1, "one question for one command");
    run(&mut editor, &names, "-A INPUT -s 192.0.2.9 -j ACCEPT");
    assert_eq!(names.asked.get(), 1, "later commands do not ask again, though the host has moved");
    let rules = editor.finish().unwrap();
    assert_eq!(
        saved(&rules),
        [
            "-A INPUT -s 192.0.2.1/32 -p tcp -m tcp --dport 22 -j DROP",
            "-A INPUT -s 192.0.2.101/32 -p tcp -m tcp --dport 22 -j DROP",
            "-A INPUT -s 192.0.2.9/32 -j ACCEPT",
        ]
    );
}

/// Deleting by the name means the addresses of that moment: those of before are not found any more.
#[test]
fn s19_the_name_is_not_remembered() {
    let names = Moving { asked: Cell::new(0) };
    let mut editor = Editor::new(TableRules::new(Table::Filter), Family::V4);
    run(&mut editor, &names, "-A INPUT -s www.example -j DROP");
    let words = ["-D", "INPUT", "-s", "www.example", "-j", "DROP"].map(str::to_owned);
    let (_, words) = lex::arguments(&words);
    let mode = Mode { family: Family::V4, names: &names, restore: None, trusted: false };
    let Ok(Parsed::Command(command)) = parse::parse(&words, mode, None) else { panic!("-D parses") };
    let (mut out, mut warnings) = (String::new(), Vec::new());
    let deleted =
        editor.apply(*command, &mut Session { names: &names, out: &mut out, warnings: &mut warnings });
    assert!(deleted.is_err(), "192.0.2.2 is in no rule");
}

#[test]
fn s19_a_save_file_with_names_warns_and_keeps_numbers() {
    let names = Moving { asked: Cell::new(0) };
    let text = "*filter\n-A INPUT -d www.example -j DROP\nCOMMIT\n";
    let (ruleset, warnings) = restore::load_with_warnings(text, Family::V4, Some(&names)).unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        saved(ruleset.table(Table::Filter).unwrap()),
        ["-A INPUT -d 192.0.2.1/32 -j DROP", "-A INPUT -d 192.0.2.101/32 -j DROP"]
    );
    assert!(restore::load(text, Family::V6, Some(&names)).is_err(), "the host has no IPv6 address");
}
