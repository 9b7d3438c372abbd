use std::time::Duration;

use packet::build;

use super::State;
use super::states::{Kind, Next, next};
use crate::conntrack::testing::World;
use crate::conntrack::{Config, Status};

const CLIENT: &str = "10.0.1.5:1000";
const SERVER: &str = "203.0.113.9:80";

/// A client and a server behind the router, with the same numbers everywhere: the client's SYN is 100, the server's
/// 500, both windows are 4096.
struct Flow {
    world: World,
}

impl Flow {
    fn new() -> Self {
        Self { world: World::new() }
    }

    fn send(&mut self, reply: bool, flags: &str, seq: u32, ack: u32, length: usize) -> &'static str {
        let (device, from, to) = if reply { ("wan0", SERVER, CLIENT) } else { ("lan0", CLIENT, SERVER) };
        // Giving an acknowledgement sets its flag: the flags are what the caller says.
        let packet = build::tcp(from, to).seq(seq).ack(ack).window(4096).payload(vec![b'x'; length]);
        let bytes = packet.flags(flags).build();
        let state = self.world.forward(device, &bytes).state_name();
        self.world.check();
        state
    }

    fn client(&mut self, flags: &str, seq: u32, ack: u32) -> &'static str {
        self.send(false, flags, seq, ack, 0)
    }

    fn server(&mut self, flags: &str, seq: u32, ack: u32) -> &'static str {
        self.send(true, flags, seq, ack, 0)
    }

    fn established() -> Self {
        let mut flow = Self::new();
        flow.client("S", 100, 0);
        flow.server("SA", 500, 101);
        flow.client("A", 101, 501);
        assert_eq!(flow.now(), ("ESTABLISHED", 432_000));
        flow
    }

    /// The state and the seconds left.
    #[track_caller]
    fn now(&self) -> (&'static str, u64) {
        let connection = self.world.table.get(self.world.only()).unwrap();
        let state = self.world.table.tcp_state(self.world.only()).unwrap();
        (state.name(), connection.remaining(self.world.now.mono).as_secs())
    }

    fn status(&self, bit: Status) -> bool {
        self.world.table.get(self.world.only()).unwrap().status.has(bit)
    }

    fn counted(&self) -> (u64, u64) {
        let [original, reply] = self.world.table.get(self.world.only()).unwrap().counters;
        (original.packets, reply.packets)
    }
}

#[test]
fn f39_the_handshake_and_its_timeouts() {
    let mut flow = Flow::new();
    assert_eq!(flow.client("S", 100, 0), "NEW");
    assert_eq!((flow.now(), flow.status(Status::SEEN_REPLY)), (("SYN_SENT", 120), false));
    assert_eq!(flow.server("SA", 500, 101), "ESTABLISHED");
    assert_eq!((flow.now(), flow.status(Status::ASSURED)), (("SYN_RECV", 60), false));
    assert_eq!(flow.client("A", 101, 501), "ESTABLISHED");
    assert_eq!((flow.now(), flow.status(Status::ASSURED)), (("ESTABLISHED", 432_000), true));
    // Data that is not acknowledged: 300 s; then 5 days again.
    flow.send(false, "AP", 101, 501, 10);
    assert_eq!(flow.now(), ("ESTABLISHED", 300));
    flow.server("A", 501, 111);
    assert_eq!(flow.now(), ("ESTABLISHED", 432_000));
}

#[test]
fn f39_three_repeats_of_a_segment_shorten_the_timeout() {
    let mut flow = Flow::established();
    flow.world.table.config.timeouts.tcp_max_retrans = Duration::from_secs(77);
    for expected in [432_000, 432_000, 77] {
        flow.client("A", 101, 501);
        assert_eq!(flow.now().1, expected);
    }
}

#[test]
fn f40_only_nine_combinations_of_flags_are_valid() {
    let mut valid = Vec::new();
    for bits in (0..64_u8).filter(|bits| bits & 8 == 0) {
        let mut flow = Flow::established();
        let bytes = build::tcp(CLIENT, SERVER).seq(101).ack(501).flag_bits(bits).window(4096).build();
        if flow.world.forward("lan0", &bytes).state_name() != "INVALID" {
            valid.push(bits);
        }
        assert_eq!(
            super::flags_are_valid(bits),
            super::flags_are_valid(bits | 0xc8),
            "PSH and ECN do not count"
        );
    }
    // SYN, RST, ACK, RST+ACK, FIN+ACK, the latter and ACK with URG, SYN+URG; SYN+ACK is valid, but not from the client.
    assert_eq!(valid, [2, 4, 16, 17, 20, 34, 48, 49]);
}

#[test]
fn f40_which_packets_open() {
    for (flags, loose, expected) in [
        ("S", true, "NEW"),
        ("SU", true, "NEW"),
        ("A", true, "NEW"),
        ("AU", true, "NEW"),
        ("A", false, "INVALID"),
        ("SA", true, "INVALID"),
        ("AF", true, "INVALID"),
        ("R", true, "INVALID"),
        ("F", true, "INVALID"),
    ] {
        let mut flow = Flow { world: World::with(Config { tcp_loose: loose, ..Config::default() }) };
        assert_eq!(flow.client(flags, 100, 500), expected, "{flags}");
        if expected == "NEW" && flags.starts_with('A') {
            assert_eq!(flow.now(), ("ESTABLISHED", 300));
        }
    }
}

/// The table of F41: for each state what a packet of the client, then of the server does. Columns: SYN, SYN/ACK, FIN,
/// ACK, RST. `=` stays, `x` INVALID.
#[test]
fn f41_the_state_table() {
    let table = "
        SYN_SENT    =         x        x         x           CLOSE | SYN_SENT2 SYN_RECV x        =          CLOSE
        SYN_RECV    =         =        FIN_WAIT  ESTABLISHED CLOSE | x         =        FIN_WAIT =          CLOSE
        ESTABLISHED =         x        FIN_WAIT  =           CLOSE | x         =        FIN_WAIT =          CLOSE
        FIN_WAIT    =         x        LAST_ACK  CLOSE_WAIT  CLOSE | x         =        LAST_ACK CLOSE_WAIT CLOSE
        CLOSE_WAIT  =         x        LAST_ACK  =           CLOSE | x         =        LAST_ACK =          CLOSE
        LAST_ACK    =         x        =         TIME_WAIT   CLOSE | x         =        =        TIME_WAIT  CLOSE
        TIME_WAIT   SYN_SENT  x        =         =           CLOSE | SYN_SENT  =        =        =          CLOSE
        CLOSE       SYN_SENT  x        =         =           =     | x         =        =        =          =
        SYN_SENT2   =         SYN_RECV x         x           CLOSE | =         SYN_RECV x        =          CLOSE";
    let states = [
        State::SynSent,
        State::SynRecv,
        State::Established,
        State::FinWait,
        State::CloseWait,
        State::LastAck,
        State::TimeWait,
        State::Close,
        State::SynSent2,
    ];
    let kinds = [Kind::Syn, Kind::SynAck, Kind::Fin, Kind::Ack, Kind::Rst];
    let mut cells = 0;
    for (line, state) in table.trim().lines().zip(states) {
        let mut words = line.split_whitespace().filter(|word| *word != "|");
        assert_eq!(words.next(), Some(state.name()));
        for reply in [false, true] {
            for kind in kinds {
                let expected = words.next().unwrap();
                let (found, why) = next(reply, kind, state);
                let found = match found {
                    Next::Invalid => "x",
                    Next::Ignore => "=",
                    Next::To(new) if new == state => "=",
                    Next::To(new) => new.name(),
                };
                assert_eq!(found, expected, "{state:?} {kind:?} reply {reply}");
                assert!(!why.is_empty());
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 90);
}

#[test]
fn f41_1_a_repeated_syn_neither_counts_nor_refreshes() {
    let mut flow = Flow::new();
    flow.client("S", 100, 0);
    flow.world.wait(Duration::from_secs(50));
    assert_eq!(flow.client("S", 100, 0), "NEW");
    assert_eq!((flow.now(), flow.counted()), (("SYN_SENT", 70), (1, 0)));
}

#[test]
fn f41_2_a_reset_before_any_reply_removes_the_entry() {
    for (reply, flags, seq, ack, gone) in [
        (true, "RA", 0, 101, true),
        (true, "RA", 0, 102, true),
        (true, "RA", 0, 103, false),
        (false, "R", 101, 0, true),
        (false, "RA", 101, 7000, false),
    ] {
        let mut flow = Flow::new();
        flow.client("S", 100, 0);
        let state = flow.send(reply, flags, seq, ack, 0);
        assert_eq!(flow.world.lines().is_empty(), gone, "{flags} {ack}");
        assert_eq!(state == "INVALID", !gone, "{flags} {ack}");
        assert_eq!(flow.world.table.len(), usize::from(!gone));
    }
}

#[test]
fn f41_3_a_syn_in_an_established_connection_passes_and_its_answer_is_believed() {
    let mut flow = Flow::established();
    assert_eq!(flow.client("S", 9000, 0), "ESTABLISHED");
    assert_eq!(flow.now().0, "ESTABLISHED");
    assert_eq!(flow.server("SA", 7000, 9001), "ESTABLISHED");
    assert_eq!((flow.now(), flow.status(Status::ASSURED)), (("SYN_RECV", 60), true));
    assert_eq!(flow.client("A", 9001, 7001), "ESTABLISHED");
    assert_eq!(flow.now().0, "ESTABLISHED");
    // A challenge ACK instead leaves everything as it is.
    let mut flow = Flow::established();
    flow.client("S", 9000, 0);
    assert_eq!(flow.server("A", 501, 101), "ESTABLISHED");
    assert_eq!(flow.now(), ("ESTABLISHED", 432_000));
}

#[test]
fn f41_4_a_syn_after_a_reset() {
    let mut flow = Flow::established();
    flow.client("R", 101, 0);
    assert_eq!(flow.now(), ("CLOSE", 10));
    assert_eq!(flow.client("S", 9000, 0), "NEW");
    assert_eq!((flow.now(), flow.counted()), (("SYN_SENT", 120), (1, 0)));
    let mut flow = Flow::established();
    flow.server("R", 501, 0);
    assert_eq!(flow.client("S", 9000, 0), "ESTABLISHED");
    assert_eq!(flow.now(), ("CLOSE", 10));
    assert_eq!(flow.server("SA", 7000, 9001), "ESTABLISHED");
    assert_eq!(flow.now(), ("SYN_RECV", 60));
}

#[test]
fn f41_a_time_wait_tuple_is_used_again_from_either_side() {
    for reply in [false, true] {
        let mut flow = Flow::established();
        flow.client("AF", 101, 501);
        assert_eq!(flow.now(), ("FIN_WAIT", 120));
        flow.server("A", 501, 102);
        assert_eq!(flow.now(), ("CLOSE_WAIT", 60));
        flow.server("AF", 501, 102);
        assert_eq!(flow.now(), ("LAST_ACK", 30));
        flow.client("A", 102, 502);
        assert_eq!(flow.now(), ("TIME_WAIT", 120));
        let before = flow.world.only();
        assert_eq!(flow.send(reply, "S", 5, 0, 0), "NEW");
        assert_ne!(flow.world.only(), before, "another connection");
        assert!(flow.world.table.get(before).is_none(), "whose predecessor's name is used up");
        assert_eq!((flow.now(), flow.counted()), (("SYN_SENT", 120), (1, 0)));
    }
}

#[test]
fn f42_loose_pick_up() {
    let mut flow = Flow::new();
    assert_eq!(flow.client("A", 1000, 5000), "NEW");
    assert_eq!(flow.client("A", 1000, 5000), "NEW");
    assert_eq!(flow.now(), ("ESTABLISHED", 300));
    assert_eq!(flow.server("A", 5000, 1000), "ESTABLISHED");
    assert!(!flow.status(Status::ASSURED));
    assert_eq!(flow.client("A", 1000, 5000), "ESTABLISHED");
    assert!(flow.status(Status::ASSURED));
}

/// The numbers of F43 for a window of 4096: the packet passes and counts, passes and does not count, or is INVALID.
#[test]
fn f43_the_window() {
    #[derive(Debug, PartialEq)]
    enum Seen {
        Ok,
        Ignored,
        Invalid,
    }
    use Seen::{Ignored, Invalid, Ok};
    let try_one = |seq: u32, ack: u32, length: usize, liberal: bool| {
        let mut flow = Flow::established();
        flow.world.table.config.tcp_be_liberal = liberal;
        let before = flow.counted();
        match (flow.send(false, "A", seq, ack, length), flow.counted() == before) {
            ("ESTABLISHED", false) => Ok,
            ("ESTABLISHED", true) => Ignored,
            (state, _) => {
                assert_eq!(state, "INVALID");
                Invalid
            }
        }
    };
    for (seq, ack, length, expected) in [
        (101, 501, 0, Ok),
        (101 + 4096, 501, 0, Ok),
        (101 + 4097, 501, 0, Ignored),
        (101 + 8191, 501, 0, Ignored),
        (101 + 8192, 501, 0, Invalid),
        (101 + 8091, 501, 100, Ignored),
        (101 + 8092, 501, 100, Invalid),
        (101, 502, 0, Invalid),
        (101, 501_u32.wrapping_sub(66_000), 0, Ok),
        (101, 501_u32.wrapping_sub(66_001), 0, Ignored),
        (101_u32.wrapping_sub(4096), 501, 0, Ok),
        (101_u32.wrapping_sub(4097), 501, 0, Ignored),
    ] {
        assert_eq!(try_one(seq, ack, length, false), expected, "seq {seq} ack {ack} length {length}");
        assert_eq!(try_one(seq, ack, length, true), Ok, "nf_conntrack_tcp_be_liberal");
    }
}

#[test]
fn f43_resets() {
    let reset = |seq| {
        let mut flow = Flow::established();
        // The client has acknowledged up to 601, so that a reset below it is older than that.
        flow.send(true, "AP", 501, 101, 100);
        flow.client("A", 101, 601);
        (flow.server("R", seq, 0), flow.now())
    };
    assert_eq!(reset(600), ("INVALID", ("ESTABLISHED", 432_000)));
    assert_eq!(reset(601), ("ESTABLISHED", ("CLOSE", 10)));
    assert_eq!(reset(650), ("ESTABLISHED", ("ESTABLISHED", 10)));
}

#[test]
fn f43_windows_are_scaled_if_both_sides_say_so() {
    for both in [true, false] {
        let mut world = World::new();
        let syn = build::tcp(CLIENT, SERVER).flags("S").seq(100).window(1000).window_scale(4);
        let answer = build::tcp(SERVER, CLIENT).flags("SA").seq(500).ack(101).window(1000);
        let answer = if both { answer.window_scale(4) } else { answer };
        world.forward("lan0", &syn.build());
        world.forward("wan0", &answer.build());
        world.forward("lan0", &build::tcp(CLIENT, SERVER).flags("A").seq(101).ack(501).window(1000).build());
        // The client's last window counts 16000 bytes from 501 on only if it is scaled.
        let far = build::tcp(SERVER, CLIENT).flags("A").seq(501 + 15_000).ack(101).window(1000).build();
        let expected = if both { "ESTABLISHED" } else { "INVALID" };
        assert_eq!(world.forward("wan0", &far).state_name(), expected);
    }
}

#[test]
fn f44_bad_headers_are_invalid() {
    let syn = || build::tcp(CLIENT, SERVER).flags("S").seq(100);
    for (what, bytes) in [
        ("checksum", syn().bad_checksum().build()),
        ("data offset", syn().data_offset(4).build()),
        ("data offset beyond the packet", syn().data_offset(6).build()),
    ] {
        let mut world = World::new();
        assert_eq!(world.forward("lan0", &bytes).state_name(), "INVALID", "{what}");
        assert!(world.table.is_empty());
    }
    let mut world = World::with(Config { checksum: false, ..Config::default() });
    assert_eq!(world.forward("lan0", &syn().bad_checksum().build()).state_name(), "NEW");
}

#[test]
fn f38_a_state_sticks_although_the_packet_is_dropped() {
    let mut flow = Flow::new();
    let syn = build::tcp(CLIENT, SERVER).flags("S").seq(100).build();
    assert_eq!(flow.world.dropped("lan0", &syn).state_name(), "NEW");
    assert!(flow.world.lines().is_empty() && flow.world.table.is_empty());
    flow.client("S", 100, 0);
    let answer = build::tcp(SERVER, CLIENT).flags("SA").seq(500).ack(101).build();
    flow.world.dropped("wan0", &answer);
    assert_eq!(flow.now(), ("SYN_RECV", 60));
}

#[test]
fn f29_a_reset_by_the_machine_closes() {
    let mut flow = Flow::established();
    let id = flow.world.only();
    let now = flow.world.now.mono;
    flow.world.table.set_timeout_close(id, now);
    assert_eq!(flow.now(), ("CLOSE", 10));
    flow.world.wait(Duration::from_secs(10));
    assert!(flow.world.lines().is_empty());
}
