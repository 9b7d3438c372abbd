//! A save file in nft's language, in the kernel: does the translation do the same there?
//!
//! The lines that have no translation are taken out of the save file first ([`translatable`]); then the kernel runs the
//! case with the file in the legacy tables and once more with the translation in nf_tables. Policies have no counters
//! in nft, and its rules leave no path in the legacy trace: both are not compared.
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use packet::{Family, protocol};
use rules::syntax::NoNames;
use rules::translate::file::Translator;

use crate::outcome::{Counter, Outcome, counters_of_save};
use crate::{Step, process};

fn family(v6: bool) -> Family {
    if v6 { Family::V6 } else { Family::V4 }
}

/// The translation of a save file, and the numbers of the lines that have none.
fn translated(v6: bool, save: &str) -> Result<(String, Vec<usize>), String> {
    let mut translator = Translator::new(family(v6), &NoNames);
    let mut out = String::new();
    for line in save.split_inclusive('\n') {
        translator
            .line(line, &mut out)
            .map_err(|fault| format!("line {}: {}", fault.line, fault.error.kind))?;
    }
    translator.end(&mut out).map_err(|fault| format!("line {}: {}", fault.line, fault.error.kind))?;
    Ok((out, translator.refused))
}

/// A save file without the lines that have no translation. What is no save file at all stays as it is.
pub fn translatable(v6: bool, save: &str) -> String {
    let refused = translated(v6, save).map(|(_, refused)| refused).unwrap_or_default();
    let kept = save.split_inclusive('\n').enumerate();
    kept.filter(|(at, line)| !refused.contains(&(at + 1)) && comparable_rule(v6, line))
        .map(|(_, line)| line)
        .collect()
}

/// Whether the translation of a rule can be compared on this machine.
fn comparable_rule(v6: bool, line: &str) -> bool {
    // Why: the kernels of test machines are often built without the queues of nf_tables.
    let queue = line.contains(" -j QUEUE") || line.contains(" -j NFQUEUE");
    // Linux: nft_nat_setup_netmap leaves a part of the new IPv4 address unset, so that a connection whose address is
    // mapped to itself counts as translated (kernel 6.18, measured).
    let netmap = !v6 && line.contains(" -j NETMAP");
    // Linux: iptables puts the option where there is none, nft changes the one that is there.
    let size = line.contains(" -j TCPMSS");
    // Linux: nft_fib takes a broadcast address for one with a way back, rpfilter_lookup_reverse does not.
    let broadcast = !v6 && line.contains(" -m rpfilter");
    !queue && !netmap && !size && !broadcast
}

/// Whether a step can be compared, because iptables and nft read the headers of its packet alike. iptables drops a packet whose TCP, UDP or ICMP header is
/// cut short when a match looks at it, for nft the match does not hold. In later fragments iptables looks at no such
/// header, and nft at the bytes in its place (Linux: nft_payload_fast_eval).
pub fn whole_headers(step: &Step) -> bool {
    let bytes = match step {
        Step::Inject { bytes, .. } | Step::Frame { bytes, .. } | Step::Send { bytes, .. } => bytes,
        // Why: rules change in the legacy tables there.
        Step::Reload { .. } | Step::Command { .. } => return false,
        _ => return true,
    };
    let Ok(view) = packet::View::parse(bytes) else { return true };
    let layout = view.layout();
    let there = bytes.len().saturating_sub(layout.transport);
    let header = match layout.protocol {
        Some(protocol::TCP) => {
            let said = bytes.get(layout.transport + 12).map_or(0, |byte| usize::from(byte >> 4) * 4);
            if said < 20 { usize::MAX } else { said }
        }
        Some(protocol::UDP | protocol::ICMP | protocol::ICMPV6 | protocol::UDPLITE | protocol::ESP) => 8,
        Some(protocol::SCTP | protocol::DCCP | protocol::AH) => 12,
        Some(protocol::IPCOMP) => 4,
        _ => 0,
    };
    there >= header && layout.fragment.is_none_or(|fragment| fragment.offset == 0 || header == 0)
}

/// What takes the place of all tables of iptables' names.
fn removal(v6: bool) -> String {
    let family = rules::translate::family(family(v6));
    let tables = ["raw", "mangle", "nat", "filter", "security"];
    tables
        .iter()
        .map(|table| format!("add table {family} {table}\ndelete table {family} {table}\n"))
        .collect()
}

/// Loads the translation of a save file in the place of the one before; none: takes that away.
pub(crate) fn load(v6: bool, save: Option<&str>) -> Result<(), String> {
    let mut text = removal(v6);
    if let Some(save) = save {
        let (translation, refused) = translated(v6, save)?;
        if let Some(line) = refused.first() {
            return Err(format!("line {line} has no translation"));
        }
        text.push_str(&translation);
    }
    let fed = process::feed(Command::new("nft").args(["-f", "-"]), &text);
    fed.map(drop).map_err(|words| format!("{words}\n{text}"))
}

/// The counters of the rules in nf_tables.
pub(crate) fn counters(v6: bool) -> Vec<Counter> {
    let family = rules::translate::family(family(v6));
    let output = Command::new("nft").args(["list", "ruleset", family]).stderr(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    counters_of_listing(if v6 { 6 } else { 4 }, &text)
}

/// Reads the counters out of what `nft list ruleset` prints: a rule begins behind two tabs, and its first counter counts.
fn counters_of_listing(family: u8, text: &str) -> Vec<Counter> {
    let mut out: Vec<Counter> = Vec::new();
    let (mut table, mut chain, mut number, mut open) = ("", "", 0_usize, false);
    for line in text.lines() {
        let depth = line.len() - line.trim_start_matches('\t').len();
        let mut words = line.split_whitespace();
        match (depth, words.next()) {
            (0, Some("table")) => table = words.nth(1).unwrap_or(""),
            (1, Some("chain")) => (chain, number) = (words.next().unwrap_or(""), 0),
            (2, Some("type" | "}")) | (_, None) => continue,
            (2, Some(_)) => (number, open) = (number + 1, true),
            _ => {}
        }
        let counts = line.split_once("counter packets ").filter(|_| open && depth >= 2);
        if let Some((packets, bytes)) = counts.and_then(|(_, rest)| rest.split_once(" bytes ")) {
            let bytes = bytes.split_whitespace().next().unwrap_or("");
            if let (Ok(packets), Ok(bytes)) = (packets.parse(), bytes.parse()) {
                out.push(Counter { family, place: format!("{table}:{chain}:{number}"), packets, bytes });
                open = false;
            }
        }
    }
    out.sort();
    out
}

/// An outcome without what nft does not show, and with its names of chains.
pub fn comparable(mut outcome: Outcome) -> Outcome {
    outcome.counters.retain(|counter| !counter.place.ends_with(":policy"));
    for counter in &mut outcome.counters {
        let parts: Vec<&str> = counter.place.splitn(2, ':').collect();
        if let [table, rest] = parts.as_slice()
            && let Some((chain, number)) = rest.rsplit_once(':')
            && !chain.starts_with("ipt_")
        {
            counter.place = format!("{table}:{}:{number}", rules::translate::name::chain(chain));
        }
    }
    for step in &mut outcome.steps {
        step.path.clear();
    }
    outcome
}

/// Loads a save file with iptables-nft, beside the legacy tables.
pub fn load_beside(v6: bool, save: &str) -> Result<(), String> {
    let command = if v6 { "ip6tables-nft-restore" } else { "iptables-nft-restore" };
    process::feed(&mut Command::new(command), save).map(drop)
}

/// Takes away what was loaded so.
pub fn remove_beside(v6: bool) -> Result<(), String> {
    load(v6, None)
}

/// A save file without the lines that iptables-nft-restore names in its words; `None`: it names none of rules.
pub fn without_refused(save: &str, words: &str) -> Option<String> {
    // `Error occurred at line: 7` of its own, `line 7: RULE_APPEND failed` for the kernel.
    let numbered = words.lines().filter_map(|line| {
        let (_, rest) = line.split_once("line: ").or_else(|| line.split_once("line "))?;
        rest.split(|other: char| !other.is_ascii_digit()).next()?.parse::<usize>().ok()
    });
    let refused: BTreeSet<usize> = numbered.collect();
    let kept = |(at, line): &(usize, &str)| !(line.starts_with("-A ") && refused.contains(&(at + 1)));
    let smaller: String = save.split_inclusive('\n').enumerate().filter(kept).map(|(_, line)| line).collect();
    (smaller.len() < save.len()).then_some(smaller)
}

/// A save file without the rules for which connections are tracked or fragments gathered.
pub fn without_tracking(save: &str) -> String {
    const MATCHES: [&str; 9] = [
        "conntrack",
        "state",
        "connmark",
        "connlabel",
        "connbytes",
        "connlimit",
        "helper",
        "cluster",
        "socket",
    ];
    const TARGETS: [&str; 11] = [
        "CT",
        "NOTRACK",
        "CONNMARK",
        "CONNSECMARK",
        "SYNPROXY",
        "TPROXY",
        "SNAT",
        "DNAT",
        "MASQUERADE",
        "REDIRECT",
        "NETMAP",
    ];
    let tracks = |line: &&str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        words.windows(2).any(|pair| match *pair {
            ["-m", name] => MATCHES.contains(&name),
            ["-j", name] => TARGETS.contains(&name),
            _ => false,
        })
    };
    save.split_inclusive('\n').filter(|line| !tracks(line)).collect()
}

/// The counters of its rules; policies have none in nft.
pub fn counters_beside(v6: bool) -> Vec<Counter> {
    let command = if v6 { "ip6tables-nft-save" } else { "iptables-nft-save" };
    let output = Command::new(command).arg("-c").stderr(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let mut out = counters_of_save(if v6 { 6 } else { 4 }, &text);
    out.retain(|counter| !counter.place.ends_with(":policy"));
    for counter in &mut out {
        counter.place.insert_str(0, "nft:");
    }
    out
}

#[cfg(test)]
mod tests;
