//! Lines of the log, compared with those of the kernel (F67; `fixtures/log/lines.txt`).
use packet::rewrite;

use super::*;
use crate::skb::{Origin, Owner};

const LINES: &str = include_str!("../../../../../fixtures/log/lines.txt");

pub(super) fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn logged(rule: &str, packet: &mut Packet) -> String {
    let family = packet.family();
    let mut bench = Bench::of(family, &format!("*filter\n-A FORWARD -j LOG {rule}\nCOMMIT"));
    bench.forward(packet);
    bench.log.pop_front().expect("a line").text
}

#[test]
fn f67_lines_of_the_kernel() {
    let mut packet = None;
    let mut compared = 0;
    for line in LINES.lines() {
        let Some((key, value)) = line.split_once(": ").filter(|_| !line.starts_with('#')) else { continue };
        if key == "packet" {
            let mut own = packet_of(bytes_of(value));
            let ttl = own.view().ttl() - 1;
            rewrite::set_ttl(&mut own.bytes, own.layout, ttl);
            packet = Some(own);
            continue;
        }
        let rule = if key == "options" { "--log-ip-options --log-tcp-options" } else { "" };
        let wanted = value.trim_matches('"');
        assert_eq!(logged(rule, packet.as_mut().unwrap()), wanted);
        compared += 1;
    }
    assert_eq!(compared, 56);
}

/// The examples of F67: prefix, sender, mark, sequence numbers.
#[test]
fn f67_prefix_sender_mark() {
    let line = "udp 10.0.1.5:1000 > 8.8.8.8:53 id 1 df tos 8 ttl 63 data 0102030405";
    let mut packet = Bench::new("").packet(line);
    packet.mark = 0x1f;
    assert_eq!(
        logged("--log-prefix \"pfx \"", &mut packet),
        "pfx IN=lan0 OUT=wan0 MAC= SRC=10.0.1.5 DST=8.8.8.8 LEN=33 TOS=0x08 PREC=0x00 TTL=63 ID=1 DF PROTO=UDP \
         SPT=1000 DPT=53 LEN=13 MARK=0x1f "
    );
    packet.input = None;
    packet.origin = Some(Origin {
        socket: Some(Owner { uid: 7, gid: 8, has_file: true }),
        known: true,
        mark: 0x1f,
        ..Origin::default()
    });
    assert_eq!(
        logged("--log-uid", &mut packet),
        "IN= OUT=wan0 SRC=10.0.1.5 DST=8.8.8.8 LEN=33 TOS=0x08 PREC=0x00 TTL=63 ID=1 DF PROTO=UDP SPT=1000 DPT=53 \
         LEN=13 UID=7 GID=8 MARK=0x1f "
    );
    let mut packet = Bench::new("").packet("tcp 10.0.1.5:1 > 8.8.8.8:2 SA seq 5 ack 6 win 7");
    assert!(
        logged("--log-tcp-sequence", &mut packet)
            .ends_with("SPT=1 DPT=2 SEQ=5 ACK=6 WINDOW=7 RES=0x00 ACK SYN URGP=0 ")
    );
}

/// The frame's header, as it is and decoded; loopback frames are all zeros.
#[test]
fn frame_headers() {
    let frame = [2, 0, 0, 0, 0, 1, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 8, 0];
    let mut bench = Bench::new("-A FORWARD -j LOG\n-A FORWARD -j LOG --log-macdecode\n-A INPUT -j LOG");
    bench.network = network(true);
    let mut packet = bench.packet("udp 10.0.1.5:1000 > 8.8.8.8:53");
    packet.link.ethernet = Some(frame);
    bench.forward(&mut packet);
    packet.input = Some(DeviceId::LOOPBACK);
    packet.link.ethernet = None;
    bench.walk_in(Table::Filter, Hook::Input, &mut packet);
    let lines: Vec<_> = bench.log.iter().map(|line| line.text.split(" SRC=").next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "IN=lan0 OUT=wan0 MAC=02:00:00:00:00:01:aa:bb:cc:dd:ee:ff:08:00",
            "IN=lan0 OUT=wan0 MACSRC=aa:bb:cc:dd:ee:ff MACDST=02:00:00:00:00:01 MACPROTO=0800",
            "IN=lo OUT= MAC=00:00:00:00:00:00:00:00:00:00:00:00:08:00",
        ]
    );
}

/// The level, and the limit of lines that wait.
#[test]
fn levels() {
    let mut bench = Bench::new("-A FORWARD -j LOG --log-level 7\n-A FORWARD -j LOG");
    bench.pass("udp 10.0.1.5:1000 > 8.8.8.8:53");
    assert_eq!(bench.log.iter().map(|line| line.level).collect::<Vec<_>>(), [7, 4]);
}

/// That the user or group of a sender is left out is told where the line would have it.
#[test]
fn senders_whom_nobody_has_named() {
    let told = |rule: &str, origin: Option<Origin>| {
        let mut bench = Bench::new(&format!("-A OUTPUT -j LOG {rule}"));
        let mut packet = bench.packet("udp 10.0.1.5:1000 > 8.8.8.8:53");
        packet.origin = origin;
        bench.walk_in(Table::Filter, Hook::Output, &mut packet);
        let mut steps = bench.trace.steps.iter();
        steps.find_map(|(_, step)| match step {
            Step::Logged { unknown_sender, .. } => Some(*unknown_sender),
            _ => None,
        })
    };
    let socket = Some(Owner { uid: 7, gid: 8, has_file: true });
    let named = Origin { socket, known: true, ..Origin::default() };
    let nobody = Origin { known: false, ..Origin::default() };
    assert_eq!(told("--log-uid", Some(nobody)), Some(true));
    assert_eq!(told("", Some(nobody)), Some(false));
    assert_eq!(told("--log-uid", Some(named)), Some(false));
    assert_eq!(told("--log-uid", Some(Origin { group_unknown: true, ..named })), Some(true));
    // What is forwarded has no sender here.
    assert_eq!(told("--log-uid", None), Some(false));
}
