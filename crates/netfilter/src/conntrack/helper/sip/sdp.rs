//! Session descriptions (RFC 4566) in the body of a SIP message: `v=`, `o=`, `c=` and `m=` lines.
//!
//! Linux: `ct_sip_get_sdp_header`, `ct_sip_parse_sdp_addr`. Lines are sought from a place on; the first media line may
//! end the search.
use std::net::IpAddr;

use packet::Family;

use super::address::bare_address;
use super::text::{Sought, Span, has, is_letter, line_from, lines_behind};

/// The lines that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// `v=0`: the number.
    Version,
    /// `o=...IN IP4 10.0.1.5`: the address.
    Owner,
    /// `c=IN IP4 10.0.1.5`: the address.
    Connection,
    /// `m=audio 4000`: kind and port.
    Media,
}

/// Kinds of media that are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Audio,
    Video,
    Image,
}

impl Line {
    const fn name(self) -> &'static [u8] {
        match self {
            Line::Version => b"v=",
            Line::Owner => b"o=",
            Line::Connection => b"c=",
            Line::Media => b"m=",
        }
    }
}

impl Media {
    /// The kind that a media line begins with, and how long its name with the blank behind it is.
    pub(super) fn of(line: &[u8]) -> Option<(Self, usize)> {
        let kinds: [(&[u8], Self); 3] =
            [(b"audio ", Media::Audio), (b"video ", Media::Video), (b"image ", Media::Image)];
        kinds.into_iter().find(|(name, _)| line.starts_with(name)).map(|(name, kind)| (kind, name.len()))
    }
}

/// Looks for a line behind a place; `before_media`: only before the next media line.
pub(super) fn line(text: &[u8], from: usize, which: Line, before_media: bool, family: Family) -> Sought {
    let name = which.name();
    for start in lines_behind(text, from) {
        if before_media && has(text, start, Line::Media.name()) {
            return Sought::Missing;
        }
        if has(text, start, name) {
            let start = start + name.len();
            return value(text, start, which, family).map_or(Sought::Bad(start), Sought::Found);
        }
    }
    Sought::Missing
}

fn value(text: &[u8], at: usize, which: Line, family: Family) -> Option<Span> {
    match which {
        Line::Version => {
            let length = text.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (length > 0).then_some(Span { at, length })
        }
        Line::Media => {
            let rest = text.get(at..)?;
            let kind = rest.iter().take_while(|&&byte| is_letter(byte)).count();
            if rest.get(kind) != Some(&b' ') {
                return None;
            }
            let digits = rest.get(kind + 1..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
            Some(Span { at, length: kind + 1 + digits })
        }
        Line::Owner | Line::Connection => {
            let word: &[u8] = match family {
                Family::V4 => b"IN IP4 ",
                Family::V6 => b"IN IP6 ",
            };
            let place = line_from(text, at)?.windows(word.len()).position(|there| there == word)?;
            let start = at + place + word.len();
            let (_, end) = bare_address(text, start, family)?;
            Some(Span { at: start, length: end - start })
        }
    }
}

/// The address of the next `c=` line before a media line.
pub(super) fn connection(text: &[u8], from: usize, family: Family) -> Option<IpAddr> {
    let span = line(text, from, Line::Connection, true, family).found()?;
    bare_address(text.get(..span.end())?, span.at, family).map(|(address, _)| address)
}
