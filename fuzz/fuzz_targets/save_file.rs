#![no_main]
//! Any text as a restore file of either family: it loads or has faults; what loads prints, loads and prints the same.
use libfuzzer_sys::fuzz_target;
use packet::Family;
use rules::syntax::{print, restore};

fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let family = if first & 1 == 0 { Family::V4 } else { Family::V6 };
    let text = String::from_utf8_lossy(rest);
    let ruleset = match restore::load(&text, family, None) {
        Ok(ruleset) => ruleset,
        Err(faults) => {
            for fault in faults {
                let _ = fault.error.kind.report("iptables-restore", "v1.8.13", Some(fault.line));
            }
            return;
        }
    };
    let mut printed = String::new();
    print::ruleset(&mut printed, &ruleset, true, None);
    let again = restore::load(&printed, family, None).unwrap_or_else(|faults| panic!("{printed}\n{faults:?}"));
    let mut twice = String::new();
    print::ruleset(&mut twice, &again, true, None);
    assert_eq!(printed, twice);
});
