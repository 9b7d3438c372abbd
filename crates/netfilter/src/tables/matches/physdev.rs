//! `-m physdev` (Linux: `physdev_mt`): the bridge ports of a packet that is bridged with `br_netfilter`.
use rules::matches::physdev::Physdev;
use rules::{InterfacePattern, Negatable};

use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::network::{DeviceId, DeviceKind};
use crate::tables::device_name;
use crate::trace::Found;

pub(super) fn holds(rule: &Physdev, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let link = asked.packet.link;
    if link.physical_input.is_none() && link.physical_output.is_none() {
        // Linux: `br_nf_pre_routing` notes the port of what a bridge gives to the stack, if bridged packets pass the rules; what
        // begins on this machine is shown as come by a bridge that it leaves by, or that it comes back from.
        let came = asked.packet.input.filter(|_| asked.packet.duplicate.is_none() && !link.looped);
        let bridge = came.filter(|device| {
            env.network.device(*device).is_some_and(|device| device.kind == DeviceKind::Bridge)
        });
        if bridge.is_some_and(|bridge| env.network.is_called(bridge, asked.packet.family())) {
            return Err(Miss::Undecided("the port of the bridge (bridge-nf-call-iptables=1)"));
        }
        return unbridged(rule);
    }
    let (input, output) = (link.physical_input, link.physical_output);
    flag(rule.is_bridged, output.is_some(), "--physdev-is-bridged", "outgoing bridge port")?;
    flag(rule.is_in, input.is_some(), "--physdev-is-in", "incoming bridge port")?;
    flag(rule.is_out, output.is_some(), "--physdev-is-out", "outgoing bridge port")?;
    if input.is_some() {
        name(rule.input, input, env, "--physdev-in")?;
    }
    // Linux: without an outgoing port the name never fits, inverted or not.
    hold(rule.output.is_none() || output.is_some(), "--physdev-out", Found::Nothing("outgoing bridge port"))?;
    name(rule.output, output, env, "--physdev-out")
}

/// Not bridged: only inverted options hold.
fn unbridged(rule: &Physdev) -> Held {
    let nothing = Found::Nothing("bridge port");
    hold(rule.is_bridged != Some(false), "--physdev-is-bridged", nothing)?;
    hold(rule.is_in != Some(false), "--physdev-is-in", nothing)?;
    hold(rule.is_out != Some(false), "--physdev-is-out", nothing)?;
    hold(rule.input.is_none_or(|own| own.invert), "--physdev-in", nothing)?;
    hold(rule.output.is_none_or(|own| own.invert), "--physdev-out", nothing)
}

/// The rule's value is its inversion.
fn flag(wanted: Option<bool>, is: bool, option: &'static str, not: &'static str) -> Held {
    match wanted {
        Some(invert) => {
            hold(is != invert, option, if is { Found::Word("a bridge port") } else { Found::Nothing(not) })
        }
        None => Ok(()),
    }
}

fn name(
    wanted: Option<Negatable<InterfacePattern>>,
    device: Option<DeviceId>,
    env: &Env<'_>,
    option: &'static str,
) -> Held {
    let Some(wanted) = wanted else { return Ok(()) };
    let name = device_name(env.network, device);
    let found = name.map_or(Found::Nothing("bridge port"), Found::Interface);
    hold(wanted.value.matches(name) != wanted.invert, option, found)
}
