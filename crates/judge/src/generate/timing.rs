//! Cases in which time goes by: settings with timeouts of one and two seconds, rules that remember for as long, and sleeps
//! that are not near to any of them.
use super::rules::Place;
use super::scene::Scene;
use super::{Choice, rules};
use crate::case::Step;

/// How many kinds of settings there are.
pub(super) const KINDS: u64 = 5;

/// The kind in which fragments run out.
const FRAGMENTS: u8 = 2;
/// The kind that has timeout policies.
const POLICIES: u8 = 3;
/// The kind in which ICMP errors are limited.
const LIMITS: u8 = 4;

/// Limits of the machines that are told; six errors are saved up in 1.2 seconds. What all machines share is never empty.
const LIMITED: &[&str] = &[
    "sysctl net.ipv4.icmp_ratelimit 200",
    "sysctl net.ipv4.icmp_ratemask 6168",
    "sysctl net.ipv6.icmp.ratelimit 200",
    "sysctl net.ipv6.icmp.ratemask 0-1,3-127",
];

/// Timeouts of one second, and of two for what is used in both directions.
const SHORT: &[(&str, u8)] = &[
    ("udp_timeout", 1),
    ("udp_timeout_stream", 2),
    ("icmp_timeout", 1),
    ("icmpv6_timeout", 1),
    ("generic_timeout", 1),
    ("gre_timeout", 1),
    ("gre_timeout_stream", 2),
    ("tcp_timeout_syn_sent", 1),
    ("tcp_timeout_syn_recv", 1),
    ("tcp_timeout_established", 2),
    ("tcp_timeout_fin_wait", 1),
    ("tcp_timeout_close_wait", 2),
    ("tcp_timeout_last_ack", 1),
    ("tcp_timeout_time_wait", 2),
    ("tcp_timeout_close", 1),
    ("tcp_timeout_unacknowledged", 1),
    ("tcp_timeout_max_retrans", 1),
    ("sctp_timeout_closed", 1),
    ("sctp_timeout_cookie_wait", 1),
    ("sctp_timeout_cookie_echoed", 2),
    ("sctp_timeout_established", 2),
    ("sctp_timeout_shutdown_sent", 1),
    ("sctp_timeout_shutdown_recd", 1),
    ("sctp_timeout_shutdown_ack_sent", 2),
    ("sctp_timeout_heartbeat_sent", 1),
];

/// The policies that `CT --timeout` names; those of IPv6 have a 6 behind their name.
const POLICY: &[(&str, &str)] = &[
    ("t", "tcp syn_sent 1 syn_recv 1 established 2 fin_wait 1 close 1 time_wait 2"),
    ("u", "udp unreplied 1 replied 2"),
    ("i", "icmp timeout 1"),
];

/// Changes of the network for a kind.
pub(super) fn network(kind: u8) -> Vec<String> {
    let setting =
        |(name, seconds): &(&str, u8)| format!("sysctl net.netfilter.nf_conntrack_{name} {seconds}");
    match kind {
        0 => SHORT.iter().map(setting).collect(),
        // What begins is forgotten soon, what goes on is not.
        1 => SHORT.iter().filter(|(_, seconds)| *seconds == 1).map(setting).collect(),
        FRAGMENTS => {
            let mut out = vec![
                "sysctl net.ipv4.ipfrag_time 1".to_owned(),
                "sysctl net.netfilter.nf_conntrack_frag6_timeout 1".to_owned(),
            ];
            out.extend(SHORT.iter().filter(|(_, seconds)| *seconds == 2).map(setting));
            out
        }
        LIMITS => LIMITED.iter().map(|&line| line.to_owned()).collect(),
        _ => POLICY
            .iter()
            .flat_map(|(name, words)| {
                let six = words.replace("icmp ", "icmpv6 ");
                [
                    format!("nfct timeout add {name} inet {words}"),
                    format!("nfct timeout add {name}6 inet6 {six}"),
                ]
            })
            .collect(),
    }
}

/// Whether datagrams may stay incomplete: they are given up before the case ends.
pub(super) fn loses_fragments(scene: Scene) -> bool {
    scene == Scene::Time(FRAGMENTS)
}

/// A sleep. Sets count from before the rules were loaded, and what is expired is collected once in a second, so that theirs
/// want more room.
pub(super) fn sleep(choice: &mut Choice, sets: bool) -> Step {
    let milliseconds = if sets { 3700 } else { choice.of(&[1300, 1300, 1500, 1700, 2400]) };
    Step::Sleep { milliseconds }
}

/// Whether ICMP errors are limited in a scene.
pub(super) fn limits_errors(scene: Scene) -> bool {
    scene == Scene::Time(LIMITS)
}

/// What a case begins with where errors are limited: the case before it has told the same machines.
pub(super) fn silence(scene: Scene) -> Option<Step> {
    limits_errors(scene).then_some(Step::Sleep { milliseconds: 1300 })
}

/// How many packets a case has more: enough for more than six errors to one machine.
pub(super) fn more_packets(scene: Scene) -> usize {
    if limits_errors(scene) { 18 } else { 0 }
}

/// A ruleset that rejects what it did not decide, where errors are limited.
pub(super) fn rejecting(choice: &mut Choice, scene: Scene, save: String) -> String {
    let filter = save.find("*filter\n").filter(|_| limits_errors(scene));
    let Some(end) = filter.and_then(|start| Some(start + save.get(start..)?.find("COMMIT\n")?)) else {
        return save;
    };
    let mut save = save;
    save.insert_str(
        end,
        choice.of(&["-A FORWARD -j REJECT\n", "-A FORWARD -p udp -j REJECT\n-A INPUT -j REJECT\n", ""]),
    );
    save
}

/// `CT --timeout` for a rule of table raw; empty where there is no policy.
pub(super) fn policy(choice: &mut Choice, place: &Place<'_>, protocol: &str) -> String {
    let name = match protocol {
        "tcp" => "t",
        "udp" => "u",
        "icmp" => "i",
        _ => return String::new(),
    };
    if place.scene != Scene::Time(POLICIES) || !choice.percent(70) {
        return String::new();
    }
    format!(" -j CT --timeout {name}{}", if place.v6 { "6" } else { "" })
}

/// A match that remembers for a second or two.
pub(super) fn extension(choice: &mut Choice, place: &Place<'_>) -> String {
    let n = rules::not(choice);
    let name = format!("{:08x}{}", place.salt, choice.below(2));
    match choice.below(8) {
        0..=2 => {
            let what = choice.of(&[
                "--set",
                "--rcheck --seconds 1",
                "--rcheck --seconds 2",
                "--update --seconds 1",
                "--update --seconds 2 --hitcount 2",
                "--rcheck --seconds 1 --reap",
                "--update --seconds 2 --reap",
            ]);
            format!(" -m recent{n} {what} --name r{name} {}", choice.of(&["--rsource", "--rdest"]))
        }
        3 | 4 => {
            let how = choice.of(&["above 1/sec", "upto 1/sec", "upto 2/sec", "above 30/min"]);
            let mode = choice.of(&["", " --hashlimit-mode srcip", " --hashlimit-mode dstip,dstport"]);
            let burst = choice.of(&["1", "2", "3"]);
            format!(
                " -m hashlimit --hashlimit-{how} --hashlimit-burst {burst}{mode} --hashlimit-name s{name}"
            )
        }
        5 => format!(
            " -m limit --limit {} --limit-burst {}",
            choice.of(&["1/sec", "2/sec", "30/min"]),
            choice.of(&["1", "2", "3"])
        ),
        6 => format!(" -m conntrack{n} --ctexpire {}", choice.of(&["0", "0:1", "1:2", "1:60"])),
        _ => format!(" -m conntrack{n} --ctstatus {}", choice.of(&["SEEN_REPLY", "ASSURED", "CONFIRMED"])),
    }
}
