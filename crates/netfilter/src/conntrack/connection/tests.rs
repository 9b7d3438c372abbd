use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::{Connection, Rare};
use crate::conntrack::{ConnectionId, Direction, Tuple, Zone};
use crate::network::DeviceId;

fn tuple(v6: bool) -> impl Strategy<Value = Tuple> {
    // Why: few addresses, so that replies are often the same turned round.
    (0u8..3, 0u8..3, 0u16..3, 0u16..3).prop_map(move |(source, destination, source_id, destination_id)| {
        let address = |last: u8| match v6 {
            true => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 2, 3, 4, u16::from(last))),
            false => IpAddr::V4(Ipv4Addr::new(10, 1, 2, last)),
        };
        Tuple {
            source: address(source),
            destination: address(destination),
            protocol: 17,
            source_id,
            destination_id,
        }
    })
}

proptest! {
    #[test]
    fn what_is_put_in_comes_out(
        v6 in any::<bool>(),
        (original, first, second) in any::<bool>()
            .prop_flat_map(|v6| (tuple(v6), tuple(v6), tuple(v6))),
        other in any::<bool>().prop_flat_map(tuple),
    ) {
        let _ = v6;
        let mut connection = Connection::new(original, first, Zone::default());
        for reply in [first, second, first] {
            connection.set_reply(reply);
            prop_assert_eq!(connection.original(), original);
            prop_assert_eq!(connection.reply(), reply);
            prop_assert_eq!(connection.family(), original.family());
            for (direction, own) in [(Direction::Original, original), (Direction::Reply, reply)] {
                prop_assert!(connection.has_tuple(direction, &own));
                prop_assert_eq!(connection.has_tuple(direction, &other), own == other);
            }
        }
    }
}

#[test]
fn what_is_rare_is_allocated_when_it_is_first_there() {
    let [source, destination] = [1, 2].map(|last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)));
    let original = Tuple { source, destination, protocol: 6, source_id: 1, destination_id: 2 };
    let mut connection = Connection::new(original, original.inverted().unwrap(), Zone::default());
    assert!(connection.rare.is_none() && connection.helper().is_none() && connection.masquerade().is_none());
    connection.lose_child();
    connection.set_masquerade(DeviceId(0));
    assert!(connection.rare.is_none(), "nothing of this is rare");
    assert_eq!(connection.masquerade(), Some(DeviceId(0)));
    connection.set_masquerade(DeviceId(65_533));
    assert!(connection.rare.is_none() && connection.masquerade() == Some(DeviceId(65_533)));
    for number in [65_534, 65_535, 65_536, u32::MAX - 1, u32::MAX] {
        let mut far = connection.clone();
        far.set_masquerade(DeviceId(number));
        assert_eq!(far.masquerade(), Some(DeviceId(number)));
    }
    let master = ConnectionId { slot: 1, generation: 2 };
    connection.rare_mut().master = Some(master);
    assert_eq!(connection.rare().master, Some(master));
    let Rare { children, parent, .. } = connection.rare();
    assert_eq!((*children, parent.is_none()), (0, true));
}

/// What finding reads of IPv4 lies in the first cache line, what TCP remembers in the first two, the counters in the third.
#[test]
fn what_is_read_together_lies_together() {
    use std::mem::offset_of;
    assert_eq!((size_of::<Connection>(), align_of::<Connection>()), (192, 64));
    for at in [
        offset_of!(Connection, first),
        offset_of!(Connection, expires),
        offset_of!(Connection, ids),
        offset_of!(Connection, zone),
        offset_of!(Connection, generation),
        offset_of!(Connection, status),
        offset_of!(Connection, ip_protocol),
        offset_of!(Connection, form),
    ] {
        assert!(at < 64, "{at}");
    }
    assert!(offset_of!(Connection, protocol) + size_of::<super::ProtocolState>() <= 128);
    assert!(offset_of!(Connection, counters) >= 128);
}
