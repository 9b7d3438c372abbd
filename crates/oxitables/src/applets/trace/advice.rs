//! What a person should know besides the steps: the well-known surprises, each said only when it bears on the packet.
//!
//! Advice never decides anything; it reads the steps that the engine took and the ruleset beside them.
use netfilter::trace::{Outcome, Step};
use packet::View;
use rules::{Hook, Ruleset, Table, Target};

use super::run::{End, Passage};

/// The advice for one packet.
pub(super) fn of(passage: &Passage, rulesets: &[Ruleset]) -> Vec<String> {
    let Some(ruleset) = rulesets.iter().find(|own| own.family() == passage.family) else { return Vec::new() };
    let checks: [fn(&Passage, &Ruleset) -> Option<String>; 5] =
        [prerouting_not_visited, input_not_visited, string_in_nat, hairpin, translated_before];
    checks.iter().filter_map(|check| check(passage, ruleset)).collect()
}

fn rule_count(ruleset: &Ruleset, table: Table, hook: Hook) -> usize {
    let chain = ruleset.table(table).and_then(|rules| rules.chain(rules.builtin(hook)?));
    chain.map_or(0, |chain| chain.rules.len())
}

fn rewritten_by(passage: &Passage, name: &str) -> bool {
    passage.steps.iter().any(|(id, step)| {
        *id == passage.id && matches!(step, Step::Rewritten { by, .. } if by.contains(name))
    })
}

/// Packets of the machine itself never visit nat PREROUTING (F7, S9).
fn prerouting_not_visited(passage: &Passage, ruleset: &Ruleset) -> Option<String> {
    let rules = rule_count(ruleset, Table::Nat, Hook::Prerouting);
    if passage.device.is_some() || rules == 0 || rewritten_by(passage, "DNAT") {
        return None;
    }
    Some(format!(
        "this machine sent the packet itself, so the {rules} rule(s) of nat PREROUTING were not visited; what is \
         redirected there must be redirected in nat OUTPUT as well"
    ))
}

/// Forwarded packets never visit INPUT (S15).
fn input_not_visited(passage: &Passage, ruleset: &Ruleset) -> Option<String> {
    let rules = rule_count(ruleset, Table::Filter, Hook::Input);
    if rules == 0 || !passage.hooks().contains(&Hook::Forward) {
        return None;
    }
    Some(format!(
        "the packet is forwarded: it passes FORWARD, and the {rules} rule(s) of filter INPUT never see it"
    ))
}

/// The nat table sees first packets only, and a TCP SYN has no payload (S18).
fn string_in_nat(passage: &Passage, _ruleset: &Ruleset) -> Option<String> {
    let failed = passage.steps.iter().any(|(id, step)| {
        *id == passage.id
            && matches!(step, Step::Rule { table: Table::Nat, outcome: Outcome::Failed(mismatch), .. }
                if mismatch.option.contains("string"))
    });
    failed.then(|| {
        "a string match in table nat looks at the first packet of a connection only; for TCP that is the SYN, which \
         carries no payload, so it cannot match what a client says later. Match in table filter or mangle instead"
            .to_owned()
    })
}

/// A published port reached from inside: without source NAT the answer goes past this machine (S11).
fn hairpin(passage: &Passage, _ruleset: &Ruleset) -> Option<String> {
    let sent = passage.out.iter().find(|sent| sent.packet == passage.id)?;
    if passage.device != Some(sent.device) || !rewritten_by(passage, "DNAT") || rewritten_by(passage, "SNAT")
    {
        return None;
    }
    let view = View::parse(&sent.bytes).ok()?;
    Some(format!(
        "the packet leaves by the device it came from, with its own source {}: {} will answer it directly, not through \
         this machine, and the client will not know the answer; MASQUERADE or SNAT it in nat POSTROUTING",
        view.source(),
        view.destination(),
    ))
}

/// Rules of filter see the translated destination: a rule that names the offered port does not fit any more.
fn translated_before(passage: &Passage, ruleset: &Ruleset) -> Option<String> {
    if !matches!(passage.end, End::Dropped(_)) || !rewritten_by(passage, "DNAT") {
        return None;
    }
    let translates = ruleset.table(Table::Nat).is_some_and(|rules| {
        rules
            .slots_in_order()
            .flat_map(|(_, chain)| &chain.rules)
            .any(|rule| matches!(rule.target, Some(Target::Dnat(_) | Target::Redirect(_))))
    });
    translates.then(|| {
        "destination NAT happened before: table filter sees the translated address and port, not those that the client \
         asked for"
            .to_owned()
    })
}
