//! `-j REJECT` (Linux: `reject_tg`, `reject_tg6`): the packet is dropped whether it is answered or not. The answers are
//! made in [`crate::answer`].
use rules::targets::reject::Reject;

use super::Effect;
use crate::Env;
use crate::answer::{self, Kind};
use crate::skb::Packet;
use crate::trace::Step;

pub(super) fn apply(rule: Reject, packet: &Packet, env: &mut Env<'_>) -> Effect {
    let emitted = match rule {
        Reject::TcpReset => answer::tcp_reset(packet, env).map(|emitted| (emitted, "tcp reset")),
        Reject::Icmp { code } | Reject::Icmp6 { code } => {
            let kind = Kind::Unreachable { code };
            let sent = answer::rejectable(packet).then(|| answer::icmp_error(packet, kind, env)).flatten();
            sent.map(|emitted| (emitted, kind.name(packet.family())))
        }
    };
    if let Some((emitted, what)) = emitted {
        let number = emitted.packet.id;
        env.step(packet, || Step::Answered { packet: number, what });
        env.emitted.push(emitted);
    }
    Effect::Rejected
}
