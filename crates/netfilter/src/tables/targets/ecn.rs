//! `-j ECN` (Linux: `ecn_tg` in ipt_ECN.c; F74). IPv4 only.
//!
//! Linux: a later fragment, which a rule meets where nothing gathers fragments, is changed as if its payload were a TCP
//! header; one that is too short for that is dropped.
use packet::{protocol, rewrite};
use rules::targets::ecn::Ecn;

use super::Effect;
use crate::Env;
use crate::skb::Packet;

/// ECE and CWR in the flag byte of TCP.
const ECE: u8 = 0x40;
const CWR: u8 = 0x80;

pub(super) fn apply(rule: Ecn, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    if let Some(codepoint) = rule.codepoint {
        let old = packet.view().tos();
        let new = (old & !3) | (codepoint & 3);
        if new != old {
            env.rewriting(packet, "ECN", |packet| rewrite::set_tos(&mut packet.bytes, packet.layout, new));
        }
    }
    if (rule.ece.is_some() || rule.cwr.is_some()) && packet.layout.protocol == Some(protocol::TCP) {
        return tcp(rule, packet, env);
    }
    Effect::Continue
}

fn tcp(rule: Ecn, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    let start = packet.layout.transport;
    let &[offset, old] = packet.view().after_header().get(12..14).unwrap_or(&[]) else {
        return Effect::Dropped;
    };
    if packet.layout.total_len - start < 20 {
        return Effect::Dropped;
    }
    let mut new = old;
    for (bit, wanted) in [(ECE, rule.ece), (CWR, rule.cwr)] {
        match wanted {
            Some(true) => new |= bit,
            Some(false) => new &= !bit,
            None => {}
        }
    }
    if new != old {
        packet.pull(start + 20);
        env.rewriting(packet, "ECN", |packet| {
            rewrite::set_in_tcp(&mut packet.bytes, start, 12, &[offset, new])
        });
    }
    Effect::Continue
}
