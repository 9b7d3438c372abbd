//! The machine's side: iptables-legacy 1.8.9 in a network namespace of its own.
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use packet::Family;

use super::{Said, Speaker, program};

/// The version whose differences [`super::differences`] knows.
pub const VERSION: &str = "v1.8.9 (legacy)";

/// Why iptables-legacy of that version cannot be asked; `None`: it can.
pub fn missing() -> Option<String> {
    if !sys::namespace::is_administrator() {
        return Some("not root".into());
    }
    match Command::new("iptables-legacy").arg("-V").output() {
        Err(error) => Some(format!("iptables-legacy: {error}")),
        Ok(output) => {
            let version = String::from_utf8_lossy(&output.stdout).into_owned();
            (!version.contains(VERSION)).then(|| format!("iptables-legacy is {}", version.trim()))
        }
    }
}

/// iptables-legacy in a namespace, with a lock of its own.
#[derive(Debug)]
pub struct Machine {
    family: Family,
    lock: PathBuf,
}

impl Machine {
    /// Moves the calling thread, and all that it starts, into a fresh network namespace. The one before ends with it.
    pub fn new(family: Family) -> std::io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        sys::judge::unshare_network()?;
        // Why: rules may name the sets that fixtures name. Without ipset those rules are refused, and that is seen.
        for (name, kind, _) in rules::fixture::SETS {
            let _ = Command::new("ipset").args(["create", name]).args(kind.split(' ')).output();
        }
        for command in rules::fixture::OBJECTS {
            let mut words = command.split(' ');
            let _ = words.next().map(|program| Command::new(program).args(words).output());
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("oxitables-language-{}-{number}.lock", std::process::id());
        Ok(Self { family, lock: std::env::temp_dir().join(name) })
    }

    fn run(&self, end: &str, words: &[String]) -> Said {
        let output = Command::new(format!("{}-legacy{end}", program(self.family)))
            .args(words)
            .env("XTABLES_LOCKFILE", &self.lock)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output();
        match output {
            Ok(output) => Said {
                exit: output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255),
                out: String::from_utf8_lossy(&output.stdout).into_owned(),
                error: String::from_utf8_lossy(&output.stderr).into_owned(),
            },
            Err(error) => Said { exit: 255, out: String::new(), error: error.to_string() },
        }
    }
}

impl Speaker for Machine {
    fn say(&mut self, words: &[String]) -> Said {
        self.run("", words)
    }

    fn save(&mut self) -> String {
        let saved = self.run("-save", &["-c".to_owned()]).out;
        saved.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Why: it is empty and in the folder for passing files; one that is left does no harm.
        let _ = std::fs::remove_file(&self.lock);
    }
}
