//! To whom the link layer says that a packet is (`-m pkttype`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;

/// `-m pkttype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pkttype {
    /// Whether `!` stands before it.
    pub invert: bool,
    /// The type.
    pub kind: PacketKind,
}

/// The type of a packet at the link layer (`skb->pkt_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// To this host.
    Unicast,
    /// To all.
    Broadcast,
    /// To a group.
    Multicast,
    /// To someone else.
    OtherHost,
}

impl PacketKind {
    /// All of them, in the order of the help.
    pub const ALL: [PacketKind; 4] = [Self::Unicast, Self::Broadcast, Self::Multicast, Self::OtherHost];

    /// The name that is printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unicast => "unicast",
            Self::Broadcast => "broadcast",
            Self::Multicast => "multicast",
            Self::OtherHost => "otherhost",
        }
    }

    const fn alias(self) -> &'static str {
        match self {
            Self::Unicast => "host",
            Self::Broadcast => "bcast",
            Self::Multicast => "mcast",
            Self::OtherHost => "otherhost",
        }
    }
}

/// `-m pkttype` in the language.
pub const EXTENSION: Extension<Pkttype> = Extension {
    spec: Spec {
        name: "pkttype",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("pkt-type", Kind::Word).invertible().mandatory()],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Pkttype { invert: false, kind: PacketKind::Unicast },
    parse: |pkttype, call, _| {
        *pkttype = Pkttype { invert: call.invert, kind: kind(call)? };
        Ok(())
    },
    finish: finish_nothing,
    save: |pkttype, out| {
        push_not(out, pkttype.invert);
        put!(out, " --pkt-type {}", pkttype.kind.name());
    },
    list: |pkttype, out, _| {
        put!(out, " PKTTYPE {}= {}", if pkttype.invert { "!" } else { "" }, pkttype.kind.name());
    },
    check: check_nothing,
};

fn kind(call: &OptionCall<'_>) -> Result<PacketKind, Error> {
    let text = call.text();
    let named =
        |kind: &PacketKind| kind.name().eq_ignore_ascii_case(text) || kind.alias().eq_ignore_ascii_case(text);
    PacketKind::ALL.into_iter().find(named).ok_or_else(|| {
        call.error(format!("Bad packet type '{text}'")).suggest(text, PacketKind::ALL.map(PacketKind::name))
    })
}

const HELP: &str = "pkttype match options:
[!] --pkt-type packettype    match packet type
Valid packet types:
\tunicast       \t\tto us
\tbroadcast     \t\tto all
\tmulticast     \t\tto group
\totherhost     \t\tto someone else

";
