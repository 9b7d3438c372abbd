//! SIP messages: the start line, headers in long and short form, URIs, parameters.
//!
//! Read first: RFC 3261 section 7.3; Linux `ct_sip_get_header`, `ct_sip_walk_headers`, `ct_sip_parse_header_uri`. This
//! is not a parser of SIP but a search for a few things in it, with the kernel's own idea of where a line begins and
//! where a value ends: what the kernel overlooks is overlooked here. Nothing here changes anything or knows a connection.
use std::net::IpAddr;

use packet::Family;

use super::address::{address, number, port};

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Where it begins.
    pub(super) at: usize,
    /// How many bytes it has.
    pub(super) length: usize,
}

impl Span {
    pub(super) const fn end(self) -> usize {
        self.at + self.length
    }
}

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sought {
    /// There is no such header.
    Missing,
    /// There is one, whose value from this place on is not understood.
    Bad(usize),
    /// There it is.
    Found(Span),
}

impl Sought {
    pub(super) fn found(self) -> Option<Span> {
        match self {
            Sought::Found(span) => Some(span),
            Sought::Missing | Sought::Bad(_) => None,
        }
    }
}

/// The headers that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    CSeq,
    From,
    To,
    Contact,
    ViaUdp,
    ViaTcp,
    Expires,
    ContentLength,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Digits,
    /// Address and port.
    Address,
    /// The same behind a user's name and `@`.
    UserAddress,
}

/// How a header is written: name, short name, what stands before the value, the value.
struct Form {
    name: &'static [u8],
    short: Option<u8>,
    before: Option<&'static [u8]>,
    value: Value,
}

impl Header {
    const fn form(self) -> Form {
        const fn form(
            name: &'static [u8],
            short: Option<u8>,
            before: Option<&'static [u8]>,
            value: Value,
        ) -> Form {
            Form { name, short, before, value }
        }
        match self {
            Header::CSeq => form(b"CSeq", None, None, Value::Digits),
            Header::From => form(b"From", Some(b'f'), Some(b"sip:"), Value::UserAddress),
            Header::To => form(b"To", Some(b't'), Some(b"sip:"), Value::UserAddress),
            Header::Contact => form(b"Contact", Some(b'm'), Some(b"sip:"), Value::UserAddress),
            Header::ViaUdp => form(b"Via", Some(b'v'), Some(b"UDP "), Value::Address),
            Header::ViaTcp => form(b"Via", Some(b'v'), Some(b"TCP "), Value::Address),
            Header::Expires => form(b"Expires", None, None, Value::Digits),
            Header::ContentLength => form(b"Content-Length", Some(b'l'), None, Value::Digits),
        }
    }
}

/// An address of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uri {
    /// Address and port, as they stand there.
    pub(super) span: Span,
    /// The address.
    pub(super) address: IpAddr,
    /// The port; 5060 if there is none.
    pub(super) port: u16,
}

/// Whether a text has a word at a place, in whatever case.
pub(super) fn has(text: &[u8], at: usize, word: &[u8]) -> bool {
    at.checked_add(word.len())
        .and_then(|end| text.get(at..end))
        .is_some_and(|there| there.eq_ignore_ascii_case(word))
}

pub(super) const fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A letter in the kernel's eyes, those of Latin-1 included.
pub(super) const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || (byte >= 0xc0 && byte != 0xd7 && byte != 0xf7)
}

/// The start of the line behind a newline at a place (CR LF is one newline); the end of the text is one, too.
fn line_behind(text: &[u8], newline: usize) -> usize {
    let next = newline + 1;
    let pair = text.get(newline) == Some(&b'\r') && text.get(next) == Some(&b'\n');
    if pair { next + 1 } else { next }
}

/// What stands from a place on up to the end of its line.
pub(super) fn line_from(text: &[u8], at: usize) -> Option<&[u8]> {
    let rest = text.get(at..)?;
    rest.split(|&byte| is_newline(byte)).next()
}

/// Behind a newline: the first byte that is not blank, if the line goes on there.
fn continued(text: &[u8], newline: usize) -> Option<usize> {
    let start = line_behind(text, newline);
    if !is_blank(*text.get(start)?) {
        return None;
    }
    let blanks = text.get(start..)?.iter().take_while(|&&byte| is_blank(byte)).count();
    Some(start + blanks)
}

/// Skips blanks, and once the end of a continued line with the blanks behind it.
fn skip_blanks(text: &[u8], at: usize) -> Option<usize> {
    let blanks = text.get(at..)?.iter().take_while(|&&byte| is_blank(byte)).count();
    let at = at + blanks;
    if is_newline(*text.get(at)?) { continued(text, at) } else { Some(at) }
}

/// Looks for a word in a value, which ends with its line unless that is continued.
// Linux: `ct_sip_header_search`: the word must end before the last byte of the text, and the first byte of a continued
// line is overlooked.
pub(super) fn search(text: &[u8], mut at: usize, word: &[u8]) -> Option<usize> {
    let limit = text.len().checked_sub(word.len())?;
    let searched = text.get(..limit)?;
    while let Some(&byte) = searched.get(at) {
        if is_newline(byte) {
            at = continued(searched, at)?;
        } else if has(text, at, word) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Address and port from a place on.
fn socket(text: &[u8], at: usize, family: Family) -> Option<Uri> {
    let (address, end) = address(text, at, family, true)?;
    let (port, end) = port(text, end)?;
    Some(Uri { span: Span { at, length: end - at }, address, port })
}

/// The same behind a user's name, if there is one.
fn user_socket(text: &[u8], at: usize, family: Family) -> Option<Uri> {
    let line = text.get(at..)?.iter().take_while(|&&byte| !is_newline(byte));
    let user = line.enumerate().find_map(|(place, &byte)| (byte == b'@').then_some(place + 1));
    socket(text, at + user.unwrap_or(0), family)
}

fn value(text: &[u8], at: usize, value: Value, family: Family) -> Option<Span> {
    match value {
        Value::Digits => {
            let length = text.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (length > 0).then_some(Span { at, length })
        }
        Value::Address => Some(socket(text, at, family)?.span),
        Value::UserAddress => Some(user_socket(text, at, family)?.span),
    }
}

/// Where the lines behind a place begin; the line in which the place is does not count.
pub(super) fn lines_behind(text: &[u8], from: usize) -> impl Iterator<Item = usize> + '_ {
    let mut at = from;
    std::iter::from_fn(move || {
        at += text.get(at..)?.iter().position(|&byte| is_newline(byte))?;
        let start = line_behind(text, at);
        at = start + 1;
        Some(start)
    })
}

/// Looks for a header at the lines behind a place.
pub(super) fn header(text: &[u8], from: usize, which: Header, family: Family) -> Sought {
    let form = which.form();
    for start in lines_behind(text, from) {
        let short = |short: u8| {
            text.get(start).is_some_and(|byte| byte.eq_ignore_ascii_case(&short))
                && text.get(start + 1).is_some_and(|&byte| !is_letter(byte))
        };
        let name = if has(text, start, form.name) {
            form.name.len()
        } else if form.short.is_some_and(short) {
            1
        } else {
            continue;
        };
        // Linux: another header whose name begins like this one ends the search.
        return named(text, start + name, &form, family).unwrap_or(Sought::Missing);
    }
    Sought::Missing
}

/// The value behind the name of a header.
fn named(text: &[u8], behind: usize, form: &Form, family: Family) -> Option<Sought> {
    let colon = skip_blanks(text, behind)?;
    if text.get(colon) != Some(&b':') {
        return None;
    }
    let start = skip_blanks(text, colon + 1)?;
    let at = match form.before {
        Some(before) => search(text, start, before).map(|at| at + before.len()),
        None => Some(start),
    };
    let found = at.and_then(|at| value(text, at, form.value, family));
    Some(found.map_or(Sought::Bad(start), Sought::Found))
}

/// Goes through the addresses of all headers of a kind, and of the lists in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    which: Header,
    at: usize,
    inside: bool,
}

impl Walk {
    pub(super) const fn new(which: Header) -> Self {
        Self { which, at: 0, inside: false }
    }

    /// The next address that is understood.
    pub(super) fn next(&mut self, text: &[u8], family: Family) -> Option<Uri> {
        let found = self.listed(text, family).or_else(|| self.headed(text, family))?;
        self.inside = true;
        let found = socket(text, found.at, family)?;
        self.at = found.span.end();
        Some(found)
    }

    /// The next one in the list where the last one was.
    fn listed(&mut self, text: &[u8], family: Family) -> Option<Span> {
        let form = self.which.form();
        while self.inside {
            let before = form.before?;
            let comma = search(text, self.at, b",");
            let Some(start) = comma.and_then(|comma| search(text, comma, before)) else {
                self.inside = false;
                break;
            };
            self.at = start + before.len();
            if let Some(found) = value(text, self.at, form.value, family) {
                return Some(found);
            }
        }
        None
    }

    fn headed(&mut self, text: &[u8], family: Family) -> Option<Span> {
        loop {
            match header(text, self.at, self.which, family) {
                Sought::Found(span) => return Some(span),
                Sought::Bad(at) => self.at = at,
                Sought::Missing => return None,
            }
        }
    }
}

/// The first address of a header.
pub(super) fn uri(text: &[u8], which: Header, family: Family) -> Option<Uri> {
    Walk::new(which).next(text, family)
}

/// The address in the start line of a request.
// Linux: `ct_sip_parse_request`; it tries the last four bytes where there is no `sip:`, which are too few for an address.
pub(super) fn request_uri(text: &[u8], family: Family) -> Option<Uri> {
    let method = text.iter().take_while(|&&byte| is_letter(byte)).count();
    if method == 0 {
        return None;
    }
    // Whatever stands behind the method.
    let behind = method + 1;
    let line = line_from(text, behind)?;
    let scheme = line.windows(4).position(|word| word.eq_ignore_ascii_case(b"sip:"))?;
    user_socket(text, behind + scheme + 4, family)
}

/// What stands behind a place up to a comma: the parameters of an element of a list.
fn element(text: &[u8], at: usize) -> &[u8] {
    search(text, at, b",").and_then(|comma| text.get(..comma)).unwrap_or(text)
}

/// The value of a parameter: where it begins.
fn parameter(text: &[u8], at: usize, name: &[u8]) -> Option<usize> {
    search(text, at, name).map(|at| at + name.len())
}

/// An address as a parameter (`maddr=`, `received=`).
pub(super) fn address_parameter(
    text: &[u8],
    at: usize,
    name: &[u8],
    family: Family,
    brackets: bool,
) -> Option<(Span, IpAddr)> {
    let text = element(text, at);
    let at = parameter(text, at, name)?;
    let (found, end) = address(text, at, family, brackets)?;
    Some((Span { at, length: end - at }, found))
}

/// A number as a parameter: `None` without it, `Some(None)` if it is no number.
pub(super) fn number_parameter(text: &[u8], at: usize, name: &[u8]) -> Option<Option<(Span, u32)>> {
    let text = element(text, at);
    let at = parameter(text, at, name)?;
    Some(number(text, at).map(|(value, end)| (Span { at, length: end - at }, value)))
}

/// What `transport=` says: `Some(None)` without it.
pub(super) fn transport(text: &[u8], at: usize) -> Option<Option<u8>> {
    let Some(at) = parameter(element(text, at), at, b"transport=") else { return Some(None) };
    if has(text, at, b"TCP") {
        Some(Some(packet::protocol::TCP))
    } else if has(text, at, b"UDP") {
        Some(Some(packet::protocol::UDP))
    } else {
        None
    }
}
