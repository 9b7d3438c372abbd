//! What iptables-nft 1.8.9 says otherwise than iptables-legacy 1.8.9, whose language oxitables speaks: texts that are put
//! into the same form ([`same_form`]), and one narrow entry for each other difference ([`EXCUSES`]), each with its line of
//! `docs/deviations.md`.
use packet::Family;

use super::differences::{Excuse, Trial};
use super::{Looks, Side, program};

/// The line of `docs/deviations.md` of each rewrite.
pub const REWRITES: &[&str] = &[VERSION, OTHER_TABLES, UNUSED_TABLES, ECHO, ANY_DEVICE, DUMP, LABELS, POLICY];

const VERSION: &str = "the version in errors";
const OTHER_TABLES: &str = "`# Warning: iptables-legacy tables present";
const UNUSED_TABLES: &str = "tables in which nothing stands";
const ANY_DEVICE: &str = "`-i +` in listings";
const LABELS: &str = "`-m connlabel` without /etc/xtables/connlabel.conf";
const POLICY: &str = "`-P CHAIN POLICY -c P B` of iptables-nft";
const DUMP: &str = "`-vv` of iptables-nft";
const ECHO: &str = "the echo of `-v`";

/// Both sides in one form, and the rewrites that made a difference.
pub fn same_form(legacy: &Side, nft: &Side) -> (Side, Side, Vec<&'static str>) {
    let (mut legacy, mut nft) = (legacy.clone(), nft.clone());
    let mut used = Vec::new();
    let mut note = |text: &mut String, changed: String, entry: &'static str| {
        if *text != changed {
            *text = changed;
            if !used.contains(&entry) {
                used.push(entry);
            }
        }
    };
    let error = &mut nft.said.error;
    let changed = error.replace("v1.8.9 (nf_tables)", "v1.8.9 (legacy)");
    note(error, changed, VERSION);
    let other = |line: &&str| !(line.starts_with("# Warning: ip") && line.ends_with("-legacy to see them\n"));
    let changed = error.split_inclusive('\n').filter(other).collect();
    note(error, changed, OTHER_TABLES);
    for error in [&mut legacy.said.error, &mut nft.said.error] {
        let labels = |line: &&str| !line.starts_with("Warning: cannot open /etc/xtables/connlabel.conf");
        let changed = error.split_inclusive('\n').filter(labels).collect();
        note(error, changed, LABELS);
    }
    let (save, list) = (&mut legacy.looks.save, &mut legacy.looks.list);
    let changed = save.split_inclusive('\n').map(without_policy_counters).collect();
    note(save, changed, POLICY);
    let changed = list.split_inclusive('\n').map(without_policy_counters).collect();
    note(list, changed, POLICY);
    // The dumps stand before, between or behind what is to be compared.
    let dump = |line: &str| ["libiptc v", "ip ", "ip6 "].iter().any(|start| line.starts_with(start));
    if [&legacy, &nft].iter().any(|side| side.said.out.lines().any(dump)) {
        note(&mut legacy.said.out, String::new(), DUMP);
        note(&mut nft.said.out, String::new(), DUMP);
    }
    let any = |line: &str| match line.split_once(" opt ") {
        Some((start, rest)) => {
            let rest = rest.replacen(" in + out ", " in * out ", 1).replacen(" out + ", " out * ", 1);
            format!("{start} opt {rest}")
        }
        None => line.to_owned(),
    };
    let changed = legacy.said.out.split_inclusive('\n').map(any).collect();
    note(&mut legacy.said.out, changed, ANY_DEVICE);
    let echo = |line: &str| {
        line.contains(" opt ")
            || ["Deleting chain `", "Flushing chain `"].iter().any(|start| line.starts_with(start))
    };
    if legacy.said.exit != 0 && nft.said.out.is_empty() && legacy.said.out.lines().all(echo) {
        note(&mut legacy.said.out, String::new(), ECHO);
    }
    let changed = legacy.looks.list.split_inclusive('\n').map(any_device).collect();
    note(&mut legacy.looks.list, changed, ANY_DEVICE);
    if legacy.looks.save != nft.looks.save {
        for looks in [&mut legacy.looks, &mut nft.looks] {
            let changed = tables_in_use(looks);
            note(&mut looks.save, changed, UNUSED_TABLES);
        }
    }
    (legacy, nft, used)
}

/// A line about a built-in chain without the counters of its policy: no packet has met it, so that `-c` gave them.
fn without_policy_counters(line: &str) -> String {
    let saved = line.strip_prefix(':').and_then(|rest| rest.trim_end().rsplit_once(" ["));
    let listed = line.strip_prefix("Chain ").and_then(|rest| rest.split_once(" (policy "));
    match (saved, listed) {
        (Some((chain, _)), _) => format!(":{chain} [0:0]\n"),
        (_, Some((chain, rest))) if line.trim_end().ends_with(" bytes)") => {
            let policy = rest.split(' ').next().unwrap_or("");
            format!("Chain {chain} (policy {policy} 0 packets, 0 bytes)\n")
        }
        _ => line.to_owned(),
    }
}

/// A line of `-L -v` with `*` for `+` in the columns of devices.
fn any_device(line: &str) -> String {
    let Some((start, rest)) = line.split_once(" --  ") else { return line.to_owned() };
    let star =
        |column: &str| if column.trim_end() == "+" { column.replace('+', "*") } else { column.to_owned() };
    match (rest.get(..7), rest.get(7..14), rest.get(14..)) {
        (Some(input), Some(output), Some(end)) => format!("{start} --  {}{}{end}", star(input), star(output)),
        _ => line.to_owned(),
    }
}

/// A save file's tables in the order of their names, without those in which nothing stands.
fn tables_in_use(looks: &Looks) -> String {
    let mut tables: Vec<&str> = looks.save.split_inclusive("COMMIT\n").collect();
    tables.sort_unstable();
    let used = |table: &&str| {
        !table.lines().all(|line| {
            line.starts_with('*')
                || line == "COMMIT"
                || line.starts_with(':') && line.ends_with(" ACCEPT [0:0]")
        })
    };
    tables.into_iter().filter(used).collect()
}

/// Whether the two rulesets are no longer the same, so that what follows would differ as well.
pub fn strays(words: &[String], legacy: &Side, nft: &Side) -> bool {
    // Why: `-X` takes chains out of nf_tables that are listed all the same, and `-E` gives another name to them.
    let hidden =
        |word: &String| ["-X", "-E", "--delete-", "--rename"].iter().any(|start| word.starts_with(start));
    legacy.looks != nft.looks || words.iter().any(hidden)
}

/// The message of an error stream: behind what both have in front, without the program's name and without `Try …`.
fn message<'a>(family: Family, own: &'a str, other: &str) -> &'a str {
    let same = own.split_inclusive('\n').zip(other.split_inclusive('\n')).take_while(|(one, two)| one == two);
    let own = own.get(same.map(|(line, _)| line.len()).sum()..).unwrap_or("");
    let own = own.strip_prefix(program(family)).unwrap_or(own);
    let own = own.strip_prefix(" v1.8.9 (legacy): ").or(own.strip_prefix(": ")).unwrap_or(own);
    let end = ["\nTry `", "\nPerhaps "].iter().filter_map(|end| own.find(end)).min();
    own.get(..end.unwrap_or(own.len())).unwrap_or(own).trim()
}

/// What stands in a text in the place of `*` in a pattern; `None`: another text.
fn fits<'a>(text: &'a str, pattern: &str) -> Option<&'a str> {
    match pattern.split_once('*') {
        Some((before, behind)) => text.strip_prefix(before)?.strip_suffix(behind),
        None => (text == pattern).then_some(""),
    }
}

/// Whether nothing but the messages and the exit status differs: as one of these pairs, with the same in the place of `*`.
fn says(trial: &Trial<'_>, exits: (u8, u8), pairs: &[(&str, &str)]) -> bool {
    let legacy = message(trial.family, &trial.ours.error, &trial.theirs.error);
    let nft = message(trial.family, &trial.theirs.error, &trial.ours.error);
    trial.our_looks == trial.their_looks
        && trial.ours.out == trial.theirs.out
        && (trial.ours.exit, trial.theirs.exit) == exits
        && pairs
            .iter()
            .any(|(own, other)| fits(legacy, own).is_some_and(|name| fits(nft, other) == Some(name)))
}

/// Whether what was said is the same and the rulesets differ in such lines only, each in its place.
fn lines_differ(trial: &Trial<'_>, differ: impl Fn(&str, &str) -> bool) -> bool {
    let (own, other) = (trial.our_looks, trial.their_looks);
    trial.ours == trial.theirs
        && [(&own.save, &other.save), (&own.rules, &other.rules), (&own.list, &other.list)].into_iter().all(
            |(own, other)| {
                own.lines().count() == other.lines().count()
                    && own.lines().zip(other.lines()).all(|(own, other)| own == other || differ(own, other))
            },
        )
}

/// The texts of the two for what the kernel refuses.
const ERRORS: &[(&str, &str)] = &[
    ("Invalid argument. Run `dmesg' for more information.", "Invalid argument"),
    ("Invalid argument. Run `dmesg' for more information.", "Operation not supported"),
    ("No chain/target/match by that name.", "No such file or directory"),
    // Of two faults in one rule the two find different ones.
    ("Invalid argument. Run `dmesg' for more information.", "No such file or directory"),
    ("No chain/target/match by that name.", "Invalid argument"),
    ("Numerical result out of range.", "Numerical result out of range"),
    ("File exists.", "File exists"),
];

/// Whether the kernel has refused a rule to both, for the same reason.
fn refused(trial: &Trial<'_>) -> bool {
    ERRORS.iter().any(|(own, other)| {
        let operations = ["APPEND", "INSERT", "REPLACE"];
        let nft = message(trial.family, &trial.theirs.error, &trial.ours.error);
        let reason = operations.iter().find_map(|operation| {
            let rest = nft.strip_prefix("RULE_")?.strip_prefix(operation)?.strip_prefix(" failed (")?;
            Some(rest.split_once("): rule in chain ")?.0)
        });
        reason == Some(other)
            && message(trial.family, &trial.ours.error, &trial.theirs.error) == *own
            && (trial.ours.exit, trial.theirs.exit) == (1, 4)
            && trial.our_looks == trial.their_looks
    })
}

/// Whether nft has taken a rule that the kernel refuses to legacy as an invalid argument, with this in the line that it
/// saves.
fn taken(trial: &Trial<'_>, what: &str) -> bool {
    taken_in_spite_of(trial, ": Invalid argument. Run `dmesg' for more information.\n", what)
}

/// The same of a rule that the kernel refuses to legacy with other words.
fn taken_in_spite_of(trial: &Trial<'_>, words: &str, what: &str) -> bool {
    (trial.ours.exit, trial.theirs.exit) == (1, 0)
        && trial.ours.error.ends_with(words)
        && trial
            .their_looks
            .rules
            .lines()
            .any(|line| line.contains(what) && !trial.our_looks.rules.contains(line))
}

/// The differences.
pub const EXCUSES: &[Excuse] = &[
    Excuse { deviation: "a rule that the kernel refuses", holds: refused },
    Excuse {
        deviation: "a jump to a chain that is not there",
        holds: |trial| {
            let nft = "Chain '*' does not exist";
            let pairs = [
                ("goto '*' is not a chain", nft),
                ("Couldn't load target `*':No such file or directory", nft),
            ];
            says(trial, (2, 2), &pairs)
        },
    },
    Excuse {
        deviation: "`-X` and `-E` of a built-in chain",
        holds: |trial| {
            let built_in =
                trial.words.iter().any(|word| rules::Hook::ALL.iter().any(|hook| hook.name() == word));
            let command = ["-X", "--delete-", "-E", "--rename"];
            let named = trial.words.iter().any(|word| command.iter().any(|start| word.starts_with(start)));
            let own = message(trial.family, &trial.ours.error, &trial.theirs.error);
            let texts = [
                "Invalid argument. Run `dmesg' for more information.",
                "No chain/target/match by that name.",
                "File exists.",
            ];
            built_in && named && trial.ours.exit == 1 && texts.contains(&own)
        },
    },
    Excuse {
        deviation: "a rule number that is too large",
        holds: |trial| {
            let missing = "Bad rule (does a matching rule exist in that chain?).";
            let taken = message(trial.family, &trial.ours.error, "") == "Index of counter too big."
                && trial.theirs.exit == 0
                && trial.our_looks == trial.their_looks;
            taken || says(trial, (1, 1), &[("Index of counter too big.", missing)])
        },
    },
    Excuse {
        deviation: "a table that does not exist",
        holds: |trial| {
            let end = "': Table does not exist (do you need to insmod?)";
            let own = format!("can't initialize {} table `*{end}", program(trial.family));
            says(trial, (3, 3), &[(&own, "table '*' does not exist")])
        },
    },
    Excuse {
        deviation: "`ip6tables --fragments`",
        holds: |trial| {
            let pair =
                ("unknown option \"--fragments\"", "`-f' is not supported in IPv6, use -m frag instead");
            trial.family == Family::V6 && says(trial, (2, 2), &[pair])
        },
    },
    Excuse {
        deviation: "`-C` of a rule with a target that the chain does not have",
        holds: |trial| {
            let pair = (
                "No chain/target/match by that name.",
                "Bad rule (does a matching rule exist in that chain?).",
            );
            says(trial, (1, 1), &[pair])
        },
    },
    Excuse { deviation: "TRACE in other tables than raw", holds: |trial| taken(trial, "-j TRACE") },
    Excuse { deviation: "TCPMSS without `--syn`", holds: |trial| taken(trial, "-j TCPMSS") },
    Excuse {
        deviation: "`-c P B` of ip6tables",
        holds: |trial| {
            trial.family == Family::V6
                && lines_differ(trial, |own, other| {
                    without_counters(own) == without_counters(other)
                        && without_counters(other) == zeroed(other)
                })
        },
    },
    Excuse {
        deviation: "`-m tcp` and `-m udp` without a condition",
        holds: |trial| {
            lines_differ(trial, |own, other| {
                let bare = |text: &str| own.replacen(text, "", 1) == other;
                let no_flags = [(" -m tcp ! --tcp-flags NONE ", 1), (" tcp flags:!0x00/", 1)];
                let flags = no_flags.iter().any(|(text, words)| {
                    let Some((start, rest)) = own.split_once(text) else { return false };
                    let end = rest
                        .splitn(words + 1, ' ')
                        .nth(*words)
                        .map_or(String::new(), |end| format!(" {end}"));
                    format!("{start}{end}").trim_end() == other.trim_end()
                });
                if flags {
                    return true;
                }
                [
                    " -m udp",
                    " -m tcp",
                    " dpts:!0:65535",
                    " spts:!0:65535",
                    " udp dpts:!0:65535",
                    " udp spts:!0:65535",
                    " tcp dpts:!0:65535",
                ]
                .into_iter()
                .chain([" tcp spts:!0:65535", " tcp", " udp"])
                .any(bare)
            })
        },
    },
    Excuse {
        deviation: "several `-m tcp` or `-m udp` in one rule",
        holds: |trial| {
            lines_differ(trial, |own, other| {
                let sorted = |line: &str| {
                    let name = if line.contains(" udp ") { "udp" } else { "tcp" };
                    let mut words: Vec<String> =
                        line.split_ascii_whitespace().map(|word| word.replace("--", "")).collect();
                    words.sort_unstable();
                    words.dedup_by(|one, two| one == two && one == name);
                    words.retain(|word| word != "-m");
                    words
                };
                sorted(own) == sorted(other)
            })
        },
    },
    Excuse {
        deviation: "`-m tcp`, `-m udp` without `-p`",
        holds: |trial| {
            let own = message(trial.family, &trial.ours.error, &trial.theirs.error);
            let other = message(trial.family, &trial.theirs.error, &trial.ours.error);
            let texts = [
                "Invalid argument. Run `dmesg' for more information.",
                "No chain/target/match by that name.",
            ];
            let nft = ["TCP match requires '-p tcp'", "UDP match requires '-p udp'"];
            let jump = own.starts_with("goto '") || own.starts_with("Couldn't load target `");
            let refused =
                if jump { trial.ours.exit == 2 } else { trial.ours.exit == 1 && texts.contains(&own) };
            refused && trial.theirs.exit == 2 && trial.our_looks == trial.their_looks && nft.contains(&other)
        },
    },
    Excuse {
        deviation: "`-L` and `-Z` of a chain that is not there",
        holds: |trial| {
            let own = message(trial.family, &trial.ours.error, &trial.theirs.error);
            let other = message(trial.family, &trial.theirs.error, &trial.ours.error);
            (trial.ours.exit, trial.theirs.exit) == (1, 1)
                && trial.our_looks == trial.their_looks
                && own == "No chain/target/match by that name."
                && (other == "Incompatible with this kernel."
                    || other.starts_with("chain `") && other.ends_with("' is incompatible, use 'nft' tool."))
        },
    },
    Excuse {
        deviation: "`! -d 0.0.0.0/0` of iptables-nft",
        holds: |trial| {
            let nothing = |words: &[String]| {
                let [not, option, value] = words else { return false };
                let address = ["-s", "-d", "--s", "--d"].iter().any(|start| option.starts_with(start));
                let all = value.ends_with("/0") || value.contains("/0.0.0.0") || value.ends_with("/::");
                not == "!" && address && all
            };
            trial.ours.exit <= 1
                && trial.theirs.exit == 4
                && trial.theirs.error.contains(" failed (Invalid argument): rule in chain ")
                && trial.words.windows(3).any(nothing)
        },
    },
    Excuse {
        deviation: "`! -p udp --dport N`",
        holds: |trial| taken(trial, "! -p udp -m udp ") || taken(trial, "! -p tcp -m tcp "),
    },
    Excuse {
        deviation: "`-m eui64` in listings",
        holds: |trial| lines_differ(trial, |own, other| own.replace("eui64 ", "") == other),
    },
    Excuse {
        deviation: "`! --dport 0:N` and `! --dport N:65535`",
        holds: |trial| lines_differ(trial, |own, other| turned(own) == turned(other)),
    },
    Excuse {
        deviation: "`--nflog-range` of iptables-nft",
        holds: |trial| {
            lines_differ(trial, |own, other| {
                let without = |line: &str, option: &str| {
                    let (start, rest) = line.split_once(option)?;
                    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
                    Some(format!("{start}{}", rest.get(digits..)?))
                };
                [" --nflog-range ", " nflog-range "].iter().any(|option| {
                    without(own, option).is_some_and(|line| line.trim_end() == other.trim_end())
                })
            })
        },
    },
    Excuse {
        deviation: "`-m limit` with a burst that is out of range",
        holds: |trial| taken_in_spite_of(trial, ": Numerical result out of range.\n", " -m limit "),
    },
    Excuse {
        deviation: DUMP,
        holds: |trial| {
            // The dump changes the error number of the command.
            let pair = ("Argument list too long.", "Index of replacement too big.");
            trial.words.iter().any(|word| word.contains("-vv")) && says(trial, (1, 1), &[pair])
        },
    },
    Excuse {
        deviation: "`-X` with a chain that is in use",
        holds: |trial| {
            let busy = "CHAIN_DEL failed (Device or resource busy): chain *";
            let other = message(trial.family, &trial.theirs.error, &trial.ours.error);
            let own = message(trial.family, &trial.ours.error, &trial.theirs.error);
            (trial.ours.exit, trial.theirs.exit) == (1, 4)
                && ["Too many links.", "Directory not empty."].contains(&own)
                && fits(other, busy).is_some()
        },
    },
    Excuse {
        deviation: "`! -i +`, `! -o +`",
        holds: |trial| {
            lines_differ(trial, |own, other| {
                other.replacen(" ! -i +", "", 1).replacen(" ! -o +", "", 1) == own
            })
        },
    },
    Excuse {
        deviation: "`-m osf` of iptables-nft in OUTPUT",
        holds: |trial| {
            (trial.ours.exit, trial.theirs.exit) == (0, 4)
                && trial.theirs.error.contains(" failed (Invalid argument): rule in chain ")
                && trial.our_looks.rules.lines().any(|line| line.contains(" -m osf "))
        },
    },
    Excuse {
        deviation: "`-P` of a chain that is not there with a policy that is none",
        holds: |trial| {
            let pair = ("Bad built-in chain name.", "Bad policy name. Run `dmesg' for more information.");
            says(trial, (1, 1), &[pair])
        },
    },
    Excuse {
        deviation: "`-C` and `-D` of ip6tables",
        holds: |trial| {
            let finds =
                |word: &String| ["-C", "-D", "--ch", "--delete"].iter().any(|start| word.starts_with(start));
            let other = message(trial.family, &trial.theirs.error, &trial.ours.error);
            let found = other.is_empty() || other == "Bad rule (does a matching rule exist in that chain?).";
            trial.family == Family::V6 && trial.ours.exit == 0 && found && trial.words.iter().any(finds)
        },
    },
    Excuse {
        deviation: "`--nflog-prefix` of more than 63 bytes",
        holds: |trial| {
            lines_differ(trial, |own, other| {
                let same = own.bytes().zip(other.bytes()).take_while(|(one, two)| one == two).count();
                let more = other.len().saturating_sub(own.len());
                let prefix = own.get(..same).and_then(|start| start.rsplit_once("nflog-prefix "));
                prefix.is_some_and(|(_, prefix)| prefix.len() >= 63)
                    && own.get(same..) == other.get(same + more..)
            })
        },
    },
    Excuse {
        deviation: "`-j QUEUE` of iptables-nft",
        holds: |trial| {
            (trial.ours.exit, trial.theirs.exit) == (0, 4)
                && trial.theirs.error.contains(" failed (No such file or directory): rule in chain ")
                && trial.our_looks.rules.lines().any(|line| line.ends_with(" -j QUEUE"))
        },
    },
];

/// A line in which inverted ranges of ports up to the last or from the first are the ranges of the others.
fn turned(line: &str) -> String {
    let mut line = line.to_owned();
    for (inverted, plain, single) in [
        ("! --dport ", "--dport ", "--dport "),
        ("! --sport ", "--sport ", "--sport "),
        ("dpts:!", "dpts:", "dpt:"),
        ("spts:!", "spts:", "spt:"),
    ] {
        let Some((start, rest)) = line.split_once(inverted) else { continue };
        let end = rest.find(' ').unwrap_or(rest.len());
        let (Some(range), Some(behind)) = (rest.get(..end), rest.get(end..)) else { continue };
        let Some((first, last)) = range.split_once(':') else { continue };
        let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else { continue };
        let others = match (first.checked_sub(1), last.checked_add(1)) {
            (None, Some(next)) => (next, u16::MAX),
            (Some(before), None) => (0, before),
            _ => continue,
        };
        line = match others {
            (one, two) if one == two => format!("{start}{single}{one}{behind}"),
            (one, two) => format!("{start}{plain}{one}:{two}{behind}"),
        };
    }
    line
}

/// A line of a save file or a listing without its counters.
fn without_counters(line: &str) -> String {
    let line = &line.replace("eui64 ", "");
    if let Some((_, rule)) = line.split_once("] -A ").filter(|_| line.starts_with('[')) {
        return format!("[0:0] -A {rule}");
    }
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    match words.as_slice() {
        [number, _, _, rest @ ..] => format!("{number} 0 0 {}", rest.join(" ")),
        _ => line.to_owned(),
    }
}

/// A line in the form of [`without_counters`] with the counters that it has.
fn zeroed(line: &str) -> String {
    if line.starts_with('[') {
        return line.to_owned();
    }
    line.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
