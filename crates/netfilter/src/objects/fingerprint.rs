//! Fingerprints of operating systems, in the lines of pf.os: `WINDOW:TTL:DF:LENGTH:OPTIONS:GENRE:VERSION:SUBTYPE:DETAILS`.
//!
//! Read as `nfnl_osf` reads them, which is generous: a number that is none is 0, an option that nobody knows is no option,
//! and what stands in an option (`M1460`, `W%8`) does not count, because the kernel looks at the kinds of options alone.

/// What is said of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// `*`, `0`: any.
    Any,
    /// A number: exactly that.
    Is(u32),
    /// `S4`: so many times the maximum segment size.
    Segments(u32),
    /// `T4`: so many times the maximum segment size and 40.
    Units(u32),
    /// `%8`: a multiple.
    Multiple(u32),
}

/// A fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The window of the SYN.
    pub window: Window,
    /// The TTL with which such a system sends.
    pub ttl: u8,
    /// Whether "don't fragment" is set.
    pub dont_fragment: bool,
    /// The total length of the SYN.
    pub length: u16,
    /// The kinds of its TCP options in order, each with the length that it has.
    pub options: Vec<(u8, u8)>,
    /// The genre, at most 31 bytes.
    pub genre: Box<str>,
    /// The version, at most 31 bytes.
    pub version: Box<str>,
    /// The subtype, at most 31 bytes.
    pub subtype: Box<str>,
}

/// Most bytes of the options (Linux: `MAXOPTSTRLEN` less the closing comma and zero).
const MOST_OPTIONS: usize = 126;
/// Most options (Linux: `MAX_IPOPTLEN`).
const MOST_KINDS: usize = 40;

impl Fingerprint {
    /// Reads a line; `None`: it has not the nine fields of one.
    pub(super) fn parse(line: &str) -> Option<Result<Self, &'static str>> {
        let fields: Vec<&str> = line.split(':').collect();
        let &[window, ttl, fragment, length, options, genre, version, subtype, _] = fields.as_slice() else {
            return None;
        };
        let read = || {
            let window = window_of(window).ok_or("a window is no multiple of 0")?;
            if options.len() > MOST_OPTIONS {
                return Err("the options have at most 126 letters");
            }
            let options: Vec<(u8, u8)> =
                options.split(',').filter_map(|one| option(one.trim_start())).collect();
            if options.len() > MOST_KINDS {
                return Err("at most 40 options");
            }
            let genre = genre.trim_start();
            let genre = genre.strip_prefix(['@', '*']).unwrap_or(genre);
            Ok(Self {
                window,
                ttl: (number(ttl) & 0xff) as u8,
                dont_fragment: number(fragment) != 0,
                length: (number(length) & 0xffff) as u16,
                options,
                genre: cut(genre).into(),
                version: cut(version.trim_start()).into(),
                subtype: cut(subtype.trim_start()).into(),
            })
        };
        Some(read())
    }
}

/// The number at the beginning of a text, 0 without one (C: `strtoul`).
fn number(text: &str) -> u64 {
    let text = text.trim_start();
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// A field of the kernel's: at most 31 bytes.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(31);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

fn window_of(text: &str) -> Option<Window> {
    let text = text.trim_start();
    let low = |text: &str| (number(text) & u64::from(u32::MAX)) as u32;
    let factor = |text: &str| low(text.strip_prefix('%').unwrap_or(text));
    let first = text.chars().next();
    Some(match (first, text.get(1..).unwrap_or("")) {
        (Some('S'), rest) => Window::Segments(factor(rest)),
        (Some('T'), rest) => Window::Units(factor(rest)),
        // Why: the kernel divides by it.
        (Some('%'), rest) => Window::Multiple(Some(low(rest)).filter(|&factor| factor != 0)?),
        (Some(digit), _) if digit.is_ascii_digit() => match low(text) {
            0 => Window::Any,
            window => Window::Is(window),
        },
        _ => Window::Any,
    })
}

/// Kind and length of an option by its letter.
fn option(text: &str) -> Option<(u8, u8)> {
    Some(match text.chars().next()? {
        'E' => (0, 1),
        'N' => (1, 1),
        'M' => (2, 4),
        'W' => (3, 3),
        'S' => (4, 2),
        'T' => (8, 10),
        _ => return None,
    })
}
