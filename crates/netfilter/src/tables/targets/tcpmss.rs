//! `-j TCPMSS` (Linux: `tcpmss_mangle_packet` in xt_TCPMSS.c; F66).
use packet::tcp_option::kind;
use packet::{Family, layout, rewrite};
use rules::targets::tcpmss::Tcpmss;

use super::Effect;
use super::tcpoptstrip::option_length;
use crate::Env;
use crate::network::Unroutable;
use crate::route::Flow;
use crate::skb::Packet;

/// The length of the option.
const LENGTH: usize = 4;

pub(super) fn apply(rule: Tcpmss, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    if packet.layout.later_fragment() {
        return Effect::Continue;
    }
    packet.pull(packet.layout.total_len);
    let start = packet.layout.transport;
    let length = packet.layout.total_len.saturating_sub(start);
    let Some(header) = packet.view().tcp().map(|tcp| tcp.header_len()) else { return Effect::Dropped };
    if length < header || header < 20 {
        return Effect::Dropped;
    }
    let wanted = match rule {
        Tcpmss::Set(size) => size,
        Tcpmss::Clamp => match clamped(packet, env) {
            Ok(Some(size)) => size,
            Ok(None) => return Effect::Dropped,
            Err(what) => return Effect::Undecided(what),
        },
    };
    let tcp = packet.bytes.get(start..start + header).unwrap_or(&[]);
    match find(tcp) {
        Some((at, old)) => {
            if old > wanted {
                env.rewriting(packet, "TCPMSS", |packet| {
                    rewrite::set_in_tcp(&mut packet.bytes, start, at, &wanted.to_be_bytes())
                });
            }
        }
        // Linux: data behind the header stays where it is, and the header has room for 40 bytes of options.
        None if length > header || header >= 60 => {}
        None => {
            let assumed = if packet.family() == Family::V4 { 536 } else { 1220 };
            env.rewriting(packet, "TCPMSS", |packet| insert(packet, wanted.min(assumed)));
        }
    }
    Effect::Continue
}

/// Where the value of the option stands in a TCP header, and what it is.
fn find(tcp: &[u8]) -> Option<(usize, u16)> {
    let mut at = 20;
    while at + LENGTH <= tcp.len() {
        if let &[kind::MSS, 4, high, low] = tcp.get(at..at + LENGTH)? {
            return Some((at + 2, u16::from_be_bytes([high, low])));
        }
        at += option_length(tcp, at);
    }
    None
}

/// What fits into the smaller MTU of the way out and the way back; `None` if nothing does.
///
/// Linux: `tcpmss_reverse_mtu` asks for the way to the packet's source without its mark; no way is no limit.
fn clamped(packet: &Packet, env: &Env<'_>) -> Result<Option<u16>, &'static str> {
    let family = packet.family();
    let headers = if family == Family::V4 { 40 } else { 60 };
    let back = Flow::between(family.unspecified(), packet.view().source());
    let back = match env.network.output_route(None, back) {
        Ok(route) => route.mtu,
        Err(Unroutable::Undecided(what)) => return Err(what),
        Err(_) => u32::MAX,
    };
    let out = packet.route.map_or(u32::MAX, |route| route.mtu);
    let mtu = out.min(back);
    // Linux: of larger values the low 16 bits would count; no MTU is as large.
    Ok((mtu > headers).then(|| u16::try_from(mtu - headers).unwrap_or(u16::MAX)))
}

/// Puts the option in front of the others of a segment without data.
///
/// Linux: the sum of TCP is kept by difference: length, option, offset.
fn insert(packet: &mut Packet, size: u16) -> bool {
    let start = packet.layout.transport;
    let total = packet.layout.total_len;
    let [high, low] = size.to_be_bytes();
    let Some(offset) = packet.bytes.get(start + 12).copied() else { return false };
    let Some(longer) = offset.checked_add(0x10) else { return false };
    let flags = packet.bytes.get(start + 13).copied().unwrap_or(0);
    let at = start + 20;
    packet.bytes.truncate(total);
    if at > packet.bytes.len() {
        return false;
    }
    packet.bytes.splice(at..at, [0; LENGTH]);
    let length = |total: usize| u16::try_from(total - start).unwrap_or(u16::MAX).to_be_bytes();
    rewrite::adjust_tcp(&mut packet.bytes, start, &length(total), &length(total + LENGTH));
    rewrite::set_in_tcp(&mut packet.bytes, start, 20, &[kind::MSS, 4, high, low]);
    rewrite::set_in_tcp(&mut packet.bytes, start, 12, &[longer, flags]);
    rewrite::set_length(&mut packet.bytes, packet.layout.family, total + LENGTH);
    // Why: the header's sum is wrong while IP options are filled in.
    if let Ok(layout) = layout::parse_quoted(&packet.bytes) {
        packet.layout = layout;
    }
    true
}
