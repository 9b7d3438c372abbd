//! The translation of expected connections: as their helper wants it, without asking the nat table (Linux: the
//! `expectfn` of an expectation).
use packet::rewrite::End;

use super::pick;
use crate::Env;
use crate::conntrack::expect::{Expectation, Function};
use crate::conntrack::{Connection, ConnectionId, Status};

/// Whether an expected connection is translated by its helper.
pub(super) fn is_translated(connection: &Connection) -> bool {
    connection.rare().expectation.as_ref().is_some_and(|own| own.function != Function::Nothing)
}

/// Binds a connection that was expected, once, before the first table that can see it.
pub(crate) fn expected(id: ConnectionId, env: &mut Env<'_>) {
    let Some(connection) = env.conntrack.get(id) else { return };
    if connection.status.any(Status::NAT_DONE_MASK) || connection.status.has(Status::CONFIRMED) {
        return;
    }
    let Some(expectation) = connection.rare().expectation.as_deref().copied() else { return };
    match expectation.function {
        Function::Nothing => {}
        Function::FollowMaster => follow_master(id, &expectation, env),
        Function::Sip => sip(id, &expectation, env),
    }
}

/// As the master is (Linux: `nf_nat_follow_master`).
pub(crate) fn follow_master(id: ConnectionId, expectation: &Expectation, env: &mut Env<'_>) {
    let (Some(connection), Some(master)) = (env.conntrack.get(id), env.conntrack.get(expectation.master))
    else {
        return;
    };
    let (own, other) = (master.tuple(expectation.direction), master.tuple(expectation.direction.reversed()));
    // Linux: the source is translated only if it is that end of the master; otherwise the nat table is asked.
    if connection.original().source == own.source {
        pick::bind(id, &pick::one_address(other.destination, None), End::Source, env);
    }
    let range = pick::one_address(other.source, Some(expectation.saved_port));
    pick::bind(id, &range, End::Destination, env);
}

/// As SIP wants it: to what the expectation stands for; media from where the other direction is expected.
fn sip(id: ConnectionId, expectation: &Expectation, env: &mut Env<'_>) {
    let Some(original) = env.conntrack.get(id).map(Connection::original) else { return };
    let Some(address) = expectation.saved_address else { return };
    let range = pick::one_address(address, Some(expectation.saved_port));
    pick::bind(id, &range, End::Destination, env);
    let Some(master) = env.conntrack.get(expectation.master) else { return };
    let (own, other) = (master.tuple(expectation.direction), master.tuple(expectation.direction.reversed()));
    let pair = (expectation.class != crate::conntrack::helper::SIP_SIGNALLING)
        .then(|| env.conntrack.expectations_of(expectation.master))
        .into_iter()
        .flatten()
        .filter_map(|id| env.conntrack.expectation(id))
        .find(|item| {
            item.protocol == original.protocol
                && item.saved_address == Some(original.source)
                && item.saved_port == original.source_id
        });
    let range = match pair {
        Some(pair) => pick::one_address(pair.destination, Some(pair.destination_port)),
        None if original.source == own.source => pick::one_address(other.destination, None),
        None => return,
    };
    pick::bind(id, &range, End::Source, env);
}
