//! The translation of expected connections: as their helper wants it, without asking the nat table (Linux: the
//! `expectfn` of an expectation).
use packet::rewrite::End;

use super::pick;
use crate::Env;
use crate::conntrack::expect::{Expectation, Function};
use crate::conntrack::helper::other_direction;
use crate::conntrack::{Connection, ConnectionId, Direction, Status};

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
        Function::Called => called(id, &expectation, env),
        Function::Forwarded => forwarded(id, &expectation, env),
        Function::Pptp => pptp(id, &expectation, env),
        Function::Sip => sip(id, &expectation, env),
    }
}

/// A call that was forwarded: to what its expectation stands for.
fn forwarded(id: ConnectionId, expectation: &Expectation, env: &mut Env<'_>) {
    let Some(connection) = env.conntrack.get(id) else { return };
    let source = connection.tuple(expectation.direction.reversed()).source;
    let Some(address) = expectation.saved_address else { return };
    pick::bind(id, &pick::one_address(source, None), End::Source, env);
    pick::bind(id, &pick::one_address(address, Some(expectation.saved_port)), End::Destination, env);
}

/// A call to somebody who has registered: who calls stays who he is, unless only the gatekeeper may call
/// (Linux: `ip_nat_q931_expect`).
fn called(id: ConnectionId, expectation: &Expectation, env: &mut Env<'_>) {
    if expectation.source.is_some() {
        return follow_master(id, expectation, env);
    }
    let Some(connection) = env.conntrack.get(id) else { return };
    let source = connection.tuple(expectation.direction.reversed()).source;
    let Some(master) = env.conntrack.get(expectation.master) else { return };
    let address = master.tuple(expectation.direction.reversed()).source;
    pick::bind(id, &pick::one_address(source, None), End::Source, env);
    pick::bind(id, &pick::one_address(address, Some(expectation.saved_port)), End::Destination, env);
}

/// A tunnel of PPTP (Linux: `pptp_nat_expected`): the client's key is that of the client towards the client, and the
/// translated one towards the server.
fn pptp(id: ConnectionId, expectation: &Expectation, env: &mut Env<'_>) {
    let Some(master) = env.conntrack.get(expectation.master) else { return };
    if !master.status.any(Status::NAT_MASK) {
        return;
    }
    let (zone, other) = (master.zone, master.tuple(expectation.direction.reversed()));
    if let Some(found) = other_direction(env.conntrack, expectation)
        .and_then(|tuple| env.conntrack.find_expectation(&tuple, zone, env.now.mono))
    {
        env.conntrack.unexpect(found);
    }
    let key = |direction| (expectation.direction == direction).then_some(expectation.saved_port);
    let source = pick::one_address(other.destination, key(Direction::Original));
    pick::bind(id, &source, End::Source, env);
    let destination = pick::one_address(other.source, key(Direction::Reply));
    pick::bind(id, &destination, End::Destination, env);
}

/// As the master is (Linux: `nf_nat_follow_master`).
pub(crate) fn follow_master(id: ConnectionId, expectation: &Expectation, env: &mut Env<'_>) {
    let Some(master) = env.conntrack.get(expectation.master) else { return };
    let other = master.tuple(expectation.direction.reversed());
    // Linux: so is the source of a connection that comes from somewhere else (measured with an offer of IRC).
    pick::bind(id, &pick::one_address(other.destination, None), End::Source, env);
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
    let other = master.tuple(expectation.direction.reversed());
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
    let of_peer = original.source == master.tuple(expectation.direction).source;
    let range = match pair {
        Some(pair) => pick::one_address(pair.destination, Some(pair.destination_port)),
        None if of_peer => pick::one_address(other.destination, None),
        // Why: where anybody is expected, the rules of table nat say who strangers are.
        None => return,
    };
    pick::bind(id, &range, End::Source, env);
}
