//! `-j MARK` (Linux: `mark_tg`; F33).
use rules::targets::mark::Mark;

use super::Effect;
use crate::Env;
use crate::skb::Packet;
use crate::trace::Step;

pub(super) fn apply(rule: &Mark, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    set(packet, (packet.mark & !rule.mask) ^ rule.value, env);
    Effect::Continue
}

/// Sets the packet mark, and says so if it changes.
pub(in crate::tables) fn set(packet: &mut Packet, after: u32, env: &mut Env<'_>) {
    let before = packet.mark;
    packet.mark = after;
    if before != after {
        env.step(packet, || Step::Marked { before, after });
    }
}
