use std::time::Duration;

use crate::Drop;
use crate::conntrack::testing::World;
use crate::conntrack::{Config, Status};
use crate::hook::Verdict;

fn bytes(line: &str) -> Vec<u8> {
    packet::show::parse(line).unwrap().bytes
}

fn full(config: Config) -> World {
    let mut world = World::with(config);
    for port in 1..=3 {
        world.forward("lan0", &bytes(&format!("udp 10.0.1.5:{port} > 8.8.8.8:53")));
    }
    assert_eq!(world.table.len(), 3);
    world
}

/// Measured with 262,144 connections on Linux 6.18: each newcomer takes the place of one that is not ASSURED; when all are,
/// it is dropped, and said so 10 times in 5 seconds.
#[test]
fn a_full_table() {
    let mut world = full(Config { max: 3, ..Config::default() });
    for port in 11..=15 {
        let passed = world.forward("lan0", &bytes(&format!("udp 10.0.1.5:{port} > 8.8.8.8:53")));
        assert_eq!(passed.verdict, Verdict::Accept);
        assert_eq!(world.table.len(), 3);
    }
    assert_eq!(world.table.statistics().early_drop, 5);
    let ids: Vec<_> = world.table.iter().map(|(id, _)| id).collect();
    for id in ids {
        world.table.get_mut(id).unwrap().status.set(Status::ASSURED);
    }
    for port in 21..=40 {
        let passed = world.dropped("lan0", &bytes(&format!("udp 10.0.1.5:{port} > 8.8.8.8:53")));
        assert_eq!(passed.verdict, Verdict::Drop(Drop::TableFull));
    }
    let statistics = world.table.statistics();
    assert_eq!((statistics.drop, statistics.early_drop, world.log().len()), (20, 5, 10));
    assert_eq!(world.log()[0].text, "nf_conntrack: nf_conntrack: table full, dropping packet");
    world.wait(Duration::from_secs(6));
    world.dropped("lan0", &bytes("udp 10.0.1.5:50 > 8.8.8.8:53"));
    assert_eq!(world.log().len(), 11);
}

#[test]
fn the_line_of_conntrack_s() {
    let statistics = full(Config::default()).table.statistics();
    assert_eq!(
        statistics.to_string(),
        "found=0 invalid=0 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 search_restart=0 clash_resolve=0 \
         chaintoolong=0"
    );
}
