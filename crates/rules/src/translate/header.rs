//! Conditions on header and interfaces (`-s -d -i -o -p -f`), in upstream's order.
use packet::{AddrMask, Family, InterfaceName, protocol};

use super::{Expression, Untranslatable, name};
use crate::syntax::text::push_address;
use crate::{Header, InterfacePattern, Negatable};

pub(super) fn translate(header: &Header, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    for (option, key, own) in [("-i", "iifname", header.input), ("-o", "oifname", header.output)] {
        if let Some(own) = own {
            interface(option, key, own, expression)?;
        }
    }
    if let Some(invert) = header.fragment {
        expression.condition(format!("ip frag-off & 0x1fff {}0", if invert { "" } else { "!= " }));
    }
    if let Some(own) = header.protocol {
        let key = if expression.site.family == Family::V4 { "ip protocol" } else { "meta l4proto" };
        let not = match (own.value, own.invert) {
            // Linux: `-p all' of IPv6 holds for every packet whose headers can be read (ip6_packet_match).
            (0, false) => ">= ",
            (_, true) => "!= ",
            _ => "",
        };
        expression.set_protocol(format!("{key} {not}{}", protocol_in_nft(own.value)));
    }
    for (key, own) in [("saddr", header.source), ("daddr", header.destination)] {
        if let Some(own) = own {
            address(key, own, expression);
        }
    }
    Ok(())
}

/// A protocol by the name that nft knows without /etc/protocols, else by its number. `ipv6-icmp` is upstream's name.
pub(super) fn protocol_in_nft(number: u8) -> String {
    let name = match number {
        protocol::ICMP => "icmp",
        protocol::IGMP => "igmp",
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        protocol::DCCP => "dccp",
        protocol::ESP => "esp",
        protocol::AH => "ah",
        protocol::ICMPV6 => "ipv6-icmp",
        protocol::SCTP => "sctp",
        protocol::UDPLITE => "udplite",
        other => return other.to_string(),
    };
    name.to_owned()
}

/// `-i`, `-o`.
fn interface(
    option: &'static str,
    key: &str,
    own: Negatable<InterfacePattern>,
    expression: &mut Expression<'_>,
) -> Result<(), Untranslatable> {
    match interface_in_nft(own.value).map_err(|why| Untranslatable::new(option, why))? {
        Some(text) => expression.compare(key, own.invert, text),
        None if own.invert => expression.never(),
        None => {}
    }
    Ok(())
}

/// A name or a start of names in quotes; `None`: any.
pub(super) fn interface_in_nft(pattern: InterfacePattern) -> Result<Option<String>, &'static str> {
    let quotable = |own: InterfaceName| match own.as_str().contains('"') {
        true => Err("nft has no name with a quote"),
        false => Ok(own),
    };
    Ok(match pattern {
        InterfacePattern::Any => None,
        InterfacePattern::Exact(own) => {
            let own = quotable(own)?;
            // Why: a star at the end means every interface that starts so, unless a backslash is before it.
            Some(match own.as_str().strip_suffix('*') {
                Some(start) => format!("\"{start}\\*\""),
                None => format!("\"{own}\""),
            })
        }
        InterfacePattern::Prefix(own) if own.as_str().ends_with('\\') => {
            return Err("nft reads a backslash before a star as the star itself");
        }
        InterfacePattern::Prefix(own) => Some(format!("\"{}*\"", quotable(own)?)),
    })
}

/// `-s`, `-d`.
fn address(key: &str, own: Negatable<AddrMask>, expression: &mut Expression<'_>) {
    let family = expression.family();
    if own.value.prefix_length() == Some(0) && !own.invert {
        return;
    }
    let mut text = String::new();
    push_address(&mut text, own.value.address());
    match own.value.prefix_length() {
        Some(length) if length == expression.site.family.bits() => {}
        Some(length) => {
            text.push('/');
            text.push_str(&length.to_string());
        }
        None => {
            let sign = if own.invert { "!=" } else { "==" };
            let mask = own.value.mask();
            expression.condition(format!("{family} {key} & {mask} {sign} {text}"));
            return;
        }
    }
    expression.compare(&format!("{family} {key}"), own.invert, text);
}

/// A part of a text that nft takes in quotes.
pub(super) fn quoted(what: &'static str, text: &str) -> Result<String, Untranslatable> {
    name::quoted(text).ok_or_else(|| {
        Untranslatable::new(what, "a text of nft has no quotes, no dollar signs and no line breaks")
    })
}
