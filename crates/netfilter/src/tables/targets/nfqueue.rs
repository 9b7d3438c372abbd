//! `-j NFQUEUE` (Linux: `nfqueue_tg_v3`, `nf_queue`; F73). The engine has no listeners: an embedding program that
//! wants to decide registers a module. What a listener would get is a [`crate::env::Report`], of several queues to the first.
use rules::targets::nfqueue::Nfqueue;

use super::{Effect, Place};
use crate::Env;
use crate::env::Listener;
use crate::hook::Verdict;
use crate::skb::Packet;
use crate::trace::Step;

pub(super) fn apply(rule: Nfqueue, place: &Place, packet: &Packet, env: &mut Env<'_>) -> Effect {
    let Nfqueue { first, last, bypass, .. } = rule;
    env.step(packet, || Step::Queued { first, last: last.unwrap_or(first), bypass });
    if !bypass {
        let at = (place.hook, place.input, place.output);
        env.report(Listener::Queue(first), "", at, packet, usize::MAX);
    }
    Effect::Verdict(if bypass { Verdict::Bypass } else { Verdict::Queue })
}
