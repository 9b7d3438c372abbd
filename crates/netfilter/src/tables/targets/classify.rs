//! `-j CLASSIFY` (Linux: `classify_tg`).
use rules::targets::classify::Classify;

use super::Effect;
use crate::Env;
use crate::skb::Packet;
use crate::trace::Step;

pub(super) fn apply(rule: Classify, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    let (before, after) = (packet.priority, rule.priority);
    packet.priority = after;
    if before != after {
        env.step(packet, || Step::Classified { before, after });
    }
    Effect::Continue
}
