//! What builder would make these bytes? The answer may be wrong: the printer builds again and compares.
use crate::build::{self, Builder, Extension, Transport};
use crate::{Family, Layout, View, layout, protocol};

/// A builder that should make the bytes; `None` if there is no hope of one.
pub(super) fn describe(bytes: &[u8]) -> Option<Builder> {
    let layout = layout::parse_quoted(bytes).ok()?;
    let view = View::new(bytes, layout);
    if view.bytes().len() != bytes.len() {
        return None;
    }
    let mut builder = transport(&view, layout)?.ttl(view.ttl()).tos(view.tos());
    match layout.family {
        Family::V4 => {
            builder = builder.id(view.id()?.into()).ip_options(view.options());
            builder.ip.dont_fragment = view.dont_fragment();
            builder.ip.reserved = bytes.get(6).is_some_and(|bits| bits & 0x80 != 0);
            builder.ip.fragment = layout.fragment.map(|fragment| (fragment.offset, fragment.more));
        }
        Family::V6 => {
            builder = builder.flow_label(view.flow_label()?);
            for header in view.extension_headers() {
                builder.ip.extensions.push(match (header.protocol, layout.fragment) {
                    (protocol::FRAGMENT, Some(fragment)) => {
                        builder.ip.id = fragment.id;
                        Extension::Fragment { offset: fragment.offset, more: fragment.more }
                    }
                    (protocol, _) => Extension::Header { protocol, body: header.bytes.get(2..)?.to_vec() },
                });
            }
        }
    }
    let header = match layout.family {
        Family::V4 => 0,
        Family::V6 => 40,
    };
    let built = builder.build();
    if built.len() > bytes.len() {
        builder = builder.cut(bytes.len());
    }
    let said = u16::try_from(view.said_len().checked_sub(header)?).ok()?;
    if u16::try_from(built.len().checked_sub(header)?).ok()? != said {
        builder = builder.total_length(said);
    }
    Some(wrong_sums(builder, bytes, layout))
}

fn raw(view: &View<'_>) -> Option<Builder> {
    Some(build::raw(view.protocol()?, view.source(), view.destination()).payload(view.after_header()))
}

/// The transport header and the payload. A header that is cut short is filled up with zeros: the cut is noted later.
fn transport(view: &View<'_>, layout: Layout) -> Option<Builder> {
    let protocol = view.protocol()?;
    let fixed = match (protocol, layout.family) {
        (protocol::TCP, _) => 20,
        (protocol::UDP | protocol::UDPLITE, _) => 8,
        (protocol::SCTP, _) => 12,
        (protocol::ICMP, Family::V4) | (protocol::ICMPV6, Family::V6) => 8,
        _ => return raw(view),
    };
    let there = view.after_header();
    if layout.later_fragment() || there.len() < 4 {
        return raw(view);
    }
    let mut filled = [0_u8; 20];
    for (to, from) in filled.iter_mut().zip(there) {
        *to = *from;
    }
    let field = |at: usize| layout::be16(&filled, at).unwrap_or(0);
    let long = |at: usize| layout::be32(&filled, at).unwrap_or(0);
    let (from, to) = ((view.source(), field(0)), (view.destination(), field(2)));
    let payload = there.get(fixed..).unwrap_or(&[]);
    Some(match protocol {
        protocol::TCP => tcp(build::tcp(from, to), &filled, there),
        protocol::UDP => {
            let builder = build::udp(from, to).payload(payload);
            let right = u16::try_from(8 + payload.len()).ok()?;
            if field(4) == right { builder } else { builder.udp_length(field(4)) }
        }
        protocol::UDPLITE => build::udplite(from, to).coverage(field(4)).payload(payload),
        protocol::SCTP => build::sctp(from, to).tag(long(4)).payload(payload),
        _ => {
            let [kind, code] = field(0).to_be_bytes();
            build::icmp(view.source(), view.destination()).kind(kind, code).rest(long(4)).payload(payload)
        }
    })
}

fn tcp(builder: Builder, filled: &[u8; 20], there: &[u8]) -> Builder {
    let field = |at: usize| layout::be16(filled, at).unwrap_or(0);
    let long = |at: usize| layout::be32(filled, at).unwrap_or(0);
    let [offset, flags] = field(12).to_be_bytes();
    let builder = builder
        .seq(long(4))
        .ack(long(8))
        .flag_bits(flags)
        .tcp_reserved(offset)
        .window(field(14))
        .urgent(field(18));
    let header = usize::from(offset >> 4) * 4;
    match (there.get(20..header), there.get(header..)) {
        (Some(options), Some(payload)) => builder.tcp_options(options).payload(payload),
        // A cut header says 20 bytes by itself if the cut is before its data offset.
        _ if there.len() < 13 => builder,
        _ => builder.data_offset(offset >> 4).payload(there.get(20..).unwrap_or(&[])),
    }
}

/// Notes the checksums that differ from the right ones.
fn wrong_sums(builder: Builder, bytes: &[u8], layout: Layout) -> Builder {
    let built = builder.build();
    let mut builder = builder;
    if layout.family == Family::V4 && layout::be16(&built, 10) != layout::be16(bytes, 10) {
        builder.wrong.ip_checksum = layout::be16(bytes, 10);
    }
    let at = layout.transport
        + match builder.transport {
            Transport::Raw(_) => return builder,
            Transport::Tcp(_) => 16,
            Transport::Udp { .. } | Transport::UdpLite { .. } => 6,
            Transport::Icmp { .. } => 2,
            Transport::Sctp { .. } => {
                if layout::be32(&built, layout.transport + 8) != layout::be32(bytes, layout.transport + 8) {
                    builder.wrong.checksum = layout::be32(bytes, layout.transport + 8);
                }
                return builder;
            }
        };
    if layout::be16(&built, at) != layout::be16(bytes, at) {
        builder.wrong.checksum = layout::be16(bytes, at).map(u32::from);
    }
    builder
}
