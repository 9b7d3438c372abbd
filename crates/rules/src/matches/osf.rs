//! The system that has made a TCP SYN, by its look (`-m osf`).
use std::borrow::Cow;

use packet::protocol;

use crate::syntax::extension::{
    Extension, Families, Listing, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::{push_not, push_quoted};
use crate::syntax::value::Kind;
use crate::{Hook, Negatable, put};

/// `-m osf`. Needs `-p tcp`, and the fingerprints that `nfnl_osf` loads into the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Osf {
    /// `--genre`, at most 31 bytes; longer ones are cut without an error.
    pub genre: Option<Negatable<Box<str>>>,
    /// `--ttl`: 0 the TTL is the fingerprint's, 1 at most that, 2 it does not count.
    pub ttl: Option<u8>,
    /// `--log`: 0 all, 1 the first one, 2 the known ones.
    pub log: Option<u8>,
}

/// `-m osf` in the language.
pub const EXTENSION: Extension<Osf> = Extension {
    spec: Spec {
        name: "osf",
        aliases: &[],
        families: Families::V4,
        options: &[
            OptionSpec::new("genre", Kind::Text { min: 0, max: 0, cut: 31 }).invertible().mandatory(),
            OptionSpec::new("ttl", Kind::Number { min: 0, max: 2 }),
            OptionSpec::new("log", Kind::Number { min: 0, max: 2 }),
        ],
        place: Place {
            tables: &[],
            hooks: &[Hook::Prerouting, Hook::Input, Hook::Forward],
            protocol: Some(protocol::TCP),
        },
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Osf::default(),
    parse: |osf, call, _| {
        match call.name {
            "genre" => osf.genre = Some(Negatable { invert: call.invert, value: call.value.text().into() }),
            "ttl" => osf.ttl = Some(call.value.number_u8()),
            _ => osf.log = Some(call.value.number_u8()),
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |osf, out| {
        if let Some(genre) = &osf.genre {
            push_not(out, genre.invert);
            out.push_str(" --genre");
            // Why: iptables prints it bare, so that it cannot read back one with a blank, or none. Quoted, it can be read.
            if genre.value.is_empty() || genre.value.contains([' ', '\t', '\n', '"', '\\']) {
                push_quoted(out, &genre.value);
            } else {
                put!(out, " {}", genre.value);
            }
        }
        for (name, level) in [("ttl", osf.ttl), ("log", osf.log)] {
            if let Some(level) = level {
                put!(out, " --{name} {level}");
            }
        }
    },
    list: |osf, out, _: &Listing<'_>| {
        if let Some(genre) = &osf.genre {
            let not = if genre.invert { "! " } else { "" };
            put!(out, " OS fingerprint match {not}{}", genre.value);
        }
    },
    check: check_nothing,
};

const HELP: &str = "OS fingerprint match options:
[!] --genre string     Match a OS genre by passive fingerprinting.
--ttl level            Use some TTL check extensions to determine OS:
       0                       true ip and fingerprint TTL comparison. Works for LAN.
       1                       check if ip TTL is less than fingerprint one. Works for global addresses.
       2                       do not compare TTL at all. This allows NMAP detection, but can produce false results.
--log level            Log determined genres into dmesg even if they do not match desired one:
       0                       log all matched or unknown signatures.
       1                       log only first one.
       2                       log all known matched signatures.
";
