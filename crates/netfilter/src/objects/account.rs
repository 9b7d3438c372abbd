//! Accounting objects (Linux: `struct nf_acct`): packets and bytes under a name, which survive their rules, and perhaps a
//! quota.
use std::fmt;

use rules::Counters;

/// An accounting object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name, 1 to 31 bytes (`NFACCT_NAME_MAX` less the closing zero).
    pub name: Box<str>,
    /// What was counted.
    pub counters: Counters,
    /// How much is allowed.
    pub quota: Option<Quota>,
}

/// A quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many of it.
    pub limit: u64,
    /// Whether packets count instead of bytes.
    pub packets: bool,
    /// Whether listeners were told that it is reached (`overquota`): once, until somebody resets it.
    pub told: bool,
}

impl Account {
    /// An object that has counted nothing; `None`: no such name can be.
    pub fn new(name: &str, quota: Option<Quota>) -> Option<Self> {
        let fits = (1..=31).contains(&name.len()) && !name.contains('\n');
        fits.then(|| Self { name: name.into(), counters: Counters::default(), quota })
    }

    /// Counts a packet, and says whether a rule that names the object holds: always without a quota, else when the quota
    /// is exceeded (Linux: `nfacct_mt`, `nfnl_acct_overquota`).
    pub(crate) fn count(&mut self, bytes: usize) -> bool {
        self.counters.count(bytes);
        let Some(quota) = &mut self.quota else { return true };
        let now = if quota.packets { self.counters.packets } else { self.counters.bytes };
        // Linux: listeners hear of it when the quota is reached, the rule holds when it is exceeded.
        quota.told |= now >= quota.limit;
        now > quota.limit
    }

    /// Reads a line as `nfacct list` prints it or `nfacct add` takes it.
    pub(super) fn parse(line: &str) -> Result<Self, &'static str> {
        match line.strip_prefix("nfacct ") {
            Some(command) => Self::parse_command(command),
            None => Self::parse_listed(line),
        }
    }

    fn parse_command(command: &str) -> Result<Self, &'static str> {
        let words: Vec<&str> = command.split_ascii_whitespace().collect();
        let (name, quota) = match words.as_slice() {
            ["add", name] => (name, None),
            ["add", name, mode, limit] => (name, Some(quota(mode, limit)?)),
            _ => return Err("wanted is `nfacct add NAME [byte|packet QUOTA]`"),
        };
        Self::new(name, quota).ok_or(NAME)
    }

    fn parse_listed(line: &str) -> Result<Self, &'static str> {
        const FORM: &str = "wanted is `{ pkts = N, bytes = N } = NAME;`, as `nfacct list` prints it";
        let (fields, name) = line
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix(';'))
            .and_then(|rest| rest.split_once("} = "))
            .ok_or(FORM)?;
        let mut own = Self::new(name, None).ok_or(NAME)?;
        let (mut limit, mut mode, mut told) = (None, None, false);
        for field in fields.split(',') {
            let (key, value) = field.split_once('=').ok_or(FORM)?;
            let value = value.trim();
            let number = || value.parse::<u64>().map_err(|_| "not a number");
            match key.trim() {
                "pkts" => own.counters.packets = number()?,
                "bytes" => own.counters.bytes = number()?,
                "quota" => limit = Some(value),
                "mode" => mode = Some(value),
                "overquota" => told = value == "yes",
                _ => return Err(FORM),
            }
        }
        own.quota = match (limit, mode) {
            (None, None) => None,
            (Some(limit), Some(mode)) => Some(Quota { told, ..quota(mode, limit)? }),
            _ => return Err("a quota has a mode, byte or packet"),
        };
        Ok(own)
    }
}

const NAME: &str = "a name has 1 to 31 bytes";

fn quota(mode: &str, limit: &str) -> Result<Quota, &'static str> {
    let packets = match mode {
        "byte" => false,
        "packet" => true,
        _ => return Err("a quota is of `byte` or `packet`"),
    };
    Ok(Quota { limit: limit.parse().map_err(|_| "not a number")?, packets, told: false })
}

/// As `nfacct list` prints it.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ pkts = {:020}, bytes = {:020}", self.counters.packets, self.counters.bytes)?;
        if let Some(Quota { limit, packets, told }) = self.quota {
            let (mode, told) = (if packets { "packet" } else { "byte" }, if told { "yes" } else { "no" });
            write!(f, ", quota = {limit:020}, mode = {mode}, overquota = {told}")?;
        }
        write!(f, " }} = {};", self.name)
    }
}
