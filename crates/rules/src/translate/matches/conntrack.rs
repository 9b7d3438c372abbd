//! `-m conntrack` and `-m state`.
//!
//! A packet without a connection is INVALID or UNTRACKED. If its state fits, it matches whatever the other options are
//! (Linux: `conntrack_mt`); if no state is asked, it never does. For nft no other question about the connection of such
//! a packet is ever answered by yes.
use packet::protocol;

use crate::Negatable;
use crate::matches::conntrack::{Conntrack, HostMask, StateSet, StatusSet};
use crate::matches::state::State;
use crate::syntax::text::push_address;
use crate::translate::{Expression, Untranslatable, header};

/// The states that a packet without a connection has.
const NOWHERE: u8 = StateSet::INVALID.0 | StateSet::UNTRACKED.0;
/// The states that are none of nft's, but bits of its status.
const TRANSLATED: u8 = StateSet::SNAT.0 | StateSet::DNAT.0;

const STATES: [(u8, &str); 7] = [
    (StateSet::INVALID.0, "invalid"),
    (StateSet::NEW.0, "new"),
    (StateSet::RELATED.0, "related"),
    (StateSet::ESTABLISHED.0, "established"),
    (StateSet::UNTRACKED.0, "untracked"),
    (StateSet::SNAT.0, "snat"),
    (StateSet::DNAT.0, "dnat"),
];

const STATUSES: [(u8, &str); 4] = [
    (StatusSet::EXPECTED.0, "expected"),
    (StatusSet::SEEN_REPLY.0, "seen-reply"),
    (StatusSet::ASSURED.0, "assured"),
    (StatusSet::CONFIRMED.0, "confirmed"),
];

fn names(table: &[(u8, &str)], bits: u8) -> String {
    let set: Vec<_> = table.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    set.join(",")
}

pub(super) fn translate_state(own: &State, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    state(own.states, expression)
}

pub(super) fn translate(own: &Conntrack, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    if let Some(states) = own.state {
        let others = Conntrack { state: None, ..own.clone() };
        let nowhere_fits = if states.invert { !states.value.0 & NOWHERE } else { states.value.0 & NOWHERE };
        if others != Conntrack::default() && nowhere_fits != 0 {
            state(states, expression)?;
            return contraries(&others, expression);
        }
    }
    if let Some(own) = own.protocol {
        if own.invert || expression.header.protocol.is_none() {
            expression.compare("ct original protocol", own.invert, own.value);
        } else {
            // Why: nft takes it for the protocol of the packet itself, and does not look at that any more.
            expression.condition(format!("ct original protocol & 0xff == {}", own.value));
        }
    }
    if let Some(states) = own.state {
        state(states, expression)?;
    }
    if let Some(own) = own.direction_original {
        expression.compare("ct direction", false, if own { "original" } else { "reply" });
    }
    let addresses = [
        ("original saddr", own.original_source),
        ("original daddr", own.original_destination),
        ("reply saddr", own.reply_source),
        ("reply daddr", own.reply_destination),
    ];
    for (key, own) in addresses {
        if let Some(own) = own {
            expression.compare(&format!("ct {key}"), own.invert, network(&own.value));
        }
    }
    let ports = [
        ("original proto-src", own.original_source_port),
        ("original proto-dst", own.original_destination_port),
        ("reply proto-src", own.reply_source_port),
        ("reply proto-dst", own.reply_destination_port),
    ];
    for (key, own) in ports {
        let Some(own) = own else { continue };
        let able = [protocol::TCP, protocol::UDP, protocol::UDPLITE, protocol::SCTP, protocol::DCCP];
        if !expression.header.positive_protocol().is_some_and(|number| able.contains(&number)) {
            let why = "nft reads the ports of a connection only behind -p tcp, udp, udplite, sctp or dccp";
            return Err(Untranslatable::new("-m conntrack --ctorigsrcport (and its like)", why));
        }
        expression.needs_protocol();
        expression.compare(&format!("ct {key}"), own.invert, super::tcp::range(own.value));
    }
    if let Some(own) = own.status {
        status(own, expression);
    }
    if let Some(own) = own.expire {
        expire(own, expression);
    }
    Ok(())
}

/// The options besides the state where packets without a connection match by their state alone: what does not fit is an
/// exception, and of a packet without a connection nft says neither yes nor no.
fn contraries(own: &Conntrack, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let mut single = Expression::new(expression.site, expression.header);
    let contrary = |own: Negatable<_>| Some(Negatable { invert: !own.invert, ..own });
    let contrary_of = |range: Negatable<_>| Some(Negatable { invert: !range.invert, ..range });
    let nothing = Conntrack::default;
    let parts = [
        own.protocol
            .map(|own| Conntrack { protocol: Some(Negatable { invert: !own.invert, ..own }), ..nothing() }),
        own.direction_original.map(|own| Conntrack { direction_original: Some(!own), ..nothing() }),
        own.original_source.map(|own| Conntrack { original_source: contrary(own), ..nothing() }),
        own.original_destination.map(|own| Conntrack { original_destination: contrary(own), ..nothing() }),
        own.reply_source.map(|own| Conntrack { reply_source: contrary(own), ..nothing() }),
        own.reply_destination.map(|own| Conntrack { reply_destination: contrary(own), ..nothing() }),
        own.original_source_port.map(|own| Conntrack { original_source_port: contrary_of(own), ..nothing() }),
        own.original_destination_port
            .map(|own| Conntrack { original_destination_port: contrary_of(own), ..nothing() }),
        own.reply_source_port.map(|own| Conntrack { reply_source_port: contrary_of(own), ..nothing() }),
        own.reply_destination_port
            .map(|own| Conntrack { reply_destination_port: contrary_of(own), ..nothing() }),
        own.status
            .map(|own| Conntrack { status: Some(Negatable { invert: !own.invert, ..own }), ..nothing() }),
        own.expire
            .map(|own| Conntrack { expire: Some(Negatable { invert: !own.invert, ..own }), ..nothing() }),
    ];
    for part in parts.into_iter().flatten() {
        translate(&part, &mut single)?;
        for text in single.take_conditions() {
            let ports = text.contains(" proto-").then(|| expression.header.positive_protocol()).flatten();
            // Why: a chain inside the rule knows nothing of the protocol.
            let protocol = ports.map(|own| format!("meta l4proto {} ", header::protocol_in_nft(own)));
            expression.unless("-m conntrack", protocol.unwrap_or_default() + &text);
        }
    }
    Ok(())
}

fn state(own: Negatable<StateSet>, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let (plain, translated) = (own.value.0 & !TRANSLATED, own.value.0 & TRANSLATED);
    let (plain_names, translated_names) = (names(&STATES, plain), names(&STATES, translated));
    match (plain, translated, own.invert) {
        (_, 0, false) => expression.condition(format!("ct state {plain_names}")),
        (_, 0, true) => expression.condition(format!("ct state ! {plain_names}")),
        (0, _, false) => expression.condition(format!("ct status {translated_names}")),
        (_, _, false) => {
            // One of two fields: not (neither of them). What has no connection has no translation either.
            let elsewhere = names(&STATES, NOWHERE & !plain);
            if !elsewhere.is_empty() {
                expression.unless("-m conntrack --ctstate", format!("ct state {elsewhere}"));
            }
            let neither = format!("ct state ! {plain_names} ct status ! {translated_names}");
            expression.unless("-m conntrack --ctstate", neither);
        }
        (_, _, true) => {
            if plain != 0 {
                expression.condition(format!("ct state ! {plain_names}"));
            }
            if plain & NOWHERE == NOWHERE {
                expression.condition(format!("ct status ! {translated_names}"));
            } else {
                expression.unless("-m conntrack ! --ctstate", format!("ct status {translated_names}"));
            }
        }
    }
    Ok(())
}

fn network(own: &HostMask) -> String {
    let network = own.network();
    let mut text = String::new();
    push_address(&mut text, network.address());
    if own.length < network.family().bits() {
        text.push_str(&format!("/{}", own.length));
    }
    text
}

fn status(own: Negatable<StatusSet>, expression: &mut Expression<'_>) {
    match (own.value.0, own.invert) {
        // Linux: NONE asks whether one of no bits is set.
        (0, false) => expression.never(),
        (0, true) => expression.condition("ct status & 0x0 == 0x0"),
        (bits, false) => expression.condition(format!("ct status {}", names(&STATUSES, bits))),
        (bits, true) => expression.condition(format!("ct status ! {}", names(&STATUSES, bits))),
    }
}

/// Whole seconds in iptables, milliseconds in nft's 32 bits.
fn expire(own: Negatable<(u32, u32)>, expression: &mut Expression<'_>) {
    /// The last second that nft's field holds whole.
    const LAST: u32 = u32::MAX / 1000 - 1;
    let (from, to) = own.value;
    match (from > LAST, to > LAST, own.invert) {
        // Longer than a connection can have.
        (true, _, false) => expression.never(),
        (true, _, true) => expression.condition("ct expiration >= 0s"),
        (_, true, false) => expression.condition(format!("ct expiration >= {from}s")),
        (_, true, true) => expression.condition(format!("ct expiration < {from}s")),
        _ => expression.compare("ct expiration", own.invert, format_args!("{from}s-{to}s999ms")),
    }
}
