//! What the tests of connection tracking share: a machine with two devices and virtual time.
use std::collections::VecDeque;
use std::time::Duration;

use packet::InterfaceName;
use rules::Hook;
use rules::matches::conntrack::StateSet;

use super::{Config, ConnectionId, Conntrack, Status};
use crate::env::{Env, LogLine};
use crate::hook::Verdict;
use crate::network::{Device, DeviceId, Network, Settings};
use crate::skb::{Emitted, Packet, Template};
use crate::time::{Now, Seeded};

/// A router whose only module is connection tracking.
pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) table: Conntrack,
    pub(crate) template: Option<Template>,
    network: Network,
    random: Seeded,
    emitted: Vec<Emitted>,
    log: VecDeque<LogLine>,
    next_packet: u64,
    next_ip_id: u16,
}

/// What came of a packet.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) verdict: Verdict,
    pub(crate) state: StateSet,
    pub(crate) packet: Packet,
}

impl Passed {
    /// The one state's name, as in the fixtures.
    pub(crate) fn state_name(&self) -> &'static str {
        let proper = StateSet(self.state.0 & !(StateSet::SNAT.0 | StateSet::DNAT.0));
        match proper {
            StateSet::INVALID => "INVALID",
            StateSet::NEW => "NEW",
            StateSet::RELATED => "RELATED",
            StateSet::ESTABLISHED => "ESTABLISHED",
            StateSet::UNTRACKED => "UNTRACKED",
            _ => "?",
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let device = |name| Device::new(InterfaceName::new(name).unwrap(), 1500);
        Self {
            now: Now::default(),
            table: Conntrack::new(config, [1, 2]),
            template: None,
            network: Network {
                policies: Default::default(),
                devices: ["lo", "lan0", "wan0"].into_iter().map(device).collect(),
                exceptions: Vec::new(),
                tables: Default::default(),
                rules_v4: Vec::new(),
                rules_v6: Vec::new(),
                forwarding: Default::default(),
                neighbours: Default::default(),
                settings: Settings { forward_v4: true, forward_v6: true, ..Default::default() },
            },
            random: Seeded::new(1),
            emitted: Vec::new(),
            log: VecDeque::new(),
            next_packet: 1,
            next_ip_id: 1,
        }
    }

    pub(crate) fn packet(&self, device: &str, bytes: &[u8]) -> Packet {
        let input = self.network.devices.iter().position(|own| own.name.as_str() == device);
        Packet {
            input: input.map(|place| DeviceId(place as u32)),
            template: self.template.clone().map(Box::new),
            ..Packet::new(0, bytes.to_vec(), packet::layout::parse(bytes).unwrap())
        }
    }

    pub(crate) fn env<R>(&mut self, with: impl FnOnce(&mut Env<'_>) -> R) -> R {
        with(&mut Env {
            now: self.now,
            settings: &crate::env::Settings::USUAL,
            network: &self.network,
            machine: Box::leak(Box::default()),
            conntrack: &mut self.table,
            named: &mut Default::default(),
            peers: Box::leak(Box::default()),
            random: &mut self.random,
            emitted: &mut self.emitted,
            log: &mut self.log,
            reports: Box::leak(Box::default()),
            trace: None,
            next_packet: &mut self.next_packet,
            next_ip_id: &mut self.next_ip_id,
        })
    }

    /// Forwards a packet: PREROUTING, helpers, confirmation, end. `between` is called where the tables are.
    pub(crate) fn forward_through(
        &mut self,
        device: &str,
        bytes: &[u8],
        between: impl FnOnce(&mut Packet, &mut Env<'_>) -> Verdict,
    ) -> Passed {
        let mut packet = self.packet(device, bytes);
        let (verdict, state) = self.env(|env| {
            let mut verdict = Conntrack::handle(&mut packet, Hook::Prerouting, env);
            let state = env.conntrack.states(&packet);
            if verdict == Verdict::Accept {
                verdict = between(&mut packet, env);
            }
            for step in [Conntrack::help, Conntrack::confirm] {
                if verdict == Verdict::Accept {
                    verdict = step(&mut packet, env);
                }
            }
            (verdict, state)
        });
        self.table.release(&packet);
        Passed { verdict, state, packet }
    }

    pub(crate) fn forward(&mut self, device: &str, bytes: &[u8]) -> Passed {
        self.forward_through(device, bytes, |_, _| Verdict::Accept)
    }

    /// Like [`World::forward`], but dropped in FORWARD.
    pub(crate) fn dropped(&mut self, device: &str, bytes: &[u8]) -> Passed {
        self.forward_through(device, bytes, |_, _| Verdict::Drop(crate::Drop::Limit))
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.now.mono = self.now.mono + time;
    }

    pub(crate) fn log(&self) -> &VecDeque<LogLine> {
        &self.log
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.table.lines(self.now).collect()
    }

    /// The only line.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        let lines = self.lines();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines.into_iter().next().unwrap()
    }

    /// The only connection.
    #[track_caller]
    pub(crate) fn only(&self) -> ConnectionId {
        let ids: Vec<_> = self.table.iter().filter(|(_, own)| !own.is_expired(self.now.mono)).collect();
        assert_eq!(ids.len(), 1);
        ids[0].0
    }

    /// What must hold between two packets.
    #[track_caller]
    pub(crate) fn check(&self) {
        let listed = self.table.iter().count();
        assert_eq!(self.table.indexed(), listed * 2, "both tuples or neither");
        assert_eq!(self.table.len(), listed, "nothing unconfirmed stays");
        for (id, connection) in self.table.iter() {
            assert!(connection.status.has(Status::CONFIRMED));
            if !connection.is_expired(self.now.mono) {
                for direction in [super::Direction::Original, super::Direction::Reply] {
                    let found = self.table.find(&connection.tuple(direction), connection.zone, self.now.mono);
                    assert_eq!(found.map(|(id, _)| id), Some(id));
                }
            }
        }
    }
}
