//! Ports and chunks of SCTP (`-m sctp`).
use std::borrow::Cow;

use packet::protocol;

use super::PortRange;
use super::tcp::{parse_ports, push_ports_listed, push_ports_saved, shown};
use crate::syntax::extension::{
    Context, Extension, Families, Listing, OptionCall, OptionSpec, Place, Repeat, Spec, check_nothing,
    finish_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;
use crate::syntax::{Error, ErrorKind};
use crate::{Negatable, put};

/// `-m sctp`. Needs `-p sctp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sctp {
    /// `--sport`.
    pub source: Option<Negatable<PortRange>>,
    /// `--dport`.
    pub destination: Option<Negatable<PortRange>>,
    /// `--chunk-types`.
    pub chunks: Option<Negatable<Chunks>>,
}

/// Conditions on the chunks of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunks {
    /// How many of the chunks must be there.
    pub how: Quantity,
    /// The types.
    pub types: ChunkSet,
    /// Conditions on the flags of chunks of some types, at most [`MAX_FLAGS`], in ascending order of types.
    pub flags: [Option<ChunkFlags>; MAX_FLAGS],
}

/// The most types with conditions on flags (`XT_NUM_SCTP_FLAGS`).
pub const MAX_FLAGS: usize = 4;

/// How many of the chunks of `--chunk-types` must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// At least one of them.
    Any,
    /// Each of them.
    All,
    /// Each of them and no other.
    Only,
}

impl Quantity {
    const ALL: [Quantity; 3] = [Self::Any, Self::All, Self::Only];

    const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::All => "all",
            Self::Only => "only",
        }
    }
}

/// A set of types of chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChunkSet([u128; 2]);

impl ChunkSet {
    /// Every type.
    pub const ALL: ChunkSet = ChunkSet([u128::MAX; 2]);
    /// No type.
    pub const NONE: ChunkSet = ChunkSet([0; 2]);

    /// Whether a type is in the set.
    #[inline]
    pub const fn has(self, kind: u8) -> bool {
        let [low, high] = self.0;
        let half = if kind < 128 { low } else { high };
        half & (1 << (kind % 128)) != 0
    }

    /// The set with one type more.
    #[must_use]
    pub const fn with(self, kind: u8) -> ChunkSet {
        let [low, high] = self.0;
        let bit = 1 << (kind % 128);
        if kind < 128 { ChunkSet([low | bit, high]) } else { ChunkSet([low, high | bit]) }
    }

    /// The set with one type less.
    #[must_use]
    pub const fn without(self, kind: u8) -> ChunkSet {
        let [low, high] = self.0;
        let bit: u128 = 1 << (kind % 128);
        if kind < 128 { ChunkSet([low & !bit, high]) } else { ChunkSet([low, high & !bit]) }
    }

    /// The types in ascending order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |&kind| self.has(kind))
    }
}

/// Of the flags in `mask` exactly those in `set` must be set in a chunk of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkFlags {
    /// The type.
    pub kind: u8,
    /// The flags that are looked at; not 0.
    pub mask: u8,
    /// Those of them that must be set.
    pub set: u8,
}

/// A type of chunks: its name, its number, and the letters of its flags from bit 7 down (`-`: none).
struct Chunk(&'static str, u8, &'static str);

const NO_FLAGS: &str = "--------";
const DATA_FLAGS: &str = "----IUBE";
const ABORT_FLAGS: &str = "-------T";

/// Upstream's table: its order is that of its error messages.
const CHUNKS: [Chunk; 22] = [
    Chunk("DATA", 0, DATA_FLAGS),
    Chunk("INIT", 1, NO_FLAGS),
    Chunk("INIT_ACK", 2, NO_FLAGS),
    Chunk("SACK", 3, NO_FLAGS),
    Chunk("HEARTBEAT", 4, NO_FLAGS),
    Chunk("HEARTBEAT_ACK", 5, NO_FLAGS),
    Chunk("ABORT", 6, ABORT_FLAGS),
    Chunk("SHUTDOWN", 7, NO_FLAGS),
    Chunk("SHUTDOWN_ACK", 8, NO_FLAGS),
    Chunk("ERROR", 9, NO_FLAGS),
    Chunk("COOKIE_ECHO", 10, NO_FLAGS),
    Chunk("COOKIE_ACK", 11, NO_FLAGS),
    Chunk("ECN_ECNE", 12, NO_FLAGS),
    Chunk("ECN_CWR", 13, NO_FLAGS),
    Chunk("SHUTDOWN_COMPLETE", 14, ABORT_FLAGS),
    Chunk("I_DATA", 64, DATA_FLAGS),
    Chunk("RE_CONFIG", 130, NO_FLAGS),
    Chunk("PAD", 132, NO_FLAGS),
    Chunk("ASCONF", 193, NO_FLAGS),
    Chunk("ASCONF_ACK", 128, NO_FLAGS),
    Chunk("FORWARD_TSN", 192, NO_FLAGS),
    Chunk("I_FORWARD_TSN", 194, NO_FLAGS),
];

/// `-m sctp` in the language. Upstream reads its options by hand, so the texts of errors are its own.
pub const EXTENSION: Extension<Sctp> = Extension {
    spec: Spec {
        name: "sctp",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("source-port", Kind::Word)
                .aliases(&["sport"])
                .invertible()
                .repeat(Repeat::ErrorText("Only one `--source-port' allowed")),
            OptionSpec::new("destination-port", Kind::Word)
                .aliases(&["dport"])
                .invertible()
                .repeat(Repeat::ErrorText("Only one `--destination-port' allowed")),
            OptionSpec::new("chunk-types", Kind::TwoWords)
                .invertible()
                .without_second("requires two args")
                .repeat(Repeat::ErrorText("Only one `--chunk-types' allowed")),
        ],
        place: Place::protocol(protocol::SCTP),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Sctp { source: None, destination: None, chunks: None },
    parse: parse_option,
    finish: finish_nothing,
    save: |sctp, out| {
        push_ports_saved(out, "sport", sctp.source);
        push_ports_saved(out, "dport", sctp.destination);
        if let Some(chunks) = sctp.chunks {
            push_not(out, chunks.invert);
            out.push_str(" --chunk-types");
            push_chunks(out, &chunks.value, false);
        }
    },
    list: |sctp, out, listing: &Listing<'_>| {
        out.push_str(" sctp");
        push_ports_listed(out, "spt", shown(sctp.source), "sctp", listing);
        push_ports_listed(out, "dpt", shown(sctp.destination), "sctp", listing);
        if let Some(chunks) = sctp.chunks {
            push_not(out, chunks.invert);
            push_chunks(out, &chunks.value, listing.numeric);
        }
    },
    check: check_nothing,
};

fn parse_option(sctp: &mut Sctp, call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<(), Error> {
    let invert = call.invert;
    match call.name {
        "source-port" => {
            let value = parse_ports(call, context, "sctp")?;
            sctp.source = Some(Negatable { invert, value });
        }
        "destination-port" => {
            let value = parse_ports(call, context, "sctp")?;
            sctp.destination = Some(Negatable { invert, value });
        }
        _ => sctp.chunks = Some(Negatable { invert, value: chunks(call)? }),
    }
    Ok(())
}

fn chunks(call: &OptionCall<'_>) -> Result<Chunks, Error> {
    let how = Quantity::ALL.into_iter().find(|how| how.name().eq_ignore_ascii_case(call.text()));
    let how = how.ok_or_else(|| {
        call.error_at(0, call.text().len(), "Match type has to be one of \"ALL\", \"ANY\" or \"ONLY\"")
    })?;
    let list = call.second();
    let types = ChunkSet::NONE;
    let mut chunks = Chunks { how, types, flags: [None; MAX_FLAGS] };
    if list.eq_ignore_ascii_case("ALL") {
        chunks.types = ChunkSet::ALL;
        return Ok(chunks);
    }
    if list.eq_ignore_ascii_case("NONE") {
        return Ok(chunks);
    }
    let mut flags: Vec<ChunkFlags> = Vec::new();
    let mut start = 0;
    // Linux: strtok, so that empty parts do not count.
    for part in list.split(',') {
        let from = start;
        start += part.len() + 1;
        if part.is_empty() {
            continue;
        }
        let error = |text: String| {
            let span = call.words.get(1).map_or(call.span, |word| word.part(from, from + part.len()));
            Error::new(ErrorKind::Extension(text.into()), span)
        };
        let (name, letters) = part.split_once(':').unwrap_or((part, ""));
        let row = CHUNKS.iter().position(|chunk| chunk.0.eq_ignore_ascii_case(name));
        let Some((row, chunk)) = row.and_then(|row| Some((row, CHUNKS.get(row)?))) else {
            return Err(error(format!("Unknown sctp chunk `{name}'"))
                .suggest(name, CHUNKS.iter().map(|chunk| chunk.0)));
        };
        chunks.types = chunks.types.with(chunk.1);
        for letter in letters.chars() {
            let valid = chunk.2.bytes().position(|own| char::from(own) == letter.to_ascii_uppercase());
            let Some(bit) = valid.map(|at| 0x80_u8 >> at) else {
                return Err(error(format!("Invalid flags for chunk type {row}")));
            };
            // Linux: the row of the table stands for the type, so that conditions on flags of the chunks from I_DATA
            // on are kept under a number that no chunk has.
            let kind = u8::try_from(row).unwrap_or(u8::MAX);
            let full = flags.len() == MAX_FLAGS;
            let set = if letter.is_ascii_uppercase() { bit } else { 0 };
            match flags.iter_mut().find(|own| own.kind == kind) {
                Some(own) => {
                    own.mask |= bit;
                    own.set |= set;
                }
                None if full => return Err(error(TOO_MANY_FLAGS.into())),
                None => flags.push(ChunkFlags { kind, mask: bit, set }),
            }
        }
    }
    flags.retain(|own| chunks.types.has(own.kind));
    flags.sort_by_key(|own| own.kind);
    for (place, own) in chunks.flags.iter_mut().zip(flags) {
        *place = Some(own);
    }
    Ok(chunks)
}

fn push_chunks(out: &mut String, chunks: &Chunks, numeric: bool) {
    put!(out, " {} ", chunks.how.name());
    if chunks.types == ChunkSet::NONE {
        out.push_str("NONE");
        return;
    }
    if chunks.types == ChunkSet::ALL {
        out.push_str("ALL");
        return;
    }
    for (at, kind) in chunks.types.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        let chunk = CHUNKS.iter().find(|chunk| chunk.1 == kind);
        match chunk {
            Some(chunk) if !numeric => out.push_str(chunk.0),
            _ => put!(out, "0x{kind:04X}"),
        }
        let flags = chunks.flags.iter().flatten().find(|flags| flags.kind == kind);
        if let (Some(flags), Some(chunk)) = (flags, chunk) {
            out.push(':');
            push_flags(out, *flags, chunk.2);
        }
    }
}

fn push_flags(out: &mut String, flags: ChunkFlags, letters: &str) {
    for (at, letter) in letters.chars().enumerate() {
        let bit = 0x80_u8.checked_shr(u32::try_from(at).unwrap_or(u32::MAX)).unwrap_or(0);
        if flags.mask & bit != 0 {
            out.push(if flags.set & bit != 0 { letter } else { letter.to_ascii_lowercase() });
        }
    }
}

const TOO_MANY_FLAGS: &str = "Number of chunk types with flags exceeds currently allowed limit. Increasing this limit involves changing IPT_NUM_SCTP_FLAGS and recompiling both the kernel space and user space modules";

const HELP: &str = "sctp match options
[!] --source-port port[:port]                          match source port(s)
 --sport ...
[!] --destination-port port[:port]                     match destination port(s)
 --dport ...
[!] --chunk-types (all|any|none) (chunktype[:flags])+\tmatch if all, any or none of
\t\t\t\t\t\t        chunktypes are present
chunktypes - DATA INIT INIT_ACK SACK HEARTBEAT HEARTBEAT_ACK ABORT SHUTDOWN SHUTDOWN_ACK ERROR COOKIE_ECHO COOKIE_ACK ECN_ECNE ECN_CWR SHUTDOWN_COMPLETE I_DATA RE_CONFIG PAD ASCONF ASCONF_ACK FORWARD_TSN I_FORWARD_TSN ALL NONE
";
