//! `-j CT` and `-j NOTRACK` (Linux: `xt_ct_target`; F35, F36).
//!
//! A packet that was looked at before – on its second way over loopback, or by an earlier CT rule – goes on unchanged.
//! Event masks change what listeners are told, not packets. Timeout policies are an input ([`crate::objects`]); without it,
//! they are undecided. So is a helper that the kernel's modules do not have ([`is_modelled`]).
use rules::Target;
use rules::targets::ct::{Ct, Zone as ZoneRule, ZoneDirection, ZoneId};

use super::Effect;
use crate::Env;
use crate::conntrack::helper::is_modelled;
use crate::conntrack::{Direction, Wanted, Zone};
use crate::skb::{Packet, Template, Tracking};

pub(super) fn untrack(packet: &mut Packet) -> Effect {
    if !seen(packet) {
        packet.tracking = Tracking::Untracked;
    }
    Effect::Continue
}

/// `place`: where that is which the rule's packets share.
pub(super) fn apply(rule: &Ct, place: Option<usize>, packet: &mut Packet, env: &Env<'_>) -> Effect {
    if seen(packet) {
        return Effect::Continue;
    }
    if rule.notrack {
        return untrack(packet);
    }
    let policy = place.and_then(|place| env.named.templates.get(place)?.policy);
    let policy = policy.and_then(|place| u16::try_from(place).ok());
    if rule.timeout.is_some() && policy.is_none() {
        return Effect::Undecided("the timeout policy of CT --timeout, which nobody has given");
    }
    if rule.helper.as_deref().is_some_and(|helper| !is_modelled(helper)) {
        return Effect::Undecided("this helper (CT --helper)");
    }
    let zone = rule.zone.map_or(Zone::default(), |zone| match zone.id {
        ZoneId::Number(number) => in_direction(number, zone.direction),
        ZoneId::Mark => in_direction(low_half(packet.mark), zone.direction),
    });
    packet.template = Some(Box::new(Template {
        zone,
        helper: rule.helper.clone(),
        timeout: policy,
        events: wanted(rule),
        zero_zone: rule.zone.and_then(|given| zero_of(zone, given.direction)),
        rule: place,
        ..Template::default()
    }));
    Effect::Continue
}

/// Linux: `nf_ct_ecache_ext_add`: what one option does not name is not wanted, if the other one is there.
fn wanted(rule: &Ct) -> Option<Wanted> {
    let (connection, expectations) = (rule.events.unwrap_or(0), rule.expectation_events.unwrap_or(0));
    (connection != 0 || expectations != 0).then_some(Wanted { connection, expectations })
}

/// Linux: `skb->_nfct != 0`.
fn seen(packet: &Packet) -> bool {
    packet.tracking != Tracking::None || packet.template.is_some()
}

/// For which direction a CT rule that acts on this packet takes the zone from the mark. Connection tracking reads the
/// mark when it looks at the packet, not when the rule is met (Linux: `nf_ct_zone_tmpl`).
pub(in crate::tables) fn follows_mark(target: &Target, packet: &Packet) -> Option<ZoneDirection> {
    match target {
        Target::Ct(rule) if !seen(packet) && !rule.notrack => match rule.zone {
            Some(ZoneRule { direction, id: ZoneId::Mark }) => Some(direction),
            _ => None,
        },
        _ => None,
    }
}

/// Sets the zone of the packet's template to its present mark.
pub(in crate::tables) fn zone_of_mark(packet: &mut Packet, direction: ZoneDirection) {
    let zone = in_direction(low_half(packet.mark), direction);
    if let Some(template) = packet.template.as_deref_mut() {
        template.zone = zone;
        template.zero_zone = zero_of(zone, direction);
    }
}

/// The direction of a zone whose number is 0. Linux: a zone keeps its direction, and lines of /proc say it (measured).
fn zero_of(zone: Zone, direction: ZoneDirection) -> Option<Direction> {
    match direction {
        ZoneDirection::Original if zone.original == 0 => Some(Direction::Original),
        ZoneDirection::Reply if zone.reply == 0 => Some(Direction::Reply),
        _ => None,
    }
}

fn low_half(mark: u32) -> u16 {
    (mark & 0xffff) as u16
}

fn in_direction(number: u16, direction: ZoneDirection) -> Zone {
    match direction {
        ZoneDirection::Both => Zone { original: number, reply: number },
        ZoneDirection::Original => Zone { original: number, reply: 0 },
        ZoneDirection::Reply => Zone { original: 0, reply: number },
    }
}
