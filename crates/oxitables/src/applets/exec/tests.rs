use netfilter::DeviceId;
use packet::View;

use super::*;

fn outgoing(bytes: Vec<u8>) -> Outgoing {
    Outgoing { device: DeviceId(1), next_hop: Ipv4Addr::new(10, 0, 2, 2).into(), bytes }
}

fn udp_v4(fragment: u16) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 32, 0, 1];
    bytes.extend_from_slice(&fragment.to_be_bytes());
    bytes.extend_from_slice(&[64, 17, 0, 0, 10, 0, 2, 15, 192, 0, 2, 1]);
    bytes.extend_from_slice(&[0, 9, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4]);
    let sum = internet_sum(&[&bytes[..20]]).to_be_bytes();
    bytes.splice(10..12, sum);
    bytes
}

#[test]
fn the_router_answers_with_host_unreachable_and_right_checksums() {
    let offender = udp_v4(0);
    let answer = unreachable(&outgoing(offender.clone())).unwrap();
    let view = View::parse(&answer).unwrap();
    assert_eq!(view.source(), "10.0.2.2".parse::<IpAddr>().unwrap());
    assert_eq!(view.destination(), "10.0.2.15".parse::<IpAddr>().unwrap());
    assert_eq!(view.icmp().map(|icmp| (icmp.kind, icmp.code)), Some((3, 1)));
    assert_eq!(internet_sum(&[&answer[..20]]), 0);
    assert_eq!(internet_sum(&[&answer[20..]]), 0);
    assert_eq!(&answer[28..], offender);
}

#[test]
fn the_router_answers_ipv6_too() {
    let mut offender = vec![0x60, 0, 0, 0, 0, 8, 17, 64];
    offender.extend_from_slice(&"fd00:6f78::15".parse::<Ipv6Addr>().unwrap().octets());
    offender.extend_from_slice(&"2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
    offender.extend_from_slice(&[0, 9, 0, 53, 0, 8, 0, 1]);
    let answer = unreachable(&outgoing(offender)).unwrap();
    let view = View::parse(&answer).unwrap();
    assert_eq!(view.icmp().map(|icmp| (icmp.kind, icmp.code)), Some((1, 3)));
    assert_eq!(internet_sum(&[&answer[8..40], &answer[4..6], &[0, 58], &answer[40..]]), 0);
}

#[test]
fn the_router_is_silent_about_errors_groups_and_later_fragments() {
    assert_eq!(unreachable(&outgoing(udp_v4(1))), None);
    let error = unreachable(&outgoing(udp_v4(0))).unwrap();
    assert_eq!(unreachable(&outgoing(error)), None);
    let mut group = udp_v4(0);
    group[16] = 224;
    assert_eq!(unreachable(&outgoing(group)), None);
    assert_eq!(unreachable(&outgoing(vec![0x45])), None);
}
