//! The trace for programs: one JSON object a packet, on one line. The schema is docs/trace-json.md; it only grows.
use netfilter::Network;
use std::collections::HashMap;

use netfilter::network::{Route, Unroutable, Way};
use netfilter::trace::{MemberChange, NatSkip, Outcome, Step};
use rules::{Hook, Ruleset};
use serde_json::{Map, Value, json};

use super::run::{End, Passage};
use super::{reason, wording};

/// The version of the schema. It changes only when a field is removed or changes its meaning.
const SCHEMA: u32 = 1;

/// One packet as one line.
pub(super) fn render(passage: &Passage, rulesets: &[Ruleset], network: &Network) -> String {
    let mut hook = None;
    let mut current = passage.id;
    let mut worlds = HashMap::new();
    let steps: Vec<Value> = passage
        .steps
        .iter()
        .map(|(id, step)| {
            if *id != current {
                current = *id;
                hook = None;
            }
            if let Step::Hook(own) = step {
                hook = Some(*own);
            }
            if let Step::Table { world, .. } = step {
                worlds.insert(*id, *world);
            }
            let world = worlds.get(id).copied().unwrap_or_default();
            let mut value = step_value(passage, wording::of_world(rulesets, world), hook, step);
            if let Value::Object(map) = &mut value {
                map.insert("packet".into(), json!(id));
            }
            value
        })
        .collect();
    let (result, reason) = end(passage, wording::of_world(rulesets, passage.world));
    let name =
        |device| network.device(device).map(|device: &netfilter::network::Device| device.name.to_string());
    let line = json!({
        "schema": SCHEMA,
        "number": passage.number,
        "id": passage.id,
        "time": passage.elapsed.as_secs_f64(),
        "device": passage.device.and_then(name),
        "packet": passage.line(),
        "bytes": hexadecimal(&passage.bytes),
        "steps": steps,
        "result": result,
        "reason": reason,
        "errno": passage.errno,
        "out": passage.out.iter().map(|sent| json!({
            "id": sent.packet,
            "device": name(sent.device),
            "next_hop": sent.next_hop.to_string(),
            "bytes": hexadecimal(&sent.bytes),
        })).collect::<Vec<_>>(),
        "delivered": passage.delivered.iter().map(|own| json!({
            "id": own.packet,
            "device": own.device.and_then(name),
            "mark": own.mark,
            "socket": wording::assigned(passage, own.packet).map(|socket| socket.to_string()),
            "bytes": hexadecimal(&own.bytes),
        })).collect::<Vec<_>>(),
        "log": passage.log,
        "counters": passage.counters.iter().map(|moved| json!({
            "world": moved.world.name(),
            "table": moved.table.name(),
            "chain": moved.chain,
            "rule": moved.rule,
            "packets": moved.by.packets,
            "bytes": moved.by.bytes,
        })).collect::<Vec<_>>(),
        "conntrack": passage.connections,
        "notes": passage.advice,
    });
    line.to_string()
}

fn end(passage: &Passage, rulesets: &[Ruleset]) -> (&'static str, Option<String>) {
    match &passage.end {
        End::Delivered => ("delivered", None),
        End::Forwarded { .. } => ("sent", None),
        End::Kept => ("kept", None),
        End::Stolen => ("stolen", None),
        End::Dropped(reason) => ("dropped", Some(wording::drop_reason(*reason, rulesets, passage.family))),
        End::Undecided(reason) => {
            ("undecided", Some(wording::drop_reason(*reason, rulesets, passage.family)))
        }
        End::NotAsked(why) => ("undecided", Some((*why).to_owned())),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| DIGITS.get(usize::from(digit)).copied().map(char::from))
        .collect()
}

fn step_value(passage: &Passage, rulesets: &[Ruleset], hook: Option<Hook>, step: &Step) -> Value {
    let hook = hook.map(Hook::name);
    let chain = |table, id| wording::chain_name(rulesets, passage.family, table, id);
    match step {
        Step::Arrive { device, bytes } => {
            json!({"step": "arrive", "device": device.map(|name| name.to_string()), "bytes": hexadecimal(bytes)})
        }
        Step::Hook(own) => json!({"step": "hook", "hook": own.name()}),
        Step::Table { world, table, hook } => {
            json!({"step": "table", "world": world.name(), "table": table.name(), "hook": hook.name()})
        }
        Step::NatSkipped { hook, reason } => {
            json!({"step": "nat-skipped", "hook": hook.name(), "reason": nat_skip(*reason)})
        }
        Step::Rule { table, chain: id, number, outcome } => {
            let rule = wording::find(rulesets, passage.family, *table, *id, *number);
            let mut map = Map::new();
            map.insert("step".into(), json!("rule"));
            map.insert("hook".into(), json!(hook));
            map.insert("table".into(), json!(table.name()));
            map.insert("chain".into(), json!(chain(*table, *id)));
            map.insert("rule".into(), json!(number));
            map.insert("text".into(), json!(rule.text()));
            let (matched, verdict, failed) = match outcome {
                Outcome::Matched => (true, rule.verdict(), None),
                Outcome::Failed(mismatch) => (false, "continue".to_owned(), Some(mismatch)),
                Outcome::Hotdrop(mismatch) => (false, "DROP".to_owned(), Some(mismatch)),
            };
            map.insert("matched".into(), json!(matched));
            map.insert("verdict".into(), json!(verdict));
            map.insert("option".into(), json!(failed.map(|mismatch| mismatch.option)));
            map.insert("wanted".into(), json!(failed.and_then(|mismatch| rule.wanted(mismatch))));
            map.insert("found".into(), json!(failed.map(reason::found)));
            Value::Object(map)
        }
        Step::Overtaken { table, chain: id, number } => {
            let rule = wording::find(rulesets, passage.family, *table, *id, *number);
            json!({
                "step": "overtaken", "hook": hook, "table": table.name(), "chain": chain(*table, *id), "rule": number,
                "text": rule.text(), "verdict": rule.verdict(),
            })
        }
        Step::Policy { table, chain: id, policy } => json!({
            "step": "policy", "hook": hook, "table": table.name(), "chain": chain(*table, *id), "verdict": policy.name(),
        }),
        Step::Return { table, chain: id, to } => json!({
            "step": "return", "hook": hook, "table": table.name(), "chain": chain(*table, *id),
            "to": to.map(|(id, number)| json!({"chain": chain(*table, id), "rule": number})),
        }),
        Step::Conntrack { state, entry, reason } => {
            json!({"step": "conntrack", "hook": hook, "state": state, "entry": entry, "reason": reason})
        }
        Step::Confirmed { entry } => json!({"step": "confirmed", "hook": hook, "entry": entry}),
        Step::Routed { cause, destination, mark, route, device } => json!({
            "step": "route", "cause": cause, "destination": destination.to_string(), "mark": mark,
            "way": way(*route), "device": device.map(|name| name.to_string()), "next_hop": next_hop(*route),
        }),
        Step::Rewritten { by, before, after } => json!({
            "step": "rewrite", "hook": hook, "by": by, "before": hexadecimal(before), "after": hexadecimal(after),
        }),
        Step::Marked { before, after } => {
            json!({"step": "mark", "hook": hook, "before": before, "after": after})
        }
        Step::Classified { before, after } => {
            json!({"step": "classify", "hook": hook, "before": before, "after": after})
        }
        Step::Reported { group, prefix, size } => {
            json!({"step": "nflog", "hook": hook, "group": group, "prefix": prefix, "bytes": size})
        }
        Step::Queued { first, last, bypass } => {
            json!({"step": "queue", "hook": hook, "first": first, "last": last, "bypass": bypass})
        }
        Step::Mapped { queue } => json!({"step": "map-queue", "hook": hook, "queue": queue}),
        Step::Member { set, member, change } => json!({
            "step": "set", "hook": hook, "set": set.as_str(), "member": member, "change": member_change(*change),
        }),
        Step::FragmentKept => json!({"step": "fragment-kept", "hook": hook}),
        Step::Gathered { pieces } => json!({"step": "gathered", "hook": hook, "fragments": pieces}),
        Step::Logged { line, unknown_sender } => {
            json!({"step": "log", "hook": hook, "line": line, "unknown_sender": unknown_sender})
        }
        Step::Answered { packet, what } => {
            json!({"step": "answer", "hook": hook, "id": packet, "what": what})
        }
        Step::Untold { what, limit } => {
            json!({"step": "untold", "hook": hook, "what": what, "limit": limit})
        }
        Step::Copied { packet, gateway } => {
            json!({"step": "copy", "hook": hook, "id": packet, "gateway": gateway.to_string()})
        }
        Step::Carried { ports, flooded } => {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            json!({"step": "carry", "ports": ports, "flooded": flooded})
        }
        Step::Protected { device, states } => {
            json!({"step": "protect", "device": device.to_string(), "states": states})
        }
        Step::Guarded { direction, policy } => {
            json!({"step": "guard", "hook": hook, "direction": direction, "policy": policy})
        }
        Step::Assigned { socket } => {
            json!({"step": "assign", "hook": hook, "socket": socket.to_string()})
        }
        Step::Alerted { number } => json!({"step": "alert", "number": number}),
        Step::Module { name, accepted } => {
            json!({"step": "module", "hook": hook, "name": name, "accepted": accepted})
        }
        Step::Delivered { device, bytes } => {
            json!({"step": "deliver", "device": device.map(|name| name.to_string()), "bytes": hexadecimal(bytes)})
        }
        Step::Sent { device, next_hop, bytes } => json!({
            "step": "send", "device": device.to_string(), "next_hop": next_hop.to_string(), "bytes": hexadecimal(bytes),
        }),
        Step::Dropped(reason) => {
            json!({"step": "drop", "hook": hook, "reason": wording::drop_reason(*reason, rulesets, passage.family)})
        }
        Step::Undecided { table, chain: id, number, what } => json!({
            "step": "undecided", "hook": hook, "table": table.name(), "chain": chain(*table, *id), "rule": number,
            "what": what,
        }),
    }
}

/// What became of a member of a set.
fn member_change(change: MemberChange) -> &'static str {
    match change {
        MemberChange::Added => "added",
        MemberChange::Renewed => "renewed",
        MemberChange::Known => "known",
        MemberChange::Refused => "refused",
        MemberChange::Removed => "removed",
        MemberChange::Counted => "counted",
    }
}

fn nat_skip(reason: NatSkip) -> &'static str {
    match reason {
        NatSkip::NotFirst => "not-first",
        NatSkip::Invalid => "invalid",
        NatSkip::Untracked => "untracked",
        NatSkip::NoConntrack => "no-conntrack",
        NatSkip::Expected => "expected",
        NatSkip::Loopback => "loopback",
    }
}

fn way(route: Result<Route, Unroutable>) -> &'static str {
    match route.map(|route| route.way) {
        Ok(Way::Local) => "local",
        Ok(Way::Broadcast { .. }) => "broadcast",
        Ok(Way::Multicast { .. }) => "multicast",
        Ok(Way::Out { .. }) => "out",
        Err(Unroutable::NoRoute) => "no-route",
        Err(Unroutable::Unreachable) => "unreachable",
        Err(Unroutable::Prohibited) => "prohibited",
        Err(Unroutable::Blackhole) => "blackhole",
        Err(Unroutable::MartianSource) => "martian-source",
        Err(Unroutable::MartianDestination) => "martian-destination",
        Err(Unroutable::NoListener) => "no-listener",
        Err(Unroutable::WithinMachine) => "within-machine",
        Err(Unroutable::DeviceDown) => "device-down",
        Err(Unroutable::Ipv6Off) => "ipv6-off",
        Err(Unroutable::Undecided(_)) => "undecided",
        Err(Unroutable::ForwardingOff) => "forwarding-off",
    }
}

fn next_hop(route: Result<Route, Unroutable>) -> Option<String> {
    match route.map(|route| route.way) {
        Ok(Way::Out { next_hop, .. }) => Some(next_hop.to_string()),
        _ => None,
    }
}
