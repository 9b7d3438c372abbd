use packet::{build, protocol};
use proptest::prelude::*;

use super::{COOKIE, LEAST, message};
use crate::conntrack::Status;
use crate::conntrack::testing::World;
use crate::skb::Template;

const CLIENT: &str = "10.0.1.5:1000";
const SERVER: &str = "203.0.113.9:1723";

/// A control connection behind a router with `-j CT --helper pptp`.
struct Control {
    world: World,
    numbers: [u32; 2],
}

fn said(number: u16, body: &[u8]) -> Vec<u8> {
    let least = LEAST.get(usize::from(number)).copied().unwrap_or(0);
    let mut bytes = vec![0, 0, 0, 1];
    bytes.extend(COOKIE.to_be_bytes());
    bytes.extend(number.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(body);
    bytes.resize(bytes.len() + least.saturating_sub(body.len()), 0);
    bytes
}

impl Control {
    fn new() -> Self {
        let mut world = World::new();
        world.template = Some(Template { helper: Some("pptp".into()), ..Template::default() });
        let mut control = Self { world, numbers: [101, 501] };
        let syn = build::tcp(CLIENT, SERVER).flags("S").seq(100).build();
        control.world.forward("lan0", &syn);
        let answer = build::tcp(SERVER, CLIENT).flags("SA").seq(500).ack(101).build();
        control.world.forward("wan0", &answer);
        control.world.forward("lan0", &build::tcp(CLIENT, SERVER).flags("A").seq(101).ack(501).build());
        control.world.template = None;
        control
    }

    fn say(&mut self, reply: bool, bytes: &[u8]) {
        let (from, to, device) = if reply { (SERVER, CLIENT, "wan0") } else { (CLIENT, SERVER, "lan0") };
        let [client, server] = &mut self.numbers;
        let (seq, ack) = if reply { (server, client) } else { (client, server) };
        let packet = build::tcp(from, to).flags("AP").seq(*seq).ack(*ack).payload(bytes).build();
        *seq += bytes.len() as u32;
        self.world.forward(device, &packet);
    }

    fn start(&mut self) {
        self.say(false, &said(message::START_REQUEST, &[]));
        self.say(true, &said(message::START_REPLY, &[0, 0, 1, 0]));
    }

    fn call(&mut self) {
        self.say(false, &said(message::OUT_CALL_REQUEST, &[0x11, 0x11]));
        self.say(true, &said(message::OUT_CALL_REPLY, &[0x22, 0x22, 0x11, 0x11, 1, 0]));
    }

    fn tunnel(&mut self, reply: bool, key: u16) -> &'static str {
        let (from, to, device) =
            if reply { ("203.0.113.9", "10.0.1.5", "wan0") } else { ("10.0.1.5", "203.0.113.9", "lan0") };
        let [high, low] = key.to_be_bytes();
        let header = [0x20, 0x01, 0x88, 0x0b, 0, 0, high, low];
        let bytes = build::raw(protocol::GRE, from, to).payload(header.as_slice()).build();
        self.world.forward(device, &bytes).state_name()
    }

    fn expected(&self) -> usize {
        self.world.table.expectations().count()
    }
}

#[test]
fn both_directions_of_a_tunnel_are_one_connection() {
    let mut control = Control::new();
    control.start();
    control.call();
    assert_eq!((control.expected(), control.world.table.keys.len()), (2, 2));
    assert_eq!(control.tunnel(false, 0x2222), "RELATED");
    assert_eq!(control.expected(), 0, "the other direction is not expected any more");
    assert_eq!(control.tunnel(true, 0x1111), "ESTABLISHED");
    assert_eq!(control.tunnel(true, 0x1112), "NEW", "another key");
    let lines = control.world.lines();
    assert!(lines.iter().any(|line| line.contains("srckey=0x1111 dstkey=0x2222")), "{lines:#?}");
    control.world.check();
}

#[test]
fn a_call_that_ends_takes_its_tunnel_along() {
    for began in [false, true] {
        let mut control = Control::new();
        control.start();
        control.call();
        if began {
            control.tunnel(false, 0x2222);
        }
        control.say(true, &said(message::DISCONNECT_NOTIFY, &[0x22, 0x22]));
        assert_eq!((control.expected(), control.world.table.keys.len()), (0, 0));
        assert_eq!(control.world.lines().len(), 1, "only the control connection is left");
        assert_eq!(control.tunnel(false, 0x2222), "NEW");
    }
}

#[test]
fn with_the_control_connection_everything_ends() {
    let mut control = Control::new();
    control.start();
    control.call();
    control.tunnel(false, 0x2222);
    let id = control.world.table.iter().next().unwrap().0;
    control.world.table.kill(id);
    assert!(control.world.lines().is_empty());
    assert_eq!(control.world.table.keys.len(), 0);
    control.world.check();
}

#[test]
fn a_call_needs_a_session_and_the_same_identifier() {
    let mut control = Control::new();
    control.call();
    assert_eq!(control.expected(), 0, "no session");
    control.start();
    control.say(false, &said(message::OUT_CALL_REQUEST, &[0x11, 0x11]));
    control.say(true, &said(message::OUT_CALL_REPLY, &[0x22, 0x22, 0x11, 0x12, 1, 0]));
    assert_eq!(control.expected(), 0, "another call");
    control.say(true, &said(message::OUT_CALL_REPLY, &[0x22, 0x22, 0x11, 0x11, 2, 0]));
    assert_eq!(control.expected(), 0, "refused");
    control.call();
    assert_eq!(control.expected(), 2);
    control.call();
    assert_eq!((control.expected(), control.world.table.keys.len()), (2, 2), "the same again");
}

#[test]
fn the_server_may_call() {
    let mut control = Control::new();
    control.start();
    control.say(true, &said(message::IN_CALL_REQUEST, &[0x22, 0x22]));
    control.say(false, &said(message::IN_CALL_REPLY, &[0x11, 0x11, 0x22, 0x22, 1, 0]));
    assert_eq!(control.expected(), 0);
    control.say(true, &said(message::IN_CALL_CONNECT, &[0x11, 0x11]));
    assert_eq!(control.expected(), 2);
    assert_eq!(control.tunnel(true, 0x1111), "RELATED");
    assert_eq!(control.tunnel(false, 0x2222), "ESTABLISHED");
}

#[test]
fn a_body_that_is_too_short_is_not_read() {
    let mut control = Control::new();
    let whole = said(message::START_REQUEST, &[]);
    control.say(false, &whole[..whole.len() - 1]);
    control.say(true, &said(message::START_REPLY, &[0, 0, 1, 0]));
    control.call();
    assert_eq!(control.expected(), 0);
}

proptest! {
    /// Whatever is said: nothing panics, every entry of the table of keys belongs to a living connection, and nothing
    /// is left when that has gone.
    #[test]
    fn any_conversation(
        said_in_turn in proptest::collection::vec((any::<bool>(), 0_u16..17, any::<[u8; 6]>(), 0_usize..9), 0..40),
        translated: bool,
    ) {
        let mut control = Control::new();
        if translated {
            let id = control.world.only();
            control.world.table.get_mut(id).unwrap().status.set(Status::SRC_NAT);
        }
        for (reply, number, body, cut) in said_in_turn {
            let body = body.map(|byte| byte & 1);
            let bytes = said(number, &body);
            control.say(reply, &bytes[..bytes.len() - if cut < 3 { cut } else { 0 }]);
            if cut == 8 {
                control.tunnel(reply, u16::from(body[0]));
            }
            prop_assert!(control.world.table.keys.len() <= 2);
            prop_assert!(control.expected() <= 2);
            control.world.check();
        }
        let ids: Vec<_> = control.world.table.iter().map(|(id, _)| id).collect();
        for id in ids {
            control.world.table.kill(id);
        }
        prop_assert_eq!((control.world.table.keys.len(), control.expected()), (0, 0));
    }
}
