//! What differs between two outcomes, after what may differ is taken out (kernel-facts 2.2).
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::case::{Case, Step};
use crate::craft;
use crate::outcome::{Connection, Outcome, Output, SetMember, StepOutcome};
use crate::told;

mod stamps;

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Step, from 0; `None`: at the end.
    pub step: Option<usize>,
    /// What: `output`, `errno`, `path` …
    pub what: &'static str,
    /// The first's.
    pub left: String,
    /// The second's.
    pub right: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Some(step) => write!(f, "step {} {}:", step + 1, self.what)?,
            None => write!(f, "{}:", self.what)?,
        }
        write!(f, "\n  kernel: {}\n  engine: {}", self.left, self.right)
    }
}

/// All differences between the outcomes of a case; the first stands for the kernel. One that the kernel refuses without its
/// saying so would compare nothing.
pub fn compare(case: &Case, left: &Outcome, right: &Outcome) -> Vec<Difference> {
    if left.refused.is_some() != case.refused {
        let said = if case.refused { "the case says that it is refused" } else { "the case does not say so" };
        return vec![Difference { step: None, what: "refused", left: words(left), right: said.to_owned() }];
    }
    // To everybody in a subnet of 16 addresses or more, or to a group.
    let copies = case.saves().any(|rules| rules.contains("-j TEE"));
    let broadcast = |at: usize| match case.steps.get(at) {
        Some(Step::Send { bytes, .. }) => {
            bytes.first().is_some_and(|first| first >> 4 == 4)
                && (bytes.get(19).is_some_and(|last| last % 16 == 15)
                    || bytes.get(16).is_some_and(|first| first >> 4 == 14))
        }
        _ => false,
    };
    let mut out = compare_ids(&Ids::Of(injected_ids(case)), left, right, |at| copies || broadcast(at));
    // Why: members of sets grow old while iptables-nft loads its rules, on a busy machine for seconds.
    let by_nft = case.nft.iter().any(Option::is_some);
    out.retain(|difference| !(by_nft && difference.step.is_none() && difference.what == "timeout"));
    out
}

/// As [`compare`], for two runs whose fragments have different identifications ([`Case::refreshed`]): none but 0 and
/// 1 is compared, in quotes of ICMP errors neither.
pub fn compare_refreshed(left: &Outcome, right: &Outcome) -> Vec<Difference> {
    compare_ids(&Ids::Plain, left, right, |_| false)
}

/// Identifications that are compared; all others are made by the machine and vary.
enum Ids {
    Of(BTreeSet<u32>),
    Plain,
}

impl Ids {
    fn compared(&self, id: u32) -> bool {
        match self {
            Ids::Of(ids) => ids.contains(&id),
            Ids::Plain => id <= 1,
        }
    }
}

/// What an outcome says of being refused.
fn words(outcome: &Outcome) -> String {
    outcome.refused.clone().unwrap_or_else(|| "accepted".to_owned())
}

fn compare_ids(
    ids: &Ids,
    left: &Outcome,
    right: &Outcome,
    overtakes: impl Fn(usize) -> bool,
) -> Vec<Difference> {
    let mut out = Vec::new();
    if left.refused.is_some() || right.refused.is_some() {
        if left.refused.is_some() != right.refused.is_some() {
            out.push(Difference { step: None, what: "refused", left: words(left), right: words(right) });
        }
        return out;
    }
    for (at, (left, right)) in left.steps.iter().zip(&right.steps).enumerate() {
        compare_step(at, ids, left, right, overtakes(at), &mut out);
    }
    compare_sets(&left.sets, &right.sets, left.making.max(right.making), &mut out);
    let counters = |outcome: &Outcome| -> BTreeMap<(u8, String), (u64, u64)> {
        outcome
            .counters
            .iter()
            .filter(|counter| counter.packets != 0 || counter.bytes != 0)
            .map(|counter| ((counter.family, counter.place.clone()), (counter.packets, counter.bytes)))
            .collect()
    };
    let (left, right) = (counters(left), counters(right));
    let places: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    for place in places {
        let (one, other) = (left.get(place), right.get(place));
        if one != other {
            let text = |counter: Option<&(u64, u64)>| {
                let (packets, bytes) = counter.copied().unwrap_or_default();
                format!("{} [{packets}:{bytes}]", place.1)
            };
            out.push(Difference { step: None, what: "counter", left: text(one), right: text(other) });
        }
    }
    out
}

/// `making`: so many milliseconds their making took.
fn compare_sets(left: &[SetMember], right: &[SetMember], making: u64, out: &mut Vec<Difference>) {
    let mut push = |what, left: String, right: String| out.push(Difference { step: None, what, left, right });
    let lines = |own: &[SetMember]| own.iter().map(|own| own.line.clone()).collect::<Vec<_>>();
    let (one, other) = (lines(left), lines(right));
    if one != other {
        // Why: sets are long, and mostly equal; what is equal but in another order (lists) is shown whole.
        let only = |own: &[String], there: &[String]| {
            let own: Vec<&str> =
                own.iter().filter(|line| !there.contains(line)).map(String::as_str).collect();
            own.join("\n          ")
        };
        let (ours, theirs) = (only(&one, &other), only(&other, &one));
        match ours == theirs {
            true => push("set", one.join(", "), other.join(", ")),
            false => push("set", ours, theirs),
        }
        return;
    }
    let differ = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (Some(one), Some(other)) => one.abs_diff(other) > 1 + (making + 500) / 1000,
        (one, other) => one != other,
    };
    for (one, other) in left.iter().zip(right).filter(|(one, other)| differ(one.timeout, other.timeout)) {
        let text = |own: &SetMember| format!("{:?} of {}", own.timeout, own.line);
        push("timeout", text(one), text(other));
    }
}

fn compare_step(
    at: usize,
    ids: &Ids,
    left: &StepOutcome,
    right: &StepOutcome,
    overtakes: bool,
    out: &mut Vec<Difference>,
) {
    let mut push = |what, left: String, right: String| {
        if left != right {
            out.push(Difference { step: Some(at), what, left, right });
        }
    };
    push("errno", format!("{:?}", left.errno), format!("{:?}", right.errno));
    let (one, other) = (by_device(left), by_device(right));
    let text = |outputs: &[&Output], against: &[&Output]| {
        let lines: Vec<String> = outputs
            .iter()
            .enumerate()
            .map(|(at, output)| {
                // Why: what the kernel numbered itself may by chance have a number of the case on the other side.
                let made = made_here(&output.bytes, ids)
                    || against.get(at).is_some_and(|other| {
                        made_here(&other.bytes, ids) && std::ptr::eq(against, one.as_slice())
                    });
                let bytes = masked(&output.bytes, ids, made);
                let frame = output.frame.as_ref().map(|frame| format!(" [{frame}]")).unwrap_or_default();
                let summary = crate::case::summary(&bytes);
                format!("{}{frame} {} # {summary}", output.device, craft::hex(&bytes))
            })
            .collect();
        lines.join("\n          ")
    };
    // A local broadcast comes in before or behind its sender's own way, as the processor's softirqs happen to run, and a copy
    // of TEE that is routed to loopback before or behind an answer of the machine; the packets and rules must be the same ones.
    let (one, other) = (text(&one, &other), text(&other, &one));
    let lines = |text: &str| sorted(text.lines().map(|line| line.trim_start().to_owned()));
    if !(overtakes && lines(&one) == lines(&other)) {
        push("output", one, other);
    }
    let chosen = match ids {
        Ids::Of(ids) => ids.clone(),
        Ids::Plain => BTreeSet::from([0, 1]),
    };
    let (told_left, told_right) = told::compared(&left.told, &right.told, &chosen);
    push("told", told_left, told_right);
    push("delivered", format!("{:?}", left.delivered), format!("{:?}", right.delivered));
    let (one, other) = (left.path.join(" "), right.path.join(" "));
    let steps = |step: &StepOutcome| sorted(step.path.iter().cloned());
    if !(overtakes && steps(left) == steps(right)) {
        push("path", one, other);
    }
    let lines = |connections: &[Connection]| {
        connections.iter().map(|connection| connection.line.as_str()).collect::<Vec<_>>().join("\n          ")
    };
    let (one, other) = (lines(&left.connections), lines(&right.connections));
    if one == other {
        for (one, other) in left.connections.iter().zip(&right.connections) {
            if !close(one.timeout, other.timeout) {
                push(
                    "timeout",
                    format!("{:?} of {}", one.timeout, one.line),
                    format!("{:?} of {}", other.timeout, other.line),
                );
            }
        }
    } else {
        push("connections", one, other);
    }
}

fn sorted(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut words: Vec<String> = words.collect();
    words.sort();
    words
}

/// Timeouts are shown in whole seconds of a clock that ticks every 4 ms: equal within a second.
fn close(one: Option<i64>, other: Option<i64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.abs_diff(other) <= 1,
        (one, other) => one == other,
    }
}

/// Identifications that the case itself put into packets; all others are made by the machine and vary.
fn injected_ids(case: &Case) -> BTreeSet<u32> {
    let mut ids = BTreeSet::from([0]);
    for step in &case.steps {
        if let Step::Inject { bytes, .. } | Step::Frame { bytes, .. } | Step::Send { bytes, .. } = step {
            match bytes.first().map(|first| first >> 4) {
                Some(4) => ids.extend(bytes.get(4..6).map(|id| u32::from(id[0]) << 8 | u32::from(id[1]))),
                _ => ids.extend(fragment_id(bytes).map(|(_, id)| id)),
            }
        }
    }
    // Packets made by `reply` and `craft` have 1.
    ids.insert(1);
    ids
}

fn fragment_id(bytes: &[u8]) -> Option<(usize, u32)> {
    let view = packet::View::parse(bytes).ok()?;
    let fragment = view.layout().fragment.filter(|_| view.family() == packet::Family::V6)?;
    Some((fragment.header + 4, fragment.id))
}

/// The packets of a step in order for each device.
fn by_device(step: &StepOutcome) -> Vec<&Output> {
    let mut out: Vec<_> = step.outputs.iter().collect();
    out.sort_by(|one, other| one.device.cmp(&other.device));
    out
}

/// Whether the machine chose the identification of a packet.
fn made_here(bytes: &[u8], ids: &Ids) -> bool {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => bytes.get(4..6).is_some_and(|id| !ids.compared(u32::from(id[0]) << 8 | u32::from(id[1]))),
        _ => fragment_id(bytes).is_some_and(|(_, id)| !ids.compared(id)),
    }
}

/// The packet with the identification and IPv4 header checksum set to zero if the machine chose them (`made`).
fn masked(bytes: &[u8], ids: &Ids, made: bool) -> Vec<u8> {
    let mut out = bytes.to_vec();
    if bytes.first().is_some_and(|first| first >> 4 == 4) {
        let right =
            bytes.get(..usize::from(bytes[0] & 15) * 4).is_some_and(|head| craft::checksum(head) == 0);
        if made && let Some(head) = out.get_mut(..12) {
            head[4..6].fill(0);
            // Why: a checksum that was right stays right, a wrong one shows.
            head[10..12].fill(if right { 0 } else { 0xee });
            let header = usize::from(bytes[0] & 15) * 4;
            if right && let Some(head) = out.get_mut(..header) {
                let sum = craft::checksum(head);
                head[10..12].copy_from_slice(&sum.to_be_bytes());
            }
        }
        if matches!(ids, Ids::Plain) && bytes.get(9) == Some(&1) {
            mask_quote(&mut out);
        }
        stamps::mask(&mut out);
    } else if made
        && let Some((at, _)) = fragment_id(bytes)
        && let Some(place) = out.get_mut(at..at + 4)
    {
        place.fill(0);
    }
    out
}

/// Takes the identification of a quoted packet out, and the two checksums that cover it.
fn mask_quote(packet: &mut [u8]) {
    let header = packet.first().map_or(0, |first| usize::from(first & 15) * 4);
    if let Some(error) = packet.get_mut(header..header + 20)
        && matches!(error[0], 3 | 4 | 5 | 11 | 12)
    {
        error[2..4].fill(0);
        error[12..14].fill(0);
        error[18..20].fill(0);
    }
}

#[cfg(test)]
mod tests;
