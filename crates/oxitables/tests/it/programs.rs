//! Running the binary under its names, in a folder and environment of its own.
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_oxitables");

/// The names by which programs of the family are called.
pub(crate) const NAMES: [&str; 8] = [
    "iptables",
    "iptables-save",
    "iptables-restore",
    "iptables-apply",
    "ip6tables",
    "ip6tables-save",
    "ip6tables-restore",
    "ip6tables-apply",
];

/// A folder with the programs' names as links, a ruleset and a lock.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// Empty, with links named as the programs.
    pub(crate) fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let home = Home { folder };
        std::fs::create_dir(home.bin()).unwrap();
        for name in NAMES {
            std::os::unix::fs::symlink(BINARY, home.bin().join(name)).unwrap();
        }
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn bin(&self) -> PathBuf {
        self.path().join("bin")
    }

    pub(crate) fn ruleset(&self) -> PathBuf {
        self.path().join("state/ruleset")
    }

    /// Sets the environment of a command: the ruleset of this home, no colours.
    pub(crate) fn dress<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .current_dir(self.path())
            .env("OXITABLES_TARGET", format!("file:{}", self.ruleset().display()))
            .env_remove("XTABLES_LOCKFILE")
            .env_remove("OXITABLES_COLOR")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
    }

    /// Runs a program by its link with some input.
    pub(crate) fn run_with(&self, program: &str, words: &[&str], input: &str) -> Output {
        let mut command = Command::new(self.bin().join(program));
        feed(self.dress(command.args(words)), input)
    }

    /// Runs a program by its link.
    pub(crate) fn run(&self, program: &str, words: &[&str]) -> Output {
        self.run_with(program, words, "")
    }

    /// Runs `iptables` with the words of a line and demands success; the standard output.
    #[track_caller]
    pub(crate) fn iptables(&self, line: &str) -> String {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let output = self.run("iptables", &words);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Runs a command with some input.
pub(crate) fn feed(command: &mut Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Why: a program that fails early closes its input; that is not the test's fault.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}
