//! The settings that decide where packets go.
//!
//! Linux: `IN_DEV_ORCONF` (`accept_local`, `route_localnet`: `all` or the device), `IN_DEV_MAXCONF` (`rp_filter`: the
//! larger of both); `default` is what later devices begin with.
use super::{Error, ErrorKind, Words, number};
use crate::network::{DeviceId, Network};
use packet::InterfaceName;

/// Settings of a device, of `all` or of `default`.
#[derive(Clone, Copy, Debug, Default)]
struct Device {
    reverse_path: u8,
    accept_local: bool,
    route_localnet: bool,
}

/// Settings as far as they are read.
#[derive(Debug, Default)]
pub(super) struct Sysctls {
    all: Device,
    default: Device,
    /// By device; loopback is there from the start.
    devices: Vec<Device>,
}

impl Sysctls {
    /// A device was added.
    pub(super) fn added(&mut self, device: DeviceId) {
        let at = device.0 as usize;
        if self.devices.len() <= at {
            self.devices.resize(at + 1, self.default);
        }
    }

    /// Reads `NAME=VALUE`, blanks around the sign allowed.
    pub(super) fn read(&mut self, network: &mut Network, words: &mut Words<'_>) -> Result<(), Error> {
        let Some((name, value)) = words.rest().split_once('=') else {
            return Err(words.error(ErrorKind::Missing));
        };
        let (name, value) = (name.trim().replace('/', "."), value.trim());
        let Some(value) = number(value) else { return Err(words.error(ErrorKind::Number)) };
        let on = value != 0;
        match name.as_str() {
            "net.ipv4.ip_forward" | "net.ipv4.conf.all.forwarding" => network.settings.forward_v4 = on,
            "net.ipv6.conf.all.forwarding" => network.settings.forward_v6 = on,
            _ => {
                let known = name.strip_prefix("net.ipv4.conf.").and_then(|rest| rest.rsplit_once('.'));
                let Some((scope, key)) = known else { return Err(words.error(ErrorKind::Setting)) };
                let scope = match scope {
                    "all" => &mut self.all,
                    "default" => &mut self.default,
                    name => {
                        let device = InterfaceName::new(name).and_then(|name| network.device_named(name));
                        let Some(device) = device else { return Err(words.error(ErrorKind::Device)) };
                        self.added(device);
                        match self.devices.get_mut(device.0 as usize) {
                            Some(device) => device,
                            None => return Err(words.error(ErrorKind::Device)),
                        }
                    }
                };
                match (key, value) {
                    ("rp_filter", 0..=2) => scope.reverse_path = (value & 3) as u8,
                    ("rp_filter", _) => return Err(words.error(ErrorKind::Number)),
                    ("accept_local", _) => scope.accept_local = on,
                    ("route_localnet", _) => scope.route_localnet = on,
                    _ => return Err(words.error(ErrorKind::Setting)),
                }
            }
        }
        Ok(())
    }

    /// Puts the settings of the devices into the network.
    pub(super) fn settle(mut self, network: &mut Network) {
        let devices = u32::try_from(network.devices.len()).unwrap_or(u32::MAX);
        self.added(DeviceId(devices.saturating_sub(1)));
        for (id, device) in (0..devices).map(DeviceId).zip(self.devices) {
            if self.all.accept_local || device.accept_local {
                network.settings.accept_local.push(id);
            }
            if self.all.route_localnet || device.route_localnet {
                network.settings.route_localnet.push(id);
            }
            let mode = self.all.reverse_path.max(device.reverse_path);
            if mode != 0 {
                network.settings.reverse_path.push((id, mode));
            }
        }
    }
}
