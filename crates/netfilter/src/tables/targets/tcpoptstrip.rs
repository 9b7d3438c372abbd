//! `-j TCPOPTSTRIP` (Linux: `tcpoptstrip_mangle_packet` in xt_TCPOPTSTRIP.c; F74).
use packet::rewrite;
use packet::tcp_option::kind::NOP;
use rules::targets::tcpoptstrip::Tcpoptstrip;

use super::Effect;
use crate::Env;
use crate::skb::Packet;

pub(super) fn apply(rule: &Tcpoptstrip, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    if packet.layout.later_fragment() {
        return Effect::Continue;
    }
    let start = packet.layout.transport;
    let length = packet.layout.total_len.saturating_sub(start);
    let Some(header) = packet.view().tcp().map(|tcp| tcp.header_len()) else { return Effect::Dropped };
    if length < header || header < 20 {
        return Effect::Dropped;
    }
    packet.pull(start + header);
    env.rewriting(packet, "TCPOPTSTRIP", |packet| strip(rule, packet, start, header));
    Effect::Continue
}

/// Overwrites options byte by byte. Options that reach beyond the header end the search.
fn strip(rule: &Tcpoptstrip, packet: &mut Packet, start: usize, header: usize) -> bool {
    let mut at = 20;
    while at + 1 < header {
        let tcp = packet.bytes.get(start..start + header).unwrap_or(&[]);
        let length = option_length(tcp, at);
        if at + length > header {
            break;
        }
        if tcp.get(at).is_some_and(|&kind| rule.has(kind)) {
            for place in at..at + length {
                // The word in which the byte stands, for the sum.
                let even = place & !1;
                let Some(&[high, low]) = packet.bytes.get(start + even..start + even + 2) else { break };
                let word = if place == even { [NOP, low] } else { [high, NOP] };
                rewrite::set_in_tcp(&mut packet.bytes, start, even, &word);
            }
        }
        at += length;
    }
    true
}

/// The length of the option at a place: 1 for the two without a length, and for a length of 0, so that the search ends.
pub(super) fn option_length(tcp: &[u8], at: usize) -> usize {
    match (tcp.get(at), tcp.get(at + 1)) {
        (Some(&kind), Some(&length)) if kind > NOP && length != 0 => usize::from(length),
        _ => 1,
    }
}
