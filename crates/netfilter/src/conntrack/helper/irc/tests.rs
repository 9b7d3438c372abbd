use proptest::prelude::*;

use super::{Offer, search};
use crate::conntrack::testing::World;
use crate::hook::Verdict;
use crate::skb::Template;

const OURS: &str = "PRIVMSG nobody :\x01DCC SEND file 167772421 5000\x01\n";

fn found(text: &str) -> Option<(String, u16, usize, usize)> {
    search(text.as_bytes()).map(|Offer { address, port, at, length }| (address.to_string(), port, at, length))
}

#[test]
fn offers_of_every_kind() {
    for kind in ["SEND", "CHAT", "MOVE", "TSEND", "SCHAT"] {
        let text = OURS.replace("SEND", kind);
        let at = text.find("167").unwrap();
        assert_eq!(found(&text), Some(("10.0.1.5".into(), 5000, at, 14)), "{kind}");
    }
    assert!(found(&OURS.replace("PRIVMSG", "privmsg")).is_some());
    assert!(found(&format!(" \r\n{OURS}")).is_some());
    let blanks = OURS.replace("421 5000", "421   5000");
    assert_eq!(found(&blanks).map(|(_, port, _, length)| (port, length)), Some((5000, 16)));
}

#[test]
fn what_is_no_offer() {
    for (text, why) in [
        ("", "nothing"),
        ("PRIVMSG x :hello to everybody who is here\r\n", "no DCC"),
        ("NOTICE nobody :\x01DCC SEND file 167772421 5000\x01\n", "another command"),
        ("PRIVMSG nobody :\x01DCC GIVE file 167772421 5000\x01\n", "another kind"),
        ("PRIVMSG nobody :\x01DCC SEND file 167772421 5000\x01", "no newline"),
        ("PRIVMSG nobody :\x01DCC SEND filefilefilefilefile\x01\n", "no address"),
    ] {
        assert_eq!(found(text), None, "{why}");
    }
}

/// Measured: with one byte less the kernel does not say that the offer (without a port) is a forged one.
#[test]
fn as_much_as_an_address_takes() {
    let behind =
        |text: &str| found(&format!("PRIVMSG a :\x01DCC SEND tttttttttttt{text}")).map(|found| found.1);
    assert_eq!(behind(" 16777242 5\n"), Some(5));
    assert_eq!(behind(" 1677724 50\n"), Some(50));
    assert_eq!(behind(" 16777242 \n"), None);
    assert_eq!(behind(" 1677724 5\n"), None);
}

/// Measured: the line of the log, 10 times in 5 seconds; nothing is expected, and the packet goes on.
#[test]
fn an_offer_for_somebody_else_is_told() {
    let mut world = World::new();
    world.template = Some(Template { helper: Some("irc".into()), ..Template::default() });
    let (client, server) = ("10.0.1.5:1000", "8.8.8.8:6667");
    world.forward("lan0", &packet::build::tcp(client, server).flags("S").seq(100).build());
    world.forward("wan0", &packet::build::tcp(server, client).flags("SA").seq(500).ack(101).build());
    let mut sequence = 101;
    for said in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10] {
        let text = OURS.replace("167772421", "167772422");
        let offer =
            packet::build::tcp(client, server).flags("AP").seq(sequence).ack(501).payload(text.as_str());
        assert_eq!(world.forward("lan0", &offer.build()).verdict, Verdict::Accept);
        sequence += text.len() as u32;
        assert_eq!(world.log().len(), said);
    }
    let line = "nf_conntrack_irc: Forged DCC command from 10.0.1.5: 10.0.1.6:5000";
    assert!(world.log().iter().all(|own| own.text == line && own.level == 4), "{:?}", world.log());
    assert_eq!(world.table.expectations().count(), 0);
}

/// Linux: `simple_strtoul` into 32 and 16 bits.
#[test]
fn numbers_are_cut() {
    let text = OURS.replace("5000", "70000").replace("167772421", "4462739717");
    assert_eq!(found(&text).map(|(address, port, ..)| (address, port)), Some(("10.0.1.5".into(), 4464)));
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_found_lies_inside(
        head in "[ \r\n]{0,4}(PRIVMSG )?[a-z]{0,8}",
        tail in "( :\x01DCC )?((SEND|CHAT|MOVE|TSEND|SCHAT) ){0,5}[a-z]{0,4} {0,3}[0-9]{0,21} {0,3}[0-9]{0,21}\x01?\n?",
        cut in 0_usize..120,
    ) {
        let text = format!("{head}{tail}");
        let bytes = text.as_bytes().get(..cut.min(text.len())).unwrap_or(&[]);
        if let Some(offer) = search(bytes) {
            prop_assert!(offer.at + offer.length <= bytes.len());
        }
    }
}
