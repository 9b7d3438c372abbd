//! `-j SNAT`, `DNAT`, `MASQUERADE`, `REDIRECT` and `NETMAP`.
use std::net::IpAddr;

use packet::{Family, protocol};

use crate::syntax::text::{push_address, push_network};
use crate::targets::nat::{NatRange, Netmap};
use crate::translate::{Expression, Untranslatable};
use crate::{Hook, put};

pub(super) fn translate(
    what: &'static str,
    verb: &str,
    own: &NatRange,
    expression: &mut Expression<'_>,
) -> Result<(), Untranslatable> {
    let refused = |why: &'static str| Err(Untranslatable::new(what, why));
    if own.base_port.is_some() {
        return refused("nft has no ranges of ports with a base");
    }
    let mut text = String::from(verb);
    if own.addresses.is_some() || own.ports.is_some() {
        text.push_str(" to ");
    }
    if let Some((from, to)) = own.addresses {
        if from > to {
            return refused("nft has no range of addresses whose end lies before its start");
        }
        let bracket = expression.site.family == Family::V6 && own.ports.is_some();
        push(&mut text, from, bracket);
        if from != to {
            text.push('-');
            push(&mut text, to, bracket);
        }
    }
    if let Some(ports) = own.ports {
        let able = [protocol::TCP, protocol::UDP, protocol::SCTP, protocol::DCCP, protocol::ICMP];
        if !expression.header.positive_protocol().is_some_and(|number| able.contains(&number)) {
            return refused("nft translates ports only behind a protocol");
        }
        put!(text, ":{}", ports.first);
        if ports.first != ports.last {
            put!(text, "-{}", ports.last);
        }
    }
    let flags = [(own.random, "random"), (own.random_fully, "fully-random"), (own.persistent, "persistent")];
    let set: Vec<_> = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
    if !set.is_empty() {
        put!(text, " {}", set.join(","));
    }
    expression.statement(text);
    Ok(())
}

fn push(out: &mut String, address: IpAddr, bracket: bool) {
    if bracket {
        out.push('[');
    }
    push_address(out, address);
    if bracket {
        out.push(']');
    }
}

/// The direction is that of the hook, so that it must be known.
pub(super) fn translate_netmap(own: &Netmap, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let verb = match expression.site.hook() {
        Some(Hook::Prerouting | Hook::Output) => "dnat",
        Some(Hook::Input | Hook::Postrouting) => "snat",
        _ => {
            let why = "nft says whether source or destination change, and a user chain does not tell";
            return Err(Untranslatable::new("-j NETMAP", why));
        }
    };
    let mut text = format!("{verb} prefix to ");
    push_network(&mut text, &own.to);
    expression.statement(text);
    Ok(())
}
