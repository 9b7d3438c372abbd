//! `-j NFQUEUE` (Linux: `nfqueue_tg_v3`, `nf_queue`; F73). The engine has no listeners: an embedding program that
//! wants to decide registers a module.
use rules::targets::nfqueue::Nfqueue;

use super::Effect;
use crate::Env;
use crate::hook::Verdict;
use crate::skb::Packet;
use crate::trace::Step;

pub(super) fn apply(rule: Nfqueue, packet: &Packet, env: &mut Env<'_>) -> Effect {
    let Nfqueue { first, last, bypass, .. } = rule;
    env.step(packet, || Step::Queued { first, last: last.unwrap_or(first), bypass });
    Effect::Verdict(if bypass { Verdict::Bypass } else { Verdict::Queue })
}
