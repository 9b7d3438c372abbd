//! `-j TTL` and `-j HL` (Linux: `ttl_tg`, `hl_tg6`; F11).
use packet::rewrite;
use rules::targets::ttl::HopChange;

use super::Effect;
use crate::Env;
use crate::skb::Packet;

pub(super) fn apply(rule: HopChange, by: &'static str, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    let old = packet.view().ttl();
    let new = match rule {
        HopChange::Set(value) => value,
        HopChange::Decrement(value) => old.saturating_sub(value),
        HopChange::Increment(value) => old.saturating_add(value),
    };
    if new != old {
        env.rewriting(packet, by, |packet| rewrite::set_ttl(&mut packet.bytes, packet.layout, new));
    }
    Effect::Continue
}
