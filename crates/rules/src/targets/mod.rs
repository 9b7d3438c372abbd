//! The targets: a closed set. To add one: its file, its variant of [`Target`], its line in the registry.
pub mod audit;
pub mod checksum;
pub mod classify;
pub mod clusterip;
pub mod connmark;
pub mod connsecmark;
pub mod ct;
pub mod dnat;
pub mod dnpt;
pub mod dscp;
pub mod ecn;
pub mod hl;
pub mod hmark;
pub mod idletimer;
pub mod led;
pub mod log;
pub mod mark;
pub mod masquerade;
pub mod nat;
pub mod netmap;
pub mod nflog;
pub mod nfqueue;
pub mod notrack;
pub mod rateest;
pub mod redirect;
pub mod reject;
pub mod secmark;
pub mod set;
pub mod snat;
pub mod snpt;
pub mod synproxy;
pub mod tcpmss;
pub mod tcpoptstrip;
pub mod tee;
pub mod tos;
pub mod tproxy;
pub mod trace;
pub mod ttl;
pub mod ulog;

use std::borrow::Cow;

use crate::ChainId;
use crate::syntax::extension::{Families, Place, Spec};

/// What happens to a packet that fits a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// `ACCEPT`: the end of this table at this hook.
    Accept,
    /// `DROP`.
    Drop,
    /// `RETURN`: back to the caller, or the policy.
    Return,
    /// `QUEUE`: to user space, queue 0.
    Queue,
    /// `-j CHAIN`.
    Jump(ChainId),
    /// `-g CHAIN`.
    Goto(ChainId),
    /// `REJECT`.
    Reject(reject::Reject),
    /// `LOG`.
    Log(Box<log::Log>),
    /// `MARK`.
    Mark(mark::Mark),
    /// `CONNMARK`.
    Connmark(connmark::Connmark),
    /// `SET`.
    Set(Box<set::SetTarget>),
    /// `SNAT`.
    Snat(Box<nat::NatRange>),
    /// `DNAT`.
    Dnat(Box<nat::NatRange>),
    /// `MASQUERADE`.
    Masquerade(Box<nat::NatRange>),
    /// `REDIRECT`.
    Redirect(Box<nat::NatRange>),
    /// `NETMAP`.
    Netmap(Box<nat::Netmap>),
    /// `CT`.
    Ct(Box<ct::Ct>),
    /// `NOTRACK`: `CT --notrack`, printed as typed.
    Notrack,
    /// `TRACE`.
    Trace,
    /// `AUDIT`.
    Audit(audit::Audit),
    /// `CHECKSUM`.
    Checksum,
    /// `CLASSIFY`.
    Classify(classify::Classify),
    /// `CONNSECMARK`.
    Connsecmark(connsecmark::Connsecmark),
    /// `TTL`.
    Ttl(ttl::HopChange),
    /// `HL`.
    Hl(ttl::HopChange),
    /// `TCPMSS`.
    Tcpmss(tcpmss::Tcpmss),
    /// `TCPOPTSTRIP`.
    Tcpoptstrip(tcpoptstrip::Tcpoptstrip),
    /// `CLUSTERIP`: refused, since no kernel has it.
    Clusterip(Box<clusterip::Clusterip>),
    /// `DNPT`.
    Dnpt(Box<snpt::Npt>),
    /// `IDLETIMER`.
    Idletimer(Box<idletimer::Idletimer>),
    /// `LED`: refused, since this kernel has it not.
    Led(Box<led::Led>),
    /// `NFLOG`.
    Nflog(Box<nflog::Nflog>),
    /// `NFQUEUE`.
    Nfqueue(nfqueue::Nfqueue),
    /// `RATEEST`.
    Rateest(Box<rateest::Rateest>),
    /// `SECMARK`: refused, since there is no security module.
    Secmark(Box<secmark::Secmark>),
    /// `SNPT`.
    Snpt(Box<snpt::Npt>),
    /// `SYNPROXY`.
    Synproxy(synproxy::Synproxy),
    /// `TEE`.
    Tee(Box<tee::Tee>),
    /// `TPROXY`.
    Tproxy(Box<tproxy::Tproxy>),
    /// `ULOG`: refused, since no kernel has it.
    Ulog(Box<ulog::Ulog>),
    /// `DSCP`.
    Dscp(dscp::Dscp),
    /// `ECN`.
    Ecn(ecn::Ecn),
    /// `HMARK`.
    Hmark(Box<hmark::Hmark>),
    /// `TOS`.
    Tos(tos::Tos),
}

impl Target {
    /// The chain of a jump or goto.
    pub fn chain(&self) -> Option<ChainId> {
        match self {
            Self::Jump(id) | Self::Goto(id) => Some(*id),
            _ => None,
        }
    }

    /// The name behind `-j`; `None` for chains, whose name the table knows.
    pub const fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Accept => "ACCEPT",
            Self::Drop => "DROP",
            Self::Return => "RETURN",
            Self::Queue => "QUEUE",
            Self::Jump(_) | Self::Goto(_) => return None,
            Self::Reject(_) => "REJECT",
            Self::Log(_) => "LOG",
            Self::Mark(_) => "MARK",
            Self::Connmark(_) => "CONNMARK",
            Self::Snat(_) => "SNAT",
            Self::Dnat(_) => "DNAT",
            Self::Masquerade(_) => "MASQUERADE",
            Self::Redirect(_) => "REDIRECT",
            Self::Netmap(_) => "NETMAP",
            Self::Ct(_) => "CT",
            Self::Notrack => "NOTRACK",
            Self::Trace => "TRACE",
            Self::Audit(_) => "AUDIT",
            Self::Checksum => "CHECKSUM",
            Self::Classify(_) => "CLASSIFY",
            Self::Connsecmark(_) => "CONNSECMARK",
            Self::Ttl(_) => "TTL",
            Self::Hl(_) => "HL",
            Self::Tcpmss(_) => "TCPMSS",
            Self::Tcpoptstrip(_) => "TCPOPTSTRIP",
            Self::Clusterip(_) => "CLUSTERIP",
            Self::Dnpt(_) => "DNPT",
            Self::Idletimer(_) => "IDLETIMER",
            Self::Led(_) => "LED",
            Self::Nflog(_) => "NFLOG",
            Self::Nfqueue(_) => "NFQUEUE",
            Self::Rateest(_) => "RATEEST",
            Self::Secmark(_) => "SECMARK",
            Self::Set(_) => "SET",
            Self::Snpt(_) => "SNPT",
            Self::Synproxy(_) => "SYNPROXY",
            Self::Tee(_) => "TEE",
            Self::Tproxy(_) => "TPROXY",
            Self::Ulog(_) => "ULOG",
            Self::Dscp(_) => "DSCP",
            Self::Ecn(_) => "ECN",
            Self::Hmark(_) => "HMARK",
            Self::Tos(_) => "TOS",
        })
    }
}

// The registry: one line for each target extension that is modelled. ACCEPT, DROP, RETURN, QUEUE and jumps are none.
crate::syntax::registry::registry! {
    Target, crate::syntax::inventory::TARGETS;
    data {
        Audit: audit::EXTENSION,
        Classify: classify::EXTENSION,
        Clusterip: clusterip::EXTENSION,
        Connmark: connmark::EXTENSION,
        Connsecmark: connsecmark::EXTENSION,
        Ct: ct::EXTENSION,
        Dnat: dnat::EXTENSION,
        Dnpt: dnpt::EXTENSION,
        Dscp: dscp::EXTENSION,
        Ecn: ecn::EXTENSION,
        Hl: hl::EXTENSION,
        Hmark: hmark::EXTENSION,
        Idletimer: idletimer::EXTENSION,
        Led: led::EXTENSION,
        Log: log::EXTENSION,
        Mark: mark::EXTENSION,
        Masquerade: masquerade::EXTENSION,
        Netmap: netmap::EXTENSION,
        Nflog: nflog::EXTENSION,
        Nfqueue: nfqueue::EXTENSION,
        Rateest: rateest::EXTENSION,
        Redirect: redirect::EXTENSION,
        Reject: reject::EXTENSION,
        Secmark: secmark::EXTENSION,
        Set: set::EXTENSION,
        Snat: snat::EXTENSION,
        Snpt: snpt::EXTENSION,
        Synproxy: synproxy::EXTENSION,
        Tcpmss: tcpmss::EXTENSION,
        Tcpoptstrip: tcpoptstrip::EXTENSION,
        Tee: tee::EXTENSION,
        Tos: tos::EXTENSION,
        Tproxy: tproxy::EXTENSION,
        Ttl: ttl::EXTENSION,
        Ulog: ulog::EXTENSION,
    }
    unit {
        Checksum: checksum::EXTENSION,
        Notrack: notrack::EXTENSION,
        Trace: trace::EXTENSION,
    }
}

/// The help of the targets that are no extension: upstream has them as an extension without options.
pub(crate) const STANDARD: Spec = Spec {
    name: "standard",
    aliases: &[],
    families: Families::Both,
    options: &[],
    place: Place::ANY,
    help: |_| Cow::Borrowed("standard match options:\n(If target is DROP, ACCEPT, RETURN or nothing)\n"),
};

/// The targets that are no extension, by name.
pub fn standard(name: &str) -> Option<Target> {
    Some(match name {
        "ACCEPT" => Target::Accept,
        "DROP" => Target::Drop,
        "RETURN" => Target::Return,
        "QUEUE" => Target::Queue,
        _ => return None,
    })
}
