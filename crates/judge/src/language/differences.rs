//! The differences that are known, in one place: what 1.8.9 on the machine prints otherwise than 1.8.13, whose words
//! oxitables speaks ([`REWRITES`]), and what oxitables does otherwise on purpose or as 1.8.13 does ([`EXCUSES`]).
//!
//! Each entry quotes the line of `docs/deviations.md` that it stands for; a test looks that it is there.
use std::collections::BTreeMap;
use std::sync::OnceLock;

use packet::Family;
use rules::syntax::value;

use super::{Looks, Said};

/// Where a rewrite holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The error stream.
    Error,
    /// `-S` and the save file.
    Saved,
    /// Listings.
    List,
}

/// A text of 1.8.9 that becomes the one of 1.8.13.
pub struct Rewrite {
    /// Part of the line in docs/deviations.md.
    pub deviation: &'static str,
    /// Where.
    pub scope: Scope,
    /// How, one line at a time; `None`: as it is. An empty line behind one that ends in a newline of its own is dropped.
    pub line: fn(&str) -> Option<String>,
}

/// Lines of the machine that oxitables has not, by their start, and where `docs/deviations.md` says so.
pub const DROPPED: &[(&str, &str)] = &[
    ("--reject-with echo-reply no longer supported", "`-j REJECT --reject-with echo-reply`"),
    (
        "Warning: cannot open /etc/xtables/connlabel.conf",
        "`-m connlabel` without /etc/xtables/connlabel.conf",
    ),
];

/// The rewrites.
pub const REWRITES: &[Rewrite] = &[
    Rewrite {
        deviation: "options are named long in errors",
        scope: Scope::Error,
        line: |line| {
            let (start, end) = [
                ("multiple -", " flags not allowed"),
                ("Can't use -", " with "),
                ("cannot have ! before -", ""),
                ("Illegal option `-", "' with this command"),
            ]
            .into_iter()
            .find_map(|(before, behind)| {
                let start = line.find(before)? + before.len();
                let rest = line.get(start + 1..)?;
                rest.starts_with(behind).then_some((start, start + 1))
            })?;
            let long = long_name(line.get(start..end)?)?;
            let text = format!("{}-{long}{}", line.get(..start)?, line.get(end..)?);
            // 1.8.9 ends this one with a newline of its own.
            let end = if text.contains(": Can't use ") { "\n" } else { "" };
            Some(text.replace(" flags not allowed", " options not allowed") + end)
        },
    },
    Rewrite {
        deviation: "options are named long in errors",
        scope: Scope::Error,
        line: |line| {
            let behind = line.find(": -c ")? + 2;
            let rest = line.get(behind + 2..)?;
            let counters = rest.ends_with("counter not numeric") || rest.ends_with("packet and byte counter");
            counters.then(|| format!("{}--set-counters{rest}", line.get(..behind).unwrap_or("")))
        },
    },
    Rewrite {
        deviation: "`-m multiport` without ports",
        scope: Scope::Error,
        line: |line| {
            let old = "multiport expection an option";
            line.contains(old).then(|| line.replace(old, "no ports specified"))
        },
    },
    Rewrite {
        deviation: "`getaddrinfo: Temporary failure in name resolution`",
        scope: Scope::Error,
        line: |line| {
            let (own, other) = ("Temporary failure in name resolution", "Name or service not known");
            line.contains(own).then(|| line.replace(own, other))
        },
    },
    Rewrite {
        deviation: "names of interfaces too long",
        scope: Scope::Error,
        line: |line| line.contains("IFNAMSIZ (15)").then(|| line.replace("IFNAMSIZ (15)", "16 characters")),
    },
    Rewrite {
        deviation: "protocols in `-nL`",
        scope: Scope::List,
        line: |line| {
            let at = [" -- ", " -f ", " !f "].into_iter().filter_map(|opt| line.find(opt)).min()?;
            let before = line.get(..at)?.trim_end();
            let before = before.strip_suffix(" opt").unwrap_or(before);
            let start = before.rfind([' ', '!'])? + 1;
            let number: u8 = before.get(start..)?.parse().ok()?;
            let name = match value::protocol_name(number) {
                Some(name) => name,
                None if number == 0 => "all",
                None => return None,
            };
            if line.get(..at)?.ends_with(" opt") {
                return Some(format!("{}{name} opt{}", line.get(..start)?, line.get(at..)?));
            }
            Some(format!("{}{name:<4}{}", line.get(..start)?, line.get(at..)?))
        },
    },
    Rewrite {
        deviation: "protocols that iptables itself has no name for, in `-S`",
        scope: Scope::Saved,
        line: |line| {
            let at = line.find(" -p ")? + 4;
            let rest = line.get(at..)?;
            let name = rest.split(' ').next()?;
            if name.parse::<u8>().is_ok() || value::protocol_names().any(|own| own == name) {
                return None;
            }
            let number = protocols().get(name)?;
            Some(format!("{}{number}{}", line.get(..at)?, rest.get(name.len()..)?))
        },
    },
];

/// The long name of a generic option by its letter, without `--`.
fn long_name(letter: &str) -> Option<&'static str> {
    const NAMES: &[(&str, &str)] = &[
        ("n", "numeric"),
        ("s", "source"),
        ("d", "destination"),
        ("p", "protocol"),
        ("j", "jump"),
        ("v", "verbose"),
        ("x", "exact"),
        ("i", "in-interface"),
        ("o", "out-interface"),
        ("0", "line-numbers"),
        ("c", "set-counters"),
        ("f", "fragments"),
    ];
    NAMES.iter().find(|(own, _)| *own == letter).map(|(_, name)| *name)
}

/// /etc/protocols of this machine.
fn protocols() -> &'static BTreeMap<String, u8> {
    static PROTOCOLS: OnceLock<BTreeMap<String, u8>> = OnceLock::new();
    PROTOCOLS.get_or_init(|| {
        let text = std::fs::read_to_string("/etc/protocols").unwrap_or_default();
        let own = text.lines().filter_map(|line| {
            let mut words = line.split('#').next()?.split_ascii_whitespace();
            Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
        });
        own.collect()
    })
}

/// A text of the machine in the words of 1.8.13.
pub fn rewritten(scope: Scope, text: &str) -> String {
    let mut out = String::new();
    let mut drop_empty = false;
    for line in text.split_inclusive('\n') {
        let dropped = DROPPED.iter().any(|(start, _)| line.starts_with(start));
        if dropped || (std::mem::take(&mut drop_empty) && line == "\n") {
            continue;
        }
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        let mut line = line.to_owned();
        if scope == Scope::Error {
            line = line.replace("v1.8.9 (legacy)", "v1.8.13 (legacy)");
        }
        for rewrite in REWRITES.iter().filter(|rewrite| rewrite.scope == scope) {
            if let Some(other) = (rewrite.line)(&line) {
                drop_empty |= other.ends_with('\n');
                line = other.trim_end_matches('\n').to_owned();
            }
        }
        out.push_str(&line);
        out.push_str(end);
    }
    out
}

/// What oxitables says on the error stream besides iptables' words, and where `docs/deviations.md` says so.
pub const HINTS: &[(&str, &str)] = &[
    ("Warning: host name `", "a host name in a rule"),
    ("Warning: mask `", "an address and its mask exchanged"),
];

/// Our error stream without [`HINTS`].
pub fn without_hints(text: &str) -> String {
    let own =
        text.split_inclusive('\n').filter(|line| !HINTS.iter().any(|(start, _)| line.starts_with(start)));
    own.collect()
}

/// A line that was tried.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// The family.
    pub family: Family,
    /// The words behind the program's name.
    pub words: &'a [String],
    /// What oxitables said.
    pub ours: &'a Said,
    /// What the machine said, rewritten.
    pub theirs: &'a Said,
    /// What stands in our ruleset.
    pub our_looks: &'a Looks,
    /// What stands in the machine's, rewritten.
    pub their_looks: &'a Looks,
}

impl Trial<'_> {
    /// The value of the first of some options.
    fn value(&self, names: &[&str]) -> Option<&str> {
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            let (name, value) =
                word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
            if names.contains(&name) {
                return value.or_else(|| words.next().map(String::as_str));
            }
        }
        None
    }
}

/// The bound in an error about a value out of range, and the value.
fn out_of_range(error: &str) -> Option<(&str, &str)> {
    let (value, rest) = error.split_once(" near \"")?.1.split_once("\", or out of range (")?;
    Some((value, rest.split_once('-')?.0))
}

/// Whether ours has refused a range whose second number is below its first one.
fn negative(trial: &Trial<'_>) -> bool {
    let number = |text: &str| value::number(text, 0, u64::MAX);
    if let Some((second, bound)) = out_of_range(&trial.ours.error) {
        let first = trial.words.iter().flat_map(|word| word.split([',', '='])).any(|word| {
            let range = word.split_once([':', '-']);
            range.is_some_and(|(first, last)| last == second && number(first) == number(bound))
        });
        let second = value::leading_number(second).map(|(second, _)| second);
        return first && second.is_some_and(|second| Some(second) < number(bound));
    }
    let range =
        trial.ours.error.split_once("ort range ").and_then(|(_, rest)| rest.split_once(" is negative."));
    let numbers = range.and_then(|(range, _)| range.split_once('-'));
    numbers.is_some_and(|(first, last)| number(last).is_some_and(|last| Some(last) < number(first)))
}

/// Whether the two differ in the bound of the second half of a range only: the first half, or the least value.
fn second_half(trial: &Trial<'_>) -> bool {
    let (Some((own, bound)), Some((other, least))) =
        (out_of_range(&trial.ours.error), out_of_range(&trial.theirs.error))
    else {
        return false;
    };
    let plain = |error: &str, bound: &str| {
        error.replace(&format!("out of range ({bound}-"), "out of range (").replace("65534)", "65535)")
    };
    own == other
        && plain(&trial.ours.error, bound) == plain(&trial.theirs.error, least)
        && (trial.ours.exit, &trial.ours.out) == (trial.theirs.exit, &trial.theirs.out)
        && trial.our_looks == trial.their_looks
}

/// A line that the two are known to take differently.
pub struct Excuse {
    /// Part of the line in docs/deviations.md.
    pub deviation: &'static str,
    /// Whether it is such a line.
    pub holds: fn(&Trial<'_>) -> bool,
}

/// The excuses.
pub const EXCUSES: &[Excuse] = &[
    Excuse {
        deviation: "an extension that exists upstream and is not modelled yet",
        holds: |trial| trial.ours.exit == 3 && trial.ours.error.contains("is not yet modelled by oxitables"),
    },
    Excuse { deviation: "| `-vv` |", holds: |trial| trial.theirs.out.contains("libiptc vlibxtables") },
    Excuse {
        deviation: "ICMP names `info-request`",
        holds: |trial| {
            let error = &trial.theirs.error;
            ["ICMP type `info-re", "ICMPv6 type `mld-"].iter().any(|text| error.contains(text))
        },
    },
    Excuse {
        deviation: "`--physdev-in \"\"`",
        holds: |trial| ["--physdev-in", "--physdev-out"].iter().any(|name| trial.value(&[name]) == Some("")),
    },
    Excuse {
        deviation: "udp ports, conntrack ports `65536`",
        holds: |trial| {
            let port = trial.ours.error.split("Port \"").nth(1).and_then(|rest| rest.split_once('"'));
            port.is_some_and(|(port, rest)| {
                let digits = port.trim_start_matches([' ', '+', '-']);
                let number = digits.bytes().all(|digit| digit.is_ascii_digit());
                number && rest.starts_with(" does not resolve")
            })
        },
    },
    Excuse { deviation: "| negative ranges", holds: |trial| negative(trial) || second_half(trial) },
    Excuse {
        deviation: "`! --dport 0:65535` |",
        holds: |trial| {
            let kept = |looks: &Looks| {
                ["! --dport 0:65535", "! --sport 0:65535"].iter().any(|one| looks.save.contains(one))
            };
            kept(trial.our_looks) && !kept(trial.their_looks)
        },
    },
    Excuse {
        deviation: "`--icmp-type 3/1:2`",
        holds: |trial| {
            trial.value(&["--icmp-type"]).is_some_and(|value| value.contains('/') && value.contains(':'))
        },
    },
    Excuse {
        deviation: "saved without quotes | saved with quotes",
        holds: |trial| {
            let (own, other) = (&trial.our_looks.save, &trial.their_looks.save);
            let bare = |text: &str| text.replace(['"', '\\'], "");
            let quotes = |text: &str| text.matches('"').count();
            quotes(own) > quotes(other) && bare(own) == bare(other)
        },
    },
    Excuse {
        deviation: "`-jACCEPT`, `--jump=ACCEPT`, `-ptcp`",
        holds: |trial| {
            let glued = [
                "load target `-j",
                "load target `--j",
                "load target `--goto",
                "load target `-g",
                "protocol \"-p",
                "protocol \"--p",
            ];
            glued.iter().any(|text| trial.theirs.error.contains(text))
        },
    },
    Excuse {
        deviation: "`CT --timeout` with a name of more than 4 letters",
        holds: |trial| trial.words.iter().any(|word| word.starts_with("--timeo")) && trial.ours.exit == 0,
    },
    Excuse {
        deviation: "`-c ,`",
        holds: |trial| {
            trial.theirs.error.contains("requires packet and byte counter")
                && trial.ours.error.contains("counter not numeric")
        },
    },
    Excuse {
        deviation: "the new name of `-E` is checked as that of `-N`",
        holds: |trial| {
            let renames =
                trial.words.iter().any(|word| word.starts_with("-E") || word.starts_with("--rename"));
            let checked =
                ["chain name `", "chain name not allowed", "chain name may not clash", "Invalid chain name"];
            renames && checked.iter().any(|text| trial.ours.error.contains(text))
        },
    },
    Excuse {
        deviation: "SNAT, MASQUERADE `80-90/5`",
        holds: |trial| trial.ours.error.contains("Shifted portmap ranges not supported with this kernel"),
    },
    Excuse {
        deviation: "`--ctproto 0`, `! --ctproto 0`",
        holds: |trial| {
            trial.words.iter().any(|word| word.starts_with("--ctpr"))
                && trial.ours.error.contains(" match protocol")
        },
    },
    Excuse {
        deviation: "`--syn --tcp-flags SYN`",
        holds: |trial| {
            let pair = |ours: &str, theirs: &str| {
                trial.ours.error.contains(ours) && trial.theirs.error.contains(theirs)
            };
            pair("--tcp-flags requires two args.", "Only one of `--syn'")
                || pair("HMARK: bad value for option", "can only be used once.")
                || pair("-mask\" cannot be inverted.", "-mask\" can only be used once.")
                || pair("--match-set requires two args.", "--match-set can be specified only once")
        },
    },
    Excuse {
        deviation: "`-m tcp --tcp-flags NONE SYN`",
        holds: |trial| {
            let kept = |looks: &Looks| looks.save.contains("--tcp-flags NONE ");
            kept(trial.our_looks) && !kept(trial.their_looks)
        },
    },
    Excuse {
        deviation: "`--icmp-type 255/255`, `255/0`",
        holds: |trial| {
            let kept = |looks: &Looks| looks.save.contains("--icmp-type 255/");
            kept(trial.our_looks) && !kept(trial.their_looks)
        },
    },
    Excuse {
        deviation: "`--mac-source 42:01:02:03:04:`, `-2:01:…`",
        holds: |trial| trial.theirs.exit != 2 && trial.ours.error.contains("Invalid MAC address specified."),
    },
    Excuse {
        deviation: "`! -i +`",
        holds: |trial| {
            let kept = |looks: &Looks| looks.save.contains(" ! -i + ") || looks.save.contains(" ! -o + ");
            kept(trial.our_looks) && !kept(trial.their_looks)
                || trial.our_looks.save.lines().any(|line| {
                    (line.ends_with(" ! -i +") || line.ends_with(" ! -o +"))
                        && !trial.their_looks.save.contains(line)
                })
        },
    },
    Excuse {
        deviation: "`--probability 0x0.8`, `nan`",
        holds: |trial| {
            let odd = |word: &String| word.contains("0x") || word.contains("nan") || word.contains("inf");
            trial.ours.error.contains("\"--probability\"") && trial.words.iter().any(odd)
        },
    },
    Excuse {
        deviation: "`--connbytes 0:0`",
        holds: |trial| {
            trial.value(&["--connbytes"]) == Some("0:0") || trial.our_looks.save.contains("--connbytes 0:0 ")
        },
    },
    Excuse {
        deviation: "`-m ipcomp --ipcompspi 0:4294967295`",
        holds: |trial| {
            let kept = |looks: &Looks| looks.save.contains("--ipcompspi 0:4294967295");
            kept(trial.our_looks) && !kept(trial.their_looks)
        },
    },
    Excuse {
        deviation: "`-m cgroup --path` of a group",
        holds: |trial| {
            let exit = (trial.ours.exit, trial.theirs.exit);
            let path = |word: &&String| word.starts_with("--path=") || "--path".starts_with(word.as_str());
            exit == (0, 1) && trial.words.iter().filter(path).any(|word| word.starts_with("--p"))
        },
    },
    Excuse {
        deviation: "RATEEST with a time for the average",
        holds: |trial| {
            let late = "ewmalog value is out of range";
            trial.ours.error.contains(late) || (trial.ours.exit == 2 && trial.theirs.error.contains(late))
        },
    },
    Excuse {
        deviation: "RATEEST times `inf`, `nan`",
        holds: |trial| trial.ours.error.contains("RATEEST: bad interval value"),
    },
    Excuse {
        deviation: "`SNPT --src-pfx ::/0`",
        holds: |trial| {
            let null = |looks: &Looks| {
                ["--src-pfx ::/0", "--dst-pfx ::/0"].iter().any(|one| looks.save.contains(one))
            };
            null(trial.our_looks) && !null(trial.their_looks)
        },
    },
    Excuse {
        deviation: "counters `[P:B]` of more than 64 bits",
        holds: |trial| trial.ours.error.contains("counter not numeric"),
    },
    Excuse {
        deviation: "`NFQUEUE --queue-balance`",
        holds: |trial| {
            // All queues at once is more than the kernel takes; the last one alone is no range.
            let refused = "Invalid argument. Run `dmesg' for more information.";
            let told = |text: &str| {
                trial.ours.error.contains(&format!("near \"{text}\", or out of range (0-65534)."))
            };
            let said = |text: &str| trial.theirs.error.contains(text);
            let all = told("65535") && (said(refused) || said("Bad range \"65535\""))
                || told("65535:65535") && said("65535 should be less than 65535")
                || said(refused) && trial.our_looks.rules.contains("--queue-balance 0:65534");
            all && trial.words.iter().any(|word| word.starts_with("--queue-b"))
        },
    },
    Excuse {
        deviation: "`! --fragid :`",
        holds: |trial| {
            let whole = |line: &str| {
                let mut parts = line.split(" ! --").skip(1).filter_map(|part| part.split(' ').nth(1));
                parts.any(|value| ["0:255", "0:65535", "0:4294967295"].contains(&value))
            };
            let lines = |looks: &Looks| looks.save.lines().filter(|line| whole(line)).count();
            lines(trial.our_looks) > lines(trial.their_looks)
        },
    },
    Excuse {
        deviation: "`--cluster-local-nodemask` above 32",
        holds: |trial| {
            trial
                .theirs
                .error
                .contains("bad value for option \"--cluster-local-nodemask\", or out of range (1-32)")
                && trial.words.iter().any(|word| word.starts_with("--cluster-local-nodem"))
        },
    },
    Excuse {
        deviation: "`RATEEST --rateest-name \"\"`",
        holds: |trial| trial.value(&["--rateest-name"]) == Some(""),
    },
    Excuse {
        deviation: "`--hashlimit-rate-interval` without `--hashlimit-rate-match`",
        holds: |trial| {
            let has = |start: &str| trial.words.iter().any(|word| word.starts_with(start));
            trial.our_looks.save == trial.their_looks.save
                && has("--hashlimit-rate-i")
                && !has("--hashlimit-rate-m")
        },
    },
    Excuse {
        deviation: "`--hashlimit-upto` below 16b/s",
        holds: |trial| trial.their_looks.save.contains(" 0b/s") && trial.our_looks.save.contains(" 1b/s"),
    },
    Excuse {
        deviation: "`--hashlimit-upto` of 64 GiB/s and more",
        holds: |trial| {
            let told = ["hashlimit", "Rate too high"].iter().any(|text| trial.ours.error.contains(text));
            told && trial.ours.exit == 2 && trial.theirs.exit != 2
        },
    },
    Excuse {
        deviation: "`recent --seconds` above 2147483647",
        holds: |trial| {
            let negative =
                ["--seconds -", "--hitcount -"].iter().any(|text| trial.their_looks.save.contains(text));
            negative && trial.ours.exit == trial.theirs.exit
        },
    },
    Excuse {
        deviation: "`-m rateest` without an estimator",
        holds: |trial| {
            let named = trial.words.iter().any(|word| word.starts_with("--rateest"));
            named && trial.ours.exit == 0 && trial.theirs.exit == 1
        },
    },
    Excuse {
        deviation: "rates of `-m rateest` of more than 32 bits",
        holds: |trial| {
            trial.ours.error.contains("rateest: ") && trial.ours.exit == 2 && trial.theirs.exit != 2
        },
    },
    Excuse {
        deviation: "`-v` with a jump to a built-in chain",
        holds: |trial| {
            let operation =
                trial.ours.error.ends_with("Invalid argument. Run `dmesg' for more information.\n");
            operation
                && trial.ours.out.is_empty()
                && trial.theirs.out.contains(" opt ")
                && trial.ours.error == trial.theirs.error
        },
    },
    Excuse {
        deviation: "`--weekdays 8`, `33`",
        holds: |trial| {
            let refused =
                ["not a valid day", "Invalid date \""].iter().any(|text| trial.ours.error.contains(text));
            refused
                && trial
                    .words
                    .iter()
                    .any(|word| ["--week", "--month", "--date"].iter().any(|one| word.starts_with(one)))
        },
    },
    Excuse {
        deviation: "an unknown letter in a cluster (`-nv5`)",
        holds: |trial| {
            let unknown = |said: &Said| said.error.contains("unknown option \"");
            unknown(trial.ours) && unknown(trial.theirs)
        },
    },
    Excuse {
        deviation: "DNAT `:5000-5000/53`",
        holds: |trial| {
            let shifted =
                |looks: &Looks| looks.save.contains("--to-destination ") && looks.save.contains('/');
            let exit = (trial.ours.exit, trial.theirs.exit);
            exit == (0, 0)
                && trial.words.iter().any(|word| word.contains(":5000-5000/"))
                && shifted(trial.our_looks)
        },
    },
];

#[cfg(test)]
mod tests;
