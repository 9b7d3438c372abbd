#![no_main]
//! Any text as a restore file of either family: it loads or has faults; what loads prints, loads and prints the same.
use libfuzzer_sys::fuzz_target;
use packet::Family;
use rules::Ruleset;
use rules::fixture::DebianNames;
use rules::syntax::{print, restore};

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
    // Linux: tables are saved in the reverse order of their first use (F70), so that the order is back after two rounds.
    let printed = print(&ruleset);
    let turned = print(&load(&printed, family));
    assert_eq!(printed, print(&load(&turned, family)));
});

fn print(ruleset: &Ruleset) -> String {
    let mut out = String::new();
    print::ruleset(&mut out, ruleset, true, None);
    out
}

fn load(text: &str, family: Family) -> Ruleset {
    restore::load(text, family, Some(&DebianNames)).unwrap_or_else(|faults| panic!("{text}\n{faults:?}"))
}
