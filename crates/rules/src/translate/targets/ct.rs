//! `-j CT`. Its rules stand in front of connection tracking, where nft can only give a zone or not track.
use crate::targets::ct::{Ct, ZoneDirection, ZoneId};
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Ct, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    if own.notrack {
        // Linux: with --notrack nothing else counts (xt_ct_tg_check).
        expression.statement("notrack");
        return Ok(());
    }
    let refused = [
        (own.helper.is_some(), "-j CT --helper", "helper"),
        (own.timeout.is_some(), "-j CT --timeout", "timeout policy"),
        (own.events.is_some(), "-j CT --ctevents", "set of events"),
        (own.expectation_events.is_some(), "-j CT --expevents", "set of events"),
    ];
    for (given, what, thing) in refused {
        if given {
            let why =
                format!("nft gives a {thing} only behind connection tracking, this rule stands before it");
            return Err(Untranslatable::new(what, why));
        }
    }
    let (direction, id) = match own.zone.map(|zone| (zone.direction, zone.id)) {
        None => (ZoneDirection::Both, 0),
        Some((direction, ZoneId::Number(id))) => (direction, id),
        Some((_, ZoneId::Mark)) => {
            return Err(Untranslatable::new("-j CT --zone mark", "nft takes no mark as a zone"));
        }
    };
    let words = match direction {
        ZoneDirection::Both => "ct zone set",
        ZoneDirection::Original => "ct original zone set",
        ZoneDirection::Reply => "ct reply zone set",
    };
    // Why: what is untracked already stays so in iptables; nft would track it in the zone.
    expression.statement(format!("ct state ! untracked {words} {id}"));
    Ok(())
}
