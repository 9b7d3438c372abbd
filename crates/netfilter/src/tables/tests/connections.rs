//! Matches and targets that look at the packet's connection (F28, F29, F34, F35, F37).
use super::*;
use crate::ConnectionId;
use crate::conntrack::Status;
use crate::skb::Info;
use crate::trace::Found;

const SYN: &str = "tcp 10.0.1.5:1000 > 8.8.8.8:80 S seq 100 win 1000";
const ANSWER: &str = "tcp 8.8.8.8:80 > 10.0.1.5:1000 SA seq 500 ack 101 win 1000";

impl Bench {
    fn env(&mut self) -> Env<'_> {
        Env {
            now: self.now,
            settings: &crate::env::Settings::USUAL,
            network: &self.network,
            machine: &self.machine,
            conntrack: &mut self.conntrack,
            named: &mut self.named,
            peers: Box::leak(Box::default()),
            random: &mut self.random,
            emitted: &mut self.emitted,
            log: &mut self.log,
            reports: &mut self.reports,
            trace: None,
            next_packet: &mut self.next_packet,
            next_ip_id: &mut self.next_ip_id,
        }
    }

    /// A packet after connection tracking has seen it.
    fn tracked(&mut self, line: &str) -> Packet {
        let mut packet = self.packet(line);
        assert_eq!(Conntrack::handle(&mut packet, Hook::Prerouting, &mut self.env()), Verdict::Accept);
        packet
    }

    /// The same, and the connection is confirmed.
    fn confirmed(&mut self, line: &str) -> Packet {
        let mut packet = self.tracked(line);
        assert_eq!(Conntrack::confirm(&mut packet, &mut self.env()), Verdict::Accept);
        packet
    }
}

fn connection(packet: &Packet) -> ConnectionId {
    match packet.tracking {
        Tracking::Entry { connection, .. } => connection,
        other => panic!("{other:?}"),
    }
}

/// What rules say of a packet: `+` or `-` for each.
fn says(bench: &mut Bench, packet: &Packet) -> String {
    bench.trace.steps.clear();
    bench.forward(&mut packet.clone());
    let letters = bench.trace.steps.iter().filter_map(|(_, step)| match step {
        Step::Rule { outcome: Outcome::Matched, .. } => Some('+'),
        Step::Rule { .. } => Some('-'),
        _ => None,
    });
    letters.collect()
}

#[test]
fn details_of_a_connection() {
    let mut bench = Bench::new(
        "-A FORWARD -m state --state NEW
        -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED
        -A FORWARD -m conntrack --ctdir ORIGINAL
        -A FORWARD -m conntrack --ctproto 6 --ctorigsrc 10.0.1.0/24 --ctorigdst 8.8.8.8
        -A FORWARD -m conntrack --ctreplsrc 8.8.8.8 ! --ctrepldst 10.0.1.6
        -A FORWARD -m conntrack --ctorigsrcport 1000 --ctorigdstport 80 --ctreplsrcport 80 --ctrepldstport 1000:1001
        -A FORWARD -m conntrack ! --ctorigdstport 80
        -A FORWARD -m conntrack --ctstatus CONFIRMED
        -A FORWARD -m conntrack --ctstatus SEEN_REPLY
        -A FORWARD -m conntrack --ctstatus NONE
        -A FORWARD -m conntrack --ctexpire 0
        -A FORWARD -m conntrack --ctexpire 60
        -A FORWARD -m conntrack --ctstate DNAT,SNAT",
    );
    // F37: the first packet: not confirmed, no time running.
    let first = bench.tracked(SYN);
    assert_eq!(says(&mut bench, &first), "+-+++".to_owned() + "+---" + "-+--");
    let mut first = first;
    assert_eq!(Conntrack::confirm(&mut first, &mut bench.env()), Verdict::Accept);
    // The answer: SYN_RECV has 60 s.
    let answer = bench.tracked(ANSWER);
    assert_eq!(says(&mut bench, &answer), "-+-++".to_owned() + "+-++" + "--+-");
    // F37: the virtual states follow the connection's status.
    let id = connection(&answer);
    bench.conntrack.get_mut(id).unwrap().status.set(Status::SRC_NAT);
    assert_eq!(says(&mut bench, &answer).chars().last(), Some('+'));
}

#[test]
fn what_is_told_of_a_connection() {
    let with = |rule: &str| {
        let mut bench = Bench::new(&format!("-A FORWARD -m conntrack {rule}"));
        let mut packet = bench.tracked(SYN);
        failed(bench.first(&mut packet))
    };
    assert_eq!(with("--ctstate INVALID"), ("--ctstate", Found::Word("NEW")));
    assert_eq!(with("--ctdir REPLY"), ("--ctdir", Found::Word("ORIGINAL")));
    assert_eq!(with("--ctorigdst 9.9.9.9"), ("--ctorigdst", Found::Address("8.8.8.8".parse().unwrap())));
    assert_eq!(with("--ctproto 17 --ctorigsrcport 1"), ("--ctproto", Found::Protocol(6)));
    assert_eq!(with("--ctreplsrcport 1:9"), ("--ctreplsrcport", Found::Port(80)));
    assert_eq!(with("--ctstatus ASSURED"), ("--ctstatus", Found::Word("NONE")));
    assert_eq!(with("--ctexpire 1:2"), ("--ctexpire", Found::Number(0)));
}

/// F34: set, save and restore with masks and shifts.
#[test]
fn f34_connmark() {
    let with = |target: &str, mark: u32, connmark: u32| {
        let mut bench = Bench::of(Family::V4, &format!("*mangle\n-A FORWARD -j CONNMARK {target}\nCOMMIT"));
        let mut packet = bench.tracked(SYN);
        packet.mark = mark;
        let id = connection(&packet);
        bench.conntrack.get_mut(id).unwrap().mark = connmark;
        bench.walk_in(Table::Mangle, Hook::Forward, &mut packet);
        (packet.mark, bench.conntrack.get(id).unwrap().mark)
    };
    assert_eq!(with("--set-xmark 0xff/0xf0", 1, 0x33), (1, 0xfc));
    assert_eq!(with("--set-mark 0x5", 1, 0x33), (1, 5));
    assert_eq!(with("--save-mark", 7, 0x33), (7, 7));
    assert_eq!(with("--save-mark --nfmask 0x0f --ctmask 0xff", 0x17, 0x333), (0x17, 0x307));
    assert_eq!(with("--restore-mark", 7, 0x33), (0x33, 0x33));
    assert_eq!(with("--restore-mark --nfmask 0xf0 --ctmask 0x0f", 0xff, 0x33), (0x0f ^ 3, 0x33));
    assert_eq!(with("--save-mark --left-shift-mark 4", 7, 0), (7, 0x70));
    assert_eq!(with("--restore-mark --right-shift-mark 4", 0, 0x70), (7, 0x70));
}

/// F35: a packet without a connection goes on unchanged.
#[test]
fn f35_connmark_of_nothing() {
    let text = "*mangle\n-A FORWARD -j CONNMARK --restore-mark\n-A FORWARD -j CONNMARK --set-mark 1\nCOMMIT";
    let mut bench = Bench::of(Family::V4, text);
    let mut packet = bench.packet(SYN);
    packet.mark = 9;
    assert_eq!(bench.walk_in(Table::Mangle, Hook::Forward, &mut packet), Verdict::Accept);
    assert_eq!(packet.mark, 9);
}

#[test]
fn connmark_matches() {
    let mut bench =
        Bench::new("-A FORWARD -m connmark --mark 0x10/0xf0\n-A FORWARD -m connmark ! --mark 0x1f");
    let packet = bench.tracked(SYN);
    bench.conntrack.get_mut(connection(&packet)).unwrap().mark = 0x1f;
    assert_eq!(says(&mut bench, &packet), "+-");
}

/// F28: what REJECT sends belongs to the connection, in the other direction.
#[test]
fn f28_answers_are_related() {
    for (rule, target) in [("-p tcp", "REJECT --reject-with tcp-reset"), ("", "REJECT")] {
        let mut bench = Bench::new(&format!("-A FORWARD {rule} -j {target}"));
        add_default_route(&mut bench);
        let mut packet = bench.tracked(SYN);
        bench.forward(&mut packet);
        let answer = bench.emitted.pop().expect("an answer").packet;
        let id = connection(&packet);
        assert_eq!(answer.tracking, Tracking::Entry { connection: id, info: Info::RelatedReply });
        assert_eq!(
            bench.trace.steps.iter().filter(|(_, step)| matches!(step, Step::Answered { .. })).count(),
            1
        );
    }
}

/// F29: a reset inside an established connection closes it for 10 s.
#[test]
fn f29_reset_closes_the_connection() {
    let mut bench = Bench::new("-A FORWARD -p tcp -j REJECT --reject-with tcp-reset");
    add_default_route(&mut bench);
    let packet = bench.confirmed(SYN);
    let id = connection(&packet);
    bench.confirmed(ANSWER);
    let mut third = bench.confirmed("tcp 10.0.1.5:1000 > 8.8.8.8:80 A seq 101 ack 501 win 1000");
    assert!(bench.conntrack.get(id).unwrap().remaining(bench.now.mono).as_secs() > 1000);
    bench.forward(&mut third);
    assert_eq!(bench.emitted.len(), 1);
    assert_eq!(bench.conntrack.get(id).unwrap().remaining(bench.now.mono).as_secs(), 10);
    assert_eq!(bench.conntrack.tcp_state(id).map(|state| format!("{state:?}")).as_deref(), Some("Close"));
}

fn add_default_route(bench: &mut Bench) {
    let route = crate::network::RouteEntry {
        via: Some("203.0.113.254".parse().unwrap()),
        device: Some(WAN),
        ..crate::network::RouteEntry::new(
            packet::AddrMask::prefix("0.0.0.0".parse().unwrap(), 0).unwrap(),
            Default::default(),
        )
    };
    bench.network.add_route(crate::network::TABLE_MAIN, route);
}
