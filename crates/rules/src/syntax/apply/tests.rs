use super::*;
use crate::Table;
use crate::syntax::{Mode, NoNames, Parsed, lex, parse};

/// Runs commands on an empty filter table; the last one's error, and `-S`.
fn run(commands: &[&str]) -> (Result<(), Operation>, String) {
    let mut editor = Editor::new(TableRules::new(Table::Filter), Family::V4);
    let mut result = Ok(());
    let (mut out, mut warnings) = (String::new(), Vec::new());
    for line in commands.iter().chain(&["-S"]) {
        out.clear();
        let mut words = Vec::new();
        lex::restore_line(line, 0, &mut words).unwrap();
        let mode = Mode { family: Family::V4, names: &NoNames, restore: None, trusted: false };
        let Ok(Parsed::Command(command)) = parse::parse(&words, mode, None) else { panic!("{line}") };
        let mut session = Session { names: &NoNames, out: &mut out, warnings: &mut warnings };
        if let Err(error) = editor.apply(*command, &mut session) {
            let ErrorKind::Operation(operation) = error.kind else { panic!("{line}: {error:?}") };
            result = Err(operation);
        }
    }
    (result, out.lines().filter(|line| !line.starts_with("-P")).collect::<Vec<_>>().join("|"))
}

#[test]
fn rules_in_front_keep_their_order() {
    let (result, rules) = run(&[
        "-A INPUT -p 9",
        "-I INPUT -p 1",
        "-I INPUT -p 2",
        "-A INPUT -p 10",
        "-I INPUT 2 -p 3",
        "-I INPUT -s 1.1.1.1,2.2.2.2",
        "-D INPUT 3",
        "-R INPUT 3 -p 4",
    ]);
    assert_eq!(result, Ok(()));
    assert_eq!(
        rules,
        "-A INPUT -s 2.2.2.2/32|-A INPUT -s 1.1.1.1/32|-A INPUT -p 4|-A INPUT -p icmp|-A INPUT -p 9|-A INPUT -p 10"
    );
}

#[test]
fn references_are_counted_through_all_commands() {
    assert_eq!(run(&["-N a", "-I INPUT -j a", "-X a"]).0, Err(Operation::Links));
    assert_eq!(run(&["-N a", "-I INPUT -j a", "-D INPUT -j a", "-X a"]), (Ok(()), String::new()));
    assert_eq!(run(&["-N a", "-A INPUT -j a", "-R INPUT 1 -j ACCEPT", "-X a"]).0, Ok(()));
    assert_eq!(run(&["-N a", "-A INPUT -j a", "-F", "-X"]).0, Ok(()));
    assert_eq!(run(&["-N a", "-I a -j ACCEPT", "-X a"]).0, Err(Operation::NotEmpty));
    assert_eq!(run(&["-N a", "-A INPUT -j a", "-E a b"]).1, "-N b|-A INPUT -j b");
}
