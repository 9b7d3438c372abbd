//! Policy rules: `ip -j -4 rule`, `ip -j -6 rule`.
use netfilter::DeviceId;
use netfilter::network::{DeviceKind, PolicyRule, RuleAction};
use netfilter::route::text::{protocol_named, tos_of_rules};
use packet::{AddrMask, Family, InterfaceName};

use super::json::{Object, objects};
use super::names::Names;
use super::routes::realms;
use super::{Problem, Read};

pub(super) fn read(
    read: &mut Read,
    family: Family,
    output: (&str, &str),
    names: &Names,
) -> Result<(), Problem> {
    for object in objects(output)? {
        if let Some(rule) = rule(read, family, object, names)? {
            read.network.add_rule(family, rule);
        }
    }
    Ok(())
}

/// A rule; `None` if it can fit nothing on this host.
fn rule(
    read: &Read,
    family: Family,
    mut object: Object,
    names: &Names,
) -> Result<Option<PolicyRule>, Problem> {
    let priority = object.number::<u32>("priority")?.unwrap_or(0);
    object.about = format!("priority {priority}");
    let mut rule = PolicyRule::lookup(priority, 0);
    rule.from = prefix(&mut object, family, "src", "srclen")?;
    rule.to = prefix(&mut object, family, "dst", "dstlen")?;
    rule.invert = object.flag("not");
    if let Some(mark) = object.number::<u32>("fwmark")? {
        rule.mark = Some((mark, object.number("fwmask")?.unwrap_or(u32::MAX)));
    } else if let Some(mask) = object.number::<u32>("fwmask")? {
        rule.mark = Some((0, mask));
    }
    if let Some(tos) = object.number::<u8>("tos")? {
        rule.tos = Some((tos, tos_of_rules(family)));
    }
    // A full DSCP, without the two bits of ECN.
    if let Some(dscp) = object.number::<u8>("dscp")? {
        let mask = object.number::<u8>("dscp_mask")?.unwrap_or(0x3f);
        if dscp > 0x3f || mask > 0x3f {
            return Err(object.problem("\"dscp\" has 6 bits"));
        }
        rule.tos = Some((dscp << 2, mask << 2));
    }
    rule.input = interface(read, &mut object, "iif")?;
    rule.output = interface(read, &mut object, "oif")?;
    let user = (object.number::<u32>("uid_start")?, object.number::<u32>("uid_end")?);
    if let (Some(first), Some(last)) = user {
        rule.user = Some((first, last));
    }
    if let Some(word) = object.text("ipproto")? {
        let known = protocol_named(word.strip_prefix("ipproto-").unwrap_or(&word));
        rule.protocol =
            Some(known.ok_or_else(|| object.problem(format!("the protocol \"{word}\" is not known")))?);
    }
    rule.source_ports = ports(&mut object, "sport")?;
    rule.destination_ports = ports(&mut object, "dport")?;
    rule.suppress_length = object.number("suppress_prefixlen")?;
    if let Some(word) = object.text("suppress_ifgroup")? {
        let group = names.group(&word);
        rule.suppress_group =
            Some(group.ok_or_else(|| object.problem(format!("the group \"{word}\" has no number here")))?);
    }
    rule.realms = realms(&mut object, "flow_from", "flow_to", names)?;
    let of_vrf = object.take("l3mdev").is_some();
    if object.take("tun_id").is_some() {
        rule.undecided = Some("the key of a tunnel (a policy rule with tun_id)");
    }
    if object.take("flowlabel").is_some() | object.take("flowlabel_mask").is_some() {
        rule.undecided = Some("the flow label (a policy rule with flowlabel)");
    }
    action(&mut object, &mut rule, names, of_vrf)?;
    object.pass_over(&["protocol"]);
    object.finish()?;
    if of_vrf {
        // Linux: `l3mdev_fib_rule_match`: only packets of devices in a VRF fit.
        if !read.network.devices.iter().any(|device| device.kind == DeviceKind::Vrf) {
            return Ok(None);
        }
        rule.undecided = Some("the table of a VRF (a policy rule with l3mdev)");
    }
    Ok(Some(rule))
}

fn action(object: &mut Object, rule: &mut PolicyRule, names: &Names, of_vrf: bool) -> Result<(), Problem> {
    let table = object.text("table")?;
    let goto = object.number::<u32>("goto")?;
    let unresolved = object.take("unresolved").is_some();
    let nothing = object.take("nop").is_some();
    let action = object.text("action")?;
    rule.action = match (goto, action.as_deref()) {
        // Linux: a rule whose target is not there is passed over.
        (Some(_), _) if unresolved => RuleAction::Nothing,
        (Some(target), _) => RuleAction::Goto(target),
        (None, Some("blackhole" | "6")) => RuleAction::Blackhole,
        (None, Some("unreachable" | "7")) => RuleAction::Unreachable,
        (None, Some("prohibit" | "8")) => RuleAction::Prohibit,
        (None, Some(other)) => return Err(object.problem(format!("the action \"{other}\" is not known"))),
        (None, None) if nothing => RuleAction::Nothing,
        (None, None) => RuleAction::Lookup,
    };
    match (rule.action, table) {
        (RuleAction::Lookup, Some(word)) => {
            let number = names.table(&word);
            rule.table = number.ok_or_else(|| {
                object.problem(format!(
                    "\"table\": \"{word}\" is not a number and has no line in /etc/iproute2/rt_tables (`ip -N` prints numbers)"
                ))
            })?;
        }
        (RuleAction::Lookup, None) if !of_vrf => {
            return Err(object.problem("the rule has neither table nor action"));
        }
        _ => {}
    }
    Ok(())
}

/// `all`, or an address and its length beside it.
fn prefix(object: &mut Object, family: Family, key: &str, length: &str) -> Result<Option<AddrMask>, Problem> {
    let text = object.text(key)?;
    let length = object.number::<u8>(length)?;
    match text.as_deref() {
        None | Some("all") => Ok(None),
        Some(text) => {
            let address = text.parse().ok().filter(|address| Family::of(*address) == family);
            let prefix =
                address.and_then(|address| AddrMask::prefix(address, length.unwrap_or(family.bits())));
            prefix.map(Some).ok_or_else(|| object.problem(format!("\"{key}\": \"{text}\" is no prefix")))
        }
    }
}

/// A device; one that is not there fits nothing.
fn interface(read: &Read, object: &mut Object, key: &str) -> Result<Option<DeviceId>, Problem> {
    object.pass_over(&[if key == "iif" { "iif_detached" } else { "oif_detached" }]);
    let Some(name) = object.text(key)? else { return Ok(None) };
    let found = InterfaceName::new(&name).and_then(|name| read.network.device_named(name));
    Ok(Some(found.unwrap_or(DeviceId::NONE)))
}

/// One port or a range.
fn ports(object: &mut Object, key: &str) -> Result<Option<(u16, u16)>, Problem> {
    if let Some(port) = object.number::<u16>(key)? {
        return Ok(Some((port, port)));
    }
    let first = object.number::<u16>(&format!("{key}_start"))?;
    let last = object.number::<u16>(&format!("{key}_end"))?;
    Ok(first.zip(last))
}
