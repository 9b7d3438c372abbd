//! The matches in nft: one file each, and one arm for those that nft has no words for.
use super::{Expression, Untranslatable};
use crate::Match;

mod addrtype;
mod comment;
mod connmark;
mod conntrack;
mod icmp;
mod iprange;
mod limit;
mod mac;
mod mark;
mod multiport;
mod owner;
mod statistic;
mod tcp;
mod udp;

/// Adds what a match says.
pub(super) fn translate(own: &Match, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    match own {
        Match::Addrtype(own) => addrtype::translate(own, expression),
        Match::Comment(own) => comment::translate(own, expression),
        Match::Connmark(own) => connmark::translate(own, expression),
        Match::Conntrack(own) => conntrack::translate(own, expression),
        Match::Icmp(own) => icmp::translate(own, expression),
        Match::Icmp6(own) => icmp::translate_v6(own, expression),
        Match::Iprange(own) => iprange::translate(own, expression),
        Match::Limit(own) => limit::translate(own, expression),
        Match::Mac(own) => mac::translate(own, expression),
        Match::Mark(own) => mark::translate(own, expression),
        Match::Multiport(own) => multiport::translate(own, expression),
        Match::Owner(own) => owner::translate(own, expression),
        Match::State(own) => conntrack::translate_state(own, expression),
        Match::Statistic(own) => statistic::translate(own, expression),
        Match::Tcp(own) => tcp::translate(own, expression),
        Match::Udp(own) => udp::translate(own, expression),
        // What nft has no words for.
        Match::Physdev(_)
        | Match::Ipvs(_)
        | Match::Ah(_)
        | Match::Ah6(_)
        | Match::Bpf(_)
        | Match::Cgroup(_)
        | Match::Cluster(_)
        | Match::Connbytes(_)
        | Match::Connlabel(_)
        | Match::Connlimit(_)
        | Match::Cpu(_)
        | Match::Dccp(_)
        | Match::Devgroup(_)
        | Match::Dscp(_)
        | Match::Dst(_)
        | Match::Ecn(_)
        | Match::Esp(_)
        | Match::Eui64(_)
        | Match::Frag(_)
        | Match::Hashlimit(_)
        | Match::Hbh(_)
        | Match::Helper(_)
        | Match::Hl(_)
        | Match::Ipcomp(_)
        | Match::Ipv6Header(_)
        | Match::Length(_)
        | Match::Mh(_)
        | Match::Nfacct(_)
        | Match::Osf(_)
        | Match::Pkttype(_)
        | Match::Policy(_)
        | Match::Quota(_)
        | Match::Rateest(_)
        | Match::Realm(_)
        | Match::Recent(_)
        | Match::Rpfilter(_)
        | Match::Rt(_)
        | Match::Sctp(_)
        | Match::Socket(_)
        | Match::Srh(_)
        | Match::Tcpmss(_)
        | Match::Time(_)
        | Match::Tos(_)
        | Match::Ttl(_)
        | Match::U32(_)
        | Match::String(_) => {
            Err(Untranslatable::new(format!("-m {}", own.name()), "nft has nothing like it"))
        }
    }
}
