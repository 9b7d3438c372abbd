//! The matches in nft, in files by kinship, and one arm for those that nft has no words for.
use super::{Expression, Untranslatable};
use crate::Match;
use crate::matches::range::NumberRange;

mod addrtype;
mod ah;
mod comment;
mod connection;
mod connmark;
mod conntrack;
mod dccp;
mod device;
mod headers;
mod hop;
mod icmp;
mod iprange;
mod limit;
mod mac;
mod mark;
mod meta;
mod multiport;
mod owner;
mod rpfilter;
mod sctp;
mod service;
mod socket;
mod statistic;
mod tcp;
mod tcpmss;
mod time;
mod udp;

/// Adds what a match says.
pub(super) fn translate(own: &Match, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    match own {
        Match::Addrtype(own) => addrtype::translate(own, expression),
        Match::Ah(own) => ah::translate(own, expression),
        Match::Ah6(own) => ah::translate_v6(own, expression),
        Match::Cgroup(own) => meta::translate_cgroup(own, expression),
        Match::Comment(own) => comment::translate(own, expression),
        Match::Connbytes(own) => connection::translate_connbytes(own, expression),
        Match::Connmark(own) => connmark::translate(own, expression),
        Match::Conntrack(own) => conntrack::translate(own, expression),
        Match::Cpu(own) => meta::translate_cpu(own, expression),
        Match::Dccp(own) => dccp::translate(own, expression),
        Match::Devgroup(own) => device::translate(own, expression),
        Match::Dscp(own) => service::translate_dscp(own, expression),
        Match::Dst(own) => headers::translate_options("dst", own, expression),
        Match::Ecn(own) => service::translate_ecn(own, expression),
        Match::Esp(own) => ah::translate_esp(own, expression),
        Match::Frag(own) => headers::translate_frag(own, expression),
        Match::Hbh(own) => headers::translate_options("hbh", own, expression),
        Match::Helper(own) => connection::translate_helper(own, expression),
        Match::Hl(own) | Match::Ttl(own) => hop::translate(own, expression),
        Match::Icmp(own) => icmp::translate(own, expression),
        Match::Icmp6(own) => icmp::translate_v6(own, expression),
        Match::Ipcomp(own) => ah::translate_ipcomp(own, expression),
        Match::Iprange(own) => iprange::translate(own, expression),
        Match::Length(own) => meta::translate_length(own, expression),
        Match::Limit(own) => limit::translate(own, expression),
        Match::Mac(own) => mac::translate(own, expression),
        Match::Mark(own) => mark::translate(own, expression),
        Match::Mh(own) => headers::translate_mh(own, expression),
        Match::Multiport(own) => multiport::translate(own, expression),
        Match::Owner(own) => owner::translate(own, expression),
        Match::Pkttype(own) => meta::translate_pkttype(own, expression),
        Match::Policy(own) => meta::translate_policy(own, expression),
        Match::Quota(own) => meta::translate_quota(own, expression),
        Match::Realm(own) => device::translate_realm(own, expression),
        Match::Rpfilter(own) => rpfilter::translate(own, expression),
        Match::Rt(own) => headers::translate_rt(own, expression),
        Match::Sctp(own) => sctp::translate(own, expression),
        Match::Socket(own) => socket::translate(own, expression),
        Match::State(own) => conntrack::translate_state(own, expression),
        Match::Statistic(own) => statistic::translate(own, expression),
        Match::Tcp(own) => tcp::translate(own, expression),
        Match::Tcpmss(own) => tcpmss::translate(own, expression),
        Match::Time(own) => time::translate(own, expression),
        Match::Tos(own) => service::translate_tos(own, expression),
        Match::Udp(own) => udp::translate(own, expression),
        Match::Connlimit(_) | Match::Hashlimit(_) | Match::Recent(_) => Err(refused(
            own,
            "what nft remembers of addresses is a set of its own beside the rule, and counts otherwise",
        )),
        Match::Connlabel(_) => {
            Err(refused(own, "nft reads labels by the names of /etc/xtables/connlabel.conf"))
        }
        Match::Ipv6Header(_) | Match::Srh(_) => {
            Err(refused(own, "nft does not look at all the headers of a packet"))
        }
        Match::Osf(_) => {
            Err(refused(own, "nft has fingerprints of its own, which are loaded by another program"))
        }
        Match::Set(_) => Err(refused(own, "nft cannot look into sets of ipset")),
        // What nft has no words for.
        Match::Bpf(_)
        | Match::Cluster(_)
        | Match::Eui64(_)
        | Match::Ipvs(_)
        | Match::Nfacct(_)
        | Match::Physdev(_)
        | Match::Rateest(_)
        | Match::String(_)
        | Match::U32(_) => Err(refused(own, "nft has nothing like it")),
    }
}

fn refused(own: &Match, why: &'static str) -> Untranslatable {
    Untranslatable::new(format!("-m {}", own.name()), why)
}

/// `5`, `5-9`.
fn numbers<N: Copy + PartialEq + std::fmt::Display>(range: NumberRange<N>) -> String {
    if range.first == range.last {
        range.first.to_string()
    } else {
        format!("{}-{}", range.first, range.last)
    }
}
