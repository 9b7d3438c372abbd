//! The settings (sysctls) that decide where packets go, as a state: the order of the lines does not count.
//!
//! Linux: `IN_DEV_ORCONF` (`accept_local`, `route_localnet`, `src_valid_mark`; `send_redirects` and `shared_media`, which
//! begin with 1: `all` or the device), `IN_DEV_MAXCONF`
//! (`rp_filter`: the larger of both), `IN_DEV_ANDCONF` (`bc_forwarding`, `mc_forwarding`, `seg6_enabled`, `rpl_seg_enabled`; `accept_source_route`, where `all` begins with
//! 0 and devices with 1: both); `default` is what later devices begin with. `ip_forward` sets every device; a
//! device's own `forwarding` counts before it.
use packet::InterfaceName;

use crate::network::{DeviceId, IcmpLimits, Network};

/// Settings of a device, of `all` or of `default`.
#[derive(Clone, Copy, Debug, Default)]
struct Device {
    reverse_path: u8,
    accept_local: bool,
    route_localnet: bool,
    valid_mark: bool,
    source_routes: Option<bool>,
    broadcasts: bool,
    multicasts: bool,
    segments: bool,
    segment_sums: i32,
    rpl: bool,
    /// `send_redirects`.
    redirects: Option<bool>,
    shared_media: Option<bool>,
    forwarding_v4: Option<bool>,
    forwarding_v6: Option<bool>,
    force_forwarding_v6: bool,
    prefer_temporary: bool,
    disabled_v6: bool,
    unguarded_v4: Option<bool>,
    unguarded_v6: bool,
    unprotected: Option<bool>,
}

/// Settings as far as they are read.
#[derive(Debug, Default)]
pub struct Sysctls {
    all: Device,
    default: Device,
    /// By device; loopback is there from the start.
    devices: Vec<Device>,
}

/// Why a setting is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has nothing to do with the way of packets, or is not known.
    Unknown,
    /// There is no such device.
    Device,
    /// The value is not a number, or out of range.
    Value,
}

impl Sysctls {
    /// A device was added to the network: it begins with the present default.
    pub fn added(&mut self, device: DeviceId) {
        let at = device.0 as usize;
        if self.devices.len() <= at {
            self.devices.resize(at + 1, self.default);
        }
    }

    /// Reads a setting; its name with dots or slashes.
    // Why: names of devices may have dots (VLANs). With slashes `.` is part of a name, as `sysctl` has it; with dots the
    // longest name counts that leaves a setting.
    pub fn read(&mut self, network: &mut Network, name: &str, value: &str) -> Result<(), Refusal> {
        let slashes = name.starts_with("net/");
        let name = if slashes {
            name.to_owned()
        } else {
            name.replace('/', "\n").replace('.', "/").replace('\n', ".")
        };
        let (rest, v6) = match name.strip_prefix("net/") {
            Some("ipv4/ip_forward" | "ipv4/conf/all/forwarding") => {
                network.settings.forward_v4 = flag(value)?;
                return Ok(());
            }
            Some("ipv6/conf/all/mc_forwarding") => {
                network.settings.multicast_v6 = flag(value)?;
                return Ok(());
            }
            Some("ipv6/conf/all/forwarding") => {
                network.settings.forward_v6 = flag(value)?;
                return Ok(());
            }
            Some("ipv4/fwmark_reflect") => {
                network.settings.reflect_mark_v4 = flag(value)?;
                return Ok(());
            }
            Some("ipv4/ip_forward_use_pmtu") => {
                network.settings.forward_uses_exceptions = flag(value)?;
                return Ok(());
            }
            Some("ipv6/fwmark_reflect") => {
                network.settings.reflect_mark_v6 = flag(value)?;
                return Ok(());
            }
            Some("ipv4/route/redirect_load") => {
                network.settings.redirects.load = number(value)?;
                return Ok(());
            }
            Some("ipv4/route/redirect_number") => {
                network.settings.redirects.most = number(value)?;
                return Ok(());
            }
            Some("ipv4/route/redirect_silence") => {
                network.settings.redirects.silence = number(value)?;
                return Ok(());
            }
            Some(name) if let Some(set) = icmp_setter(name) => {
                return set(&mut network.settings.icmp, value);
            }
            Some("core/xfrm_larval_drop") => {
                network.settings.waits_for_states = !flag(value)?;
                return Ok(());
            }
            Some("bridge/bridge-nf-call-iptables") => {
                network.settings.bridged_v4 = flag(value)?;
                return Ok(());
            }
            Some("bridge/bridge-nf-call-ip6tables") => {
                network.settings.bridged_v6 = flag(value)?;
                return Ok(());
            }
            Some(rest) => match (rest.strip_prefix("ipv4/conf/"), rest.strip_prefix("ipv6/conf/")) {
                (Some(rest), _) => (rest, false),
                (_, Some(rest)) => (rest, true),
                _ => return Err(Refusal::Unknown),
            },
            None => return Err(Refusal::Unknown),
        };
        let Some((scope, key)) = rest.rsplit_once('/') else { return Err(Refusal::Unknown) };
        let set = setter(v6, key).ok_or(Refusal::Unknown)?;
        let scope = match scope {
            "all" => &mut self.all,
            "default" => &mut self.default,
            name => {
                // A dot in a device's name may have become a slash.
                let name = name.replace('/', ".");
                let device = InterfaceName::new(&name).and_then(|name| network.device_named(name));
                let device = device.ok_or(Refusal::Device)?;
                self.added(device);
                self.devices.get_mut(device.0 as usize).ok_or(Refusal::Device)?
            }
        };
        set(scope, value)
    }

    /// Puts the settings of the devices into the network.
    pub fn settle(mut self, network: &mut Network) {
        let devices = u32::try_from(network.devices.len()).unwrap_or(u32::MAX);
        self.added(DeviceId(devices.saturating_sub(1)));
        let all = self.all;
        let off = |all: Option<bool>, own: Option<bool>| !all.unwrap_or(true) && !own.unwrap_or(true);
        let settings = &mut network.settings;
        // Those of loopback are on unless they are said.
        settings.unprotected.clear();
        settings.unguarded_v4.clear();
        for (id, device) in (0..devices).map(DeviceId).zip(self.devices) {
            for (on, list) in [
                (all.accept_local || device.accept_local, &mut settings.accept_local),
                (all.route_localnet || device.route_localnet, &mut settings.route_localnet),
                (all.valid_mark || device.valid_mark, &mut settings.valid_mark),
                (all.broadcasts && device.broadcasts, &mut settings.broadcasts),
                (all.multicasts && device.multicasts, &mut settings.multicast_v4),
                (all.segments && device.segments, &mut settings.segments),
                (all.rpl && device.rpl, &mut settings.rpl),
                (off(all.redirects, device.redirects), &mut settings.no_redirects),
                (off(all.shared_media, device.shared_media), &mut settings.separate_media),
                (
                    all.source_routes.unwrap_or(false) && device.source_routes.unwrap_or(true),
                    &mut settings.source_routes,
                ),
                (
                    device.forwarding_v4.is_some_and(|own| own != settings.forward_v4),
                    &mut settings.otherwise_v4,
                ),
                (
                    device.forwarding_v6.is_some_and(|own| own != settings.forward_v6),
                    &mut settings.otherwise_v6,
                ),
                (device.force_forwarding_v6, &mut settings.force_forwarding_v6),
                (device.prefer_temporary, &mut settings.prefer_temporary),
                (device.disabled_v6, &mut settings.disabled_v6),
                (
                    all.unguarded_v4.unwrap_or_default()
                        || device.unguarded_v4.unwrap_or(id == DeviceId::LOOPBACK),
                    &mut settings.unguarded_v4,
                ),
                (all.unguarded_v6 || device.unguarded_v6, &mut settings.unguarded_v6),
                (
                    all.unprotected.unwrap_or_default()
                        || device.unprotected.unwrap_or(id == DeviceId::LOOPBACK),
                    &mut settings.unprotected,
                ),
            ] {
                if on {
                    list.push(id);
                }
            }
            if device.segment_sums != 0 {
                settings.segment_sums.push((id, device.segment_sums > 0));
            }
            let mode = all.reverse_path.max(device.reverse_path);
            if mode != 0 {
                settings.reverse_path.push((id, mode));
            }
        }
    }
}

type IcmpSetter = fn(&mut IcmpLimits, &str) -> Result<(), Refusal>;

fn icmp_setter(name: &str) -> Option<IcmpSetter> {
    Some(match name {
        "ipv4/icmp_ratelimit" => |own, value| milliseconds(value).map(|jiffies| own.interval_v4 = jiffies),
        "ipv6/icmp/ratelimit" => |own, value| milliseconds(value).map(|jiffies| own.interval_v6 = jiffies),
        "ipv4/icmp_ratemask" => |own, value| {
            let mask: i32 = value.trim().parse().map_err(|_| Refusal::Value)?;
            own.types_v4 = mask.cast_unsigned();
            Ok(())
        },
        "ipv6/icmp/ratemask" => |own, value| types(value).map(|types| own.types_v6 = types),
        "ipv4/icmp_msgs_per_sec" => |own, value| positive(value).map(|number| own.per_second = number),
        "ipv4/icmp_msgs_burst" => |own, value| positive(value).map(|number| own.burst = number),
        "ipv4/route/error_cost" => |own, value| positive(value).map(|number| own.no_way_cost = number),
        "ipv4/route/error_burst" => |own, value| positive(value).map(|number| own.no_way_burst = number),
        _ => return None,
    })
}

/// A number that is not negative as an `int`.
fn positive(value: &str) -> Result<u32, Refusal> {
    number(value).ok().filter(|number| i32::try_from(*number).is_ok()).ok_or(Refusal::Value)
}

/// A time in milliseconds as jiffies, of which a second has 250: a part of one is one.
fn milliseconds(value: &str) -> Result<u32, Refusal> {
    // Linux prints the largest time that it takes as one more than it takes.
    let number = number(value).ok().filter(|number| *number <= 1 << 31).ok_or(Refusal::Value)?;
    Ok(number.div_ceil(4))
}

/// A list of types, `0-1,3-127`; empty: none. Linux: `proc_do_large_bitmap`.
fn types(value: &str) -> Result<[u128; 2], Refusal> {
    let mut types = [0_u128; 2];
    for part in value.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let bound = |text: &str| text.trim().parse::<u8>().map_err(|_| Refusal::Value);
        let (first, last) = (bound(first)?, bound(last)?);
        if first > last {
            return Err(Refusal::Value);
        }
        for kind in first..=last {
            let [low, high] = &mut types;
            *(if kind < 128 { low } else { high }) |= 1 << (kind & 127);
        }
    }
    Ok(types)
}

type Setter = fn(&mut Device, &str) -> Result<(), Refusal>;

fn setter(v6: bool, key: &str) -> Option<Setter> {
    Some(match (v6, key) {
        (false, "rp_filter") => |own, value| {
            own.reverse_path =
                number(value)?.try_into().ok().filter(|mode| *mode <= 2).ok_or(Refusal::Value)?;
            Ok(())
        },
        (false, "accept_local") => |own, value| flag(value).map(|on| own.accept_local = on),
        (false, "route_localnet") => |own, value| flag(value).map(|on| own.route_localnet = on),
        (false, "src_valid_mark") => |own, value| flag(value).map(|on| own.valid_mark = on),
        (false, "accept_source_route") => |own, value| flag(value).map(|on| own.source_routes = Some(on)),
        (false, "bc_forwarding") => |own, value| flag(value).map(|on| own.broadcasts = on),
        (false, "mc_forwarding") => |own, value| flag(value).map(|on| own.multicasts = on),
        // Linux: IPv6 asks `all` alone.
        (true, "mc_forwarding") => |_, value| flag(value).map(drop),
        (false, "send_redirects") => |own, value| flag(value).map(|on| own.redirects = Some(on)),
        (false, "shared_media") => |own, value| flag(value).map(|on| own.shared_media = Some(on)),
        (false, "forwarding") => |own, value| flag(value).map(|on| own.forwarding_v4 = Some(on)),
        (true, "forwarding") => |own, value| flag(value).map(|on| own.forwarding_v6 = Some(on)),
        (true, "force_forwarding") => |own, value| flag(value).map(|on| own.force_forwarding_v6 = on),
        (true, "use_tempaddr") => |own, value| {
            own.prefer_temporary = value.trim().parse::<i32>().map_err(|_| Refusal::Value)? >= 2;
            Ok(())
        },
        (true, "seg6_enabled") => |own, value| flag(value).map(|on| own.segments = on),
        (true, "rpl_seg_enabled") => |own, value| flag(value).map(|on| own.rpl = on),
        (true, "seg6_require_hmac") => |own, value| {
            own.segment_sums = value.trim().parse().map_err(|_| Refusal::Value)?;
            Ok(())
        },
        (false, "disable_policy") => |own, value| flag(value).map(|on| own.unguarded_v4 = Some(on)),
        (true, "disable_policy") => |own, value| flag(value).map(|on| own.unguarded_v6 = on),
        (false, "disable_xfrm") => |own, value| flag(value).map(|on| own.unprotected = Some(on)),
        (true, "disable_ipv6") => |own, value| flag(value).map(|on| own.disabled_v6 = on),
        _ => return None,
    })
}

fn number(value: &str) -> Result<u32, Refusal> {
    value.trim().parse().map_err(|_| Refusal::Value)
}

fn flag(value: &str) -> Result<bool, Refusal> {
    Ok(number(value)? != 0)
}
