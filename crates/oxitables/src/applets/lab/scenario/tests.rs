use super::*;

const SMALL: &str = r#"
title A small one   # a remark
host outside
host server engine
link outside:eth0=192.0.2.10/24,2001:db8::10/64 server:wan0=192.0.2.1/24,2001:db8::1/64
route outside default via 192.0.2.1
sysctl server net.ipv4.ip_forward=1
rules server <<
  *filter
  :INPUT DROP [0:0]
  COMMIT
end
rules server v6 rules.v6
serve server tcp 8443 "it \"works\"" as 105
try outside tcp 192.0.2.1:8443 from 192.0.2.10:4000 hold expect "it \"works\""
try outside udp [2001:db8::1]:53 expect timeout
try server ping 127.0.0.1 expect answer
try server run sh -c "exit 3" expect exit 3
"#;

#[test]
fn every_directive_is_read() {
    let scenario = Scenario::parse(SMALL).unwrap();
    assert_eq!(scenario.title, "A small one");
    assert_eq!(scenario.hosts.iter().map(|host| host.engine).collect::<Vec<_>>(), [false, true]);
    assert_eq!(scenario.hosts[0].routes.len(), 1);
    assert_eq!(scenario.hosts[1].sysctls, [("net.ipv4.ip_forward".to_owned(), "1".to_owned())]);
    assert_eq!(scenario.links[0].ends[1].device, "wan0");
    assert_eq!(scenario.links[0].ends[1].addresses.len(), 2);
    assert_eq!(
        scenario.steps[0],
        Step::Rules {
            host: 1,
            family: Family::V4,
            text: RulesText::Inline("*filter\n:INPUT DROP [0:0]\nCOMMIT\n".into(), 9),
        }
    );
    assert!(matches!(&scenario.steps[1], Step::Rules { family: Family::V6, text: RulesText::File(_), .. }));
    assert!(
        matches!(&scenario.steps[2], Step::Serve { user: Some(105), text, .. } if text == "it \"works\"")
    );
    assert_eq!(
        scenario.steps[3],
        Step::Try {
            line: 15,
            host: 0,
            attempt: Attempt::Connect {
                transport: Transport::Tcp,
                remote: "192.0.2.1:8443".parse().unwrap(),
                local: Some("192.0.2.10:4000".parse().unwrap()),
                hold: true,
            },
            user: None,
            expected: Outcome::Text("it \"works\"".into()),
        }
    );
    assert!(matches!(&scenario.steps[6], Step::Try { expected: Outcome::Exit(3), .. }));
}

#[test]
fn each_fault_has_its_line_and_its_problem() {
    let small = "host a\nhost b\nlink a:x=10.0.0.1/24 b:y=10.0.0.2/24\n";
    let base = small.lines().count();
    for (text, problem) in [
        ("hosts c", Problem::UnknownDirective("hosts".into())),
        ("host a", Problem::Twice("a".into())),
        ("host", Problem::Missing("the name of the host")),
        ("host c engine too", Problem::Extra("too".into())),
        ("link a:x=10.0.0.1/24 b:z=10.0.0.2/24", Problem::Twice("x".into())),
        ("link a:lo=10.0.0.1/24 b:z=10.0.0.2/24", Problem::Twice("lo".into())),
        ("link a:v=10.0.0.1/24", Problem::Missing("an end (HOST:DEVICE=ADDRESS/LEN)")),
        (
            "link a:v=10.0.0.1/33",
            Problem::NotA("an address with a length (10.0.0.1/24)", "10.0.0.1/33".into()),
        ),
        ("route c default via 10.0.0.1", Problem::UnknownHost("c".into())),
        ("route a default6 via 10.0.0.1", Problem::NotA("a gateway of the same family", "10.0.0.1".into())),
        ("sysctl a key", Problem::NotA("KEY=VALUE", "key".into())),
        ("try a tcp 10.0.0.2 expect refused", Problem::NotA("an address and a port", "10.0.0.2".into())),
        ("try a tcp 10.0.0.2:1 refused", Problem::Missing("expect")),
        ("try a sctp 10.0.0.2:1 expect refused", Problem::NotA("tcp, udp, ping or run", "sctp".into())),
        ("say \"open", Problem::OpenQuote),
        ("rules a <<", Problem::OpenRules),
        ("serve a tcp 99999 x", Problem::NotA("a port, or an address and a port", "99999".into())),
    ] {
        let fault = Scenario::parse(&format!("{small}{text}\n")).unwrap_err();
        assert_eq!(fault, Fault { line: base + 1, problem }, "{text}");
    }
    assert_eq!(Scenario::parse(small).unwrap_err().problem, Problem::Empty);
    assert_eq!(Scenario::parse("").unwrap_err().problem, Problem::Empty);
}

#[test]
fn an_outcome_satisfies_itself_and_any_text_is_an_answer() {
    let text = Outcome::Text("x".into());
    assert!(text.satisfies(&text) && text.satisfies(&Outcome::Answer));
    assert!(!text.satisfies(&Outcome::Text("y".into())));
    assert!(!Outcome::Timeout.satisfies(&Outcome::Refused));
    assert!(!Outcome::Refused.satisfies(&Outcome::Answer));
}
