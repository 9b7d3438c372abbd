//! Words with their places.
use std::ops::Range;

use super::{Error, ErrorKind};

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind<'t>,
    pub(super) span: Range<usize>,
}

/// Kinds of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind<'t> {
    /// Without quotes.
    Word(&'t str),
    /// In quotes, its escapes undone.
    Quoted(Vec<u8>),
    /// `(`.
    Open,
    /// `)`.
    Close,
}

/// Splits a line into words.
pub(super) fn tokens(line: &str) -> Result<Vec<Token<'_>>, Error> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = line.get(at..) {
        let Some(first) = rest.chars().next() else { break };
        let start = at;
        let kind = match first {
            _ if first.is_whitespace() => {
                at += first.len_utf8();
                continue;
            }
            '(' => {
                at += 1;
                Kind::Open
            }
            ')' => {
                at += 1;
                Kind::Close
            }
            '"' => {
                let (bytes, length) = quoted(rest, at)?;
                at += length;
                Kind::Quoted(bytes)
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"');
                let length = rest.find(ends).unwrap_or(rest.len());
                at += length;
                Kind::Word(rest.get(..length).unwrap_or(rest))
            }
        };
        tokens.push(Token { kind, span: start..at });
    }
    Ok(tokens)
}

/// Reads a quoted text from its opening quote on: its bytes and how much of the line it takes.
fn quoted(rest: &str, start: usize) -> Result<(Vec<u8>, usize), Error> {
    let wrong = |from: usize, to: usize| Error { kind: ErrorKind::Quote, span: start + from..start + to };
    let source = rest.as_bytes();
    let mut bytes = Vec::new();
    let mut at = 1;
    loop {
        match (source.get(at), source.get(at + 1)) {
            (Some(b'"'), _) => return Ok((bytes, at + 1)),
            (Some(b'\\'), Some(&escape)) => {
                let plain = match escape {
                    b'"' | b'\\' => escape,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'x' => {
                        let digits = rest.get(at + 2..at + 4).filter(|text| hex_digits(text));
                        let value = digits.and_then(|text| u8::from_str_radix(text, 16).ok());
                        let Some(value) = value else { return Err(wrong(at, at + 2)) };
                        at += 2;
                        value
                    }
                    _ => return Err(wrong(at, at + 1)),
                };
                bytes.push(plain);
                at += 2;
            }
            (Some(b'\\'), None) | (None, _) => return Err(wrong(0, source.len())),
            (Some(&byte), _) => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
}

fn hex_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Bytes out of pairs of hexadecimal digits; `None` for anything else.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    if !hex_digits(text) || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
