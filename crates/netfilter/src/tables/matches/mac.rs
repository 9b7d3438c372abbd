//! `-m mac` (Linux: `mac_mt`): a packet without an Ethernet header never fits, inverted or not (F75).
use rules::matches::mac::Mac;

use super::{Asked, Held, Miss, hold};
use crate::network::DeviceId;
use crate::trace::Found;

pub(super) fn holds(rule: &Mac, asked: &Asked<'_>) -> Held {
    let ethernet = asked.packet.link.ethernet.filter(|_| asked.place.input != Some(DeviceId::LOOPBACK));
    let source =
        ethernet.as_ref().and_then(|header| header.get(6..12)).and_then(|mac| <[u8; 6]>::try_from(mac).ok());
    let Some(source) = source else {
        return Err(Miss::Failed("--mac-source", Found::Nothing("Ethernet header")));
    };
    hold((source == rule.source.value) != rule.source.invert, "--mac-source", Found::Mac(source))
}
