//! `-j TOS` and `-j DSCP` (Linux: `tos_tg`, `dscp_tg` and their IPv6 twins; F74).
use packet::rewrite;
use rules::targets::dscp::Dscp;
use rules::targets::tos::Tos;

use super::Effect;
use crate::Env;
use crate::skb::Packet;

pub(super) fn apply(rule: Tos, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    let old = packet.view().tos();
    set(old, (old & !rule.mask) ^ rule.value, "TOS", packet, env)
}

pub(super) fn apply_dscp(rule: Dscp, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    let old = packet.view().tos();
    set(old, (old & 3) | (rule.codepoint << 2), "DSCP", packet, env)
}

fn set(old: u8, new: u8, by: &'static str, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    if new != old {
        env.rewriting(packet, by, |packet| rewrite::set_tos(&mut packet.bytes, packet.layout, new));
    }
    Effect::Continue
}
