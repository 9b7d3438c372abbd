//! IPv6's segment routing header (`-m srh`).
use std::borrow::Cow;

use super::conntrack::HostMask;
use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::{push_address, push_not};
use crate::syntax::value::{Kind, Value};
use crate::{Negatable, put};

/// `-m srh` (revision 1, Linux: `struct ip6t_srh1`). Without any condition: every packet with such a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Srh {
    /// `--srh-next-hdr`.
    pub next_header: Option<Negatable<u8>>,
    /// `--srh-hdr-len-…`: the field, in units of 8 bytes behind the first 8.
    pub header_length: Comparison,
    /// `--srh-segs-left-…`.
    pub segments_left: Comparison,
    /// `--srh-last-entry-…`.
    pub last_entry: Comparison,
    /// `--srh-tag`.
    pub tag: Option<Negatable<u16>>,
    /// `--srh-psid`: the segment before the present one.
    pub previous: Option<Negatable<HostMask>>,
    /// `--srh-nsid`: the next segment.
    pub next: Option<Negatable<HostMask>>,
    /// `--srh-lsid`: the last segment.
    pub last: Option<Negatable<HostMask>>,
}

/// Up to three comparisons of a field with one and the same number: the one that was typed last counts for all, as
/// upstream stores it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Comparison {
    /// The number; 0 where nothing is compared.
    pub value: u8,
    /// `…-eq`; the value is the inversion.
    pub equal: Option<bool>,
    /// `…-gt`; the value is the inversion.
    pub greater: Option<bool>,
    /// `…-lt`; the value is the inversion.
    pub less: Option<bool>,
}

/// `-m srh` in the language.
pub const EXTENSION: Extension<Srh> = Extension {
    spec: Spec {
        name: "srh",
        aliases: &[],
        families: Families::V6,
        options: &[
            OptionSpec::new("srh-next-hdr", Kind::U8).invertible(),
            OptionSpec::new("srh-hdr-len-eq", Kind::U8).invertible(),
            OptionSpec::new("srh-hdr-len-gt", Kind::U8).invertible(),
            OptionSpec::new("srh-hdr-len-lt", Kind::U8).invertible(),
            OptionSpec::new("srh-segs-left-eq", Kind::U8).invertible(),
            OptionSpec::new("srh-segs-left-gt", Kind::U8).invertible(),
            OptionSpec::new("srh-segs-left-lt", Kind::U8).invertible(),
            OptionSpec::new("srh-last-entry-eq", Kind::U8).invertible(),
            OptionSpec::new("srh-last-entry-gt", Kind::U8).invertible(),
            OptionSpec::new("srh-last-entry-lt", Kind::U8).invertible(),
            OptionSpec::new("srh-tag", Kind::U16).invertible(),
            OptionSpec::new("srh-psid", Kind::Network).invertible(),
            OptionSpec::new("srh-nsid", Kind::Network).invertible(),
            OptionSpec::new("srh-lsid", Kind::Network).invertible(),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Srh::default(),
    parse: parse_option,
    finish: finish_nothing,
    save: |srh, out| {
        srh.each_number(|name, value, invert| {
            push_not(out, invert);
            put!(out, " --srh-{name} {value}");
        });
        srh.each_segment(|name, segment| {
            push_not(out, segment.invert);
            put!(out, " --srh-{name} ");
            push_segment(out, segment.value);
        });
    },
    list: |srh, out, _| {
        out.push_str(" srh");
        srh.each_number(|name, value, invert| {
            put!(out, " {name}:{}{value}", if invert { "!" } else { "" });
        });
        srh.each_segment(|name, segment| {
            put!(out, " {name} {} ", if segment.invert { "!" } else { "" });
            push_segment(out, segment.value);
        });
    },
    check: check_nothing,
};

fn parse_option(srh: &mut Srh, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let invert = call.invert;
    let byte = call.value.number_u8();
    let segment = || match call.value {
        Value::Network(address, length) => Some(Negatable { invert, value: HostMask { address, length } }),
        _ => None,
    };
    match call.name {
        "srh-next-hdr" => srh.next_header = Some(Negatable { invert, value: byte }),
        "srh-tag" => {
            let value = u16::try_from(call.value.number()).unwrap_or(u16::MAX);
            srh.tag = Some(Negatable { invert, value });
        }
        "srh-psid" => srh.previous = segment(),
        "srh-nsid" => srh.next = segment(),
        "srh-lsid" => srh.last = segment(),
        name => {
            let comparison = if name.starts_with("srh-hdr-len") {
                &mut srh.header_length
            } else if name.starts_with("srh-segs-left") {
                &mut srh.segments_left
            } else {
                &mut srh.last_entry
            };
            comparison.value = byte;
            match name.rsplit('-').next() {
                Some("eq") => comparison.equal = Some(invert),
                Some("gt") => comparison.greater = Some(invert),
                _ => comparison.less = Some(invert),
            }
        }
    }
    Ok(())
}

impl Srh {
    /// Calls for each condition on a number: its name, the number, the inversion.
    fn each_number(&self, mut one: impl FnMut(&str, u16, bool)) {
        if let Some(next) = self.next_header {
            one("next-hdr", next.value.into(), next.invert);
        }
        let fields = [
            ("hdr-len", self.header_length),
            ("segs-left", self.segments_left),
            ("last-entry", self.last_entry),
        ];
        for (field, own) in fields {
            for (how, invert) in [("eq", own.equal), ("gt", own.greater), ("lt", own.less)] {
                if let Some(invert) = invert {
                    one(&format!("{field}-{how}"), own.value.into(), invert);
                }
            }
        }
        if let Some(tag) = self.tag {
            one("tag", tag.value, tag.invert);
        }
    }

    fn each_segment(&self, mut one: impl FnMut(&str, Negatable<HostMask>)) {
        for (name, segment) in [("psid", self.previous), ("nsid", self.next), ("lsid", self.last)] {
            if let Some(segment) = segment {
                one(name, segment);
            }
        }
    }
}

fn push_segment(out: &mut String, segment: HostMask) {
    push_address(out, segment.address);
    put!(out, "/{}", segment.length);
}

const HELP: &str = "srh match options:
[!] --srh-next-hdr\t\tnext-hdr        Next Header value of SRH
[!] --srh-hdr-len-eq\t\thdr_len         Hdr Ext Len value of SRH
[!] --srh-hdr-len-gt\t\thdr_len         Hdr Ext Len value of SRH
[!] --srh-hdr-len-lt\t\thdr_len         Hdr Ext Len value of SRH
[!] --srh-segs-left-eq\t\tsegs_left       Segments Left value of SRH
[!] --srh-segs-left-gt\t\tsegs_left       Segments Left value of SRH
[!] --srh-segs-left-lt\t\tsegs_left       Segments Left value of SRH
[!] --srh-last-entry-eq \tlast_entry      Last Entry value of SRH
[!] --srh-last-entry-gt \tlast_entry      Last Entry value of SRH
[!] --srh-last-entry-lt \tlast_entry      Last Entry value of SRH
[!] --srh-tag\t\t\ttag             Tag value of SRH
[!] --srh-psid\t\t\taddr[/mask]\tSRH previous SID
[!] --srh-nsid\t\t\taddr[/mask]\tSRH next SID
[!] --srh-lsid\t\t\taddr[/mask]\tSRH Last SID
";
