use packet::Family;

use crate::conntrack::testing::World;
use crate::skb::Tracking;

fn begun(world: &mut World, line: &str) -> crate::ConnectionId {
    let shown = packet::show::parse(line).unwrap();
    match world.forward("lan0", &shown.bytes).packet.tracking {
        Tracking::Entry { connection, .. } => connection,
        other => panic!("{other:?}"),
    }
}

/// Only connections that begin while labels are used have them; they end with the connection.
#[test]
fn labels_of_a_connection() {
    let mut world = World::new();
    let old = begun(&mut world, "udp 10.0.1.5:1 > 8.8.8.8:53");
    assert_eq!(world.table.labels(old), None);
    assert!(!world.table.set_label(old, 3));
    world.table.use_labels(Family::V4, true);
    world.table.use_labels(Family::V6, false);
    let new = begun(&mut world, "udp 10.0.1.5:2 > 8.8.8.8:53");
    assert_eq!(world.table.labels(new), Some(0));
    for label in [0, 31, 32, 127] {
        assert!(world.table.set_label(new, label));
    }
    assert!(!world.table.set_label(new, 128));
    assert_eq!(world.table.labels(new), Some(1 | 1 << 31 | 1 << 32 | 1 << 127));
    assert_eq!(world.table.labels(old), None);
    // The slot goes to another connection, without them.
    world.table.kill(new);
    assert_eq!(world.table.labels(new), None);
    world.table.use_labels(Family::V4, false);
    let other = begun(&mut world, "udp 10.0.1.5:3 > 8.8.8.8:53");
    assert_eq!((other.slot, world.table.labels(other)), (new.slot, None));
}

/// One event for each label that was not there before.
#[test]
fn a_new_label_is_an_event() {
    let config = crate::conntrack::Config { most_events: 10, ..Default::default() };
    let mut world = World::with(config);
    world.table.use_labels(Family::V6, true);
    let id = begun(&mut world, "udp 10.0.1.5:2 > 8.8.8.8:53");
    while world.table.poll_event().is_some() {}
    assert!(world.table.set_label(id, 7) && world.table.set_label(id, 7));
    assert!(world.table.poll_event().is_none(), "it is told at the end of a packet's way");
    world.table.tell(id);
    let event = world.table.poll_event().unwrap();
    assert_eq!((event.kind, event.id), (crate::conntrack::EventKind::Update, id));
    assert!(world.table.poll_event().is_none());
}
