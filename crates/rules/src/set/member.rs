//! What a set remembers of a member besides the member itself.
use crate::put;
use crate::syntax::text::push_number;

use super::element::Mac;

/// When a member is gone. Times are milliseconds of the caller's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    #[default]
    Never,
    /// At a time.
    At(u64),
    /// So many seconds after its Ethernet address is known (bitmap:ip,mac): the clock stands still until then.
    Waiting(u32),
}

impl Expiry {
    /// In so many seconds; 0: never.
    pub fn after(seconds: u32, now: u64) -> Self {
        match seconds {
            0 => Self::Never,
            seconds => Self::At(now.saturating_add(u64::from(seconds).saturating_mul(1000))),
        }
    }

    /// Whether the time is over.
    pub fn is_over(self, now: u64) -> bool {
        matches!(self, Self::At(end) if end <= now)
    }

    /// The seconds that are left, at least 1; 0: never.
    pub fn seconds_left(self, now: u64) -> u64 {
        match self {
            Self::Never => 0,
            Self::At(end) => (end.saturating_sub(now) / 1000).max(1),
            Self::Waiting(seconds) => u64::from(seconds),
        }
    }
}

/// What `-j SET --map-set` gives to a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SkbInfo {
    /// The bits of the mark that are set.
    pub mark: u32,
    /// The bits of the mark that are changed; 0 with mark 0: no mark.
    pub mask: u32,
    /// Traffic class, major number in the upper half; 0: none.
    pub priority: u32,
    /// Transmission queue; 0: none.
    pub queue: u16,
}

/// The extensions of a member. Those that the set has not are at their start values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    /// `timeout`.
    pub expiry: Expiry,
    /// `nomatch`.
    pub nomatch: bool,
    /// `wildcard` of hash:net,iface: the name is the beginning of names.
    pub wildcard: bool,
    /// The Ethernet address of bitmap:ip,mac.
    pub mac: Option<Mac>,
    /// `packets`.
    pub packets: u64,
    /// `bytes`.
    pub bytes: u64,
    /// `comment`: at most 255 bytes, without `"`.
    pub comment: Option<Box<str>>,
    /// `skbmark`, `skbprio`, `skbqueue`.
    pub skb: SkbInfo,
}

/// The extensions that a set has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// `timeout`: the default in seconds, 0: none, at most 2,147,483.
    pub timeout: Option<u32>,
    /// `counters`.
    pub counters: bool,
    /// `comment`.
    pub comment: bool,
    /// `skbinfo`.
    pub skbinfo: bool,
    /// `forceadd`: when it is full, a new member takes the place of another.
    pub force_add: bool,
}

/// How names and values of options are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// ` name value`.
    Words,
    /// `<name>value</name>`.
    Xml,
    /// `"name" : value`, as ipset 7.18 and later print it; what stands in front of each.
    Json(&'static str),
}

impl Style {
    /// An option without a value.
    pub(crate) fn flag(self, out: &mut String, name: &str) {
        match self {
            Self::Words => put!(out, " {name}"),
            Self::Xml => put!(out, "<{name}/>"),
            Self::Json(before) => put!(out, "{before}\"{name}\" : true"),
        }
    }

    /// An option with its value.
    pub(crate) fn value(self, out: &mut String, name: &str, value: &str) {
        match self {
            Self::Words => put!(out, " {name} {value}"),
            Self::Xml => put!(out, "<{name}>{value}</{name}>"),
            Self::Json(before) => put!(out, "{before}\"{name}\" : {value}"),
        }
    }
}

impl Member {
    /// The options behind an element, in ipset's order.
    pub(crate) fn push(&self, out: &mut String, style: Style, extensions: &Extensions, now: u64) {
        let number = |out: &mut String, name: &str, value: u64| {
            let mut text = String::new();
            push_number(&mut text, value);
            style.value(out, name, &text);
        };
        if extensions.timeout.is_some() {
            number(out, "timeout", self.expiry.seconds_left(now));
        }
        if self.nomatch {
            style.flag(out, "nomatch");
        }
        if self.wildcard {
            style.flag(out, "wildcard");
        }
        if extensions.counters {
            number(out, "packets", self.packets);
            number(out, "bytes", self.bytes);
        }
        if let Some(comment) = &self.comment {
            style.value(out, "comment", &format!("\"{comment}\""));
        }
        let quoted =
            |text: String| if matches!(style, Style::Json(_)) { format!("\"{text}\"") } else { text };
        let SkbInfo { mark, mask, priority, queue } = self.skb;
        match (mark, mask) {
            (0, 0) => {}
            (mark, u32::MAX) => style.value(out, "skbmark", &quoted(format!("0x{mark:x}"))),
            (mark, mask) => style.value(out, "skbmark", &quoted(format!("0x{mark:x}/0x{mask:x}"))),
        }
        if priority != 0 {
            let text = quoted(format!("{:x}:{:x}", priority >> 16, priority & 0xffff));
            style.value(out, "skbprio", &text);
        }
        if queue != 0 {
            number(out, "skbqueue", u64::from(queue));
        }
    }
}
