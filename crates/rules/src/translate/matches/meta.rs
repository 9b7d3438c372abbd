//! What is asked of the packet's surroundings: `-m cpu`, `-m length`, `-m pkttype`, `-m cgroup`, `-m quota`, `-m policy`.
use crate::matches::cgroup::Cgroup;
use crate::matches::cpu::Cpu;
use crate::matches::length::Length;
use crate::matches::pkttype::{PacketKind, Pkttype};
use crate::matches::policy::{Direction, Element, Policy};
use crate::matches::quota::Quota;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate_cpu(own: &Cpu, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.compare("cpu", own.invert, own.number);
    Ok(())
}

pub(super) fn translate_length(own: &Length, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.compare("meta length", own.invert, super::numbers(own.range));
    Ok(())
}

pub(super) fn translate_pkttype(
    own: &Pkttype,
    expression: &mut Expression<'_>,
) -> Result<(), Untranslatable> {
    let name = match own.kind {
        PacketKind::Unicast => "unicast",
        PacketKind::Broadcast => "broadcast",
        PacketKind::Multicast => "multicast",
        PacketKind::OtherHost => "other",
    };
    expression.compare("pkttype", own.invert, name);
    Ok(())
}

pub(super) fn translate_cgroup(own: &Cgroup, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    if own.path.is_some() {
        let why = "nft looks for the group when the rule is loaded and wants its depth";
        return Err(Untranslatable::new("-m cgroup --path", why));
    }
    if let Some(class) = own.class {
        expression.compare("meta cgroup", class.invert, class.value);
    }
    Ok(())
}

pub(super) fn translate_quota(own: &Quota, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    /// The largest quota of nft; no wire has carried as much.
    const LARGEST: u64 = i64::MAX as u64;
    if own.bytes > LARGEST {
        if own.invert {
            expression.never();
        }
        return Ok(());
    }
    let over = if own.invert { "over " } else { "" };
    expression.stateful(format!("quota {over}{} bytes", own.bytes));
    Ok(())
}

/// Whether there is a transformation at all; what it is like, nft asks of one by its place.
pub(super) fn translate_policy(own: &Policy, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let plain = own.elements.iter().all(|element| *element == Element::default());
    if !own.none && (own.strict || !plain) {
        let why = "nft asks for a transformation by its place, not for one among all";
        return Err(Untranslatable::new("-m policy", why));
    }
    let key = if own.direction == Direction::In { "meta secpath" } else { "rt ipsec" };
    let there = if own.none { "missing" } else { "exists" };
    match (own.direction, own.none) {
        // Why: a packet without a route has no policy, and nft has nothing to look at.
        (Direction::Out, true) => expression.unless("-m policy --dir out --pol none", "rt ipsec exists"),
        _ => expression.condition(format!("{key} {there}")),
    }
    Ok(())
}
