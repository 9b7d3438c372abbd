//! What a person should know besides the steps: the well-known surprises, each said only when it bears on the packet.
//!
//! Advice never decides anything; it reads the steps that the engine took and the ruleset beside them.
use netfilter::trace::{NatSkip, Outcome, Step};
use netfilter::{DeviceId, Drop};
use packet::{View, protocol};
use rules::{ChainId, Hook, Match, Rule, Ruleset, Table, TableRules, Target};

use super::run::{End, Passage};
use super::wording;

/// The advice for one packet.
pub(super) fn of(passage: &Passage, rulesets: &[Ruleset]) -> Vec<String> {
    let Some(ruleset) = rulesets.iter().find(|own| own.family() == passage.family) else { return Vec::new() };
    let checks: [fn(&Passage, &Ruleset) -> Option<String>; 7] = [
        by_loopback,
        overtaken,
        prerouting_not_visited,
        input_not_visited,
        string_in_nat,
        hairpin,
        translated_before,
    ];
    checks.iter().filter_map(|check| check(passage, ruleset)).collect()
}

/// The steps of the packet itself.
fn own(passage: &Passage) -> impl Iterator<Item = &Step> {
    passage.steps.iter().filter(|(id, _)| *id == passage.id).map(|(_, step)| step)
}

fn rule_count(ruleset: &Ruleset, table: Table, hook: Hook) -> usize {
    let chain = ruleset.table(table).and_then(|rules| rules.chain(rules.builtin(hook)?));
    chain.map_or(0, |chain| chain.rules.len())
}

/// `the rule` or `the 3 rules`.
fn rules(count: usize) -> String {
    if count == 1 { "the rule".to_owned() } else { format!("the {count} rules") }
}

fn rewritten_by(passage: &Passage, name: &str) -> bool {
    own(passage).any(|step| matches!(step, Step::Rewritten { by, .. } if *by == name))
}

/// How many conditions a rule has.
fn conditions(rule: &Rule) -> usize {
    let header = &rule.header;
    let asked = [
        header.source.is_some(),
        header.destination.is_some(),
        header.input.is_some(),
        header.output.is_some(),
        header.protocol.is_some(),
        header.fragment.is_some(),
    ];
    let matches = rule.matches.iter().filter(|own| !matches!(own, Match::Comment(_))).count();
    asked.iter().filter(|asked| **asked).count() + matches
}

/// What comes by lo was sent by this machine, with a route of its own (F7): from a capture half of its way is missing.
fn by_loopback(passage: &Passage, _ruleset: &Ruleset) -> Option<String> {
    let text = "a packet on lo was sent by this machine: give it as `local …`, and its way through OUTPUT and POSTROUTING \
                is shown, too; from lo alone its sender's route is missing";
    (passage.device == Some(DeviceId::LOOPBACK)).then(|| text.to_owned())
}

/// An earlier rule took the packet from a later one (S8). A drop is always told; an acceptance only where the later rule
/// is the narrower one, because a wide rule that drops the rest stands at the end of every good ruleset.
fn overtaken(passage: &Passage, ruleset: &Ruleset) -> Option<String> {
    let mut decided = None;
    for step in own(passage) {
        match step {
            Step::Rule { table, chain, number, outcome: Outcome::Matched } => {
                decided = Some((*table, *chain, *number));
            }
            Step::Overtaken { table, chain, number } => {
                let (_, first_chain, first_number) = decided?;
                let rules = std::slice::from_ref(ruleset);
                let first = wording::find(rules, passage.family, *table, first_chain, first_number);
                let later = wording::find(rules, passage.family, *table, *chain, *number);
                let (first_rule, later_rule) = (first.rule?, later.rule?);
                let accepted = matches!(first_rule.target, Some(Target::Accept));
                if accepted && conditions(later_rule) <= conditions(first_rule) {
                    continue;
                }
                let name = |chain| wording::chain_name(rules, passage.family, *table, chain);
                return Some(format!(
                    "order: rule {first_number} of chain {} took the packet; without it, rule {number} of chain {} \
                     would have {}: {}",
                    name(first_chain),
                    name(*chain),
                    if accepted { "stopped it" } else { "accepted it" },
                    later.text()
                ));
            }
            _ => {}
        }
    }
    None
}

/// Packets of the machine itself never visit nat PREROUTING (F7, S9): said where a rule there would translate what is
/// asked for.
fn prerouting_not_visited(passage: &Passage, ruleset: &Ruleset) -> Option<String> {
    if passage.device.is_some() || rewritten_by(passage, "DNAT") {
        return None;
    }
    let view = View::parse(&passage.bytes).ok()?;
    let table = ruleset.table(Table::Nat)?;
    let (number, rule) = translating(table, table.builtin(Hook::Prerouting)?, &view, 0)?;
    let mut text = String::new();
    rules::syntax::print::rule(&mut text, table, "PREROUTING", rule, false);
    let (_, text) = text.split_at_checked("-A PREROUTING ".len())?;
    let place = number.map_or_else(String::new, |number| format!(" {number}"));
    Some(format!(
        "this machine sent the packet itself, so nat PREROUTING was not visited. Rule{place} there ({text}) is for \
         packets from outside; the machine's own need such a rule in nat OUTPUT"
    ))
}

/// The first rule, also behind jumps, that translates the destination and fits as far as addresses, protocol and ports
/// go; its number if it stands in the chain itself.
fn translating<'t>(
    table: &'t TableRules,
    chain: ChainId,
    view: &View<'_>,
    depth: usize,
) -> Option<(Option<usize>, &'t Rule)> {
    const DEEPEST: usize = 8;
    if depth > DEEPEST {
        return None;
    }
    table.chain(chain)?.rules.iter().enumerate().filter(|(_, rule)| names(rule, view)).find_map(
        |(at, rule)| match &rule.target {
            Some(Target::Dnat(_) | Target::Redirect(_)) => Some((Some(at + 1), rule)),
            Some(Target::Jump(chain) | Target::Goto(chain)) => {
                translating(table, *chain, view, depth + 1).map(|(_, rule)| (None, rule))
            }
            _ => None,
        },
    )
}

/// Whether the addresses, the protocol and the ports of a rule are those of a packet.
fn names(rule: &Rule, view: &View<'_>) -> bool {
    let header = &rule.header;
    let source = header.source.is_none_or(|own| own.value.contains(view.source()) != own.invert);
    let destination =
        header.destination.is_none_or(|own| own.value.contains(view.destination()) != own.invert);
    let protocol = header.protocol.is_none_or(|own| (Some(own.value) == view.protocol()) != own.invert);
    let port = view.ports().map(|(_, port)| port);
    let asks = |range: rules::matches::PortRange, invert: bool| {
        port.is_some_and(|port| range.contains(port) != invert)
    };
    let ports = rule.matches.iter().all(|own| match own {
        Match::Tcp(own) => own.destination.is_none_or(|own| asks(own.value, own.invert)),
        Match::Udp(own) => own.destination.is_none_or(|own| asks(own.value, own.invert)),
        Match::Multiport(own) => own.ports.iter().any(|range| asks(*range, false)) != own.invert,
        _ => true,
    });
    source && destination && protocol && ports
}

/// Forwarded packets never visit INPUT (S15).
fn input_not_visited(passage: &Passage, ruleset: &Ruleset) -> Option<String> {
    let count = rule_count(ruleset, Table::Filter, Hook::Input);
    if count == 0 || !passage.hooks().contains(&Hook::Forward) {
        return None;
    }
    let rules = rules(count);
    let passed = !matches!(passage.end, End::Dropped(_));
    Some(if passed && rewritten_by(passage, "DNAT") {
        format!(
            "the destination was translated before the routing decision, so the packet is forwarded: {rules} of filter \
             INPUT cannot see it. What must be kept out is kept out in FORWARD (with Docker in chain DOCKER-USER)"
        )
    } else {
        format!("the packet is forwarded, so {rules} of filter INPUT cannot see it; FORWARD decides")
    })
}

fn matches_string(rule: &Rule) -> bool {
    rule.matches.iter().any(|own| matches!(own, Match::String(_)))
}

/// The nat table sees first packets only, and a TCP SYN has no payload (S18).
fn string_in_nat(passage: &Passage, ruleset: &Ruleset) -> Option<String> {
    let view = View::parse(&passage.bytes).ok().filter(|view| view.protocol() == Some(protocol::TCP))?;
    let table = ruleset.table(Table::Nat)?;
    let there = table.slots_in_order().flat_map(|(_, chain)| &chain.rules).any(matches_string);
    let asked = own(passage).any(|step| {
        matches!(step, Step::Rule { table: Table::Nat, outcome: Outcome::Failed(mismatch), .. }
            if mismatch.option.starts_with("--string"))
    });
    let passed_by = own(passage).any(|step| {
        let Step::NatSkipped { reason: NatSkip::NotFirst, hook } = step else { return false };
        matches!(hook, Hook::Prerouting | Hook::Output)
    });
    if there && (asked || passed_by && view.tcp().is_some_and(|tcp| !tcp.payload().is_empty())) {
        return Some(
            "a string match in table nat looks at the first packet of a connection only; for TCP that is the SYN, which \
             carries no payload, so it never sees what a client says. Match in table filter or mangle instead"
                .to_owned(),
        );
    }
    None
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
        "hairpin: the packet leaves by the device it came from, with its own source {}. {} will answer it directly, not \
         through this machine, and the client will not know the answer; MASQUERADE or SNAT it in nat POSTROUTING",
        view.source(),
        view.destination(),
    ))
}

/// Rules of filter see the translated destination: a rule that names the offered port does not fit any more.
fn translated_before(passage: &Passage, _ruleset: &Ruleset) -> Option<String> {
    let End::Dropped(reason) = &passage.end else { return None };
    let table = match reason {
        Drop::Rule { table, .. } | Drop::Rejected { table, .. } | Drop::Policy { table, .. } => *table,
        _ => return None,
    };
    let after = own(passage).find_map(|step| match step {
        Step::Rewritten { by: "DNAT", after, .. } => View::parse(after).ok(),
        _ => None,
    })?;
    if table != Table::Filter && table != Table::Security {
        return None;
    }
    let port = after.ports().map_or_else(String::new, |(_, port)| format!(" port {port}"));
    Some(format!(
        "destination NAT happened before: table {table} sees {}{port}, not the address and port that the client asked for",
        after.destination()
    ))
}
