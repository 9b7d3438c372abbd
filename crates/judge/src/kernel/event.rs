//! What connection tracking tells its listeners, in words (Linux: `ctnetlink_conntrack_event`, `ctnetlink_expect_event`).
//!
//! Left out are window scales and flags of TCP, which the lines of connections do not show either.
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netfilter::conntrack::{sctp, tcp};
use packet::protocol;

use super::netlink::attributes;
use crate::told::{ConnectionEvent, ExpectationEvent, Numbers, TupleText};

/// Linux: `NFNL_SUBSYS_CTNETLINK`, `NFNL_SUBSYS_CTNETLINK_EXP`.
const CONNECTION: u16 = 1;
const EXPECTATION: u16 = 2;

/// A message in words; `None`: it is none of connection tracking's.
pub(super) fn text(kind: u16, flags: u16, body: &[u8], numbers: &mut Numbers) -> Option<String> {
    // Linux: IPCTNL_MSG_CT_NEW 0, IPCTNL_MSG_CT_DELETE 2; of expectations the same. NLM_F_CREATE 0x400.
    let what = match (kind & 0xff, flags & 0x400 != 0) {
        (0, true) => "NEW",
        (0, false) => "UPDATE",
        (2, _) => "DESTROY",
        _ => return None,
    };
    let given: BTreeMap<u16, &[u8]> = attributes(body.get(4..)?).collect();
    match kind >> 8 {
        CONNECTION => connection(what, &given, numbers),
        EXPECTATION => expectation(what, &given),
        _ => None,
    }
}

fn be16(bytes: &[u8]) -> Option<u16> {
    bytes.get(..2)?.try_into().ok().map(u16::from_be_bytes)
}

fn be32(bytes: &[u8]) -> Option<u32> {
    bytes.get(..4)?.try_into().ok().map(u32::from_be_bytes)
}

fn be64(bytes: &[u8]) -> Option<u64> {
    bytes.get(..8)?.try_into().ok().map(u64::from_be_bytes)
}

/// Linux: `CTA_TUPLE_IP`, `CTA_TUPLE_PROTO`, and what is in them.
fn tuple(bytes: &[u8]) -> TupleText {
    let parts: BTreeMap<u16, &[u8]> = attributes(bytes).collect();
    let addresses: BTreeMap<u16, &[u8]> =
        parts.get(&1).map(|own| attributes(own).collect()).unwrap_or_default();
    let address = |v4: u16| {
        let four = addresses.get(&v4).and_then(|own| <[u8; 4]>::try_from(*own).ok());
        let six = addresses.get(&(v4 + 2)).and_then(|own| <[u8; 16]>::try_from(*own).ok());
        four.map(|own| IpAddr::from(Ipv4Addr::from(own))).or(six.map(|own| Ipv6Addr::from(own).into()))
    };
    let protocol: BTreeMap<u16, &[u8]> =
        parts.get(&2).map(|own| attributes(own).collect()).unwrap_or_default();
    let number = |names: &[u16]| names.iter().find_map(|name| be16(protocol.get(name)?));
    let byte = |names: &[u16]| names.iter().find_map(|name| protocol.get(name)?.first().copied());
    let message = byte(&[5, 8]).map(|kind| u16::from_be_bytes([kind, byte(&[6, 9]).unwrap_or(0)]));
    TupleText {
        protocol: byte(&[1]).unwrap_or(0),
        source: address(1),
        destination: address(2),
        ids: (number(&[2, 4, 7]).unwrap_or(0), message.or(number(&[3])).unwrap_or(0)),
    }
}

/// The state of a protocol (Linux: `CTA_PROTOINFO_TCP`, `CTA_PROTOINFO_SCTP`).
fn state(bytes: &[u8], number: u8) -> Option<String> {
    const TCP: [tcp::State; 10] = [
        tcp::State::None,
        tcp::State::SynSent,
        tcp::State::SynRecv,
        tcp::State::Established,
        tcp::State::FinWait,
        tcp::State::CloseWait,
        tcp::State::LastAck,
        tcp::State::TimeWait,
        tcp::State::Close,
        tcp::State::SynSent2,
    ];
    const SCTP: [sctp::State; 9] = [
        sctp::State::None,
        sctp::State::Closed,
        sctp::State::CookieWait,
        sctp::State::CookieEchoed,
        sctp::State::Established,
        sctp::State::ShutdownSent,
        sctp::State::ShutdownRecd,
        sctp::State::ShutdownAckSent,
        sctp::State::HeartbeatSent,
    ];
    let (_, inner) = attributes(bytes).next()?;
    let (_, value) = attributes(inner).find(|(name, _)| *name == 1)?;
    let at = usize::from(*value.first()?);
    let name = match number {
        protocol::SCTP => SCTP.get(at).map(|state| state.name()),
        _ => TCP.get(at).map(|state| state.name()),
    };
    Some(name.map_or(format!("{at}"), str::to_owned))
}

fn connection(what: &'static str, given: &BTreeMap<u16, &[u8]>, numbers: &mut Numbers) -> Option<String> {
    let number = |name: u16| be32(given.get(&name)?);
    let counters = |name: u16| {
        let inner: BTreeMap<u16, &[u8]> = attributes(given.get(&name)?).collect();
        Some((be64(inner.get(&1)?)?, be64(inner.get(&2)?)?))
    };
    let original = tuple(given.get(&1)?);
    let number_of_protocol = original.protocol;
    let own = u64::from(number(12)?);
    let id = numbers.of(own);
    if what == "DESTROY" {
        numbers.end(own);
    }
    let event = ConnectionEvent {
        what,
        id,
        original,
        reply: tuple(given.get(&2)?),
        status: number(3)?,
        seconds: number(7),
        state: given.get(&4).and_then(|own| state(own, number_of_protocol)),
        counters: counters(9).zip(counters(10)),
        mark: number(8),
        // Linux: CTA_ZONE is that of both directions.
        zone: given.get(&18).and_then(|own| be16(own)).filter(|zone| *zone != 0),
        helper: given.get(&5).and_then(|own| attributes(own).find(|(name, _)| *name == 1)).map(
            |(_, name)| {
                String::from_utf8_lossy(name.split(|&byte| byte == 0).next().unwrap_or(&[])).into_owned()
            },
        ),
        labels: given.get(&22).map(|own| own.iter().rev().fold(0, |all, byte| all << 8 | u128::from(*byte))),
        master: given.get(&14).map(|own| tuple(own)),
        adjusted: given.contains_key(&15),
    };
    Some(event.to_string())
}

fn expectation(what: &'static str, given: &BTreeMap<u16, &[u8]>) -> Option<String> {
    let mask = tuple(given.get(&3)?);
    let name = given.get(&6).and_then(|own| own.split(|&byte| byte == 0).next()).unwrap_or(&[]);
    let event = ExpectationEvent {
        what,
        expected: tuple(given.get(&2)?),
        mask: (mask.source, mask.ids.0),
        master: tuple(given.get(&1)?),
        seconds: be32(given.get(&4)?)?,
        helper: String::from_utf8_lossy(name).into_owned(),
        flags: be32(given.get(&8)?)?,
        class: be32(given.get(&9)?)?,
    };
    Some(event.to_string())
}
