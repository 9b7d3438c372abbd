#![no_main]
//! Any text as lines of `ipset restore`: each is done or has a fault that can be told, and what is there then lists in
//! every form; what is saved loads and saves the same.
use libfuzzer_sys::fuzz_target;
use rules::fixture::DebianNames;
use rules::set::print::{self, Detail, Listing, Mode};
use rules::set::run::{Options, Output, Session};
use rules::set::{Sets, restore};
use rules::syntax::{Names, NoNames};

/// Milliseconds since the epoch.
const NOW: u64 = 1_700_000_000_000;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut sets = Sets::new();
    let mut options = Options::default();
    let mut seed = 0;
    let mut random = || {
        seed += 1;
        seed
    };
    let mut session = Session { names: &DebianNames, now: NOW, seed: &mut random, references: &|_| 0 };
    for line in text.lines().take(64) {
        let mut output = Output::default();
        if let Err(fault) = restore::line(line, &mut options, &mut sets, &mut session, &mut output) {
            drop(format!("{fault:?}"));
        }
    }
    for mode in [Mode::Plain, Mode::Xml, Mode::Json] {
        drop(show(&sets, mode, &DebianNames));
    }
    // As the ruleset's own file has them: without names.
    let saved = show(&sets, Mode::Save, &NoNames);
    let loaded = restore::load(&saved, NOW).unwrap_or_else(|fault| panic!("{saved}\n{fault:?}"));
    assert_eq!(saved, show(&loaded, Mode::Save, &NoNames));
});

fn show(sets: &Sets, mode: Mode, names: &dyn Names) -> String {
    let listing = Listing {
        mode,
        detail: Detail::Members,
        names,
        resolve: false,
        now: NOW,
        references: &|_| 0,
        exact: true,
    };
    print::sets(sets, None, &listing).unwrap_or_default()
}
