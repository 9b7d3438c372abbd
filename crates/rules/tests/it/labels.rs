//! Names of connection labels (/etc/xtables/connlabel.conf): read, saved, listed, as iptables-legacy 1.8.9 does with
//! such a file.
use packet::Family;
use rules::fixture::DebianNames;
use rules::syntax::apply::{Editor, Session};
use rules::syntax::{Names, Parsed, lex, parse};
use rules::{Table, TableRules};

/// Label 5 is `five six`.
struct Labels;

impl Names for Labels {
    fn connection_label(&self, name: &str) -> Option<u16> {
        (name == "five six").then_some(5)
    }
    fn connection_label_name(&self, label: u16) -> Option<String> {
        (label == 5).then(|| "five six".to_owned())
    }
    fn service(&self, name: &str, protocol: Option<&str>) -> Option<u16> {
        DebianNames.service(name, protocol)
    }
    fn service_name(&self, port: u16, protocol: Option<&str>) -> Option<String> {
        DebianNames.service_name(port, protocol)
    }
}

/// The last lines of `-S`, `-nL` and `-L` after a rule.
fn lines(rule: &str) -> [String; 3] {
    let mut editor = Editor::new(TableRules::new(Table::Filter), Family::V4);
    let mut run = |line: &str| {
        let mut words = Vec::new();
        lex::restore_line(line, 0, &mut words).unwrap();
        let mode = parse::Mode { family: Family::V4, names: &Labels, restore: None, trusted: false };
        let Ok(Parsed::Command(command)) = parse::parse(&words, mode, None) else { panic!("{line}") };
        let (mut out, mut warnings) = (String::new(), Vec::new());
        let mut session = Session { names: &Labels, out: &mut out, warnings: &mut warnings };
        editor.apply(*command, &mut session).unwrap();
        out.lines().last().unwrap_or("").trim().to_owned()
    };
    run(&format!("-A INPUT {rule}"));
    ["-S INPUT", "-nL INPUT", "-L INPUT"].map(run)
}

#[test]
fn labels_have_names() {
    for typed in ["five six", "5"] {
        let [saved, numbers, names] = lines(&format!("-m connlabel ! --label \"{typed}\" --set"));
        assert_eq!(saved, "-A INPUT -m connlabel ! --label \"five six\" --set");
        assert!(numbers.ends_with(" connlabel ! 5 set"), "{numbers}");
        assert!(names.ends_with(" connlabel ! 'five six' set"), "{names}");
    }
    let [saved, _, names] = lines("-m connlabel --label 7");
    assert_eq!(saved, "-A INPUT -m connlabel --label \"7\"");
    assert!(names.ends_with(" connlabel 7"), "{names}");
}
