use packet::build;

use crate::conntrack::testing::World;

/// The line after each of some packets from either side.
fn lines(packets: &[(&str, Vec<u8>)]) -> Vec<String> {
    let mut world = World::new();
    packets
        .iter()
        .map(|(device, bytes)| {
            world.forward(device, bytes);
            world.line()
        })
        .collect()
}

/// Read off Linux 6.18.
#[test]
fn lines_of_each_protocol() {
    let found = lines(&[("lan0", build::tcp("10.0.1.5:1000", "203.0.113.9:80").flags("S").build())]);
    assert_eq!(
        found,
        [
            "ipv4     2 tcp      6 120 SYN_SENT src=10.0.1.5 dst=203.0.113.9 sport=1000 dport=80 packets=1 bytes=40 \
          [UNREPLIED] src=203.0.113.9 dst=10.0.1.5 sport=80 dport=1000 packets=0 bytes=0 mark=0 zone=0 use=2"
        ]
    );
    let found = lines(&[("lan0", build::raw(99, "10.0.1.5", "203.0.113.9").payload("abcd").build())]);
    assert_eq!(
        found,
        ["ipv4     2 unknown  99 600 src=10.0.1.5 dst=203.0.113.9 packets=1 bytes=24 [UNREPLIED] \
          src=203.0.113.9 dst=10.0.1.5 packets=0 bytes=0 mark=0 zone=0 use=2"]
    );
    let pptp = [0x30, 1, 0x88, 0x0b, 0, 0, 0, 77, b'a', b'b', b'c', b'd'];
    let found = lines(&[("lan0", build::raw(47, "10.0.1.5", "203.0.113.9").payload(pptp).build())]);
    assert_eq!(
        found,
        [
            "ipv4     2 gre      47 30 timeout=30, stream_timeout=180 src=10.0.1.5 dst=203.0.113.9 srckey=0x0 dstkey=0x4d \
          packets=1 bytes=32 [UNREPLIED] src=203.0.113.9 dst=10.0.1.5 srckey=0x4d dstkey=0x0 packets=0 bytes=0 mark=0 \
          zone=0 use=2"
        ]
    );
    let echo = build::icmp("fd00:1::5", "fd00:2::9").echo_request(7, 1).build();
    assert_eq!(
        lines(&[("lan0", echo)]),
        ["ipv6     10 icmpv6   58 30 src=fd00:0001:0000:0000:0000:0000:0000:0005 \
          dst=fd00:0002:0000:0000:0000:0000:0000:0009 type=128 code=0 id=7 packets=1 bytes=48 [UNREPLIED] \
          src=fd00:0002:0000:0000:0000:0000:0000:0009 dst=fd00:0001:0000:0000:0000:0000:0000:0005 type=129 code=0 id=7 \
          packets=0 bytes=0 mark=0 zone=0 use=2"]
    );
}

#[test]
fn without_accounting_there_are_no_counters() {
    let mut world = World::new();
    world.table.config.acct = false;
    world.forward("lan0", &build::udp("10.0.1.5:1", "203.0.113.9:2").build());
    assert_eq!(
        world.line(),
        "ipv4     2 udp      17 30 src=10.0.1.5 dst=203.0.113.9 sport=1 dport=2 [UNREPLIED] src=203.0.113.9 dst=10.0.1.5 \
         sport=2 dport=1 mark=0 zone=0 use=2"
    );
}
