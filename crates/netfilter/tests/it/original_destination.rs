//! `SO_ORIGINAL_DST` out of the connection table (F61): for a proxy on this machine and for one behind it.
use std::net::SocketAddr;

use netfilter::Instant;
use netfilter::engine::Engine;

use crate::bed;

const RULES: &str = "\
*nat
-A PREROUTING -p tcp -m tcp --dport 5556 -j REDIRECT --to-ports 5555
-A PREROUTING -p tcp -m tcp --dport 5557 -j DNAT --to-destination 10.0.2.2:5555
-A PREROUTING -p udp -m udp --dport 5556 -j REDIRECT --to-ports 5555
COMMIT
";

fn ask(engine: &Engine, protocol: u8, local: &str, remote: &str, now: Instant) -> Option<SocketAddr> {
    engine.conntrack().original_destination(protocol, local.parse().unwrap(), remote.parse().unwrap(), now)
}

#[test]
fn a_proxy_here_or_behind_the_machine_is_told_where_its_client_wanted_to_go() {
    let mut engine = bed::engine(RULES, "");
    bed::receive(&mut engine, 0, "lan0 tcp 10.0.1.5:1000 > 203.0.113.1:5556 S");
    bed::receive(&mut engine, 0, "lan0 tcp 10.0.1.5:1001 > 8.8.8.8:5557 S");
    bed::receive(&mut engine, 0, "lan0 tcp 10.0.1.5:1002 > 10.0.1.1:80 S");
    let now = bed::at(0).mono;
    let redirected = Some("203.0.113.1:5556".parse().unwrap());
    assert_eq!(ask(&engine, 6, "10.0.1.1:5555", "10.0.1.5:1000", now), redirected);
    let behind = Some("8.8.8.8:5557".parse().unwrap());
    assert_eq!(ask(&engine, 6, "10.0.2.2:5555", "10.0.1.5:1001", now), behind);
    let untranslated = Some("10.0.1.1:80".parse().unwrap());
    assert_eq!(ask(&engine, 6, "10.0.1.1:80", "10.0.1.5:1002", now), untranslated);
    // The client's side of the same connection gets the same answer.
    assert_eq!(ask(&engine, 6, "10.0.1.5:1000", "203.0.113.1:5556", now), redirected);
}

#[test]
fn other_protocols_unknown_and_expired_connections_have_no_answer() {
    let mut engine = bed::engine(RULES, "");
    bed::receive(&mut engine, 0, "lan0 tcp 10.0.1.5:1000 > 203.0.113.1:5556 S");
    bed::receive(&mut engine, 0, "lan0 udp 10.0.1.5:1000 > 203.0.113.1:5556");
    let now = bed::at(0).mono;
    assert_eq!(ask(&engine, 17, "10.0.1.1:5555", "10.0.1.5:1000", now), None);
    assert_eq!(ask(&engine, 6, "10.0.1.1:5555", "10.0.1.5:1001", now), None);
    assert_eq!(ask(&engine, 6, "[::1]:5555", "10.0.1.5:1000", now), None);
    // SYN_SENT lives 120 s.
    assert!(ask(&engine, 6, "10.0.1.1:5555", "10.0.1.5:1000", bed::at(119).mono).is_some());
    assert_eq!(ask(&engine, 6, "10.0.1.1:5555", "10.0.1.5:1000", bed::at(121).mono), None);
}
