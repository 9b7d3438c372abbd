#![no_main]
//! Any text as a restore file of either family: it loads or has faults; what loads prints, loads and prints the same.
#[path = "../round.rs"]
mod round;

use libfuzzer_sys::fuzz_target;
use packet::Family;
use rules::fixture::DebianNames;
use rules::syntax::restore;

fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let family = if first & 1 == 0 { Family::V4 } else { Family::V6 };
    let text = String::from_utf8_lossy(rest);
    let ruleset = match restore::load(&text, family, Some(&DebianNames)) {
        Ok(ruleset) => ruleset,
        Err(faults) => {
            for fault in faults {
                drop(fault.error.kind.report("iptables-restore", "v1.8.13", Some(fault.line)));
            }
            return;
        }
    };
    round::goes_round(&ruleset, family);
});
