//! What can be wrong with a command: the kind, the place, the exit status, iptables' own words.
use std::borrow::Cow;
use std::fmt;

use super::lex::Span;
use crate::put;

/// The exit statuses of iptables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 1: the operation failed, or a rule or chain is not there.
    Other = 1,
    /// 2: wrong arguments.
    Parameter = 2,
    /// 3: no such table, not modelled.
    Version = 3,
    /// 4: the lock is busy, or the file cannot be read or written.
    Resource = 4,
}

/// The longest name of a table in bytes (`XT_TABLE_MAXNAMELEN` - 1).
const TABLE_NAME_MAX: usize = 31;

/// An error of the language.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where.
    pub span: Span,
    /// Why, in our words; shown behind iptables' text.
    pub cause: Option<Cow<'static, str>>,
    /// A name that is near to what was typed.
    pub suggestion: Option<Box<str>>,
    /// Warnings of the parser before the error, each a line for the error stream.
    pub warnings: Vec<String>,
}

impl Error {
    /// An error at a place.
    pub fn new(kind: ErrorKind, span: Span) -> Self {
        Self { kind, span, cause: None, suggestion: None, warnings: Vec::new() }
    }

    /// With a cause in our words.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// With the nearest of some names, if one is near.
    #[must_use]
    pub fn suggest<'n>(mut self, typed: &str, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.suggestion = nearest(typed, names).map(Into::into);
        self
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An extension, or the engine for it, in upstream's words.
    Extension(Cow<'static, str>),
    /// ``Couldn't load match `X':No such file or directory``.
    UnknownMatch(Box<str>),
    /// ``Couldn't load target `X':No such file or directory``.
    UnknownTarget(Box<str>),
    /// The match exists upstream but is not modelled here.
    NotModelledMatch(Box<str>),
    /// The target exists upstream but is not modelled here.
    NotModelledTarget(Box<str>),
    /// ``invalid port/service `X' specified``.
    Port(Box<str>),
    /// ``host/network `X' not found``.
    Host(Box<str>),
    /// ``invalid mask `X' specified``.
    Mask(Box<str>),
    /// `unknown protocol "X" specified`.
    Protocol(Box<str>),
    /// `no command specified`.
    NoCommand,
    /// `Cannot use -L with -A`: the new command, the one before.
    TwoCommands(char, char),
    /// `option "-A" requires an argument`.
    MissingArgument(Box<str>),
    /// `unknown option "--foo"`.
    UnknownOption(Box<str>),
    /// ``Bad argument `foo'``, without the program's name in front.
    BadArgument(Box<str>),
    /// `unknown arguments found on commandline`.
    UnknownArguments,
    /// ``Invalid rule number `0'``.
    RuleNumber(Box<str>),
    /// `-R requires a rule number`.
    NeedsRuleNumber,
    /// `-E requires old-chain-name and new-chain-name`.
    NeedsNewName,
    /// `-P requires a chain and a policy`.
    NeedsPolicy,
    /// ``chain name `X' too long (must be under 29 chars)``.
    ChainNameLong(Box<str>),
    /// ``chain name not allowed to start with `-'``.
    ChainNameStart(char),
    /// `chain name may not clash with target name`.
    ChainNameClash,
    /// ``Invalid chain name `a b'``.
    ChainName(Box<str>),
    /// `Invalid target name (too short)`.
    TargetNameEmpty,
    /// ``Invalid target name `X' (28 chars max)``.
    TargetNameLong(Box<str>),
    /// ``Invalid target name `a b'``.
    TargetName(Box<str>),
    /// `Invalid match name "X" (28 chars max)`.
    MatchNameLong(Box<str>),
    /// `multiple --in-interface options not allowed`.
    OptionTwice(Box<str>),
    /// `cannot have ! before --jump`.
    NotInvertible(Box<str>),
    /// `unexpected '!' flag`.
    UnexpectedNot,
    /// `unexpected ! flag before --match`.
    UnexpectedNotBefore(Box<str>),
    /// `multiple consecutive ! not allowed`.
    NotTwice,
    /// `nothing appropriate following !`.
    NothingAfterNot,
    /// ``Illegal option `--numeric' with this command``.
    IllegalOption(Box<str>),
    /// `Can't use --out-interface with INPUT`.
    WrongDirection(Box<str>, Box<str>),
    /// `! not allowed with multiple source or destination IP addresses`.
    NotWithSeveral,
    /// `rule would never match protocol`.
    NeverMatches,
    /// ``interface name `X' must be shorter than 16 characters``.
    InterfaceLong(Box<str>),
    /// `Empty interface is likely to be undesired`.
    InterfaceEmpty,
    /// `` `-f' is not supported in IPv6, use -m frag instead``.
    FragmentInV6,
    /// `--set-counters` with what is wrong behind it.
    SetCounters(&'static str),
    /// `wait seconds not numeric`.
    WaitSeconds,
    /// A fault of `-W`.
    WaitInterval(Box<str>),
    /// `The -t option cannot be used in iptables-restore.`
    TableInRestore,
    /// ``You cannot use `-w' from iptables-restore``.
    WaitInRestore(char),
    /// DROP in nat: the name of the table.
    DropInNat(Box<str>),
    /// `-6` for iptables, `-4` for ip6tables: only the two lines of help.
    WrongFamily,
    /// `goto 'X' is not a chain`.
    GotoNoChain(Box<str>),
    /// `Replacement rule does not specify a unique address`.
    ReplaceSeveral,
    /// ``can't initialize iptables table `x': Table does not exist (do you need to insmod?)``.
    NoTable(Box<str>),
    /// `Parameter too long!`.
    WordTooLong,
    /// `Parser cannot handle more arguments`.
    TooManyWords,
    /// Text that is not UTF-8: ours, upstream has no such error.
    NotText,
    /// The operation failed: exit status 1.
    Operation(Operation),
    /// A fault of a restore file; the text without the program's name.
    Restore(RestoreError),
}

/// Why an operation on a ruleset failed: what libiptc and the kernel say (exit status 1, `iptables: TEXT.`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// No such chain.
    NoChain,
    /// `-C`, `-D`: no such rule, or no such chain.
    BadRule,
    /// `-N`: the chain exists.
    ChainExists,
    /// `-X`: the chain has references (EMLINK).
    Links,
    /// `-X`: the chain has rules (ENOTEMPTY).
    NotEmpty,
    /// EINVAL: `-X` of a built-in chain, a jump to one, a rule that the kernel refuses.
    Invalid,
    /// ENOENT from the kernel's check of a rule.
    NoEntry,
    /// `-E`: the new name exists (EEXIST).
    NameExists,
    /// `-P`: neither ACCEPT nor DROP.
    BadPolicy,
    /// `-P`: no built-in chain.
    BadBuiltin,
    /// `-I`: rule number too big.
    InsertTooBig,
    /// `-R`: rule number too big.
    ReplaceTooBig,
    /// `-D`: rule number too big.
    DeleteTooBig,
    /// `-Z`: rule number too big.
    ZeroTooBig,
    /// A loop of chains (ELOOP).
    Loop,
    /// ERANGE from the kernel's check of a rule.
    Range,
}

impl Operation {
    /// The text without the full stop.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoChain | Self::NoEntry => "No chain/target/match by that name",
            Self::BadRule => "Bad rule (does a matching rule exist in that chain?)",
            Self::ChainExists => "Chain already exists",
            Self::Links => "Too many links",
            Self::NotEmpty => "Directory not empty",
            Self::Invalid => "Invalid argument",
            Self::NameExists => "File exists",
            Self::BadPolicy => "Bad policy name",
            Self::BadBuiltin => "Bad built-in chain name",
            Self::InsertTooBig => "Index of insertion too big",
            Self::ReplaceTooBig => "Index of replacement too big",
            Self::DeleteTooBig => "Index of deletion too big",
            Self::ZeroTooBig => "Index of counter too big",
            Self::Loop => "Too many levels of symbolic links",
            Self::Range => "Numerical result out of range",
        }
    }

    /// Whether the error number is EINVAL, to which iptables adds a hint at dmesg.
    pub const fn is_invalid(self) -> bool {
        matches!(self, Self::Invalid | Self::BadPolicy)
    }
}

/// Faults of a restore file outside commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// `PROGRAM: line N failed`: a line outside a table.
    LineFailed,
    /// `PROGRAM: line N table name invalid`.
    TableName,
    /// `PROGRAM: unable to initialize table 'x'`.
    NoTable(Box<str>),
    /// `PROGRAM: line N chain name invalid`.
    ChainName,
    /// ``Invalid chain name `X' (28 chars max)``.
    ChainNameLong(Box<str>),
    /// `error creating chain 'X':File exists`.
    ChainExists(Box<str>),
    /// `PROGRAM: line N policy invalid`.
    Policy,
    /// `invalid policy counters for chain 'X'`.
    PolicyCounters(Box<str>),
    /// ``Can't set policy `BAD' on `INPUT' line N: Bad policy name``: policy, chain, the reason.
    SetPolicy(Box<str>, Box<str>, Operation),
    /// `Bad line N: need ]` or `need :`.
    CountersNeed(char),
    /// `PROGRAM: COMMIT expected at line N`.
    CommitExpected,
}

impl ErrorKind {
    /// The exit status.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NotModelledMatch(_) | Self::NotModelledTarget(_) | Self::NoTable(_) => Exit::Version,
            Self::Operation(_)
            | Self::Restore(
                RestoreError::LineFailed | RestoreError::CommitExpected | RestoreError::SetPolicy(..),
            ) => Exit::Other,
            _ => Exit::Parameter,
        }
    }

    /// What iptables writes to the error stream for this error, whole lines.
    ///
    /// `program` is `iptables`, `ip6tables-restore` and so on; `version` is `v1.8.13 (file:…)`; `line` is the number of
    /// the line in a restore file.
    pub fn report(&self, program: &str, version: &str, line: Option<usize>) -> String {
        let number = line.unwrap_or(0);
        let tail = |mut text: String, exit: Exit| {
            if exit == Exit::Parameter {
                if line.is_some() {
                    put!(text, "Error occurred at line: {number}\n");
                }
                put!(text, "Try `{program} -h' or '{program} --help' for more information.\n");
            } else if exit == Exit::Version {
                put!(text, "Perhaps {program} or your kernel needs to be upgraded.\n");
            }
            text
        };
        match self {
            Self::Operation(_) if line.is_some() => format!("{program}: line {number} failed\n"),
            Self::Operation(operation) => {
                let hint = if operation.is_invalid() { " Run `dmesg' for more information." } else { "" };
                format!("{program}: {}.{hint}\n", operation.text())
            }
            Self::BadArgument(word) => tail(format!("Bad argument `{word}'\n"), Exit::Parameter),
            Self::WrongFamily => tail(String::new(), Exit::Parameter),
            Self::NotModelledMatch(_) | Self::NotModelledTarget(_) => {
                format!("{program} {version}: {self}\n")
            }
            Self::Restore(RestoreError::LineFailed) => format!("{program}: line {number} failed\n"),
            Self::Restore(RestoreError::CommitExpected) => {
                format!("{program}: COMMIT expected at line {number}\n")
            }
            Self::NoTable(name) => {
                let family = if program.starts_with("ip6") { "ip6tables" } else { "iptables" };
                // Linux: libiptc's words for EINVAL, which it gives for names that no table can have.
                let why = if name.len() > TABLE_NAME_MAX {
                    "Module is wrong version"
                } else {
                    "Table does not exist (do you need to insmod?)"
                };
                tail(
                    format!("{program} {version}: can't initialize {family} table `{name}': {why}\n"),
                    Exit::Version,
                )
            }
            Self::TableInRestore => tail(
                format!("{program} {version}: The -t option cannot be used in {program}.\n\n"),
                Exit::Parameter,
            ),
            Self::Restore(fault) => {
                let text = fault.text(program, number);
                tail(format!("{program} {version}: {text}\n"), self.exit())
            }
            _ => tail(format!("{program} {version}: {self}\n"), self.exit()),
        }
    }
}

impl RestoreError {
    /// The fault without the program and the line, for a place where both are told beside it.
    fn words(&self) -> Cow<'static, str> {
        match self {
            Self::LineFailed => "this line cannot stand here".into(),
            Self::TableName => "table name invalid".into(),
            Self::ChainName => "chain name invalid".into(),
            Self::Policy => "policy invalid".into(),
            Self::CountersNeed(what) => format!("need {what}").into(),
            Self::CommitExpected => "COMMIT expected".into(),
            Self::NoTable(name) => format!("unable to initialize table '{name}'").into(),
            Self::SetPolicy(policy, chain, reason) => {
                format!("Can't set policy `{policy}' on `{chain}': {}", reason.text()).into()
            }
            Self::ChainNameLong(_) | Self::ChainExists(_) | Self::PolicyCounters(_) => {
                self.text("", 0).into()
            }
        }
    }

    /// iptables' words.
    fn text(&self, program: &str, line: usize) -> String {
        match self {
            Self::LineFailed => format!("{program}: line {line} failed"),
            Self::TableName => format!("{program}: line {line} table name invalid"),
            Self::NoTable(name) => format!("{program}: unable to initialize table '{name}'"),
            Self::ChainName => format!("{program}: line {line} chain name invalid"),
            Self::ChainNameLong(name) => format!("Invalid chain name `{name}' (28 chars max)"),
            Self::ChainExists(name) => format!("error creating chain '{name}':File exists"),
            Self::Policy => format!("{program}: line {line} policy invalid"),
            Self::PolicyCounters(chain) => format!("invalid policy counters for chain '{chain}'"),
            Self::SetPolicy(policy, chain, reason) => {
                format!("Can't set policy `{policy}' on `{chain}' line {line}: {}", reason.text())
            }
            Self::CountersNeed(what) => format!("Bad line {line}: need {what}"),
            Self::CommitExpected => format!("{program}: COMMIT expected at line {line}"),
        }
    }
}

impl fmt::Display for ErrorKind {
    /// iptables' words, without the program's name in front, with the newline at the end where upstream has one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension(text) => f.write_str(text),
            Self::UnknownMatch(name) => {
                writeln!(f, "Couldn't load match `{name}':No such file or directory")
            }
            Self::UnknownTarget(name) => {
                writeln!(f, "Couldn't load target `{name}':No such file or directory")
            }
            Self::NotModelledMatch(name) => write!(f, "match `{name}' is not yet modelled by oxitables"),
            Self::NotModelledTarget(name) => write!(f, "target `{name}' is not yet modelled by oxitables"),
            Self::Port(text) => write!(f, "invalid port/service `{text}' specified"),
            Self::Host(text) => write!(f, "host/network `{text}' not found"),
            Self::Mask(text) => write!(f, "invalid mask `{text}' specified"),
            Self::Protocol(text) => write!(f, "unknown protocol \"{text}\" specified"),
            Self::NoCommand => f.write_str("no command specified"),
            Self::TwoCommands(new, old) => write!(f, "Cannot use -{new} with -{old}"),
            Self::MissingArgument(option) => write!(f, "option \"{option}\" requires an argument"),
            Self::UnknownOption(option) => write!(f, "unknown option \"{option}\""),
            Self::BadArgument(word) => write!(f, "Bad argument `{word}'"),
            Self::UnknownArguments => f.write_str("unknown arguments found on commandline"),
            Self::RuleNumber(text) => write!(f, "Invalid rule number `{text}'"),
            Self::NeedsRuleNumber => f.write_str("-R requires a rule number"),
            Self::NeedsNewName => f.write_str("-E requires old-chain-name and new-chain-name"),
            Self::NeedsPolicy => f.write_str("-P requires a chain and a policy"),
            Self::ChainNameLong(name) => write!(f, "chain name `{name}' too long (must be under 29 chars)"),
            Self::ChainNameStart(letter) => write!(f, "chain name not allowed to start with `{letter}'"),
            Self::ChainNameClash => f.write_str("chain name may not clash with target name"),
            Self::ChainName(name) => write!(f, "Invalid chain name `{name}'"),
            Self::TargetNameEmpty => f.write_str("Invalid target name (too short)"),
            Self::TargetNameLong(name) => write!(f, "Invalid target name `{name}' (28 chars max)"),
            Self::TargetName(name) => write!(f, "Invalid target name `{name}'"),
            Self::MatchNameLong(name) => write!(f, "Invalid match name \"{name}\" (28 chars max)"),
            Self::OptionTwice(option) => write!(f, "multiple {option} options not allowed"),
            Self::NotInvertible(option) => write!(f, "cannot have ! before {option}"),
            Self::UnexpectedNot => f.write_str("unexpected '!' flag"),
            Self::UnexpectedNotBefore(option) => write!(f, "unexpected ! flag before {option}"),
            Self::NotTwice => f.write_str("multiple consecutive ! not allowed"),
            Self::NothingAfterNot => f.write_str("nothing appropriate following !"),
            Self::IllegalOption(option) => write!(f, "Illegal option `{option}' with this command"),
            Self::WrongDirection(option, chain) => write!(f, "Can't use {option} with {chain}"),
            Self::NotWithSeveral => {
                f.write_str("! not allowed with multiple source or destination IP addresses")
            }
            Self::NeverMatches => f.write_str("rule would never match protocol"),
            Self::InterfaceLong(name) => {
                write!(f, "interface name `{name}' must be shorter than 16 characters")
            }
            Self::InterfaceEmpty => f.write_str("Empty interface is likely to be undesired"),
            Self::FragmentInV6 => f.write_str("`-f' is not supported in IPv6, use -m frag instead"),
            Self::SetCounters(what) => write!(f, "--set-counters {what}"),
            Self::WaitSeconds => f.write_str("wait seconds not numeric"),
            Self::WaitInterval(text) => f.write_str(text),
            Self::TableInRestore => f.write_str("The -t option cannot be used in iptables-restore.\n"),
            Self::WaitInRestore(letter) => write!(f, "You cannot use `-{letter}' from iptables-restore"),
            Self::DropInNat(table) => write!(
                f,
                "\nThe \"{table}\" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n"
            ),
            Self::WrongFamily => f.write_str("this is a command for the other address family"),
            Self::GotoNoChain(name) => write!(f, "goto '{name}' is not a chain"),
            Self::ReplaceSeveral => f.write_str("Replacement rule does not specify a unique address"),
            Self::NoTable(name) => {
                write!(f, "can't initialize table `{name}': Table does not exist (do you need to insmod?)")
            }
            Self::WordTooLong => f.write_str("Parameter too long!"),
            Self::TooManyWords => f.write_str("Parser cannot handle more arguments"),
            Self::NotText => f.write_str("an argument is not UTF-8 text"),
            Self::Operation(operation) => f.write_str(operation.text()),
            Self::Restore(fault) => f.write_str(&fault.words()),
        }
    }
}

/// The name nearest to what was typed: at most a third of its length (and at least one, at most three) edits away.
/// An edit is a letter more, less, other, or two neighbours exchanged; case does not count.
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let limit = (typed.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .filter(|name| *name != typed)
        .map(|name| (distance(&typed.to_lowercase(), &name.to_lowercase()), name))
        .filter(|&(far, _)| far <= limit)
        .min_by_key(|&(far, _)| far)
        .map(|(_, name)| name)
}

/// Edit distance with exchange of neighbours (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(64).collect();
    let right: Vec<char> = right.chars().take(64).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best =
                (at(&last, j + 1) + 1).min(at(&row, j) + 1).min(at(&last, j) + usize::from(a != b));
            if i > 0 && j > 0 && Some(a) == right.get(j - 1) && left.get(i - 1) == Some(b) {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
