use super::*;
use crate::syntax::command::{Action, Selection, TargetSpec, ZeroAfter};
use crate::syntax::{NoNames, lex};

fn parse_line(family: Family, line: &str) -> Result<Parsed, Error> {
    let mut words = Vec::new();
    lex::restore_line(line, 0, &mut words).unwrap();
    parse(&words, Mode { family, names: &NoNames, restore: None, trusted: false }, None)
}

fn command(line: &str) -> Command {
    match parse_line(Family::V4, line) {
        Ok(Parsed::Command(command)) => *command,
        other => panic!("{line}: {other:?}"),
    }
}

#[track_caller]
fn fails(line: &str, message: &str, at: &str) {
    let error = parse_line(Family::V4, line).map(|_| ()).unwrap_err();
    assert_eq!(error.kind.to_string(), message, "{line}");
    let span = line.get(error.span.start as usize..error.span.end as usize);
    assert_eq!(span, Some(at), "{line}");
}

#[test]
fn a_chain_has_a_name() {
    fails("-N \"\"", "chain name may not clash with target name", "\"\"");
    fails("-E a \"\"", "chain name may not clash with target name", "\"\"");
    fails("-E a \"b c\"", "Invalid chain name `b c'", "\"b c\"");
    fails("-E a LOG", "chain name may not clash with target name", "LOG");
}

#[test]
fn commands_and_their_abbreviations() {
    assert_eq!(command("-L").action.letter(), 'L');
    assert_eq!(command("--list-r INPUT 3").action.letter(), 'S');
    assert_eq!(command("--app INPUT -j ACCEPT").action.letter(), 'A');
    assert_eq!(command("--new x").action.letter(), 'N');
    assert_eq!(command("-nvL").output, Output { verbose: 1, numeric: true, ..Output::default() });
    let both = command("-L -nv -Z");
    assert!(matches!(both.action, Action::List(Selection { zero: Some(ZeroAfter::Chains), .. })));
    let Action::DeleteNumber { number, .. } = command("-D INPUT 2").action else { panic!() };
    assert_eq!(number, 2);
    assert!(matches!(command("-t nat -D PREROUTING").action, Action::Delete { .. }));
    assert_eq!(command("-w5 -L").wait, Wait::Seconds(5));
    assert_eq!(command("--wait -L").wait, Wait::Forever);
    assert_eq!(&*command("-L -t nat").table.text, "nat");
}

#[test]
fn glued_values_and_implied_matches() {
    let Action::Append { rule, .. } = command("-AINPUT -ptcp --dport=22 -s10 -jACCEPT").action else {
        panic!()
    };
    assert_eq!(rule.header.positive_protocol(), Some(6));
    assert!(matches!(rule.matches.as_slice(), [Match::Tcp(tcp)] if tcp.destination.is_some()));
    assert!(matches!(rule.target, TargetSpec::Target(Target::Accept, _)));
    let Action::Append { rule, .. } = command("-A INPUT -m tcp -p tcp --dport 22").action else { panic!() };
    assert_eq!(rule.matches.len(), 1);
    let Action::Append { rule, .. } = command("-A INPUT -s 1.2.3.4,5.6.7.8/16").action else { panic!() };
    assert_eq!(rule.sources.len(), 2);
}

#[test]
fn errors_have_iptables_words_and_a_place() {
    fails("-j ACCEPT", "no command specified", "-j ACCEPT");
    fails("-A INPUT -L", "Cannot use -L with -A", "-L");
    fails("-A", "option \"-A\" requires an argument", "-A");
    fails("-A INPUT --foo", "unknown option \"--foo\"", "--foo");
    fails("-A INPUT --dport 22", "unknown option \"--dport\"", "--dport");
    fails("-tcp --tcp-flags SYN", "unknown option \"--tcp-flags\"", "--tcp-flags");
    fails("-A INPUT foo", "Bad argument `foo'", "foo");
    fails("-A INPUT -m foo", "Couldn't load match `foo':No such file or directory\n", "foo");
    fails("-N ACCEPT", "chain name may not clash with target name", "ACCEPT");
    fails(
        "-N aaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "chain name `aaaaaaaaaaaaaaaaaaaaaaaaaaaaa' too long (must be under 29 chars)",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    );
    fails("-I INPUT 0", "Invalid rule number `0'", "0");
    fails(
        "-t nat -A PREROUTING -j DROP",
        "\nThe \"nat\" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n",
        "DROP",
    );
    fails("-A INPUT -o lo", "Can't use --out-interface with INPUT", "-o");
    fails("-A OUTPUT -i lo", "Can't use --in-interface with OUTPUT", "-i");
    fails("-A INPUT -i a -i b", "multiple --in-interface options not allowed", "-i");
    fails("-A INPUT ! -j ACCEPT", "cannot have ! before --jump", "! -j");
    fails("-A INPUT ! ! -p tcp", "multiple consecutive ! not allowed", "!");
    fails("-A INPUT !", "nothing appropriate following !", "!");
    fails("-A INPUT -n", "Illegal option `--numeric' with this command", "-n");
    fails("-A INPUT -s 1.2.3.4/33", "invalid mask `33' specified", "33");
    fails("-A INPUT -s 1.2.3.4,x", "host/network `x' not found", "x");
    fails("-A INPUT -p foo", "unknown protocol \"foo\" specified", "foo");
    fails("-A INPUT ! -p all", "rule would never match protocol", "-p all");
    fails("-A INPUT -p tcp --dport 70000", "invalid port/service `70000' specified", "70000");
    fails("-A INPUT -p tcp --dport 1:x", "invalid port/service `x' specified", "x");
    fails("-A INPUT -p udp --dport 70000", "Port \"70000\" does not resolve to anything.\n", "70000");
    fails(
        "-A INPUT ! -s 1.1.1.1,2.2.2.2",
        "! not allowed with multiple source or destination IP addresses",
        "1.1.1.1,2.2.2.2",
    );
    fails("-A INPUT -c 1", "--set-counters requires packet and byte counter", "1");
    fails("-w x -L", "wait seconds not numeric", "x");
    fails("-A INPUT -m comment", "comment: option \"--comment\" must be specified\n", "comment");
    fails(
        "-A INPUT -j MARK --set-mark 1 --or-mark 4",
        "MARK: option \"--set-mark\" cannot be used together with \"--or-mark\".\n",
        "--set-mark",
    );
    fails(
        "-A INPUT -j MARK ! --set-mark 1",
        "MARK: option \"--set-mark\" cannot be inverted.\n",
        "--set-mark",
    );
    fails(
        "-A INPUT -p udp --dport 1 --dport 2",
        "udp: option \"--destination-port\" can only be used once.\n",
        "--dport",
    );
    fails("-A INPUT -p tcp --tcp-flags SYN -j ACCEPT", "--tcp-flags requires two args.", "--tcp-flags SYN");
    fails("-A INPUT -p tcp --tcp-flags SYN,FOO SYN", "Unknown TCP flag `FOO'", "FOO");
}

#[test]
fn families() {
    assert_eq!(parse_line(Family::V6, "-4 -L").unwrap_err().kind, ErrorKind::WrongFamily);
    assert_eq!(parse_line(Family::V6, "-A INPUT -f").unwrap_err().kind, ErrorKind::FragmentInV6);
    assert!(matches!(parse_line(Family::V6, "-6 -A INPUT -s fe80::/10 -j ACCEPT"), Ok(Parsed::Command(_))));
}
