//! `-m multiport`.
use packet::protocol;

use super::tcp::{port, range};
use crate::matches::PortRange;
use crate::matches::multiport::{Multiport, Side};
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Multiport, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let name = match expression.header.positive_protocol() {
        Some(protocol::TCP) => "tcp",
        Some(protocol::UDP) => "udp",
        Some(protocol::UDPLITE) => "udplite",
        Some(protocol::SCTP) => "sctp",
        Some(protocol::DCCP) => "dccp",
        _ => {
            return Err(Untranslatable::new(
                "-m multiport",
                "nft has ports only behind -p tcp, udp, udplite, sctp or dccp",
            ));
        }
    };
    let key = match own.side {
        Side::Source => format!("{name} sport"),
        Side::Destination => format!("{name} dport"),
        Side::Either => {
            let key = format!("{name} sport . {name} dport");
            expression.compare(&key, own.invert, either(&union(&own.ports)));
            return Ok(());
        }
    };
    match &*own.ports {
        [one] => port(&key, own.invert, *one, expression),
        ports => {
            let list: Vec<_> = ports.iter().map(|port| range(*port)).collect();
            expression.compare(&key, own.invert, format_args!("{{ {} }}", list.join(", ")));
        }
    }
    Ok(())
}

/// The pairs of a source and a destination port of which one is among some: any destination behind those sources, and
/// those destinations behind the other sources, so that no two intervals of the set overlap.
fn either(ports: &[PortRange]) -> String {
    let mut pairs: Vec<String> = ports.iter().map(|port| format!("{} . 0-65535", range(*port))).collect();
    for gap in gaps(ports) {
        pairs.extend(ports.iter().map(|port| format!("{} . {}", range(gap), range(*port))));
    }
    format!("{{ {} }}", pairs.join(", "))
}

/// Ranges in order that hold the same ports and do not touch.
fn union(ports: &[PortRange]) -> Vec<PortRange> {
    let mut sorted = ports.to_vec();
    sorted.sort_by_key(|port| port.first);
    let mut out: Vec<PortRange> = Vec::new();
    for port in sorted {
        match out.last_mut() {
            Some(last) if u32::from(port.first) <= u32::from(last.last) + 1 => {
                last.last = last.last.max(port.last)
            }
            _ => out.push(port),
        }
    }
    out
}

/// The ports between ranges that are in order.
fn gaps(ports: &[PortRange]) -> Vec<PortRange> {
    let mut out = Vec::new();
    let mut next = Some(0_u16);
    for port in ports {
        if let Some(first) = next
            && first < port.first
        {
            out.push(PortRange { first, last: port.first - 1 });
        }
        next = port.last.checked_add(1);
    }
    out.extend(next.map(|first| PortRange { first, last: u16::MAX }));
    out
}
