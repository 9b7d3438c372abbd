use super::*;

fn taken(rate: &mut Rate, microseconds: u64, tries: u32) -> u32 {
    (0..tries).map(|_| u32::from(rate.take(Instant(1_000_000_000_000 + microseconds * 1_000)))).sum()
}

/// F71 for nf_tables: the bucket is full at first, never holds more than the burst, and fills between jiffies.
#[test]
fn a_bucket_fills_in_nanoseconds() {
    let mut rate = Rate::new(&Limit { average: 1_000, burst: 5 });
    assert_eq!(taken(&mut rate, 0, 50), 5);
    assert_eq!(taken(&mut rate, 250_000, 50), 2);
    assert_eq!(taken(&mut rate, 299_999, 1), 0);
    assert_eq!(taken(&mut rate, 300_000, 50), 1);
    assert_eq!(taken(&mut rate, 9_000_000, 50), 5);
}

/// iptables-nft writes whole packets in a unit: of 3/10,000 s it makes 3333 a second.
#[test]
fn rates_are_whole_packets() {
    for (average, cost) in
        [(3, 300_030), (3_333, 333_333_333), (6_666, 666_666_666), (36_000_000, 3_600_000_000_000)]
    {
        assert_eq!(Rate::new(&Limit { average, burst: 1 }).cost, cost, "{average}");
    }
}

/// A burst of 0 is the kernel's own.
#[test]
fn a_burst_of_nothing_is_five() {
    assert_eq!(taken(&mut Rate::new(&Limit { average: 10_000, burst: 0 }), 0, 9), 5);
}

fn range(first: u16, last: u16, invert: bool) -> Option<Negatable<PortRange>> {
    Some(Negatable { invert, value: PortRange { first, last } })
}

/// Measured: `! --sport 0:65535` and `! --tcp-flags NONE NONE`, which never hold, are no condition in iptables-nft; without
/// any option, and with `--tcp-option`, the match is that of legacy rules.
#[test]
fn what_becomes_an_expression() {
    let bare = Tcp { source: None, destination: None, flags: None, option: None };
    assert_eq!(Fields::of_tcp(&bare), None);
    let never = Tcp { source: range(0, u16::MAX, true), ..bare };
    let nothing = Fields { flags: None, source: None, destination: None, not_both: None };
    assert_eq!(Fields::of_tcp(&never), Some(nothing));
    let value = TcpFlags { mask: 0, set: 0 };
    let never = Tcp { flags: Some(Negatable { invert: true, value }), ..bare };
    assert_eq!(Fields::of_tcp(&never), Some(nothing));
    let port = Tcp { destination: range(80, 80, false), ..bare };
    assert_eq!(Fields::of_tcp(&port), Some(Fields { destination: range(80, 80, false), ..nothing }));
    let value = Negatable { invert: false, value: 2 };
    assert_eq!(Fields::of_tcp(&Tcp { option: Some(value), ..port }), None);
    assert_eq!(Fields::of_udp(&Udp { source: None, destination: None }), None);
    assert_eq!(Fields::of_udp(&Udp { source: range(0, u16::MAX, true), destination: None }), Some(nothing));
}

/// Measured: two inverted single ports are one comparison, which fails where both are what they must not be; ranges, port 0
/// and ports of which one is inverted stay two.
#[test]
fn two_inverted_ports_are_one_comparison() {
    let of = |source, destination| Fields::of_udp(&Udp { source, destination }).expect("expressions");
    assert_eq!(of(range(1, 1, true), range(2, 2, true)).not_both, Some((1, 2)));
    for (source, destination) in [
        (range(1, 1, true), range(2, 2, false)),
        (range(1, 1, false), range(2, 2, false)),
        (range(0, 0, true), range(2, 2, true)),
        (range(1, 1, true), range(2, 3, true)),
        (range(1, 1, true), None),
    ] {
        let fields = Fields { flags: None, source, destination, not_both: None };
        assert_eq!(of(source, destination), fields);
    }
}
