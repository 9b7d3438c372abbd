//! Groups that devices have joined: `ip -j maddr`, and whose packets to them are wanted: `/proc/net/mcfilter`, `mcfilter6`.
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netfilter::network::{Group, Sources};
use packet::InterfaceName;

use super::json::{Object, objects};
use super::{Problem, Read};

/// A sender, how many want it, and how many want all but it.
type Sender = (IpAddr, u64, u64);

/// The number of a device and a group.
type Key = (u32, IpAddr);

/// Who is wanted.
type Filters = BTreeMap<Key, Vec<Sender>>;

/// Reads the groups. Loopback's own need no list: what comes by it keeps the route of its sender.
pub(super) fn read(read: &mut Read, output: (&str, &str), filters: &[(&str, &str)]) -> Result<(), Problem> {
    let mut wanted = Filters::new();
    for (name, text) in filters {
        for (at, line) in text.lines().enumerate().skip(1) {
            let (key, sender) = filter(line).ok_or_else(|| Problem {
                output: (*name).to_owned(),
                entry: Some((at + 1, String::new())),
                what: "wanted is: number, device, group, sender, two counts".to_owned(),
            })?;
            wanted.entry(key).or_default().push(sender);
        }
    }
    for mut object in objects(output)? {
        let (index, name) = (object.number::<u32>("ifindex")?, object.text("ifname")?);
        let id = name.as_deref().and_then(InterfaceName::new);
        let id = id.and_then(|name| read.network.device_named(name));
        let (Some(index), Some(id)) = (index, id) else { continue };
        let groups = object.row("maddr")?;
        let groups = groups.into_iter().map(|group| joined(group, index, &wanted));
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        if let Some(device) = read.network.devices.get_mut(id.0 as usize) {
            device.groups.extend(groups.into_iter().flatten());
        }
    }
    Ok(())
}

/// A group; `None` for an Ethernet address.
fn joined(mut object: Object, index: u32, wanted: &Filters) -> Result<Option<Group>, Problem> {
    if !matches!(object.text("family")?.as_deref(), Some("inet" | "inet6")) {
        return Ok(None);
    }
    let Some(address) = object.address("address")? else {
        return Err(object.problem("a group wants an \"address\""));
    };
    let users = object.number::<u64>("users")?.unwrap_or(1);
    let senders = wanted.get(&(index, address)).map_or(&[][..], Vec::as_slice);
    Ok(Some(Group { address, sources: sources(users, senders) }))
}

/// Linux: `ip_check_mc_rcu` compares how many want all but a sender with how many want all but some, which is not shown
/// and known only of a single member.
fn sources(users: u64, senders: &[Sender]) -> Sources {
    let list = || senders.iter().map(|own| own.0).collect();
    match senders {
        [] => Sources::All,
        _ if users != 1 => Sources::Mixed,
        _ if senders.iter().any(|own| own.2 != 0) => Sources::But(list()),
        _ => Sources::Only(list()),
    }
}

fn filter(line: &str) -> Option<(Key, Sender)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [index, .., group, sender, include, exclude] = words.as_slice() else { return None };
    let key = (index.parse().ok()?, address(group)?);
    Some((key, (address(sender)?, include.parse().ok()?, exclude.parse().ok()?)))
}

/// `0xef010203`, or 32 digits.
fn address(word: &str) -> Option<IpAddr> {
    match word.strip_prefix("0x") {
        Some(digits) => Some(Ipv4Addr::from(u32::from_str_radix(digits, 16).ok()?).into()),
        None if word.len() == 32 => Some(Ipv6Addr::from(u128::from_str_radix(word, 16).ok()?).into()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_single_member_wants_is_known() {
        let sender: IpAddr = "10.0.0.7".parse().unwrap();
        for (users, senders, wanted) in [
            (5, vec![], Sources::All),
            (1, vec![(sender, 1, 0)], Sources::Only(vec![sender])),
            (1, vec![(sender, 0, 1)], Sources::But(vec![sender])),
            (2, vec![(sender, 1, 1)], Sources::Mixed),
        ] {
            assert_eq!(sources(users, &senders), wanted);
        }
    }

    #[test]
    fn lines_of_filters_are_read() {
        let read = filter("  2 avbcde 0xef010102 0x0a000007      1      0").unwrap();
        assert_eq!(read, ((2, "239.1.1.2".parse().unwrap()), ("10.0.0.7".parse().unwrap(), 1, 0)));
        let line =
            "  3   lan0 ff020000000000000000000000000099 fd000001000000000000000000000001      0      1";
        let read = filter(line).unwrap();
        assert_eq!(read, ((3, "ff02::99".parse().unwrap()), ("fd00:1::1".parse().unwrap(), 0, 1)));
        for wrong in [
            "",
            "x a 0xef010102 0x0a000007 1 0",
            "2 a 0xef010102 0x0a000007 1",
            "2 a ef010102 0x0a000007 1 0",
        ] {
            assert_eq!(filter(wrong), None, "{wrong}");
        }
    }
}
