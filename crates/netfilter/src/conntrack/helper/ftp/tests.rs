use packet::build;

use super::{Announcement, Family, Found, search};
use crate::conntrack::testing::World;
use crate::conntrack::{Status, Tuple};
use crate::hook::Verdict;
use crate::skb::{Drop, Template};

const CLIENT: &str = "10.0.1.5:1000";
const SERVER: &str = "203.0.113.9:21";

fn announced(text: &str, reply: bool) -> Option<(Option<String>, u16, usize, usize)> {
    let family = if text.contains("|2|") { Family::V6 } else { Family::V4 };
    match search(text.as_bytes(), reply, family) {
        Found::Announcement(Announcement { address, port, at, length, .. }) => {
            Some((address.map(|address| address.to_string()), port, at, length))
        }
        _ => None,
    }
}

#[test]
fn f62_the_four_forms() {
    let ours = Some("10.0.1.5".to_owned());
    assert_eq!(announced("PORT 10,0,1,5,19,137\r\n", false), Some((ours.clone(), 5001, 5, 15)));
    assert_eq!(announced("port 10,0,1,5,19,137\r\n", false), Some((ours.clone(), 5001, 5, 15)));
    assert_eq!(announced("EPRT |1|10.0.1.5|5001|\r\n", false), Some((ours.clone(), 5001, 5, 17)));
    let six = Some("fd00:1::5".to_owned());
    assert_eq!(announced("EPRT |2|fd00:1::5|5001|\r\n", false), Some((six, 5001, 5, 18)));
    let passive = "227 Entering Passive Mode (10,0,1,5,19,137).\r\n";
    assert_eq!(announced(passive, true), Some((ours, 5001, 27, 15)));
    assert_eq!(announced("229 Extended Passive Mode (|||5001|)\r\n", true), Some((None, 5001, 27, 8)));
}

#[test]
fn f62_what_is_not_understood() {
    for (text, reply, expected) in [
        ("USER a\r\n", false, Found::Nothing),
        ("PO", false, Found::Partly("PORT")),
        ("PORT", false, Found::Partly("PORT")),
        ("PORT 10,0,1\r\n", false, Found::Partly("PORT")),
        ("PORT 10,0,1,5,19,137", false, Found::Partly("PORT")),
        ("EPRT |1|10.0.1.5|0|\r\n", false, Found::Partly("EPRT")),
        ("EPRT 111\r\n", false, Found::Partly("EPRT")),
        ("227 no numbers\r\n", true, Found::Partly("227 ")),
        ("229 (|||x|)\r\n", true, Found::Partly("229 ")),
        ("PORT 10,0,1,5,19,137\r\n", true, Found::Nothing),
        ("227 (10,0,1,5,19,137)\r\n", false, Found::Nothing),
    ] {
        assert_eq!(search(text.as_bytes(), reply, Family::V4), expected, "{text}");
    }
    assert_eq!(search(b"", true, Family::V4), Found::Nothing);
}

/// A control connection behind a router with `-j CT --helper ftp`.
struct Control {
    world: World,
    client: u32,
    server: u32,
}

impl Control {
    fn new() -> Self {
        let mut world = World::new();
        world.template = Some(Template { helper: Some("ftp".into()), ..Template::default() });
        let mut control = Self { world, client: 101, server: 501 };
        let syn = build::tcp(CLIENT, SERVER).flags("S").seq(100).build();
        control.world.forward("lan0", &syn);
        let answer = build::tcp(SERVER, CLIENT).flags("SA").seq(500).ack(101).build();
        control.world.forward("wan0", &answer);
        let ack = build::tcp(CLIENT, SERVER).flags("A").seq(101).ack(501).build();
        control.world.forward("lan0", &ack);
        control
    }

    fn say(&mut self, reply: bool, text: &str) -> Verdict {
        let (from, to, device) = if reply { (SERVER, CLIENT, "wan0") } else { (CLIENT, SERVER, "lan0") };
        let (seq, ack) = if reply { (self.server, self.client) } else { (self.client, self.server) };
        let bytes = build::tcp(from, to).flags("AP").seq(seq).ack(ack).payload(text).build();
        *if reply { &mut self.server } else { &mut self.client } += text.len() as u32;
        self.world.forward(device, &bytes).verdict
    }

    fn expected(&self) -> Vec<String> {
        self.world.table.expectation_lines(self.world.now).collect()
    }
}

#[test]
fn f62_the_first_line_is_not_read() {
    let mut control = Control::new();
    control.say(false, "PORT 10,0,1,5,19,137\r\n");
    assert!(control.expected().is_empty());
    control.say(false, "PORT 10,0,1,5,19,137\r\n");
    assert_eq!(
        control.expected(),
        ["300 l3proto = 2 proto=6 src=203.0.113.9 dst=10.0.1.5 sport=0 dport=5001 ftp"]
    );
}

#[test]
fn f62_the_data_connection_is_related_once() {
    let mut control = Control::new();
    control.say(false, "USER a\r\n");
    control.say(false, "PORT 10,0,1,5,19,137\r\n");
    let id = control.world.table.iter().next().unwrap().0;
    control.world.table.get_mut(id).unwrap().mark = 9;
    let data =
        |port: u16| build::tcp(("203.0.113.9".parse().unwrap(), port), ("10.0.1.5".parse().unwrap(), 5001));
    control.world.template = None;
    let first = data(20).flags("S").seq(1).build();
    assert_eq!(control.world.forward("wan0", &first).state_name(), "RELATED");
    let line = control.world.lines().into_iter().find(|line| line.contains("dport=5001")).unwrap();
    assert!(line.contains("mark=9"), "{line}");
    let line = control.world.lines().into_iter().find(|line| line.contains("dport=21")).unwrap();
    assert!(line.ends_with("use=3"), "the master is held by its child: {line}");
    assert!(control.expected().is_empty());
    assert_eq!(control.world.forward("wan0", &data(21).flags("S").seq(1).build()).state_name(), "NEW");
    control.world.check();
}

#[test]
fn f62_an_expectation_ends_in_time_and_with_its_master() {
    let mut control = Control::new();
    control.say(true, "220 hello\r\n");
    // Why: by default the silent control connection would end at the same time.
    control.world.table.config.timeouts.tcp_unacknowledged = std::time::Duration::from_secs(1000);
    control.say(true, "227 Entering (203,0,113,9,4,1)\r\n");
    assert_eq!(control.expected().len(), 1);
    // The timer of 300 seconds fires where the count of jiffies is a multiple of 4096: after 311.296.
    control.world.wait(std::time::Duration::from_millis(311_292));
    assert_eq!(
        control.expected(),
        ["-11 l3proto = 2 proto=6 src=10.0.1.5 dst=203.0.113.9 sport=0 dport=1025 ftp"]
    );
    control.world.wait(std::time::Duration::from_millis(4));
    assert!(control.expected().is_empty());
    control.say(true, "229 Extended (|||1025|)\r\n");
    assert_eq!(
        control.expected(),
        ["300 l3proto = 2 proto=6 src=10.0.1.5 dst=203.0.113.9 sport=0 dport=1025 ftp"]
    );
    // A new announcement takes the place of the old one.
    control.say(true, "229 Extended (|||1026|)\r\n");
    assert_eq!(control.expected().len(), 1);
    let id = control.world.only();
    control.world.table.kill(id);
    assert!(control.expected().is_empty());
    assert_eq!(control.world.table.poll_timeout(), None, "nothing is left to wait for");
}

#[test]
fn f62_somebody_elses_address_is_not_expected_and_nonsense_is_dropped() {
    let mut control = Control::new();
    control.say(false, "USER a\r\n");
    assert_eq!(control.say(false, "PORT 10,0,1,6,19,137\r\n"), Verdict::Accept);
    assert!(control.expected().is_empty());
    assert_eq!(control.say(false, "PORT nonsense\r\n"), Verdict::Drop(Drop::Helper("partial matching")));
}

#[test]
fn f62_the_announcement_of_a_translated_connection_is_rewritten() {
    let mut control = Control::new();
    control.say(false, "USER a\r\n");
    // As SNAT to 203.0.113.1 leaves it, seen at POSTROUTING before the addresses are rewritten.
    let id = control.world.only();
    let connection = control.world.table.get_mut(id).unwrap();
    let reply = Tuple { destination: "203.0.113.1".parse().unwrap(), ..connection.reply() };
    connection.set_reply(reply);
    connection.status.set(Status::SRC_NAT);
    let text = "PORT 10,0,1,5,19,137\r\n";
    let bytes = build::tcp(CLIENT, SERVER).flags("AP").seq(control.client).ack(501).payload(text).build();
    let passed = control.world.forward("lan0", &bytes);
    let view = passed.packet.view();
    let tcp = view.tcp().unwrap();
    assert_eq!(tcp.payload(), b"PORT 203,0,113,1,19,137\r\n");
    assert_eq!(view.layout().total_len, bytes.len() + 3);
    assert_eq!(packet::verify::transport(&view), packet::verify::Checksum::Valid);
    let connection = control.world.table.get(id).unwrap();
    assert!(connection.status.has(Status::SEQ_ADJUST));
    let position = control.client;
    assert_eq!(connection.rare().sequence.unwrap().offset(false, position + 1), 3);
    assert_eq!(
        control.expected(),
        ["300 l3proto = 2 proto=6 src=203.0.113.9 dst=203.0.113.1 sport=0 dport=5001 ftp"]
    );
}
