use packet::Family;
use rules::syntax::restore;
use rules::{Hook, Table};

use super::*;

fn said(rule: &str, option: &'static str, place: Option<u8>, found: Found) -> String {
    let text = format!("*filter\n-A INPUT {rule}\nCOMMIT\n");
    let ruleset = restore::load(&text, Family::V4, None).unwrap();
    let table = ruleset.table(Table::Filter).unwrap();
    let chain = table.chain(table.builtin(Hook::Input).unwrap()).unwrap();
    let mismatch = Mismatch { option, place, found };
    let wanted = wanted(table, &chain.rules[0], &mismatch);
    sentence(&mismatch, wanted.as_deref())
}

#[test]
fn header_conditions() {
    let lo = Found::Interface(packet::InterfaceName::new("lo").unwrap());
    assert_eq!(said("! -i lo -j DROP", "-i", None, lo), "-i: wanted not lo, the packet has lo");
    let address = Found::Address("10.0.0.9".parse().unwrap());
    assert_eq!(
        said("-s 10.0.0.0/29 -p tcp", "-s", None, address),
        "-s: wanted 10.0.0.0/29, the packet has 10.0.0.9"
    );
    assert_eq!(said("-p tcp", "-p", None, Found::Protocol(17)), "-p: wanted tcp, the packet has udp");
    assert_eq!(
        said("-f", "-f", None, Found::Nothing("fragment offset")),
        "-f: wanted a later fragment, the packet is none"
    );
}

#[test]
fn matches() {
    assert_eq!(
        said("-p tcp -m tcp --sport 1 ! --dport 5:9", "--dport", Some(0), Found::Port(7)),
        "--dport: wanted not 5:9, the packet has 7"
    );
    assert_eq!(
        said("-p tcp -m tcp --syn", "--tcp-flags", Some(0), Found::Flags(0x11)),
        "--tcp-flags: wanted SYN of FIN,SYN,RST,ACK, the packet has FIN,ACK"
    );
    assert_eq!(
        said("-m string --string \"a \\\" -x\" --algo bm", "--string", Some(0), Found::Nothing("such bytes")),
        "--string: wanted \"a \\\" -x\", the packet has no such bytes"
    );
    assert_eq!(
        said(
            "-m comment --comment x -m limit --limit 1/min",
            "--limit",
            Some(1),
            Found::Nothing("token left")
        ),
        "--limit: 1/min is used up"
    );
    assert_eq!(
        said(
            "-m statistic --mode random --probability 0.5",
            "--probability",
            Some(0),
            Found::Number(0x6000_0000)
        ),
        "--probability: drew 0.7500, wanted less than 0.50000000000"
    );
    assert_eq!(
        said("-p udp -m udp --dport 1", "-m udp", Some(0), Found::Nothing("whole UDP header")),
        "-m udp: the packet has no whole UDP header"
    );
}
