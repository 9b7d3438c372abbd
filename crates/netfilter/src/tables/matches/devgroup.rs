//! `-m devgroup` and `-m realm` (Linux: `devgroup_mt`, `realm_mt`): numbers that an administrator gives to devices and
//! routes, out of the network.
use rules::Negatable;
use rules::matches::devgroup::Devgroup;
use rules::matches::named::NamedValue;
use rules::matches::realm::Realm;

use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::network::DeviceId;
use crate::trace::Found;

pub(super) fn holds(rule: &Devgroup, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    group(&rule.source, asked.place.input, "--src-group", env)?;
    group(&rule.destination, asked.place.output, "--dst-group", env)
}

fn group(
    wanted: &Option<Negatable<NamedValue>>,
    device: Option<DeviceId>,
    option: &'static str,
    env: &Env<'_>,
) -> Held {
    let Some(Negatable { invert, value }) = wanted else { return Ok(()) };
    let Some(device) = device.and_then(|device| env.network.device(device)) else {
        return Err(Miss::Failed(option, Found::Nothing("device")));
    };
    let fits = (value.value ^ device.group) & value.mask == 0;
    hold(fits != *invert, option, Found::Number(device.group.into()))
}

/// The realms of the packet's route: that of its source in the upper half.
pub(super) fn holds_realm(rule: &Realm, asked: &Asked<'_>) -> Held {
    let Some(route) = asked.packet.route else {
        return Err(Miss::Failed("--realm", Found::Nothing("route")));
    };
    let Negatable { invert, value } = &rule.realm;
    hold((route.realms & value.mask == value.value) != *invert, "--realm", Found::Hex(route.realms))
}
