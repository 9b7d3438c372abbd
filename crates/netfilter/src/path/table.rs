//! The modules of a hook that are made of rules: the tables, NAT, and SYNPROXY behind them.
//!
//! What a rule sends from within (`-j TEE`) is on its way before the next rule is asked: the walk stops, and goes on.
use packet::Family;
use rules::{Hook, Table};

use super::reroute::RouteKey;
use crate::conntrack::Direction;
use crate::engine::Engine;
use crate::hook::{Verdict, World};
use crate::skb::{Drop, Packet};
use crate::synproxy::{self, Watched};
use crate::{Now, nat, tables};

impl Engine {
    pub(super) fn call_table(
        &mut self,
        now: Now,
        own: (World, Table),
        hook: Hook,
        packet: &mut Packet,
        depth: u8,
    ) -> Verdict {
        let (world, table) = own;
        let family = packet.family();
        // Linux: `ipt_mangle_out`: only table mangle at OUTPUT looks whether the way has to change (F10).
        let before = (table == Table::Mangle && hook == Hook::Output).then(|| RouteKey::of(packet));
        let mut paused = None;
        let verdict = loop {
            let Some(mut program) = self.take_program(family, world, table) else { return Verdict::Accept };
            let verdict = {
                let (mut env, _) = self.env_and_defrag(now);
                tables::walk_in_parts(&mut program, hook, packet, &mut env, &mut paused)
            };
            self.put_program(family, world, table, program);
            if paused.is_none() {
                break verdict;
            }
            self.send_emitted(now, depth);
        };
        if !matches!(verdict, Verdict::Accept | Verdict::Bypass) {
            return verdict;
        }
        if before.is_some_and(|before| before != RouteKey::of(packet)) {
            return self.reroute(packet, "mark, TOS or address changed in mangle OUTPUT");
        }
        Verdict::Accept
    }

    /// Linux: `ipv4_synproxy_hook`: the acknowledgement to the server is on its way before the numbers are moved.
    pub(super) fn call_synproxy(&mut self, now: Now, packet: &mut Packet, depth: u8) -> Verdict {
        let watched = {
            let (mut env, _) = self.env_and_defrag(now);
            synproxy::watch(packet, &mut env)
        };
        match watched {
            Watched::On => Verdict::Accept,
            Watched::Ended => Verdict::Drop(Drop::Conntrack),
            Watched::Answered { server, client, connection, by } => {
                if let Some(server) = server {
                    let (mut env, _) = self.env_and_defrag(now);
                    synproxy::emit(packet, *server, "ACK of SYNPROXY to the server", &mut env);
                    self.send_emitted(now, depth);
                }
                self.conntrack.move_sequence(connection, Direction::Reply, by);
                if let Some(client) = client {
                    let (mut env, _) = self.env_and_defrag(now);
                    synproxy::emit(packet, *client, "ACK of SYNPROXY to the client", &mut env);
                }
                Verdict::Stolen
            }
        }
    }

    pub(super) fn call_nat(&mut self, now: Now, hook: Hook, packet: &mut Packet, depth: u8) -> Verdict {
        let family = packet.family();
        let order = self.nat_order.get(family as usize).map_or([None; 2], |order| {
            let mut order = order.iter().copied();
            [order.next(), order.next()]
        });
        let before = packet.view().destination();
        let mut paused = None;
        let verdict = loop {
            let mut programs = order.map(|world| {
                let world = world?;
                self.take_program(family, world, Table::Nat).map(|program| (world, program))
            });
            let verdict = {
                let (mut env, _) = self.env_and_defrag(now);
                let [first, second] = &mut programs;
                let both = [first, second].map(|own| own.as_mut().map(|(_, program)| &mut **program));
                nat::handle(both, hook, packet, &mut paused, &mut env)
            };
            for (world, program) in programs.into_iter().flatten() {
                self.put_program(family, world, Table::Nat, program);
            }
            if paused.is_none() {
                break verdict;
            }
            self.send_emitted(now, depth);
        };
        if verdict != Verdict::Accept {
            return verdict;
        }
        if before == packet.view().destination() {
            return self.refused_translated(hook, packet).map_or(Verdict::Accept, Verdict::Drop);
        }
        match hook {
            Hook::Output => return self.reroute(packet, "destination changed in nat OUTPUT"),
            // Linux: `nf_nat_ipv4_pre_routing` drops the route of a packet whose destination changed.
            Hook::Prerouting => packet.route = None,
            _ => return self.refused_translated(hook, packet).map_or(Verdict::Accept, Verdict::Drop),
        }
        Verdict::Accept
    }

    // Why: a program is taken out while it runs, so that it and the rest of the engine can both be borrowed. A box moves
    // by its pointer.
    fn take_program(&mut self, family: Family, world: World, table: Table) -> Option<Box<tables::Program>> {
        self.slot(family, world, table)?.take()
    }

    fn put_program(&mut self, family: Family, world: World, table: Table, program: Box<tables::Program>) {
        if let Some(slot) = self.slot(family, world, table) {
            *slot = Some(program);
        }
    }
}
