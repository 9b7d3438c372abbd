//! Sets as `ipset list` and `ipset save` print them: plain, as commands, as XML, as JSON.
use super::entry::family_name;
use super::member::Style;
use super::members::Shape;
use super::option::Field;
use super::{Kind, Set, Sets, manual};
use crate::put;
use crate::syntax::Names;
use crate::syntax::text::push_address;

/// How sets are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For people.
    Plain,
    /// As commands of a restore file.
    Save,
    /// XML.
    Xml,
    /// JSON, as ipset 7.18 and later have it; 7.17 does not know it.
    Json,
}

/// What is printed of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// All.
    Members,
    /// `-t`: the head.
    Head,
    /// `-n`: the name.
    Name,
}

/// How and when.
pub struct Listing<'a> {
    /// The form.
    pub mode: Mode,
    /// How much of each set.
    pub detail: Detail,
    /// Who knows the names of protocols.
    pub names: &'a dyn Names,
    /// `-r`: addresses are shown by name where there is one.
    pub resolve: bool,
    /// The time in milliseconds, against which timeouts count.
    pub now: u64,
    /// How many rules name a set.
    pub references: &'a dyn Fn(&str) -> usize,
    /// For the ruleset's own file: `forceadd` is saved, which ipset forgets.
    pub exact: bool,
}

/// One set or all. `None` for a set that is not there.
pub fn sets(sets: &Sets, only: Option<&str>, listing: &Listing<'_>) -> Option<String> {
    let chosen: Vec<&Set> = match only {
        Some(name) => vec![sets.find(name)?],
        None => sets.in_order().collect(),
    };
    let mut out = String::new();
    match listing.mode {
        Mode::Xml => out.push_str("<ipsets>\n"),
        Mode::Json => out.push_str("[\n"),
        Mode::Plain | Mode::Save => {}
    }
    for (at, set) in chosen.iter().enumerate() {
        if at > 0 {
            match (listing.mode, listing.detail) {
                (Mode::Json, _) => out.push_str(",\n"),
                (Mode::Plain, Detail::Members | Detail::Head) => out.push('\n'),
                _ => {}
            }
        }
        one(&mut out, sets, set, listing);
    }
    match listing.mode {
        Mode::Xml => out.push_str("</ipsets>\n"),
        Mode::Json => out.push_str("\n]\n"),
        Mode::Plain | Mode::Save => {}
    }
    Some(out)
}

fn one(out: &mut String, sets: &Sets, set: &Set, listing: &Listing<'_>) {
    let name = set.name().as_str();
    let (mode, detail) = (listing.mode, listing.detail);
    match (mode, detail) {
        (Mode::Plain, Detail::Name) => return put!(out, "{name}\n"),
        (Mode::Xml, Detail::Name) => return put!(out, "<ipset name=\"{name}\"/>\n"),
        (Mode::Json, Detail::Name) => return put!(out, "  {{ \"name\" : \"{name}\" }}"),
        _ => {}
    }
    head(out, sets, set, listing);
    if detail == Detail::Members {
        members(out, set, listing);
    }
    match (mode, detail) {
        (Mode::Xml, Detail::Head) => out.push_str("</ipset>\n"),
        (Mode::Xml, _) => out.push_str("</members>\n</ipset>\n"),
        (Mode::Json, Detail::Head) => out.push_str("    }"),
        (Mode::Json, _) => out.push_str("\n    ]\n  }"),
        _ => {}
    }
}

/// What stands before the members.
fn head(out: &mut String, sets: &Sets, set: &Set, listing: &Listing<'_>) {
    let (kind, name) = (set.kind(), set.name().as_str());
    let (type_name, revision) = (kind.name(), manual::revisions(kind).first().map_or(0, |one| one.0));
    let (memory, members) = (memory(set, listing.now), set.len(listing.now));
    let references = sets.list_references(name) + (listing.references)(name);
    match listing.mode {
        Mode::Save => {
            put!(out, "create {name} {type_name}");
            options(out, set, Style::Words, listing.exact);
            out.push('\n');
        }
        Mode::Plain => {
            put!(out, "Name: {name}\nType: {type_name}\nRevision: {revision}\nHeader:");
            options(out, set, Style::Words, listing.exact);
            put!(out, "\nSize in memory: {memory}\nReferences: {references}\nNumber of entries: {members}\n");
            if listing.detail == Detail::Members {
                out.push_str("Members:\n");
            }
        }
        Mode::Xml => {
            put!(
                out,
                "<ipset name=\"{name}\">\n<type>{type_name}</type>\n<revision>{revision}</revision>\n<header>"
            );
            options(out, set, Style::Xml, listing.exact);
            put!(
                out,
                "\n<memsize>{memory}</memsize>\n<references>{references}</references>\n<numentries>{members}</numentries>\n</header>\n"
            );
            if listing.detail == Detail::Members {
                out.push_str("<members>\n");
            }
        }
        Mode::Json => {
            put!(
                out,
                "  {{\n    \"name\" : \"{name}\",\n    \"type\" : \"{type_name}\",\n    \"revision\" : {revision},\n    \"header\" : {{\n"
            );
            let mut inner = String::new();
            options(&mut inner, set, Style::Json("\n      "), listing.exact);
            for line in inner.lines().filter(|line| !line.is_empty()) {
                put!(out, "{line},\n");
            }
            put!(
                out,
                "      \"memsize\" : {memory},\n      \"references\" : {references},\n      \"numentries\" : {members}\n    }}"
            );
            out.push_str(if listing.detail == Detail::Members { ",\n    \"members\" : [" } else { ",\n" });
        }
    }
}

/// The options that make a set like this one, in the order of its type.
fn options(out: &mut String, set: &Set, style: Style, exact: bool) {
    let extensions = set.extensions();
    let quoted = |text: String| if matches!(style, Style::Json(_)) { format!("\"{text}\"") } else { text };
    for argument in set.kind().spec().create.arguments {
        let text = match (argument.field, set.shape()) {
            (Field::Timeout, _) => extensions.timeout.map(|seconds| seconds.to_string()),
            (Field::Counters, _) if extensions.counters => Some(String::new()),
            (Field::CreateComment, _) if extensions.comment => Some(String::new()),
            (Field::SkbInfo, _) if extensions.skbinfo => Some(String::new()),
            // Linux: the kernel tells `forceadd`, ipset does not print it.
            (Field::ForceAdd, _) if extensions.force_add && exact => Some(String::new()),
            (Field::Family, Shape::Hash(_)) if argument.name == "family" => {
                Some(quoted(family_name(set.family()).to_owned()))
            }
            (Field::HashSize, Shape::Hash(hash)) => Some(hash.size.to_string()),
            (Field::MaxElem, Shape::Hash(hash)) => Some(hash.most.to_string()),
            (Field::MarkMask, Shape::Hash(hash)) => Some(quoted(format!("0x{:08x}", hash.mark_mask))),
            (Field::NetMask, Shape::Hash(hash)) => hash.netmask.map(|length| length.to_string()),
            (Field::BitMask, Shape::Hash(hash)) => hash.bitmask.map(|mask| {
                let mut text = String::new();
                push_address(&mut text, mask);
                quoted(text)
            }),
            (Field::BucketSize, Shape::Hash(hash)) => Some(hash.bucket.to_string()),
            (Field::InitVal, Shape::Hash(hash)) => Some(quoted(format!("0x{:08x}", hash.seed))),
            (Field::Ip, &Shape::Addresses { first, last, .. }) if argument.name == "range" => {
                let (first, last) = (std::net::Ipv4Addr::from(first), std::net::Ipv4Addr::from(last));
                Some(quoted(format!("{first}-{last}")))
            }
            (Field::NetMask, &Shape::Addresses { netmask, .. }) if netmask != 32 => Some(netmask.to_string()),
            (Field::Port, Shape::Ports { first, last }) if argument.name == "range" => {
                Some(quoted(format!("{first}-{last}")))
            }
            (Field::Size, Shape::List { size }) => Some(size.to_string()),
            _ => None,
        };
        match text {
            None => {}
            Some(text) if text.is_empty() => style.flag(out, argument.name),
            Some(text) => style.value(out, argument.name, &text),
        }
    }
}

fn members(out: &mut String, set: &Set, listing: &Listing<'_>) {
    let extensions = set.extensions();
    let name = set.name().as_str();
    let style = match listing.mode {
        Mode::Plain | Mode::Save => Style::Words,
        Mode::Xml => Style::Xml,
        Mode::Json => Style::Json(",\n        "),
    };
    let mut first = true;
    let mut print = |out: &mut String, element: &mut dyn FnMut(&mut String), member: &super::Member| {
        match listing.mode {
            Mode::Plain => {}
            Mode::Save => put!(out, "add {name} "),
            Mode::Xml => out.push_str("<member><elem>"),
            Mode::Json => {
                out.push_str(if first {
                    "\n      {\n        \"elem\" : \""
                } else {
                    ",\n      {\n        \"elem\" : \""
                });
            }
        }
        first = false;
        element(out);
        match listing.mode {
            Mode::Xml => out.push_str("</elem>"),
            Mode::Json => out.push('"'),
            Mode::Plain | Mode::Save => {}
        }
        member.push(out, style, extensions, listing.now);
        out.push_str(match listing.mode {
            Mode::Plain | Mode::Save => "\n",
            Mode::Xml => "</member>\n",
            Mode::Json => "\n      }",
        });
    };
    for (element, member) in set.members(listing.now) {
        let mut push = |out: &mut String| {
            match (listing.resolve, element) {
                (true, super::Element::Address(address)) => match listing.names.host_name(*address) {
                    Some(host) => out.push_str(&host),
                    None => element.push(out, listing.names),
                },
                _ => element.push(out, listing.names),
            }
            push_mac_of(out, member);
        };
        print(out, &mut push, member);
    }
    for (set, member) in set.sets(listing.now) {
        print(out, &mut |out: &mut String| out.push_str(set.as_str()), member);
    }
}

/// The Ethernet address of bitmap:ip,mac.
fn push_mac_of(out: &mut String, member: &super::Member) {
    if let Some(mac) = member.mac {
        out.push(',');
        super::element::push_mac(out, mac);
    }
}

/// A member without its options.
pub(super) fn push_element(
    out: &mut String,
    element: &super::Element,
    member: &super::Member,
    names: &dyn Names,
) {
    element.push(out, names);
    push_mac_of(out, member);
}

/// `Size in memory` in bytes: what the kernel takes.
// Linux: measured with ipset 7.17 on 6.18, x86_64.
fn memory(set: &Set, now: u64) -> usize {
    let extensions = set.extensions();
    let comments: usize = set
        .members(now)
        .map(|(_, member)| member)
        .chain(set.sets(now).map(|(_, member)| member))
        .filter_map(|member| Some(member.comment.as_ref()?.len() + 1 + 16))
        .sum();
    let element = element_size(set.kind(), set.family());
    let mut size = element;
    for (has, extra) in [
        (extensions.counters, 16),
        (extensions.comment, 8),
        (extensions.timeout.is_some(), 8),
        (extensions.skbinfo, 16),
    ] {
        if has {
            size = size.next_multiple_of(8) + extra;
        }
    }
    let len = set.len(now);
    comments
        + match *set.shape() {
            Shape::Hash(_) => {
                let (regions, memory) = set.arrays();
                let arrays = memory.heads * 32 + memory.places * size;
                hash_head(set.kind(), set.family()) + 24 * (regions - 1) + arrays
            }
            Shape::List { .. } => 80 + len * size,
            Shape::Addresses { first, last, netmask } => {
                let hosts = 1_u64 << (32 - u32::from(netmask.min(32)));
                let elements = usize::try_from((u64::from(last - first) + hosts) / hosts).unwrap_or(0);
                88 + elements.div_ceil(64) * 8 + elements * size
            }
            Shape::Ports { first, last } => {
                let elements = usize::from(last - first) + 1;
                72 + elements.div_ceil(64) * 8 + elements * size
            }
        }
}

/// The bytes of an element of the kernel.
fn element_size(kind: Kind, family: Option<packet::Family>) -> usize {
    let v6 = family == Some(packet::Family::V6);
    match kind {
        Kind::BitmapIp | Kind::BitmapPort => 0,
        Kind::BitmapIpMac => 8,
        Kind::HashIp => {
            if v6 {
                16
            } else {
                4
            }
        }
        Kind::HashMac => 8,
        Kind::HashIpMac => {
            if v6 {
                24
            } else {
                16
            }
        }
        Kind::HashNet => {
            if v6 {
                20
            } else {
                8
            }
        }
        Kind::HashNetNet => {
            if v6 {
                40
            } else {
                16
            }
        }
        Kind::HashIpPort => {
            if v6 {
                20
            } else {
                8
            }
        }
        Kind::HashNetPort => {
            if v6 {
                20
            } else {
                8
            }
        }
        Kind::HashIpPortIp => {
            if v6 {
                36
            } else {
                12
            }
        }
        Kind::HashIpPortNet => {
            if v6 {
                36
            } else {
                12
            }
        }
        Kind::HashNetPortNet => {
            if v6 {
                40
            } else {
                16
            }
        }
        Kind::HashNetIface => {
            if v6 {
                40
            } else {
                28
            }
        }
        Kind::HashIpMark => {
            if v6 {
                20
            } else {
                8
            }
        }
        Kind::ListSet => 48,
    }
}

/// What a hash takes that has no members and is not parted. Those that the test machine's kernel has not are guessed.
fn hash_head(kind: Kind, family: Option<packet::Family>) -> usize {
    let v6 = family == Some(packet::Family::V6);
    let (four, six) = match kind {
        Kind::HashIpPort => (216, 232),
        Kind::HashIpPortIp => (208, 232),
        Kind::HashNet | Kind::HashNetPort => (456, 1240),
        Kind::HashIpPortNet => (464, 1256),
        Kind::HashNetIface => (488, 1264),
        Kind::HashNetNet | Kind::HashNetPortNet => (728, 2296),
        _ => (216, 224),
    };
    if v6 { six } else { four }
}
