use super::super::nft;
use super::super::taken_for::TAKEN_FOR;
use super::{DROPPED, EXCUSES, HINTS, REWRITES, Scope, rewritten, without_hints};

#[test]
fn every_entry_has_its_line_in_the_deviations() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/deviations.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rewrites = REWRITES.iter().map(|rewrite| rewrite.deviation);
    let excuses = EXCUSES.iter().map(|excuse| excuse.deviation);
    let taken_for = TAKEN_FOR.iter().map(|own| own.deviation);
    let nft = nft::REWRITES.iter().copied().chain(nft::EXCUSES.iter().map(|excuse| excuse.deviation));
    let all = rewrites.chain(excuses).chain(taken_for).chain(nft);
    for deviation in all.chain(HINTS.iter().chain(DROPPED).map(|hint| hint.1)) {
        assert!(text.contains(deviation), "docs/deviations.md has no `{deviation}'");
    }
}

#[test]
fn texts_of_1_8_9_become_those_of_1_8_13() {
    let error = |text: &str| rewritten(Scope::Error, text);
    assert_eq!(
        error("iptables v1.8.9 (legacy): Can't use -o with INPUT\n\nTry\n"),
        "iptables v1.8.13 (legacy): Can't use --out-interface with INPUT\nTry\n"
    );
    assert_eq!(
        error("x: multiple -i flags not allowed\n"),
        "x: multiple --in-interface options not allowed\n"
    );
    assert_eq!(
        error("x: -c requires packet and byte counter"),
        "x: --set-counters requires packet and byte counter"
    );
    assert_eq!(
        rewritten(Scope::List, "1        0     0 ACCEPT     17   --  *      *\n"),
        "1        0     0 ACCEPT     udp  --  *      *\n"
    );
    assert_eq!(rewritten(Scope::Saved, "-A INPUT -p igmp -j ACCEPT\n"), "-A INPUT -p 2 -j ACCEPT\n");
    assert_eq!(rewritten(Scope::Saved, "-A INPUT -p tcp -j ACCEPT\n"), "-A INPUT -p tcp -j ACCEPT\n");
    assert_eq!(without_hints("Warning: host name `a' is\nerror\n"), "error\n");
}
