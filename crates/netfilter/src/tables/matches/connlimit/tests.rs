use super::*;
use crate::conntrack::Config;

/// A connection that the table does not have.
fn gone(port: u16) -> (Tuple, Zone) {
    let tuple = Tuple {
        source: IpAddr::from([10, 0, 1, 5]),
        destination: IpAddr::from([8, 8, 8, 8]),
        source_id: port,
        destination_id: 53,
        protocol: packet::protocol::UDP,
    };
    (tuple, Zone::default())
}

/// Measured with 70 connections that ended at once: a case of it would hold 70 connections in each of its steps.
#[test]
fn one_look_forgets_sixty_five() {
    let table = Conntrack::new(Config::default(), [1, 2]);
    for (count, left) in [(64, 0), (65, 0), (66, 1), (70, 5)] {
        let mut list = List { connections: (0..count).map(gone).collect(), looked: 0, looked_count: 0 };
        assert!(!list.forget(&table, Now::default(), None));
        assert_eq!(list.connections.len(), left, "{count}");
    }
}

#[test]
fn a_list_is_looked_through_after_sixty_four_new_ones() {
    let table = Conntrack::new(Config::default(), [1, 2]);
    let mut list = List { connections: Vec::new(), looked: 7, looked_count: 0 };
    let lengths: Vec<usize> = (0..66)
        .map(|port| {
            let (tuple, zone) = gone(port);
            let counted = Counted { tuple, zone, confirmed: false, assured: false };
            list.add(&counted, &table, Now::default(), 7);
            list.connections.len()
        })
        .collect();
    assert_eq!(lengths.get(62..), Some(&[63, 64, 1, 2][..]));
}
