//! `-j SYNPROXY` (Linux: `synproxy_tg4`, `synproxy_tg6`): answers the client in the server's place.
use rules::targets::synproxy::Synproxy;

use super::Effect;
use crate::Env;
use crate::hook::Verdict;
use crate::skb::Packet;
use crate::synproxy::{self, Met};

pub(super) fn apply(rule: &Synproxy, packet: &Packet, env: &mut Env<'_>) -> Effect {
    match synproxy::client(rule, packet, env) {
        Met::Taken => Effect::Verdict(Verdict::Stolen),
        Met::Refused => Effect::Dropped,
        Met::Other => Effect::Continue,
    }
}
