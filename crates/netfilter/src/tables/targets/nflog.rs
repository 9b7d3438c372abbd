//! `-j NFLOG` (Linux: `nflog_tg`): a listener on the group gets the packet, which goes on (F73).
use rules::targets::nflog::{Copied, Nflog};

use super::{Effect, Place};
use crate::Env;
use crate::env::Listener;
use crate::skb::Packet;
use crate::trace::Step;

pub(super) fn apply(rule: &Nflog, place: &Place, packet: &Packet, env: &mut Env<'_>) -> Effect {
    // Linux: `--nflog-range` has no effect.
    let size = match rule.copy {
        Some(Copied::Size(size)) => usize::try_from(size).unwrap_or(usize::MAX).min(packet.len()),
        _ => packet.len(),
    };
    env.step(packet, || Step::Reported { group: rule.group, prefix: rule.prefix.clone(), size });
    let at = (place.hook, place.input, place.output);
    env.report(Listener::Group(rule.group), &rule.prefix, at, packet, size);
    Effect::Continue
}
