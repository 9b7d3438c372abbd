#![no_main]
//! Any ruleset out of a seed and any packets through one engine, by any device, with time between: nothing panics, nothing
//! loops, what comes out is a packet, and every store stays within its limit.
use libfuzzer_sys::fuzz_target;
use netfilter::engine::{Config, Engine};
use netfilter::skb::{Link, Origin, Owner};
use netfilter::time::Seeded;
use netfilter::{DeviceId, Instant, Now, conntrack, defrag, env};
use packet::Family;

const NETWORK: &str = "\
device lan0
device dmz0 mtu 1400
device wan0
address 10.0.1.1/24 dev lan0
address 10.0.2.1/24 dev dmz0
address 203.0.113.1/24 dev wan0
address fd00:1::1/64 dev lan0
address fd00:2::1/64 dev dmz0
address 2001:db8::1/64 dev wan0
route default via 203.0.113.254 dev wan0
route default via 2001:db8::fe dev wan0
sysctl net.ipv4.ip_forward=1
sysctl net.ipv6.conf.all.forwarding=1
";

/// Its sockets, some of which proxy for others.
const MACHINE: &str = "
socket tcp 0.0.0.0:80 transparent mark 0x1
socket tcp [::]:443 transparent uid 1000 gid 1000 groups 7 cgroup /a/b class 1
socket tcp 10.0.1.1:80 10.0.1.5:1000 time-wait transparent
socket udp 0.0.0.0:53 transparent
socket udp [::]:1000 dev lan0
ipsec in 10.0.1.0/24 0.0.0.0/0 proto udp esp tunnel 10.0.1.5 10.0.1.1 spi 0x1 reqid 1
ipsec out 0.0.0.0/0 10.0.2.0/24 ah transport
cpu 0
timezone -60
";

/// Connections that the table may hold here.
const MOST_CONNECTIONS: usize = 64;

fuzz_target!(|data: &[u8]| {
    let Some((seed, mut rest)) = data.split_first_chunk::<8>() else { return };
    let seed = u64::from_le_bytes(*seed);
    let network = netfilter::route::text::parse(NETWORK).expect("the network of this target");
    let mut engine = Engine::new(Config {
        settings: env::Settings::default(),
        conntrack: conntrack::Config { max: MOST_CONNECTIONS, ..conntrack::Config::default() },
        defrag: defrag::Settings::default(),
        always_track: seed & 1 == 0,
        hash_key: [seed, 0],
        network,
        random: Box::new(Seeded::new(seed)),
    });
    engine.set_machine(netfilter::machine::text::parse(MACHINE).expect("the machine of this target"));
    for family in [Family::V4, Family::V6] {
        let mut chance = Seeded::new(seed ^ family as u64);
        let options = rules::generate::Options::default();
        engine.set_ruleset(&rules::generate::ruleset(&mut || chance.next_u64(), family, &options));
    }
    if seed & 6 == 6 {
        let text = helper_rules(seed >> 8);
        engine.set_ruleset(
            &rules::syntax::restore::load(&text, Family::V4, None).expect("the rules of this target"),
        );
    }
    let mut nanos = 1_000_000_000_u64;
    for _ in 0..64 {
        // A step: kind and device, a pause in units of 16 s, a length, and bytes.
        let Some((&[kind, pause, length], after)) = rest.split_first_chunk::<3>() else { break };
        let (bytes, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        nanos = nanos.saturating_add(u64::from(pause) * 16_000_000_000);
        let now = Now { mono: Instant(nanos), wall: nanos };
        if pause > 0 {
            engine.expire(now);
        }
        let packet = if kind & 0x80 == 0 { bytes.to_vec() } else { dressed(kind, bytes) };
        if kind & 0x40 == 0 {
            engine.receive(now, DeviceId(u32::from(kind & 3)), Link::default(), packet);
        } else {
            let socket = Some(Owner { uid: 1000, gid: 1000, has_file: true });
            let origin = Origin { socket, known: true, mark: u32::from(kind & 1), ..Origin::default() };
            let _ = engine.send_local(now, origin, packet);
        }
        while let Some(out) = engine.poll_transmit() {
            packet::layout::parse(&out.bytes).expect("what comes out is a packet");
        }
        while let Some(out) = engine.poll_deliver() {
            packet::layout::parse(&out.bytes).expect("what is delivered is a packet");
        }
        while engine.poll_log().is_some() {}
        assert!(engine.conntrack().len() <= MOST_CONNECTIONS, "the table keeps its limit");
    }
});

/// Rules under which one helper of each protocol sees all of its packets, with NAT or without.
fn helper_rules(choice: u64) -> String {
    let tcp = ["ftp", "irc", "pptp", "sane", "sip", "Q.931"];
    let udp = ["tftp", "amanda", "sip", "RAS", "snmp", "snmp_trap", "netbios-ns"];
    let (tcp, udp) = (tcp[(choice % 6) as usize], udp[(choice / 6 % 7) as usize]);
    let nat =
        if choice / 42 % 2 == 0 { "-A POSTROUTING -o wan0 -j SNAT --to-source 203.0.113.1\n" } else { "" };
    format!(
        "*raw\n-A PREROUTING -p tcp -j CT --helper {tcp}\n-A PREROUTING -p udp -j CT --helper {udp}\nCOMMIT\n\
         *nat\n{nat}COMMIT\n"
    )
}

/// Messages that helpers read, with their ports and whether they go by TCP; the input changes some of their bytes.
const MESSAGES: [(u16, bool, &[u8]); 4] = [
    (5060, false, b"INVITE sip:b@8.8.8.8 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.5:5060;rport\r\nFrom: <sip:a@10.0.1.5>\r\nCSeq: 1 INVITE\r\nContact: <sip:a@10.0.1.5>\r\nContent-Length: 9\r\n\r\nv=0\r\no=- 1 1 IN IP4 10.0.1.5\r\nc=IN IP4 10.0.1.5\r\nm=audio 4000 RTP\r\n"),
    (5060, true, b"REGISTER sip:8.8.8.8 SIP/2.0\r\nv: SIP/2.0/TCP 10.0.1.5:5060\r\nCSeq: 2 REGISTER\r\nm: <sip:a@10.0.1.5>;expires=50\r\nl: 0\r\n\r\n"),
    // RegistrationRequest of 10.0.1.5.
    (1719, false, &[0x0c, 0, 0, 2, 6, 0, 8, 0x91, 0x4a, 0, 4, 0x80, 1, 0, 10, 0, 1, 5, 6, 0xb8, 1, 0, 10, 0, 1, 5, 6, 0xb7, 0, 0, 0xb5, 0, 0x53, 0x4c]),
    // Setup of Q.931 with an address for H.245.
    (1720, true, &[3, 0, 0, 0x42, 8, 2, 0x12, 0x34, 5, 0x7e, 0, 0x38, 5, 0x20, 0xa0, 6, 0, 8, 0x91, 0x4a, 0, 4, 0, 10, 0, 1, 5, 0x13, 0x88, 0, 0, 0, 0]),
];

/// The transport header and payload of a message that a helper reads.
fn message(bytes: &[u8], number: &mut u8) -> Vec<u8> {
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
    let (port, tcp, text) = MESSAGES[usize::from(at(0)) % MESSAGES.len()];
    let mut out = [port.to_be_bytes(), port.to_be_bytes()].concat();
    if tcp {
        *number = 6;
        out.extend([0, 0, 0, at(1), 0, 0, 0, at(2), 0x50, at(3), 0xff, 0xff, 0, 0, 0, 0]);
    } else {
        *number = 17;
        out.extend(u16::try_from(8 + text.len()).unwrap_or(0).to_be_bytes());
        // No checksum.
        out.extend([0, 0]);
    }
    let start = out.len();
    out.extend(text);
    for change in bytes.get(4..).unwrap_or(&[]).chunks_exact(2) {
        let place = start + usize::from(change[0]) % text.len();
        out[place] = change[1];
    }
    out
}

/// Bytes behind an IP header that is right: the first bytes choose addresses and protocol from small sets.
fn dressed(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let (ends, payload) = bytes.split_at(bytes.len().min(4));
    let at = |index: usize| ends.get(index).copied().unwrap_or(0);
    let mut protocol = [1, 6, 17, 58, 132, 47, 136, 99][usize::from(at(2) & 7)];
    let read = (at(2) & 0x80 != 0).then(|| message(payload, &mut protocol));
    let payload = read.as_deref().unwrap_or(payload);
    if kind & 0x20 == 0 {
        let hosts =
            [[10, 0, 1, 5], [10, 0, 2, 5], [8, 8, 8, 8], [10, 0, 1, 1], [203, 0, 113, 1], [127, 0, 0, 1]];
        let mut packet = vec![0x45, at(3), 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0];
        packet.extend(hosts[usize::from(at(0)) % hosts.len()]);
        packet.extend(hosts[usize::from(at(1)) % hosts.len()]);
        packet.extend(payload);
        let length = u16::try_from(packet.len()).unwrap_or(u16::MAX);
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        let sum = packet::checksum::of(&packet[..20]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet
    } else {
        let hosts: [[u8; 16]; 4] = [
            [0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5],
            [0xfd, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5],
            [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        ];
        let next = [0, 6, 17, 58, 43, 44, 60, 51][usize::from(at(2) & 7)];
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes();
        let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], next, 64];
        packet.extend(hosts[usize::from(at(0)) % hosts.len()]);
        packet.extend(hosts[usize::from(at(1)) % hosts.len()]);
        packet.extend(payload);
        packet
    }
}
