//! The command line of iptables-apply, and its help.
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use packet::Family;

use super::super::words::{Option_, Words};
use super::super::{VERSION, family_name};
use super::voice::complain;
use super::{Code, DEFAULT_TIMEOUT, Work};

/// Its options.
pub(in crate::applets) const OPTIONS: &[Option_] = &[
    Option_::value('t', "timeout"),
    Option_::value('w', "write"),
    Option_::flag('c', "command"),
    Option_::flag('h', "help"),
    Option_::flag('V', "version"),
];

/// What the command line says.
pub(super) struct Settings {
    pub(super) family: Family,
    pub(super) work: Work,
    pub(super) timeout: Duration,
    /// `-w`.
    pub(super) save_file: Option<PathBuf>,
}

/// Where Debian keeps the rules: `/etc/network/iptables.up.rules` and `.run`.
fn default_path(family: Family, ending: &str) -> String {
    format!("/etc/network/{}.up.{ending}", family_name(family))
}

impl Settings {
    /// Reads them; the exit code where that is all there is to do.
    pub(super) fn read(family: Family, program: &str, words: Vec<OsString>) -> Result<Settings, ExitCode> {
        let mut words = Words::new(words, OPTIONS);
        let (mut seconds, mut save_file, mut is_command) = (None, None, false);
        loop {
            match words.next() {
                Ok(None) => break,
                Ok(Some(('t', value))) => seconds = value,
                Ok(Some(('w', value))) => {
                    save_file = value.map(|path| {
                        PathBuf::from(if path.is_empty() { default_path(family, "rules") } else { path })
                    });
                }
                Ok(Some(('c', _))) => is_command = true,
                Ok(Some(('V', _))) => {
                    complain(&format!(
                        "{program} {VERSION} (oxitables): try new rules, keep them only if confirmed\n"
                    ));
                    return Err(ExitCode::SUCCESS);
                }
                Ok(Some(_)) => {
                    complain(&help(family, program));
                    return Err(ExitCode::SUCCESS);
                }
                Err(fault) => {
                    complain(&format!("{program}: {fault}\nTry `{program} -h' for more information.\n"));
                    return Err(Code::Timeout.into());
                }
            }
        }
        let operand = match words.operands() {
            [] => None,
            [path] => Some(path.clone()).filter(|path| !path.is_empty()),
            _ => {
                complain(&format!("{program}: one file or command, not several\n"));
                return Err(Code::Timeout.into());
            }
        };
        let Some(timeout) = seconds.as_deref().map_or(Some(DEFAULT_TIMEOUT), timeout) else {
            complain("Error: timeout must be a positive number\n");
            return Err(Code::Timeout.into());
        };
        let path = |ending| PathBuf::from(operand.clone().unwrap_or_else(|| default_path(family, ending)));
        let work = if is_command { Work::Command(path("run")) } else { Work::File(path("rules")) };
        Ok(Settings { family, work, timeout, save_file })
    }
}

/// Whole seconds from 0 on; more than 136 years are 136 years.
fn timeout(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: u64 = digits.parse().ok()?;
    Some(Duration::from_secs(seconds.min(u64::from(u32::MAX))))
}

/// Whether this user may use a file so: `access` as the effective user.
pub(super) fn may(path: &Path, access: rustix::fs::Access) -> bool {
    let flags = rustix::fs::AtFlags::EACCESS;
    rustix::fs::accessat(rustix::fs::CWD, path, access, flags).is_ok()
}

fn help(family: Family, program: &str) -> String {
    let (rules, run) = (default_path(family, "rules"), default_path(family, "run"));
    format!(
        "\
{program} {VERSION} (oxitables): try new rules, keep them only if confirmed

Usage: {program} [-hV] [-t timeout] [-w savefile] {{[rulesfile]|-c [runcmd]}}

Applies a file of rules ({family}-save's form) or runs a command that sets rules, then asks whether new
connections to this machine still work. Without a `y' in time, or when the connection to the terminal is lost,
the rules and their counters are as they were before.

  -t, --timeout SECONDS   how long to wait for the answer, and for the command (default: 10)
  -w, --write SAVEFILE    write the rules there when they are confirmed (default if empty: {rules})
  -c, --command           run a command instead (default: {run})
  -h, --help              this text
  -V, --version           the version

Default for rulesfile: {rules}

Exit status: 0 confirmed; 1 bad option or timeout; 2 rulesfile not readable; 3 no such target; 4 the old rules cannot
be kept; 5 rulesfile not applied; 6 runcmd not executable; 7 runcmd failed; 8 savefile not writable; 9 savefile not
written; 127 runcmd not found; 255 not confirmed. After 5, 7 and 255 the old rules are in force.

  {program} -t 60 new.rules          {program} -w {rules} -c ./firewall.sh
",
        family = family_name(family),
    )
}

#[cfg(test)]
mod tests;
