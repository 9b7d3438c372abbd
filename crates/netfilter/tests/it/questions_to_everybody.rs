//! Helpers where no case of the kernel can be had: a question whose sender is not known.
use netfilter::skb::Origin;
use rules::Table;

use crate::bed;

const NAMES: &str = "\
*raw\n-A OUTPUT -p udp -m udp --dport 137 -j CT --helper netbios-ns\nCOMMIT
*filter\n-A INPUT -s 10.0.1.77 -m state --state RELATED\n-A INPUT -s 10.0.1.77 -m state --state NEW\nCOMMIT
";

/// Asks everybody on the side of lan0, and lets one answer: which rules of INPUT he meets.
fn answered(origin: Origin) -> Vec<(String, u64)> {
    let with_broadcast = bed::NETWORK.replace("10.0.1.1/24 dev", "10.0.1.1/24 brd 10.0.1.255 dev");
    let mut engine = bed::engine_on(&with_broadcast, NAMES, "");
    let (_, question) = bed::packet(&engine, "udp 10.0.1.1:137 > 10.0.1.255:137");
    engine.send_local(bed::at(0), origin, question).expect("a whole packet");
    bed::receive(&mut engine, 0, "lan0 udp 10.0.1.77:137 > 10.0.1.1:137");
    let mut counted = bed::counted(&engine, NAMES, Table::Filter);
    counted.retain(|(place, _)| place.starts_with("INPUT ") && place != "INPUT policy");
    counted
}

/// Of a sender that is not known it is taken for granted that it has a socket; the machine itself has none.
#[test]
fn answers_to_everybody_are_expected_for_sockets() {
    let unknown = Origin { known: false, ..Origin::default() };
    assert_eq!(answered(unknown), [("INPUT 1".to_owned(), 1)]);
    let machine = Origin { known: true, ..Origin::default() };
    assert_eq!(answered(machine), [("INPUT 2".to_owned(), 1)]);
}
