//! What the targets of a rule do to a packet, under the names of crate `rules`. The standard verdicts are in the walk.
mod classify;
mod connmark;
pub(super) mod ct;
mod ecn;
mod hmark;
pub(crate) mod log;
pub(super) mod mark;
mod nflog;
mod nfqueue;
mod npt;
mod rateest;
mod reject;
pub(super) mod set;
mod synproxy;
mod tcpmss;
mod tcpoptstrip;
mod tee;
mod tos;
mod tproxy;
mod ttl;

use rules::Target;

use super::{Named, Place};
use crate::Env;
use crate::hook::Verdict;
use crate::skb::Packet;

/// What comes of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The next rule is asked.
    Continue,
    /// The next rule is asked when the copy that was made has gone its way.
    Copied,
    /// The next rule is asked, and sees other addresses.
    Readdressed,
    /// The walk ends, and the packet: the target cannot do its work on it (Linux: NF_DROP of a target).
    Dropped,
    /// The walk ends.
    Verdict(Verdict),
    /// REJECT: the walk ends, whether an answer was sent or not.
    Rejected,
    /// It needs something that is not known or not modelled.
    Undecided(&'static str),
}

/// The name of a target that is read and printed, but not yet evaluated.
pub(super) fn unmodelled(target: &Target) -> Option<&'static str> {
    match target {
        Target::Accept
        | Target::Drop
        | Target::Return
        | Target::Queue
        | Target::Jump(_)
        | Target::Goto(_)
        | Target::Audit(_)
        | Target::Checksum
        | Target::Classify(_)
        | Target::Connmark(_)
        | Target::Connsecmark(_)
        | Target::Ct(_)
        | Target::Dnat(_)
        | Target::Dnpt(_)
        | Target::Dscp(_)
        | Target::Ecn(_)
        | Target::Hl(_)
        | Target::Hmark(_)
        | Target::Idletimer(_)
        | Target::Log(_)
        | Target::Mark(_)
        | Target::Masquerade(_)
        | Target::Netmap(_)
        | Target::Nflog(_)
        | Target::Nfqueue(_)
        | Target::Notrack
        | Target::Rateest(_)
        | Target::Redirect(_)
        | Target::Reject(_)
        | Target::Set(_)
        | Target::Snat(_)
        | Target::Snpt(_)
        | Target::Synproxy(_)
        | Target::Tcpmss(_)
        | Target::Tcpoptstrip(_)
        | Target::Tee(_)
        | Target::Tos(_)
        | Target::Tproxy(_)
        | Target::Trace
        | Target::Ttl(_) => None,
        // The first three no kernel takes, and there is no security module for the fourth.
        Target::Clusterip(_) | Target::Led(_) | Target::Ulog(_) | Target::Secmark(_) => target.name(),
    }
}

/// Takes hold of what a target shares by name with other rules: its place.
pub(super) fn bind(target: &Target, named: &mut Named) -> Option<usize> {
    match target {
        Target::Rateest(own) => Some(named.estimator(own)),
        Target::Ct(own) => Some(named.template(own)),
        _ => None,
    }
}

/// Lets go of it.
pub(super) fn release(target: &Target, shared: Option<usize>, named: &mut Named) {
    match (target, shared) {
        (Target::Rateest(_), Some(shared)) => named.estimators.release(shared),
        (Target::Ct(_), Some(shared)) => named.templates.release(shared),
        _ => {}
    }
}

/// Lets a target act on a packet. `shared`: what [`bind`] has given.
pub(super) fn apply(
    target: &Target,
    shared: Option<usize>,
    place: &Place,
    packet: &mut Packet,
    env: &mut Env<'_>,
) -> Effect {
    match target {
        Target::Accept => Effect::Verdict(Verdict::Accept),
        Target::Queue => Effect::Verdict(Verdict::Queue),
        Target::Mark(own) => mark::apply(own, packet, env),
        Target::Connmark(own) => connmark::apply(own, place, packet, env),
        Target::Ct(own) => ct::apply(own, shared, packet, env),
        Target::Notrack => ct::untrack(packet),
        Target::Trace => {
            packet.traced = true;
            Effect::Continue
        }
        Target::Log(own) => log::apply(own, place, packet, env),
        Target::Reject(own) => reject::apply(*own, packet, env),
        Target::Snat(_)
        | Target::Dnat(_)
        | Target::Masquerade(_)
        | Target::Redirect(_)
        | Target::Netmap(_) => Effect::Verdict(crate::nat::target(target, place.hook, packet, env)),
        Target::Classify(own) => classify::apply(*own, packet, env),
        Target::Dnpt(own) => npt::destination(own, packet, env),
        Target::Dscp(own) => tos::apply_dscp(*own, packet, env),
        Target::Ecn(own) => ecn::apply(*own, packet, env),
        Target::Hl(own) => ttl::apply(*own, "HL", packet, env),
        Target::Hmark(own) => hmark::apply(own, packet, env),
        Target::Nflog(own) => nflog::apply(own, place, packet, env),
        Target::Nfqueue(own) => nfqueue::apply(*own, place, packet, env),
        Target::Rateest(_) => rateest::apply(shared, packet, env),
        Target::Snpt(own) => npt::source(own, packet, env),
        Target::Synproxy(own) => synproxy::apply(own, packet, env),
        Target::Tcpmss(own) => tcpmss::apply(*own, packet, env),
        Target::Tcpoptstrip(own) => tcpoptstrip::apply(own, packet, env),
        Target::Tee(own) => tee::apply(own, place, packet, env),
        Target::Tos(own) => tos::apply(*own, packet, env),
        Target::Tproxy(own) => tproxy::apply(own, place, packet, env),
        Target::Ttl(own) => ttl::apply(*own, "TTL", packet, env),
        // Linux: `skb_checksum_help` completes a sum that was left to the device.
        Target::Checksum => {
            packet.unsummed = false;
            Effect::Continue
        }
        // Linux: these tell others something (the audit subsystem, timers), or copy labels of a security module, of which there
        // is none. The packet stays as it is.
        Target::Audit(_) | Target::Connsecmark(_) | Target::Idletimer(_) => Effect::Continue,
        // The walk knows standard targets by entries of their own.
        other => Effect::Undecided(unmodelled(other).unwrap_or("this target")),
    }
}
