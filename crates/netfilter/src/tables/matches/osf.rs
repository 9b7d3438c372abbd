//! `-m osf` (Linux: `nf_osf_match`): compares a SYN with fingerprints, which are an input ([`crate::objects`]).
//!
//! With `--log` the genre does not count: every fingerprint is asked, and any that fits is enough. An inverted genre is
//! asked as if it were not.
use std::fmt::Write;

use rules::matches::osf::Osf;

use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::objects::Fingerprint;
use crate::objects::fingerprint::Window;
use crate::tables::targets::log;
use crate::trace::Found;

/// Segment sizes that are tried besides the packet's own: some modems make 1460 smaller.
const SEGMENTS: [u32; 2] = [1460, 1448];
/// Where the options begin.
const HEADER: usize = 20;
/// Most bytes of what stands in front of a line of the log (Linux: `NF_LOG_PREFIXLEN` less the closing zero).
const PREFIX: usize = 127;

/// The rule with the fingerprints that it asks.
#[derive(Debug)]
pub(in crate::tables) struct Asker {
    genre: Box<str>,
    ttl: u8,
    log: Option<u8>,
    /// Places of the fingerprints without and with "don't fragment".
    asked: [Box<[u32]>; 2],
    /// Whether there are any at all.
    known: bool,
}

/// What of a packet is compared.
struct Syn<'a> {
    /// The TCP header with all that is behind it.
    tcp: &'a [u8],
    length: usize,
    ttl: u8,
    window: u32,
    options: usize,
}

impl Asker {
    pub(super) fn new(rule: &Osf) -> Self {
        Self {
            genre: rule.genre.as_ref().map_or_else(|| "".into(), |genre| genre.value.clone()),
            ttl: rule.ttl.unwrap_or(0),
            log: rule.log,
            asked: Default::default(),
            known: false,
        }
    }

    /// Takes the fingerprints of the genre out of those that there are.
    pub(super) fn choose(&mut self, all: &[Fingerprint]) {
        let places = |dont_fragment: bool| {
            let wanted = |own: &Fingerprint| {
                own.dont_fragment == dont_fragment && (self.log.is_some() || own.genre == self.genre)
            };
            all.iter().zip(0_u32..).filter(|(own, _)| wanted(own)).map(|(_, place)| place).collect()
        };
        self.asked = [places(false), places(true)];
        self.known = !all.is_empty();
    }

    pub(super) fn holds(&self, asked: &Asked<'_>, env: &mut Env<'_>) -> Held {
        if !self.known {
            return Err(Miss::Undecided("the fingerprints of -m osf (nfnl_osf), which nobody has given"));
        }
        let missing = |what| Miss::Failed("--genre", Found::Nothing(what));
        let syn = Syn::of(asked).ok_or(missing("whole SYN"))?;
        let dont_fragment = asked.packet.bytes.get(6).is_some_and(|flags| flags & 0x40 != 0);
        let [without, with] = &self.asked;
        let mut fits = 0_usize;
        for &place in if dont_fragment { with } else { without } {
            let Some(own) = env.named.fingerprints.get(place as usize) else { continue };
            if !syn.fits(own, self.ttl) {
                continue;
            }
            fits += 1;
            if self.log.is_some() {
                let mut prefix = format!("{} [{}:{}] : ", own.genre, own.version, own.subtype);
                let hops = i32::from(own.ttl) - i32::from(syn.ttl);
                write_ends(&mut prefix, asked, &syn);
                let _ = write!(prefix, " hops={hops}");
                self.say(prefix, asked, env);
                if self.log == Some(1) {
                    break;
                }
            }
        }
        if fits == 0 && self.log.is_some() {
            let mut prefix = "Remote OS is not known: ".to_owned();
            write_ends(&mut prefix, asked, &syn);
            self.say(prefix, asked, env);
        }
        hold(fits > 0, "--genre", Found::Nothing("such fingerprint"))
    }

    /// Linux: the newline stands in front of what every line of the log says.
    fn say(&self, mut prefix: String, asked: &Asked<'_>, env: &mut Env<'_>) {
        prefix.push('\n');
        prefix.truncate(prefix.floor_char_boundary(PREFIX));
        log::notice_at(&prefix, asked.place, asked.packet, env);
    }
}

fn write_ends(out: &mut String, asked: &Asked<'_>, syn: &Syn<'_>) {
    let view = asked.packet.view();
    let (source, destination) = super::ports(syn.tcp).unwrap_or((0, 0));
    let _ = write!(out, "{}:{source} -> {}:{destination}", view.source(), view.destination());
}

impl<'a> Syn<'a> {
    fn of(asked: &Asked<'a>) -> Option<Self> {
        let packet = asked.packet;
        let tcp = asked.blind_transport()?;
        let &[offset, flags, high, low] = tcp.get(12..16)? else { return None };
        let header = usize::from(offset >> 4) * 4;
        if tcp.len() < HEADER || flags & packet::view::tcp_flags::SYN == 0 || header > tcp.len() {
            return None;
        }
        let view = packet.view();
        Some(Self {
            tcp,
            length: packet.len(),
            ttl: view.ttl(),
            window: u32::from(u16::from_be_bytes([high, low])),
            options: header.saturating_sub(HEADER),
        })
    }

    fn fits(&self, own: &Fingerprint, level: u8) -> bool {
        let ttl = match level {
            0 => self.ttl == own.ttl,
            2 => true,
            // Linux: with a larger one it asks whether the source is a neighbour, whose TTL must be the same: it is not.
            _ => self.ttl <= own.ttl,
        };
        let options: usize = own.options.iter().map(|&(_, length)| usize::from(length)).sum();
        if usize::from(own.length) != self.length || !ttl || options != self.options || options > 40 {
            return false;
        }
        let mut segment = 0_u32;
        let mut here = HEADER;
        for &(kind, length) in &own.options {
            if self.tcp.get(here) != Some(&kind) {
                return false;
            }
            if kind == 2
                && let Some(&[high, low]) = self.tcp.get(here + 2..here + 4)
            {
                segment = u32::from(u16::from_be_bytes([high, low]));
            }
            here += usize::from(length);
        }
        let sizes = [segment, SEGMENTS[0], SEGMENTS[1]];
        match own.window {
            Window::Any => true,
            Window::Is(window) => self.window == window,
            Window::Segments(factor) => sizes.iter().any(|size| self.window == factor.wrapping_mul(*size)),
            Window::Units(factor) => sizes.iter().any(|size| self.window == factor.wrapping_mul(size + 40)),
            Window::Multiple(factor) => self.window.checked_rem(factor) == Some(0),
        }
    }
}
