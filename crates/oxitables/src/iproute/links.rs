//! Links and addresses: `ip -d -j link`, `ip -d -j addr`; neighbours and what bridges know: `ip -j neigh`, `bridge -j fdb`.
use std::net::IpAddr;

use netfilter::DeviceId;
use netfilter::network::{Address, Bridge, Device, DeviceKind, Port};
use netfilter::route::text::port_forwards;
use packet::InterfaceName;

use super::json::{Object, objects};
use super::names::{Names, scope};
use super::{Problem, Read};

/// A master that was named before its link.
type Waiting = Vec<(DeviceId, String)>;

pub(super) fn read(read: &mut Read, outputs: &[(&str, &str)], names: &Names) -> Result<(), Problem> {
    let mut masters = Waiting::new();
    for output in outputs {
        for mut object in objects(*output)? {
            let Some(id) = link(read, &mut object, names, &mut masters)? else { continue };
            let mut own = Vec::new();
            for address in object.row("addr_info")? {
                own.extend(one_address(address)?);
            }
            // Linux: the list of IPv6 has the newest first, that of this crate has it last.
            let (v4, v6): (Vec<Address>, Vec<Address>) =
                own.into_iter().partition(|own| own.address.is_ipv4());
            let all: Vec<Address> = v4.into_iter().chain(v6.into_iter().rev()).collect();
            if let Some(device) = device(read, id).filter(|_| !all.is_empty()) {
                device.addresses = all;
            }
        }
    }
    for (id, master) in masters {
        let found = InterfaceName::new(&master).and_then(|name| read.network.device_named(name));
        let Some(found) = found else {
            let output = outputs.first().map_or("", |output| output.0).to_owned();
            return Err(Problem { output, entry: None, what: format!("the master `{master}` is no link") });
        };
        if let Some(device) = device(read, id) {
            device.master = Some(found);
        }
    }
    Ok(())
}

fn device(read: &mut Read, id: DeviceId) -> Option<&mut Device> {
    read.network.devices.get_mut(id.0 as usize)
}

/// A link; `None` for an empty object, which `ip -4 addr` prints for links without addresses.
fn link(
    read: &mut Read,
    object: &mut Object,
    names: &Names,
    masters: &mut Waiting,
) -> Result<Option<DeviceId>, Problem> {
    let Some(text) = object.text("ifname")? else { return Ok(None) };
    object.about.clone_from(&text);
    let Some(name) = InterfaceName::new(&text) else {
        return Err(object.problem("a device name has 1 to 15 bytes"));
    };
    let known = read.network.device_named(name);
    let mtu = object.number("mtu")?;
    let id = known.unwrap_or_else(|| read.network.add_device(name, 1500));
    let flags = object.words("flags")?;
    let (mut kind, mut bridge, mut port) = (None, None, None);
    if let Some(mut info) = object.object("linkinfo")? {
        kind = info.text("info_kind")?;
        bridge = info.object("info_data")?.filter(|_| kind.as_deref() == Some("bridge"));
        let slave = info.text("info_slave_kind")?.as_deref() == Some("bridge");
        port = info.object("info_slave_data")?.filter(|_| slave);
    }
    let bridge = bridge.as_mut().map(as_bridge).transpose()?;
    let port = port.as_mut().map(as_port).transpose()?;
    let kind = match kind.as_deref() {
        None => None,
        Some("bridge") => Some(DeviceKind::Bridge),
        Some("bond" | "team") => Some(DeviceKind::Bond),
        Some("vrf") => Some(DeviceKind::Vrf),
        Some(_) => Some(DeviceKind::Plain),
    };
    let group = match object.text("group")? {
        None => 0,
        Some(word) => names.group(&word).ok_or_else(|| {
            object.problem(format!(
                "\"group\": \"{word}\" is not a number and has no line in /etc/iproute2/group"
            ))
        })?,
    };
    let mac = object.text("address")?.as_deref().and_then(mac);
    let ethernet = object.text("link_type")?.as_deref() == Some("ether");
    if let Some(master) = object.text("master")? {
        masters.push((id, master));
    }
    if object.take("xdp").is_some() {
        read.notes.push(format!(
            "{text} has an XDP program, which may drop or change packets before anything here"
        ));
    }
    if let Some(device) = device(read, id) {
        device.mtu = mtu.unwrap_or(device.mtu);
        device.up = flags.iter().any(|flag| flag == "UP");
        device.arp = !flags.iter().any(|flag| flag == "NOARP");
        device.group = group;
        device.mac = mac.filter(|_| ethernet);
        // Without -d nothing is said of the kind.
        device.kind = kind.unwrap_or(device.kind);
        device.bridge = bridge.unwrap_or(device.bridge);
        device.port = port.unwrap_or(device.port);
    }
    Ok(Some(id))
}

/// What a bridge says of itself.
fn as_bridge(data: &mut Object) -> Result<Bridge, Problem> {
    Ok(Bridge {
        called_v4: data.number::<u8>("nf_call_iptables")?.unwrap_or(0) != 0,
        called_v6: data.number::<u8>("nf_call_ip6tables")?.unwrap_or(0) != 0,
        filters_vlans: data.number::<u8>("vlan_filtering")?.unwrap_or(0) != 0,
        counts_groups: data.number::<u8>("mcast_querier")?.unwrap_or(0) != 0
            && data.number::<u8>("mcast_snooping")?.unwrap_or(1) != 0,
    })
}

/// What a port of a bridge says of itself.
fn as_port(data: &mut Object) -> Result<Port, Problem> {
    let usual = Port::default();
    let state = data.text("state")?;
    let mut flag = |key: &str, usual: bool| if data.has(key) { data.flag(key) } else { usual };
    Ok(Port {
        forwards: state.as_deref().and_then(port_forwards).unwrap_or(usual.forwards),
        hairpin: flag("hairpin", usual.hairpin),
        isolated: flag("isolated", usual.isolated),
        learning: flag("learning", usual.learning),
        flood: flag("flood", usual.flood),
        multicast_flood: flag("mcast_flood", usual.multicast_flood),
        broadcast_flood: flag("bcast_flood", usual.broadcast_flood),
    })
}

/// What `bridge -j fdb` prints: where a bridge sends frames.
pub(super) fn forwarding(read: &mut Read, output: (&str, &str)) -> Result<(), Problem> {
    for mut object in objects(output)? {
        let (address, port) = (object.text("mac")?, object.text("ifname")?);
        let (master, state) = (object.text("master")?, object.text("state")?);
        let named = |name: Option<String>| {
            name.as_deref().and_then(InterfaceName::new).and_then(|name| read.network.device_named(name))
        };
        // Without a master it is an address that a device listens to.
        let places = (named(master), named(port), address.as_deref().and_then(mac));
        let (Some(bridge), Some(port), Some(address)) = places else { continue };
        let own = state.as_deref() == Some("permanent");
        read.network.forwarding.insert((bridge, address), if own { bridge } else { port });
    }
    Ok(())
}

/// What `ip -j neigh` prints.
pub(super) fn neighbours(read: &mut Read, output: (&str, &str)) -> Result<(), Problem> {
    for mut object in objects(output)? {
        let (address, link) = (object.address("dst")?, object.text("lladdr")?);
        let device = object.text("dev")?;
        let device = device.as_deref().and_then(InterfaceName::new);
        let device = device.and_then(|name| read.network.device_named(name));
        let (Some(address), Some(device), Some(link)) = (address, device, link.as_deref().and_then(mac))
        else {
            continue;
        };
        read.network.neighbours.insert((device, address), link);
    }
    Ok(())
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let bytes: Vec<u8> =
        text.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect::<Option<_>>()?;
    bytes.try_into().ok()
}

/// Keys of an address that do not change the way of a packet: its routes are printed by themselves.
const HARMLESS: [&str; 13] = [
    "label",
    "dynamic",
    "mngtmpaddr",
    "noprefixroute",
    "nodad",
    "optimistic",
    "stable-privacy",
    "autojoin",
    "protocol",
    "proto",
    "metric",
    "valid_life_time",
    "preferred_life_time",
];

/// An address; `None` for one that is not in use, and for other families.
fn one_address(mut object: Object) -> Result<Option<Address>, Problem> {
    match object.text("family")?.as_deref() {
        Some("inet" | "inet6") => {}
        _ => return Ok(None),
    }
    let local = object.address("local")?;
    let peer = object.address("address")?;
    let broadcast = object.address("broadcast")?;
    let length = object.number::<u8>("prefixlen")?;
    let scope_name = object.text("scope")?;
    let (deprecated, temporary) = (object.flag("deprecated"), object.flag("temporary"));
    // Why: `ip` prints `secondary` for both of IPv4's second addresses and IPv6's temporary ones in old versions.
    let secondary = object.flag("secondary");
    let unusable = object.flag("tentative") | object.flag("dadfailed");
    object.pass_over(&HARMLESS);
    let (Some(address), Some(length)) = (local.or(peer), length) else {
        return Err(object.problem("an address wants \"local\" and \"prefixlen\""));
    };
    let mut own = Address::new(address, length);
    if let Some(word) = scope_name {
        let number = scope(&word);
        own.scope = number.ok_or_else(|| object.problem(format!("\"scope\": \"{word}\" is not known")))?;
    }
    own.peer = peer.filter(|peer| Some(*peer) != local && local.is_some());
    if own.subnet().is_none() {
        return Err(object.problem(format!("\"prefixlen\": {length} is too long")));
    }
    own.broadcast = match broadcast {
        Some(IpAddr::V4(broadcast)) => Some(broadcast),
        _ => None,
    };
    own.deprecated = deprecated;
    own.temporary = temporary || (secondary && matches!(address, IpAddr::V6(_)));
    object.finish()?;
    // Linux: what is not yet, or never will be, unique on its link is neither local nor chosen as a source.
    Ok((!unusable).then_some(own))
}
