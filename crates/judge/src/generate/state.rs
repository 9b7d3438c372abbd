//! Rules with matches that remember, matches of transports that are rarer than TCP and UDP, and targets of tables that few
//! rules need.
use super::Choice;
use super::rules::Place;

/// A match that counts packets or connections, or remembers addresses. Names are those of one case: tables live on in the
/// kernel until the rules of the next case are loaded.
pub(super) fn stateful(choice: &mut Choice, place: &Place<'_>) -> String {
    let n = super::rules::not(choice);
    let name = format!("{:08x}{}", place.salt, choice.below(2));
    match choice.below(9) {
        0 => format!(" -m quota{n} --quota {}", choice.of(&["0", "29", "100", "100000"])),
        1 => format!(
            " -m connbytes{n} --connbytes {} --connbytes-dir {} --connbytes-mode {}",
            choice.of(&["0", "2", "1:3", "60:200", "100"]),
            choice.of(&["original", "reply", "both"]),
            choice.of(&["packets", "bytes", "avgpkt"])
        ),
        // Why seldom: its lists are looked through once in 4 ms, and a packet at the edge of two jiffies is chance.
        2 if choice.percent(40) => format!(
            " -m connlimit --connlimit-{} {} --connlimit-mask {} --connlimit-{}",
            choice.of(&["above", "upto"]),
            choice.of(&["0", "1", "2"]),
            choice.of(if place.v6 { &["128", "64", "0"] } else { &["32", "24", "0"] }),
            choice.of(&["saddr", "daddr"])
        ),
        3..=5 => {
            let (how, rate) = choice.of(&[
                ("above", "1/hour"),
                ("upto", "1/hour"),
                ("above", "6/hour"),
                ("upto", "2/hour"),
                ("upto", "1kb/s"),
            ]);
            let burst = if rate.ends_with("b/s") { "2kb" } else { choice.of(&["1", "2", "3"]) };
            let mode = choice.of(&["", " --hashlimit-mode srcip", " --hashlimit-mode dstip,dstport"]);
            let srcmask = if mode.contains("srcip") && choice.percent(40) {
                if place.v6 { " --hashlimit-srcmask 64" } else { " --hashlimit-srcmask 24" }
            } else {
                ""
            };
            // Why: a table is what its first rule says, and kilobytes do not go with packets.
            let kind = if rate.ends_with("b/s") { "b" } else { "p" };
            format!(
                " -m hashlimit --hashlimit-{how} {rate} --hashlimit-burst {burst}{mode}{srcmask} --hashlimit-name {kind}{name}"
            )
        }
        2 | 6 | 7 => {
            let what = choice.of(&[
                "--set",
                "--set",
                "--rcheck",
                "--update",
                "--rcheck --hitcount 2",
                "--update --seconds 60 --hitcount 2",
                "--rcheck --seconds 30",
                "--remove",
            ]);
            let side = choice.of(&["--rsource", "--rdest"]);
            format!(" -m recent{n} {what} --name r{name} {side}")
        }
        _ => format!(
            " -m cluster --cluster-total-nodes 2{n} --cluster-local-node 1 --cluster-hash-seed {}",
            choice.of(&["0xdeadbeef", "0x7"])
        ),
    }
}

/// A match of what the link or a helper says.
pub(super) fn circumstance(choice: &mut Choice) -> String {
    let n = super::rules::not(choice);
    match choice.below(5) {
        0 | 1 => format!(" -m pkttype{n} --pkt-type {}", choice.of(&["unicast", "broadcast", "multicast"])),
        2 => format!(" -m helper{n} --helper {}", choice.of(&["ftp", "tftp", "\"\""])),
        3 => format!(" -m physdev{n} --physdev-is-bridged"),
        _ => format!(" -m physdev{n} --physdev-is-in"),
    }
}

/// `-p` of a rarer transport and its match.
pub(super) fn transport(choice: &mut Choice, v6: bool) -> String {
    let n = super::rules::not(choice);
    match choice.below(8) {
        0 => format!(" -p sctp -m sctp{n} --dport {}", choice.of(&["80", "53:443", "1000"])),
        1 => format!(
            " -p sctp -m sctp{n} --chunk-types {} {}",
            choice.of(&["any", "all", "only"]),
            choice.of(&["INIT", "DATA", "INIT_ACK", "COOKIE_ECHO", "SACK,DATA", "ABORT"])
        ),
        2 => {
            format!(" -p dccp -m dccp{n} --dccp-types {}", choice.of(&["REQUEST", "RESPONSE,DATA", "RESET"]))
        }
        3 => format!(" -p dccp -m dccp{n} --dport {}", choice.of(&["80", "1000:2000"])),
        4 => format!(" -p esp -m esp{n} --espspi {}", choice.of(&["7", "1:100", "0:4294967295"])),
        5 if !v6 => format!(" -p ah -m ah{n} --ahspi {}", choice.of(&["7", "1:100"])),
        5 => format!(" -m ah{n} --ahspi {}", choice.of(&["7", "1:100"])),
        6 => format!(" -p udplite -m multiport{n} --dports {}", choice.of(&["53", "80,1000"])),
        _ => format!("{n} -p {}", choice.of(&["sctp", "47", "esp", "udplite", "132"])),
    }
}

/// A target of one table that changes nothing of the packet, or sends a second one.
pub(super) fn rare_target(choice: &mut Choice, place: &Place<'_>) -> String {
    let v6 = place.v6;
    match (place.table, choice.below(4)) {
        ("raw", 0 | 1) => choice
            .of(&[
                " -j CT --zone-orig 1",
                " -j CT --zone-reply 2",
                " -j CT --ctevents new,destroy",
                " -j CT --zone 3",
            ])
            .to_owned(),
        ("mangle" | "security", 0) => {
            choice.of(&[" -j CONNSECMARK --save", " -j CONNSECMARK --restore"]).to_owned()
        }
        // Why: behind INPUT a copy of a packet from this machine's own address and the answer to it overtake one another.
        ("mangle" | "filter", 1) if choice.percent(30) && matches!(place.chain, "PREROUTING" | "FORWARD") => {
            format!(" -j TEE --gateway {}", if v6 { "fd00:2::6" } else { "10.0.2.6" })
        }
        _ => String::new(),
    }
}
