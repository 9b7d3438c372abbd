//! The answer of a peer to a packet that came out of a device.
use crate::craft::{Body, Craft};
use packet::View;
use packet::view::tcp_flags::{ACK, FIN, RST, SYN};

/// The packet turned round: UDP with the payload `answer`; TCP the natural next segment (SYN: SYN/ACK with sequence
/// number 5000; FIN: FIN/ACK; data: ACK; others: ACK); ICMP echo: its reply; others with addresses swapped. `None`
/// for packets that nobody answers (RST, ICMP errors, later fragments, unreadable ones).
pub fn turned_round(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(turned_craft(bytes)?.build())
}

/// The options of an answer to what SYNPROXY sends, which alone has a window of 0 in a SYN/ACK and an acknowledgement in
/// a SYN: the server takes up all that it is offered, and timestamps are echoed. None to others.
fn proxied_options(bytes: &[u8], flags: u8, window: u16, acknowledgement: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let to_client = flags & (SYN | ACK) == SYN | ACK && window == 0;
    let to_server = flags & (SYN | ACK) == SYN && acknowledgement != 0;
    let Ok(view) = View::parse(bytes) else { return out };
    let tcp = view.after_header();
    let header = tcp.get(12).map_or(0, |offset| usize::from(offset >> 4) * 4);
    let mut rest = tcp.get(20..header).unwrap_or(&[]);
    while let Some(&kind) = rest.first().filter(|_| to_client || to_server) {
        let length = if kind < 2 { 1 } else { rest.get(1).map_or(0, |&length| usize::from(length)) };
        match (kind, rest.get(..length)) {
            (8, Some(&[_, _, a, b, c, d, ..])) => {
                out.extend([1, 1, 8, 10]);
                out.extend(if to_server { 7_000_000_u32 } else { 2_000_u32 }.to_be_bytes());
                out.extend([a, b, c, d]);
            }
            (2, Some(_)) if to_server => out.extend([2, 4, 5, 100]),
            (3, Some(_)) if to_server => out.extend([1, 3, 3, 5]),
            (4, Some(_)) if to_server => out.extend([1, 1, 4, 2]),
            (_, Some(_)) if length > 0 => {}
            _ => break,
        }
        rest = rest.get(length..).unwrap_or(&[]);
    }
    out
}

/// As [`turned_round`], not built yet.
pub fn turned_craft(bytes: &[u8]) -> Option<Craft> {
    let view = View::parse(bytes).ok()?;
    if view.layout().later_fragment() {
        return None;
    }
    let body = match view.protocol()? {
        6 => {
            let tcp = view.tcp()?;
            let flags = tcp.flags();
            if flags & RST != 0 {
                return None;
            }
            let length =
                tcp.payload().len() as u32 + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
            Body::Tcp {
                ports: (tcp.destination(), tcp.source()),
                flags: match flags & (SYN | FIN | ACK) {
                    SYN => SYN | ACK,
                    both if both & FIN != 0 => FIN | ACK,
                    _ => ACK,
                },
                seq: if flags & ACK == 0 { 5000 } else { tcp.acknowledgement() },
                ack: tcp.sequence().wrapping_add(length),
                window: 8192,
                urgent: 0,
                options: proxied_options(bytes, flags, tcp.window(), tcp.acknowledgement()),
                offset: None,
            }
        }
        17 => {
            let (source, destination) = view.ports()?;
            Body::Udp { ports: (destination, source), length: None, no_checksum: false }
        }
        1 | 58 => {
            let icmp = view.icmp()?;
            let kind = match icmp.kind {
                8 => 0,
                13 => 14,
                128 => 129,
                _ => return None,
            };
            Body::Icmp { kind, code: 0, rest: icmp.rest.to_be_bytes() }
        }
        other => Body::Other(other),
    };
    let mut craft = Craft::new(view.destination(), view.source(), body);
    craft.payload = match craft.body {
        Body::Tcp { .. } => Vec::new(),
        Body::Udp { .. } => b"answer".to_vec(),
        Body::Icmp { .. } => view.after_header().get(8..).unwrap_or(&[]).to_vec(),
        Body::Other(_) => view.after_header().to_vec(),
    };
    Some(craft)
}
