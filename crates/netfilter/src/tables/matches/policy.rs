//! `-m policy` (Linux: `policy_mt`, `match_policy_in`, `match_policy_out`, `match_xfrm_state` in xt_policy.c): the IPsec by
//! which a packet came, or by which it will leave.
//!
//! Rows of states are looked at from the innermost one on. What came by loopback or from this machine itself came in the
//! clear, and what leaves by loopback leaves so (Linux: `disable_xfrm` of `lo`).
use packet::Family;
use rules::Negatable;
use rules::matches::conntrack::HostMask;
use rules::matches::policy::{Direction, Element, Mode, Policy};

use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::machine::{self, Secured, Transform, TransformsId};
use crate::network::DeviceId;
use crate::tables::header::device_name;
use crate::trace::Found;

pub(super) fn holds(rule: &Policy, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let row = match states(rule.direction, asked, env)? {
        Some(row) => env.machine.transforms_of(row),
        None => return hold(rule.none, "--pol", Found::Word("none")),
    };
    hold(!rule.none, "--pol", Found::Word("ipsec"))?;
    if rule.strict {
        let wanted = rule.elements.len();
        // Linux: a row that comes in is compared by its length first, one that goes out behind its states; the result
        // is the same.
        let longer = Found::Word("another number of IPsec states");
        hold(row.len() == wanted, "--strict", longer)?;
        return row.iter().zip(&rule.elements).try_for_each(|(state, element)| fits(state, element));
    }
    let Some(element) = rule.elements.first() else { return Ok(()) };
    let mut all = row.iter();
    let first = match all.next() {
        Some(state) => fits(state, element),
        None => return hold(false, "--pol", Found::Word("none")),
    };
    // What the innermost state had instead is told, if no other one fits.
    let mut missing = first;
    for state in all {
        match (missing, fits(state, element)) {
            (Ok(()), _) | (_, Ok(())) => return Ok(()),
            (Err(Miss::Failed(..)), Err(other @ Miss::Undecided(_))) => missing = Err(other),
            _ => {}
        }
    }
    missing
}

const IN: &str = "whether the packet came by IPsec (-m policy --dir in; give `ipsec none` or `ipsec (STATES)` behind the \
     packet's device, or --machine FILE with `ipsec in …` lines or `ipsec none`)";
const OUT: &str = "whether IPsec protects the packet (-m policy --dir out; give --machine FILE with `ipsec out …` lines or `ipsec none`)";
const STATE: &str =
    "the addresses, SPI or request id of the IPsec state (-m policy; write them in the `ipsec` line)";

/// The states that the packet goes through; `None`: it goes in the clear.
fn states(direction: Direction, asked: &Asked<'_>, env: &Env<'_>) -> Result<Option<TransformsId>, Miss> {
    let packet = asked.packet;
    let (device, what, direction) = match direction {
        Direction::In => match packet.secured {
            _ if packet.input.is_none_or(|device| device == DeviceId::LOOPBACK) => return Ok(None),
            Secured::Clear => return Ok(None),
            Secured::By(row) => return Ok(Some(row)),
            Secured::Unsaid => (packet.input, IN, machine::Direction::In),
        },
        Direction::Out => (packet.output, OUT, machine::Direction::Out),
    };
    if device == Some(DeviceId::LOOPBACK) {
        return Ok(None);
    }
    let name = device_name(env.network, device);
    env.machine.protection(direction, packet, name).ok_or(Miss::Undecided(what))
}

/// Whether a state is one that an element describes, in the kernel's order.
fn fits(state: &Transform, element: &Element) -> Held {
    let [from, to] = match state.ends {
        Some((from, to)) => [Some(from), Some(to)],
        None => [None, None],
    };
    end(element.tunnel_source, from, "--tunnel-src")?;
    end(element.tunnel_destination, to, "--tunnel-dst")?;
    if let Some(Negatable { invert, value }) = element.protocol {
        hold((value == state.protocol) != invert, "--proto", Found::Protocol(state.protocol))?;
    }
    if let Some(Negatable { invert, value }) = element.mode {
        let found = if state.mode == Mode::Tunnel { "tunnel" } else { "transport" };
        hold((value == state.mode) != invert, "--mode", Found::Word(found))?;
    }
    number(element.spi, state.spi, "--spi", Found::Hex)?;
    number(element.request, state.request, "--reqid", |number| Found::Number(number.into()))
}

fn number(
    wanted: Option<Negatable<u32>>,
    own: Option<u32>,
    option: &'static str,
    found: impl Fn(u32) -> Found,
) -> Held {
    match (wanted, own) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Miss::Undecided(STATE)),
        (Some(Negatable { invert, value }), Some(own)) => hold((value == own) != invert, option, found(own)),
    }
}

fn end(wanted: Option<Negatable<HostMask>>, own: Option<std::net::IpAddr>, option: &'static str) -> Held {
    match (wanted, own) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Miss::Undecided(STATE)),
        (Some(Negatable { invert, value }), Some(own)) => {
            let same = Family::of(own) == Family::of(value.address);
            let net = packet::AddrMask::prefix(value.address, value.length);
            let within = same && net.is_some_and(|net| net.contains(own));
            hold(within != invert, option, Found::Address(own))
        }
    }
}
