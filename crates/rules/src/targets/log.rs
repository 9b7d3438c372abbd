//! A line in the log (`-j LOG`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_quoted;
use crate::syntax::value::Kind;

/// `-j LOG`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `--log-level`: 0 (emergency) to 7 (debug); 4 by default.
    pub level: u8,
    /// `--log-prefix`: at most 29 bytes.
    pub prefix: Box<str>,
    /// `--log-tcp-sequence`.
    pub tcp_sequence: bool,
    /// `--log-tcp-options`.
    pub tcp_options: bool,
    /// `--log-ip-options`.
    pub ip_options: bool,
    /// `--log-uid`.
    pub uid: bool,
    /// `--log-macdecode`.
    pub mac_decode: bool,
}

/// Names of levels as `-L` prints them.
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];

/// The kernel's bits of the flags (`NF_LOG_TCPSEQ` 1 to `NF_LOG_MACDECODE` 32; 16 is another's).
const FLAG_BITS: [u8; 5] = [1, 2, 4, 8, 32];

/// `-j LOG` in the language. Longer prefixes are cut at 29 bytes without an error.
pub const EXTENSION: Extension<Log> = Extension {
    spec: Spec {
        name: "LOG",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("log-level", Kind::SyslogLevel),
            OptionSpec::new("log-prefix", Kind::Text { min: 1, max: 0, cut: 29 }),
            OptionSpec::new("log-tcp-sequence", Kind::Flag),
            OptionSpec::new("log-tcp-options", Kind::Flag),
            OptionSpec::new("log-ip-options", Kind::Flag),
            OptionSpec::new("log-uid", Kind::Flag),
            OptionSpec::new("log-macdecode", Kind::Flag),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Log {
        level: 4,
        prefix: "".into(),
        tcp_sequence: false,
        tcp_options: false,
        ip_options: false,
        uid: false,
        mac_decode: false,
    },
    parse: |log, call, _| {
        match call.name {
            "log-level" => log.level = call.value.number_u8(),
            "log-prefix" => {
                if call.value.text().contains('\n') {
                    return Err(call.error("Newlines not allowed in --log-prefix"));
                }
                log.prefix = call.value.text().into();
            }
            "log-tcp-sequence" => log.tcp_sequence = true,
            "log-tcp-options" => log.tcp_options = true,
            "log-ip-options" => log.ip_options = true,
            "log-uid" => log.uid = true,
            _ => log.mac_decode = true,
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |log, out| {
        if !log.prefix.is_empty() {
            out.push_str(" --log-prefix");
            push_quoted(out, &log.prefix);
        }
        if log.level != 4 {
            put!(out, " --log-level {}", log.level);
        }
        for (set, option) in log.flags() {
            if set {
                put!(out, " --log-{option}");
            }
        }
    },
    list: |log, out, listing| {
        out.push_str(" LOG");
        if listing.numeric {
            let flags = log.flags().into_iter().zip(FLAG_BITS).filter(|((set, _), _)| *set);
            put!(out, " flags {} level {}", flags.map(|(_, bit)| bit).sum::<u8>(), log.level);
        } else {
            put!(out, " level {}", LEVELS.get(usize::from(log.level)).unwrap_or(&"?"));
            for (set, option) in log.flags() {
                if set {
                    put!(out, " {option}");
                }
            }
        }
        if !log.prefix.is_empty() {
            put!(out, " prefix \"{}\"", log.prefix);
        }
    },
    check: check_nothing,
};

impl Log {
    /// The flags in the order of [`FLAG_BITS`], with their names.
    fn flags(&self) -> [(bool, &'static str); 5] {
        [
            (self.tcp_sequence, "tcp-sequence"),
            (self.tcp_options, "tcp-options"),
            (self.ip_options, "ip-options"),
            (self.uid, "uid"),
            (self.mac_decode, "macdecode"),
        ]
    }
}

const HELP: &str = "LOG target options:
 --log-level level\t\tLevel of logging (numeric or see syslog.conf)
 --log-prefix prefix\t\tPrefix log messages with this prefix.
 --log-tcp-sequence\t\tLog TCP sequence numbers.
 --log-tcp-options\t\tLog TCP options.
 --log-ip-options\t\tLog IP options.
 --log-uid\t\t\tLog UID owning the local socket.
 --log-macdecode\t\tDecode MAC addresses and protocol.
";
