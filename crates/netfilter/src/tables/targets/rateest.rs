//! `-j RATEEST` (Linux: `xt_rateest_tg`): the packet counts in an estimator.
use super::Effect;
use crate::Env;
use crate::skb::Packet;

/// `place`: where the estimator is.
pub(super) fn apply(place: Option<usize>, packet: &Packet, env: &mut Env<'_>) -> Effect {
    let now = crate::time::jiffies(env.now.mono);
    if let Some(own) = place.and_then(|place| env.named.estimators.get_mut(place)) {
        own.count(packet.len(), now);
    }
    Effect::Continue
}
