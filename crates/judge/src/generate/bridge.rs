//! Cases at a bridge of three ports with one machine behind each, whose addresses everybody knows: nothing is learned, so that
//! no case teaches the next one, and nobody is asked for by ARP, whose failure would be told seconds later.
use std::net::IpAddr;

use super::Choice;
use super::rules::{self, Place};
use crate::case;

/// How many kinds of bridges there are.
pub(super) const KINDS: u64 = 3;

/// Ports; behind each is one machine.
pub(super) const PORTS: [&str; 3] = ["p0", "p1", "p2"];

/// Last bytes of the Ethernet addresses of the machines.
const MACS: [&str; 3] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"];

/// Changes of the network for a kind.
pub(super) fn network(kind: u8) -> Vec<String> {
    let mut out = vec![
        format!("bridge br0 ports {}", PORTS.join(" ")),
        "address br0 10.0.5.1/24".to_owned(),
        "address br0 fd00:5::1/64".to_owned(),
    ];
    for (port, mac) in PORTS.iter().zip(MACS) {
        out.push(format!("fdb add {mac} dev {port}"));
    }
    // The last one is nobody's: where sources are translated to it.
    for (last, mac) in [("10", MACS[0]), ("11", MACS[1]), ("12", MACS[2]), ("99", MACS[2])] {
        out.push(format!("ip neigh add 10.0.5.{last} lladdr {mac} dev br0 nud permanent"));
        out.push(format!("ip neigh add fd00:5::{last} lladdr {mac} dev br0 nud permanent"));
    }
    match kind {
        0 => {}
        1 => {
            out.push("ip link set p0 type bridge_slave hairpin on".to_owned());
            out.push("ip link set p2 type bridge_slave isolated on".to_owned());
        }
        // IPv4 alone is called.
        _ => {
            out.push("sysctl net.bridge.bridge-nf-call-iptables 0".to_owned());
            out.push("sysctl net.bridge.bridge-nf-call-ip6tables 0".to_owned());
            out.push("ip link set br0 type bridge nf_call_iptables 1".to_owned());
        }
    }
    out
}

/// The machines behind a port; empty: it is none.
pub(super) fn hosts(v6: bool, device: &str) -> &'static [&'static str] {
    match (v6, device) {
        (false, "p0") => &["10.0.5.10"],
        (false, "p1") => &["10.0.5.11"],
        (false, "p2") => &["10.0.5.12"],
        (true, "p0") => &["fd00:5::10"],
        (true, "p1") => &["fd00:5::11"],
        (true, "p2") => &["fd00:5::12"],
        _ => &[],
    }
}

/// Addresses and nets that rules speak of.
pub(super) const NETS4: &[&str] = &["10.0.5.10", "10.0.5.0/24", "10.0.5.11", "10.0.5.1", "10.0.5.10/31"];
pub(super) const NETS6: &[&str] = &["fd00:5::10", "fd00:5::/64", "fd00:5::11", "fd00:5::1", "fd00:5::10/127"];

/// The header of a frame that the machine behind a port sends: mostly to whom the packet goes. A frame with a fragment (not
/// `whole`) is never flooded.
pub(super) fn header(choice: &mut Choice, port: &str, packet: &[u8], whole: bool) -> [u8; 14] {
    let own = PORTS.iter().position(|name| *name == port).and_then(|at| MACS.get(at)).copied();
    let to = case::destination_of(packet);
    let index = PORTS.iter().position(|port| {
        [false, true].iter().flat_map(|v6| hosts(*v6, port)).any(|text| text.parse().ok() == to)
    });
    let group: String;
    let mut destination = match (index, to) {
        (Some(at), _) => MACS[at],
        (None, Some(IpAddr::V4(v4))) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            group = format!("01:00:5e:{:02x}:{c:02x}:{d:02x}", b & 0x7f);
            group.as_str()
        }
        (None, Some(IpAddr::V4(v4))) if v4.octets()[3] == 255 => "ff:ff:ff:ff:ff:ff",
        (None, Some(IpAddr::V6(v6))) if v6.is_multicast() => {
            let [.., a, b, c, d] = v6.octets();
            group = format!("33:33:{a:02x}:{b:02x}:{c:02x}:{d:02x}");
            group.as_str()
        }
        _ => crate::kernel::BRIDGE_ADDRESS,
    };
    if !whole && index.is_none() {
        destination = crate::kernel::BRIDGE_ADDRESS;
    } else if whole && choice.percent(12) {
        destination = choice.of(&[
            MACS[0],
            MACS[1],
            MACS[2],
            crate::kernel::BRIDGE_ADDRESS,
            "02:00:00:00:00:0f",
            "ff:ff:ff:ff:ff:ff",
            "01:00:5e:00:00:05",
            "02:00:00:00:01:01",
        ]);
    }
    let mac = |text: &str| case::mac(text).unwrap_or_default();
    case::frame_header(mac(own.unwrap_or(MACS[0])), mac(destination), packet)
}

/// A match for a built-in chain that asks for ports and frames.
pub(super) fn extension(choice: &mut Choice, place: &Place<'_>) -> String {
    let n = rules::not(choice);
    let port = choice.of(&["p0", "p1", "p2", "p+", "wan0"]);
    let comes = matches!(place.chain, "PREROUTING" | "INPUT" | "FORWARD");
    // Linux: `physdev_mt_check`: where the way out is not known, only of bridged packets.
    let leaves = matches!(place.chain, "FORWARD" | "POSTROUTING");
    match choice.below(9) {
        0 | 1 => format!(" -m physdev{n} --physdev-in {port}"),
        2 => format!(" -m physdev{n} --physdev-is-in"),
        3 => format!(" -m physdev{n} --physdev-is-bridged"),
        4 | 5 if leaves => format!(" -m physdev --physdev-is-bridged{n} --physdev-out {port}"),
        6 if leaves => format!(" -m physdev --physdev-is-bridged{n} --physdev-is-out"),
        4 | 5 if comes => format!(" -m mac{n} --mac-source {}", choice.of(&MACS)),
        7 if comes => format!(" -m mac{n} --mac-source {}", choice.of(&MACS)),
        _ => format!(" -m pkttype{n} --pkt-type {}", choice.of(&["unicast", "broadcast", "multicast"])),
    }
}
