//! Stand-in until the engine is there.
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use netfilter::skb::Link;
use netfilter::{DeviceId, Instant, Network, Now, Origin};
use packet::View;
use rules::Ruleset;

pub struct Config {
    pub network: Network,
}
impl Config {
    pub fn seeded(network: Network, _: u64, _: u64) -> Self {
        Self { network }
    }
}
pub struct Transmit {
    pub device: DeviceId,
    pub next_hop: IpAddr,
    pub bytes: Vec<u8>,
}
pub struct Deliver {
    pub bytes: Vec<u8>,
}
pub struct Engine {
    network: Network,
    t: VecDeque<Transmit>,
    d: VecDeque<Deliver>,
}
impl Engine {
    pub fn new(config: Config) -> Self {
        Self { network: config.network, t: VecDeque::new(), d: VecDeque::new() }
    }
    pub fn set_ruleset(&mut self, _: &Ruleset) {}
    fn route(&mut self, bytes: Vec<u8>) {
        let Ok(view) = View::parse(&bytes) else { return };
        let to = view.destination();
        if to.is_loopback()
            || self.network.devices.iter().any(|d| d.addresses.iter().any(|a| a.address == to))
        {
            self.d.push_back(Deliver { bytes });
            return;
        }
        for (at, d) in self.network.devices.iter().enumerate() {
            if d.addresses
                .iter()
                .any(|a| packet::AddrMask::prefix(a.address, a.length).is_some_and(|m| m.contains(to)))
            {
                self.t.push_back(Transmit { device: DeviceId(at as u32), next_hop: to, bytes });
                return;
            }
        }
    }
    pub fn send_local(&mut self, _: Now, _: Origin, bytes: Vec<u8>) -> Result<(), ()> {
        self.route(bytes);
        Ok(())
    }
    pub fn receive(&mut self, _: Now, _: DeviceId, _: Link, bytes: Vec<u8>) {
        self.route(bytes)
    }
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.t.pop_front()
    }
    pub fn poll_deliver(&mut self) -> Option<Deliver> {
        self.d.pop_front()
    }
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    pub fn expire(&mut self, _: Now) {}
    pub fn store_counters(&self, _: &mut Ruleset) {}
    pub fn original_destination(&self, _: u8, local: SocketAddr, _: SocketAddr) -> Option<SocketAddr> {
        Some(local)
    }
}

pub fn parse_network(text: &str) -> Result<Network, String> {
    use netfilter::network::{Address, Device, RouteEntry, Settings, TABLE_MAIN};
    let mut n = Network {
        devices: vec![],
        tables: Default::default(),
        rules_v4: vec![],
        rules_v6: vec![],
        settings: Settings {
            forward_v4: false,
            forward_v6: false,
            route_localnet: vec![],
            accept_local: vec![],
            reverse_path: vec![],
        },
    };
    let dev = |name: &str| Device {
        name: packet::InterfaceName::new(name).unwrap(),
        mtu: 1500,
        up: true,
        mac: None,
        master: None,
        addresses: vec![],
    };
    n.devices.push(dev("lo"));
    for line in text.lines() {
        let w: Vec<&str> = line.split_whitespace().collect();
        match w.as_slice() {
            ["device", name] => n.devices.push(dev(name)),
            ["address", a, "dev", d] => {
                let (a, l) = a.split_once('/').unwrap();
                let d = n.devices.iter_mut().find(|x| x.name.as_str() == *d).unwrap();
                d.addresses.push(Address { address: a.parse().unwrap(), length: l.parse().unwrap() });
            }
            ["route", to, "via", via, "dev", d] => {
                let (a, l) = to.split_once('/').unwrap();
                let d = n.devices.iter().position(|x| x.name.as_str() == *d).unwrap();
                n.tables.entry(TABLE_MAIN).or_default().push(RouteEntry {
                    destination: packet::AddrMask::prefix(a.parse().unwrap(), l.parse().unwrap()).unwrap(),
                    kind: Default::default(),
                    via: Some(via.parse().unwrap()),
                    device: Some(DeviceId(d as u32)),
                    source: None,
                    metric: 0,
                    tos: 0,
                    mtu: None,
                });
            }
            _ => {}
        }
    }
    Ok(n)
}
