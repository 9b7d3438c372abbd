use packet::Family;
use proptest::prelude::*;

use super::per::{Field, Reader, Value};
use super::{call, place, registration::RAS_MESSAGE, schema::CONTROL_MESSAGE, signalling::USER_MESSAGE};

/// RegistrationRequest: calls to 127.0.0.1:1720 and 10.0.1.5:1720, RAS at 10.0.1.5:1719, for 120 seconds.
const REGISTRATION: &str = "0fc00002060008914a000440b500534c036162638002007f00000106b8000a00010506b801000a00010506b76e80b500534c0361626360b500534c02616263007640012808020100234020a98760200067006b60b500534c02616263007604c00200770400000000";
/// OpenLogicalChannel: T.120 at 10.0.1.5:1503.
const CONFERENCE: &str = "0380006410183001004003e8810100010908000a00010505df00";
/// OpenLogicalChannelAck: RTP at 10.0.1.5:4000, RTCP at 4001.
const ANSWER: &str = "22c000640280101c02000a0001050fa0000a0001050fa1";
/// Setup: H.245 at 10.0.1.5:5000, to 8.8.8.8:1720, from 10.0.1.5:3000; a fast start with RTP at 10.0.1.5:4000; tunnelled, a
/// channel at fd00:1::5.
const SETUP: &str = "080212340528026d657e00750520c8060008914a0004000a000105138800000808080806b8000000000000000000000000000000000000341007000a0001050bb81b01190000640c60138011140001000a0001050fa0000a0001050fa1044021011f030000640c6013801610000108fd0000010000000000000000000000050fa6";
/// Progress with tokens: H.245 at 10.0.1.5:5006, a fast start with RTP at 10.0.1.5:4002.
const PROGRESS: &str = "08021234037e00620508005e7c060008914a000400000a000105138e000000000000000000000000000000000020014800060008914a0004c0000000000000000000000000000120060008914a0004000361626301140000640852006440000a100001000a0001050fa2";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn read(field: &Field, bytes: &[u8]) -> Value {
    Reader::new(bytes, 0).field(field, true).unwrap()
}

/// An address in a message, as text.
fn shown(value: Option<&Value>, bytes: &[u8], family: Family) -> String {
    let found = place(value.unwrap(), bytes, family).unwrap();
    format!("{} {}", found.address, found.port)
}

#[test]
fn a_registration() {
    let bytes = bytes(REGISTRATION);
    let value = read(&RAS_MESSAGE, &bytes);
    assert_eq!(value.chosen(), "registrationRequest");
    let value = value.get("registrationRequest").unwrap();
    let calls = value.get("callSignalAddress").unwrap().elements();
    let calls: Vec<_> = calls.iter().map(|call| shown(Some(call), &bytes, Family::V4)).collect();
    assert_eq!(calls, ["127.0.0.1 1720", "10.0.1.5 1720"]);
    assert_eq!(value.get("rasAddress").unwrap().elements().len(), 1);
    assert_eq!(value.get("timeToLive"), Some(&Value::Number(120)));
    assert!(place(&value.get("rasAddress").unwrap().elements()[0], &bytes, Family::V6).is_none());
    // What a registration is not read for does not come out.
    assert_eq!(value.get("terminalAlias"), None);
}

#[test]
fn a_time_at_the_end_makes_a_registration_unreadable() {
    // Linux: what is read of the time is stepped over twice, here beyond the end.
    let bytes = bytes(REGISTRATION);
    let end = bytes.len() - 5;
    assert!(Reader::new(&bytes[..end], 0).field(&RAS_MESSAGE, true).is_err());
    assert!(Reader::new(&bytes[..end + 1], 0).field(&RAS_MESSAGE, true).is_ok());
}

#[test]
fn logical_channels() {
    let open = bytes(CONFERENCE);
    let value = read(&CONTROL_MESSAGE, &open);
    let value = value.path(&["request", "openLogicalChannel"]).unwrap();
    let t120 = value.path(&["forwardLogicalChannelParameters", "dataType", "data", "application", "t120"]);
    assert_eq!(t120.unwrap().chosen(), "separateLANStack");
    let address = value.path(&["separateStack", "networkAddress", "localAreaAddress"]);
    assert_eq!(shown(address, &open, Family::V4), "10.0.1.5 1503");
    let answer = bytes(ANSWER);
    let value = read(&CONTROL_MESSAGE, &answer);
    let channel = value
        .path(&[
            "response",
            "openLogicalChannelAck",
            "forwardMultiplexAckParameters",
            "h2250LogicalChannelAckParameters",
        ])
        .unwrap();
    assert_eq!(shown(channel.get("mediaChannel"), &answer, Family::V4), "10.0.1.5 4000");
    assert_eq!(shown(channel.get("mediaControlChannel"), &answer, Family::V4), "10.0.1.5 4001");
}

#[test]
fn calls() {
    let media = ["forwardLogicalChannelParameters", "multiplexParameters", "h2250LogicalChannelParameters"];
    let setup = bytes(SETUP);
    let value = call::decode(&setup).unwrap();
    let pdu = value.get("h323-uu-pdu").unwrap();
    let body = pdu.path(&["h323-message-body", "setup"]).unwrap();
    assert_eq!(shown(body.get("h245Address"), &setup, Family::V4), "10.0.1.5 5000");
    assert_eq!(shown(body.get("destCallSignalAddress"), &setup, Family::V4), "8.8.8.8 1720");
    assert_eq!(shown(body.get("sourceCallSignalAddress"), &setup, Family::V4), "10.0.1.5 3000");
    let [open] = body.get("fastStart").unwrap().elements() else { panic!("one") };
    let channel = open.path(&media).unwrap().get("mediaChannel");
    assert_eq!(shown(channel, &setup, Family::V4), "10.0.1.5 4000");
    let [control] = pdu.get("h245Control").unwrap().elements() else { panic!("one") };
    let channel = control.path(&["request", "openLogicalChannel"]).unwrap().path(&media).unwrap();
    assert_eq!(shown(channel.get("mediaChannel"), &setup, Family::V6), "fd00:1::5 4006");
    let progress = bytes(PROGRESS);
    let value = call::decode(&progress).unwrap();
    let body = value.path(&["h323-uu-pdu", "h323-message-body", "progress"]).unwrap();
    assert_eq!(shown(body.get("h245Address"), &progress, Family::V4), "10.0.1.5 5006");
    let [open] = body.get("fastStart").unwrap().elements() else { panic!("one") };
    assert_eq!(shown(open.path(&media).unwrap().get("mediaChannel"), &progress, Family::V4), "10.0.1.5 4002");
}

#[test]
fn what_is_cut_short_is_not_read() {
    for (field, hex) in [(&CONTROL_MESSAGE, CONFERENCE), (&CONTROL_MESSAGE, ANSWER)] {
        let bytes = bytes(hex);
        for length in 0..bytes.len() {
            assert!(Reader::new(&bytes[..length], 0).field(field, true).is_err(), "{length} of {hex}");
        }
    }
    let bytes = bytes(SETUP);
    for length in 0..bytes.len() {
        assert_eq!(call::decode(&bytes[..length]), None, "{length}");
    }
}

/// Every place that came out lies in the message.
fn check(value: &Value, length: usize) {
    match value {
        Value::Sequence(fields) => fields.iter().for_each(|(_, value)| check(value, length)),
        Value::Choice(_, value) => check(value, length),
        Value::List(values) => {
            assert!(values.len() <= 30);
            values.iter().for_each(|value| check(value, length));
        }
        Value::At(at) => assert!(*at < length),
        Value::Nothing | Value::Number(_) => {}
    }
}

fn read_all(bytes: &[u8]) {
    for field in [&RAS_MESSAGE, &CONTROL_MESSAGE, &USER_MESSAGE] {
        if let Ok(value) = Reader::new(bytes, 0).field(field, true) {
            check(&value, bytes.len());
        }
    }
    if let Some(value) = call::decode(bytes) {
        check(&value, bytes.len());
    }
}

proptest! {
    #[test]
    fn nothing_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }

    #[test]
    fn nothing_panics_on_changed_messages(
        which in 0_usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = bytes([REGISTRATION, CONFERENCE, ANSWER, SETUP, PROGRESS][which]);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        read_all(&bytes);
        let length = cut.index(bytes.len());
        read_all(&bytes[..length]);
    }
}
