//! What the machine has to compare with.
use std::process::Command;

pub use judge::level::{required, skip};

/// The version whose texts the `-1.8.9` lines give.
pub const VERSION: &str = "v1.8.9 (legacy)";

/// Why iptables-legacy of the version that fixtures know cannot be asked; `None`: it can.
pub fn missing_legacy() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|uids| uids.split_whitespace().nth(1));
    if uid != Some("0") {
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
