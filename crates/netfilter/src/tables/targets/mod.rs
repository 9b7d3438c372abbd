//! What the targets of a rule do to a packet, under the names of crate `rules`. The standard verdicts are in the walk.
mod connmark;
pub(super) mod ct;
pub(crate) mod log;
mod mark;
mod reject;

use rules::Target;

use super::Place;
use crate::Env;
use crate::hook::Verdict;
use crate::skb::Packet;

/// What comes of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The next rule is asked.
    Continue,
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
        | Target::Connmark(_)
        | Target::Ct(_)
        | Target::Dnat(_)
        | Target::Log(_)
        | Target::Mark(_)
        | Target::Masquerade(_)
        | Target::Netmap(_)
        | Target::Notrack
        | Target::Redirect(_)
        | Target::Reject(_)
        | Target::Snat(_)
        | Target::Trace => None,
        Target::Audit(_)
        | Target::Checksum
        | Target::Classify(_)
        | Target::Connsecmark(_)
        | Target::Hl(_)
        | Target::Tcpmss(_)
        | Target::Tcpoptstrip(_)
        | Target::Clusterip(_)
        | Target::Dnpt(_)
        | Target::Dscp(_)
        | Target::Ecn(_)
        | Target::Hmark(_)
        | Target::Tos(_)
        | Target::Idletimer(_)
        | Target::Led(_)
        | Target::Nflog(_)
        | Target::Nfqueue(_)
        | Target::Rateest(_)
        | Target::Secmark(_)
        | Target::Snpt(_)
        | Target::Synproxy(_)
        | Target::Tee(_)
        | Target::Tproxy(_)
        | Target::Ulog(_)
        | Target::Ttl(_) => target.name(),
    }
}

/// Lets a target act on a packet.
pub(super) fn apply(target: &Target, place: &Place, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    match target {
        Target::Accept => Effect::Verdict(Verdict::Accept),
        Target::Queue => Effect::Verdict(Verdict::Queue),
        Target::Mark(own) => mark::apply(own, packet, env),
        Target::Connmark(own) => connmark::apply(own, place, packet, env),
        Target::Ct(own) => ct::apply(own, packet),
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
        // The walk knows standard targets by entries of their own.
        other => Effect::Undecided(unmodelled(other).unwrap_or("this target")),
    }
}
