//! Where a ruleset lives: one text file for both families, locked and written as a whole.
//!
//! # The file
//!
//! A restore file whose lines carry `-4` or `-6`, so that `iptables-restore -c` reads the rules of IPv4 out of it and
//! `ip6tables-restore -c` those of IPv6, each skipping the other's:
//!
//! ```text
//! # oxitables ruleset. Change it with iptables, or by hand; iptables-restore and ip6tables-restore read it.
//! # Tables of iptables, oldest first: filter nat
//! # Tables of ip6tables, oldest first: filter
//! *filter
//! -4 -P INPUT DROP -c 12 3456
//! -4 -N ssh
//! -4 -A INPUT -p tcp -m tcp --dport 22 -c 3 180 -j ssh
//! -6 -P INPUT ACCEPT -c 0 0
//! COMMIT
//! # Sets of ipset by place, - for a free one: bad - good
//! # Their timeouts count from second 1795000000 of the clock.
//! #ipset create bad hash:ip family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x12345678
//! #ipset add bad 192.0.2.1
//! ```
//!
//! The sets stand behind the tables, as remarks for iptables-restore; without `#ipset ` in front they are what
//! `ipset restore` reads.
//!
//! # Safety
//!
//! All who read or write hold an exclusive lock: on `XTABLES_LOCKFILE` if it is set, else on `PATH.lock`. A new state is
//! written to a file beside the old one, flushed to the disk, and renamed over it: a crash, a full disk or a broken line
//! leave the old state as it was. What a crashed writer left behind is removed by the next one.
//! A file that does not parse is never overwritten.
use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use packet::Family;
use rules::matches::named::without_names;
use rules::syntax::command::Wait;
use rules::syntax::objects::Objects;
use rules::syntax::restore::{Options, Reader};
use rules::syntax::text::push_word;
use rules::syntax::{Exit, print};
use rules::{Ruleset, Table, TableRules};

use crate::applets::family_name;
use crate::names::SystemNames;
use crate::whole;

mod glance;
mod kept;
mod sets;

pub(crate) use kept::Kept;
pub(crate) use sets::{SetFile, SetHeads, script_of, sets_of};

/// Where a ruleset lives.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    path: PathBuf,
    lock: PathBuf,
}

/// Why a ruleset cannot be reached.
#[derive(Debug)]
pub(crate) enum TargetError {
    /// `OXITABLES_TARGET` names something that this version has not.
    Unsupported(String),
    /// The lock file cannot be opened.
    LockOpen {
        /// The lock file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another holds the lock.
    LockBusy {
        /// The lock file.
        path: PathBuf,
        /// How many seconds were waited; `None`: none were asked for.
        seconds: Option<u32>,
    },
    /// The ruleset cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The ruleset does not parse.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// The ruleset cannot be written; the old one is as it was.
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl TargetError {
    /// The exit status.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Unsupported(_) => Exit::Version,
            _ => Exit::Resource,
        }
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = crate::applets::system_text;
        match self {
            Self::Unsupported(target) => write!(
                f,
                "OXITABLES_TARGET={target} is not known: this version has file:PATH with an absolute path"
            ),
            Self::LockOpen { path, error } => {
                write!(f, "Fatal: can't open lock file {}: {}", path.display(), text(error))
            }
            Self::LockBusy { path, seconds } => {
                writeln!(f, "Can't lock {}: Resource temporarily unavailable", path.display())?;
                f.write_str("Another app is currently holding the xtables lock. ")?;
                match seconds {
                    None => f.write_str("Perhaps you want to use the -w option?"),
                    Some(seconds) => write!(f, "Stopped waiting after {seconds}s."),
                }
            }
            Self::Read { path, error } => write!(f, "can't read ruleset {}: {}", path.display(), text(error)),
            Self::Corrupt { path, line, what } => {
                write!(f, "ruleset {}, line {line}: {what}; it is left as it is", path.display())
            }
            Self::Write { path, error } => {
                write!(f, "can't write ruleset {}: {}; the old one is unchanged", path.display(), text(error))
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file:{}", self.path.display())
    }
}

impl Place {
    /// The place that the environment names: `OXITABLES_TARGET`, else `/var/lib/oxitables/ruleset` for root and
    /// `$XDG_STATE_HOME/oxitables/ruleset` (or `~/.local/state/…`) for others.
    pub(crate) fn from_environment() -> Result<Place, TargetError> {
        let path = match std::env::var_os("OXITABLES_TARGET").filter(|value| !value.is_empty()) {
            Some(target) => {
                let text = target.to_string_lossy();
                let path = text.strip_prefix("file:").map(PathBuf::from);
                // Why: the root folder has no name, and its lock would be a file in it.
                let path = path.filter(|path| path.is_absolute() && path.file_name().is_some());
                path.ok_or_else(|| TargetError::Unsupported(text.clone().into_owned()))?
            }
            None => default_path(),
        };
        let lock = match std::env::var_os("XTABLES_LOCKFILE").filter(|value| !value.is_empty()) {
            Some(lock) => PathBuf::from(lock),
            None => {
                // Why: a ruleset that is reached by two names has one lock.
                let mut name = whole::resolved(&path).into_os_string();
                name.push(".lock");
                PathBuf::from(name)
            }
        };
        Ok(Place { path, lock })
    }

    /// Takes the lock, waiting as `-w` says.
    pub(crate) fn lock(&self, wait: Wait) -> Result<Locked, TargetError> {
        let failed = |error| TargetError::LockOpen { path: self.lock.clone(), error };
        // Why: the folder of the ruleset is made; that of another lock file is not ours to make.
        if let (Some(folder), true) = (self.path.parent(), self.lock.parent() == self.path.parent()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.lock)
            .map_err(failed)?;
        let locked = |file| Locked { path: self.path.clone(), _lock: file };
        let end = match wait {
            Wait::Forever => {
                file.lock().map_err(failed)?;
                return Ok(locked(file));
            }
            Wait::Seconds(seconds) => {
                Some((Instant::now() + Duration::from_secs(u64::from(seconds)), seconds))
            }
            Wait::No => None,
        };
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(locked(file)),
                Err(std::fs::TryLockError::WouldBlock) => {}
                Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
            }
            match end {
                Some((end, _)) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
                end => {
                    let seconds = end.map(|(_, seconds)| seconds);
                    return Err(TargetError::LockBusy { path: self.lock.clone(), seconds });
                }
            }
        }
    }
}

fn default_path() -> PathBuf {
    // Why: the owner of /proc/self is the effective user, without an unsafe call.
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if root {
        return PathBuf::from("/var/lib/oxitables/ruleset");
    }
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
    state.unwrap_or_else(|| PathBuf::from("/tmp")).join("oxitables/ruleset")
}

/// Both families as they stand in the file.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    v4: Ruleset,
    v6: Ruleset,
    /// The lines of the sets as they stand in the file.
    sets: Box<str>,
    /// The file that was read or written.
    identity: Option<Identity>,
}

/// What tells one state of a file from another: each write makes a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    changed: (i64, i64),
    length: u64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
            length: metadata.len(),
        }
    }
}

impl Stored {
    /// The ruleset of a family.
    pub(crate) fn family(&self, family: Family) -> &Ruleset {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    /// Whether both are of the same file, with no write between them.
    pub(crate) fn is_same_file(&self, other: &Stored) -> bool {
        self.identity == other.identity
    }

    /// What the rules of all tables share with new ones of a family.
    pub(crate) fn objects(&self, family: Family) -> Objects {
        let both = [&self.v4, &self.v6];
        let tables = both.into_iter().flat_map(|own| own.tables().iter().map(|rules| (own.family(), rules)));
        Objects::of(family, tables)
    }

    /// The ruleset of a family.
    pub(crate) fn family_mut(&mut self, family: Family) -> &mut Ruleset {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// Up to this many bytes what is about to be written is read back first, so that no command can make a file that the
/// next one cannot read.
const VERIFY_MAX: usize = 1 << 20;

/// The right to read and write, until it is dropped.
#[derive(Debug)]
pub(crate) struct Locked {
    path: PathBuf,
    _lock: File,
}

impl Locked {
    /// Whether what was read before is still what stands in the file.
    pub(crate) fn is_current(&self, stored: &Stored) -> bool {
        self.identity() == stored.identity
    }

    fn identity(&self) -> Option<Identity> {
        std::fs::metadata(&self.path).ok().map(|metadata| Identity::of(&metadata))
    }

    /// Notes that what is in memory is what stands in the file now.
    pub(crate) fn refresh(&self, stored: &mut Stored) {
        stored.identity = self.identity();
    }

    /// The text of the file. A file that is not there is empty.
    fn text(&self) -> Result<String, TargetError> {
        let read = || {
            // Why: asked before it is opened: the opening of a pipe waits.
            whole::demand_regular(&std::fs::metadata(&self.path)?)?;
            whole::read(File::open(&self.path)?, whole::MOST_BYTES)
        };
        let text = match read() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(TargetError::Read { path: self.path.clone(), error }),
        };
        String::from_utf8(text).map_err(|fault| {
            let line =
                fault.as_bytes().iter().take(fault.utf8_error().valid_up_to()).filter(|&&b| b == b'\n');
            TargetError::Corrupt {
                path: self.path.clone(),
                line: line.count() + 1,
                what: "not UTF-8 text".into(),
            }
        })
    }

    /// Reads both families. A file that is not there is an empty ruleset.
    pub(crate) fn read(&self) -> Result<Stored, TargetError> {
        let identity = self.identity();
        let text = self.text()?;
        let sets = sets::lines_of(&text).into_boxed_str();
        let [v4, v6] = parse(&text).map_err(|(line, what)| self.corrupt(line, what))?;
        Ok(Stored { v4, v6, sets, identity })
    }

    /// Writes both families, all or nothing.
    pub(crate) fn write(&self, stored: &Stored) -> Result<(), TargetError> {
        let mut text = print_all([&stored.v4, &stored.v6]);
        if text.len() < VERIFY_MAX {
            parse(&text).map_err(|(line, what)| TargetError::Write {
                path: self.path.clone(),
                error: io::Error::other(format!("line {line} would not be read again ({what})")),
            })?;
        }
        text.push_str(&stored.sets);
        self.write_text(&text)
    }

    /// The file does not parse.
    pub(crate) fn corrupt(&self, line: usize, what: String) -> TargetError {
        TargetError::Corrupt { path: self.path.clone(), line, what }
    }

    fn write_text(&self, text: &str) -> Result<(), TargetError> {
        let write = || {
            std::fs::create_dir_all(self.path.parent().unwrap_or(Path::new("/")))?;
            whole::remove_left_behind(&self.path);
            whole::replace(&self.path, text.as_bytes(), 0o600)
        };
        write().map_err(|error| TargetError::Write { path: self.path.clone(), error })
    }
}

fn order_line(family: Family) -> String {
    format!("# Tables of {}, oldest first:", family_name(family))
}

/// The text of the file.
fn print_all(rulesets: [&Ruleset; 2]) -> String {
    let mut out = String::from(
        "# oxitables ruleset. Change it with iptables, or by hand; iptables-restore and ip6tables-restore read it.\n",
    );
    for ruleset in rulesets {
        out.push_str(&order_line(ruleset.family()));
        for rules in ruleset.tables() {
            out.push(' ');
            out.push_str(rules.table().name());
        }
        out.push('\n');
    }
    for table in Table::ALL {
        let present: Vec<_> =
            rulesets.iter().filter_map(|ruleset| Some((ruleset.family(), ruleset.table(table)?))).collect();
        if present.is_empty() {
            continue;
        }
        out.push('*');
        out.push_str(table.name());
        out.push('\n');
        for (family, rules) in present {
            print_family(&mut out, family, rules);
        }
        out.push_str("COMMIT\n");
    }
    out
}

fn print_family(out: &mut String, family: Family, rules: &TableRules) {
    let mark = mark(family);
    let chains = rules.chains();
    for (_, chain) in &chains {
        out.push_str(mark);
        let name = chain.name.as_str();
        let line = match chain.hook {
            Some(_) => {
                let (policy, counters) = (chain.policy.name(), chain.counters);
                format!("-P {name} {policy} -c {} {}\n", counters.packets, counters.bytes)
            }
            None => {
                let mut line = String::from("-N ");
                push_word(&mut line, name);
                line.push('\n');
                line
            }
        };
        out.push_str(&line);
    }
    for (_, chain) in &chains {
        let name = chain.name.as_str();
        for rule in &chain.rules {
            out.push_str(mark);
            print::whole_rule(out, rules, name, &without_names(rule));
            out.push('\n');
        }
    }
}

fn mark(family: Family) -> &'static str {
    match family {
        Family::V4 => "-4 ",
        Family::V6 => "-6 ",
    }
}

/// One family in the reading of the file.
struct Part<'a> {
    ruleset: Ruleset,
    reader: Reader<'a>,
    order: String,
    listed: Option<Vec<Table>>,
    out: String,
}

impl<'a> Part<'a> {
    fn new(family: Family, names: &'a SystemNames) -> Self {
        let reader = Reader::new(Options { counters: true, trusted: true, ..Options::new(family, names) });
        let (ruleset, order) = (Ruleset::new(family), order_line(family));
        Self { ruleset, reader, order, listed: None, out: String::new() }
    }

    fn line(&mut self, line: &str) -> Result<(), (usize, String)> {
        let tables = if line.starts_with('#') { line.strip_prefix(self.order.as_str()) } else { None };
        if let Some(tables) = tables {
            self.listed = Some(tables.split_ascii_whitespace().filter_map(Table::from_name).collect());
        }
        match self.reader.line(line, &mut self.ruleset, &mut self.out) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.fault()),
        }
    }

    fn end(mut self) -> Result<Ruleset, (usize, String)> {
        if self.reader.end(&mut self.ruleset).is_err() {
            return Err(self.fault());
        }
        // Tables that were added by hand come behind those that the file lists; `*TABLE` alone for the other family does
        // not count.
        if let Some(listed) = self.listed {
            self.ruleset.order(&listed, is_touched);
        }
        Ok(self.ruleset)
    }

    fn fault(&mut self) -> (usize, String) {
        let faults = self.reader.take_faults();
        let fault = faults.first();
        let line = fault.map_or(0, |fault| fault.rule_line.unwrap_or(fault.line));
        (line, fault.map_or_else(String::new, |fault| fault.error.kind.to_string().trim().to_owned()))
    }
}

/// Both families out of the text of the file; a fault with its line.
fn parse(text: &str) -> Result<[Ruleset; 2], (usize, String)> {
    // Why: the file has numbers only; what this machine calls them comes back by reading.
    let names = SystemNames::new();
    let (mut v4, mut v6) = (Part::new(Family::V4, &names), Part::new(Family::V6, &names));
    for line in lines(text) {
        // Why: a blank line is the cheapest way to skip one of the other family.
        let (four, six) = match (line.strip_prefix(mark(Family::V4)), line.strip_prefix(mark(Family::V6))) {
            (Some(own), _) => (own, "\n"),
            (_, Some(own)) => ("\n", own),
            _ => (line, line),
        };
        v4.line(four)?;
        v6.line(six)?;
    }
    Ok([v4.end()?, v6.end()?])
}

/// The lines of the file. A line break in quotes (a comment may have one) does not end a line.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut end = 0;
        let mut quoted = false;
        loop {
            let line = rest.get(end..)?;
            let length = line.find('\n').map_or(line.len(), |at| at + 1);
            if length == 0 {
                break;
            }
            let line = line.get(..length)?;
            end += length;
            quoted = ends_in_quotes(line, quoted);
            if !quoted {
                break;
            }
        }
        let (line, behind) = rest.split_at_checked(end)?;
        rest = behind;
        (!line.is_empty()).then_some(line)
    })
}

/// Whether a quoted group is open at the end of a line that begins inside of one or not.
fn ends_in_quotes(line: &str, mut quoted: bool) -> bool {
    let mut rest = line.as_bytes();
    loop {
        let stop = |&byte: &u8| byte == b'"' || (quoted && byte == b'\\');
        let Some(at) = rest.iter().position(stop) else { return quoted };
        let escape = rest.get(at) == Some(&b'\\');
        quoted ^= !escape;
        rest = rest.get(at + 1 + usize::from(escape)..).unwrap_or(&[]);
    }
}

/// Whether a table has anything in it.
fn is_touched(rules: &TableRules) -> bool {
    rules.slots_in_order().any(|(_, chain)| chain.hook.is_none() || !chain.rules.is_empty())
}

#[cfg(test)]
mod tests;
