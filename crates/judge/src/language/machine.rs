//! The machine's side: iptables-legacy and iptables-nft 1.8.9 in a network namespace of their own.
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use packet::Family;
use rules::Table;

use super::{Said, Speaker, program};
use crate::process;

/// The version whose differences [`super::differences`] knows.
pub const VERSION: &str = "v1.8.9 (legacy)";

/// The version of iptables-nft that [`super::nft`] knows.
pub const NFT_VERSION: &str = "v1.8.9 (nf_tables)";

/// Why iptables of these versions cannot be asked; `None`: it can.
pub fn missing() -> Option<String> {
    if !sys::namespace::is_administrator() {
        return Some("not root".into());
    }
    [("iptables-legacy", VERSION), ("iptables-nft", NFT_VERSION)].into_iter().find_map(|(program, wanted)| {
        match Command::new(program).arg("-V").output() {
            Err(error) => Some(format!("{program}: {error}")),
            Ok(output) => {
                let version = String::from_utf8_lossy(&output.stdout).into_owned();
                (!version.contains(wanted)).then(|| format!("{program} is {}", version.trim()))
            }
        }
    })
}

/// Which of the machine's two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// iptables-legacy, which oxitables imitates.
    Legacy,
    /// iptables-nft: the same language, translated for nf_tables.
    Nft,
}

/// One of the machine's programs in a namespace, with a lock of its own.
#[derive(Debug)]
pub struct Machine {
    family: Family,
    back: Back,
    lock: PathBuf,
}

impl Machine {
    /// iptables-nft in the namespace of this one, with all tables and their chains: legacy has them, in nft they come into
    /// being with the first rule.
    pub fn nft(&self) -> std::io::Result<Self> {
        let nft = Self { family: self.family, back: Back::Nft, lock: self.lock.clone() };
        let tables = [Table::Filter, Table::Nat, Table::Mangle, Table::Raw, Table::Security];
        let text = tables.iter().fold(String::new(), |mut text, table| {
            text.push_str(&format!("*{}\n", table.name()));
            for (hook, _) in table.hooks() {
                text.push_str(&format!(":{} ACCEPT [0:0]\n", hook.name()));
            }
            text.push_str("COMMIT\n");
            text
        });
        process::feed(&mut nft.program("-restore"), &text).map_err(std::io::Error::other)?;
        Ok(nft)
    }

    /// iptables-legacy. Moves the calling thread, and all that it starts, into a fresh network namespace. The one before
    /// ends with it.
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
        Ok(Self { family, back: Back::Legacy, lock: std::env::temp_dir().join(name) })
    }

    fn program(&self, end: &str) -> Command {
        let back = match self.back {
            Back::Legacy => "legacy",
            Back::Nft => "nft",
        };
        let mut command = Command::new(format!("{}-{back}{end}", program(self.family)));
        command.env("XTABLES_LOCKFILE", &self.lock).env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    fn run(&self, end: &str, words: &[String]) -> Said {
        let output = self.program(end).args(words).output();
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
