//! `-m eui64` (Linux: `eui64_mt6`): the interface identifier of the source address is made of the sender's Ethernet
//! address (RFC 4291 appendix A). Without an Ethernet header it never is; neither on loopback (measured).
use std::net::IpAddr;

use super::{Asked, Held, hold};
use crate::network::DeviceId;
use crate::trace::Found;

const OPTION: &str = "-m eui64";

pub(super) fn holds(asked: &Asked<'_>) -> Held {
    let frame = asked.packet.link.ethernet.filter(|_| asked.place.input != Some(DeviceId::LOOPBACK));
    let (Some([_, _, _, _, _, _, a, b, c, d, e, f, 0x86, 0xdd]), IpAddr::V6(source)) =
        (frame, asked.packet.view().source())
    else {
        return hold(false, OPTION, Found::Nothing("Ethernet header"));
    };
    let made = source.octets().ends_with(&[a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    hold(made, OPTION, Found::Mac([a, b, c, d, e, f]))
}
