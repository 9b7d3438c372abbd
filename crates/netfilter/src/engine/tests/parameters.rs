//! Parameters of helpers' modules, which are the whole machine's (the judge: `by-name.sip-…` and `by-name.h323-…` with `network parameter`).
use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::conntrack::{Config as Tracking, Helpers};

const RULES: &str = "*raw\n-A PREROUTING -p udp --dport 5060 -j CT --helper sip\n\
                     -A PREROUTING -p udp --dport 1719 -j CT --helper RAS\nCOMMIT\n";

/// An engine with these parameters, to which a datagram of 10.0.1.5 has come.
fn after(helpers: Helpers, port: u16, payload: &[u8]) -> Engine {
    let mut engine = engine_of(Tracking { helpers, ..Tracking::default() }, 1);
    set(&mut engine, RULES);
    let lan = device(&engine, "lan0");
    let to = format!("8.8.8.8:{port}");
    let bytes = packet::build::udp(format!("10.0.1.5:{port}").as_str(), to.as_str()).payload(payload).build();
    assert!(matches!(engine.receive(at(0), lan, Link::default(), bytes), Decision::Forwarded { .. }));
    engine
}

/// From where and to where something is expected.
fn expected(engine: &Engine) -> Vec<(Option<IpAddr>, String)> {
    let all = engine.conntrack().expectations();
    let mut all: Vec<_> =
        all.map(|own| (own.source, format!("{}:{}", own.destination, own.destination_port))).collect();
    all.sort();
    all
}

fn invite(media: &str) -> Vec<u8> {
    let body = format!(
        "v=0\r\no=a 1 1 IN IP4 10.0.1.5\r\ns=-\r\nc=IN IP4 {media}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    );
    format!(
        "INVITE sip:b@8.8.8.8 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.5:5060;branch=z9hG4bK1\r\nFrom: <sip:a@10.0.1.5>;tag=1\r\n\
         To: <sip:b@8.8.8.8>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@10.0.1.5>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[test]
fn media_of_others_are_expected_if_sip_is_told_so() {
    let usual = Helpers::default();
    let peer = Some("8.8.8.8".parse().unwrap());
    let pair =
        |from: Option<IpAddr>, to: &str| vec![(from, format!("{to}:4000")), (from, format!("{to}:4001"))];
    let anybody = Helpers { sip_direct_media: false, ..usual };
    let outside = Helpers { sip_external_media: true, ..anybody };
    for (helpers, media, wanted) in [
        (usual, "10.0.1.5", pair(peer, "10.0.1.5")),
        (usual, "10.0.2.9", vec![]),
        (Helpers { sip_external_media: true, ..usual }, "10.0.2.9", vec![]),
        (anybody, "10.0.1.5", pair(None, "10.0.1.5")),
        (anybody, "10.0.2.9", pair(None, "10.0.2.9")),
        (anybody, "9.9.9.9", pair(None, "9.9.9.9")),
        (outside, "10.0.2.9", pair(None, "10.0.2.9")),
        // By the device that the message leaves by.
        (outside, "9.9.9.9", vec![]),
    ] {
        assert_eq!(expected(&after(helpers, 5060, &invite(media))), wanted, "{helpers:?} {media}");
    }
}

#[test]
fn calls_are_expected_of_everybody_if_sip_is_told_so() {
    let text = "REGISTER sip:8.8.8.8 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.5:5060;branch=z9hG4bK1\r\nFrom: <sip:a@8.8.8.8>;tag=1\r\n\
                To: <sip:a@8.8.8.8>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nContact: <sip:a@10.0.1.5:5060>\r\nExpires: 60\r\n\
                Content-Length: 0\r\n\r\n";
    for (direct, from) in [(true, Some("8.8.8.8".parse().unwrap())), (false, None)] {
        let helpers = Helpers { sip_direct_signalling: direct, ..Helpers::default() };
        assert_eq!(expected(&after(helpers, 5060, text.as_bytes())), [(from, "10.0.1.5:5060".to_owned())]);
    }
}

#[test]
fn sip_lives_as_long_as_it_is_told() {
    for seconds in [3600, 77] {
        let helpers = Helpers { sip_timeout: Duration::from_secs(seconds), ..Helpers::default() };
        let engine = after(helpers, 5060, &invite("10.0.1.5"));
        let lines: Vec<String> = engine.conntrack().lines(at(0)).collect();
        assert!(lines.iter().any(|line| line.contains(&format!(" {seconds} src="))), "{lines:?}");
    }
}

#[test]
fn calls_of_h323_are_expected_of_everybody_if_it_is_told_so() {
    // A registration of 10.0.1.5:1720 without a time.
    let hex = "0fc00002060008914a000440b500534c036162638002007f00000106b8000a00010506b801000a00010506b76e80b500534c0361626360b500534c02616263007640012808020100234020a98760200067006b60b500534c02616263007604c00200770400000000";
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    for (gatekeeper, from) in [(true, Some("8.8.8.8".parse().unwrap())), (false, None)] {
        let helpers = Helpers { gkrouted_only: gatekeeper, ..Helpers::default() };
        assert_eq!(expected(&after(helpers, 1719, &bytes)), [(from, "10.0.1.5:1720".to_owned())]);
    }
}

#[test]
fn parameters_are_read_as_the_kernel_prints_them() {
    let mut helpers = Helpers::default();
    for (name, value) in [
        ("sip_timeout", "30\n"),
        ("sip_direct_signalling", "0\n"),
        ("sip_direct_media", "N\n"),
        ("sip_external_media", "1\n"),
        ("default_rrq_ttl", "60\n"),
        ("gkrouted_only", "0\n"),
        ("callforward_filter", "N\n"),
    ] {
        assert_eq!(helpers.set(name, value), Some(true), "{name}");
    }
    let wanted = Helpers {
        sip_timeout: Duration::from_secs(30),
        sip_direct_signalling: false,
        sip_direct_media: false,
        sip_external_media: true,
        default_rrq_ttl: 60,
        gkrouted_only: false,
        callforward_filter: false,
    };
    assert_eq!(helpers, wanted);
    assert_eq!((helpers.set("ports", "5060"), helpers.set("sip_timeout", "x")), (Some(false), None));
}
