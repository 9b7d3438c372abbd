//! The sets of ipset of the engine's half: made, changed and shown in ipset's own language.
use netfilter::Now;
use netfilter::engine::Engine;
use rules::Ruleset;
use rules::fixture::DebianNames;
use rules::set::print::{self, Detail, Listing, Mode};
use rules::set::restore;
use rules::set::run::{self, Session};

use crate::outcome::SetMember;

fn milliseconds(now: Now) -> u64 {
    now.mono.0 / 1_000_000
}

/// Makes the sets of a case.
pub(super) fn make(engine: &mut Engine, text: &str, now: Now) -> Result<(), String> {
    let sets = restore::load_with(text, milliseconds(now), &DebianNames, &mut || 0);
    engine.set_sets(sets.map_err(|(line, fault)| format!("line {line}: {}", fault.text()))?);
    Ok(())
}

/// A command of ipset; its listings are not looked at. A refusal is the error number "invalid argument".
pub(super) fn command(engine: &mut Engine, rulesets: &[Ruleset], words: &str, now: Now) -> Option<i32> {
    let references = |name: &str| rulesets.iter().map(|own| own.set_references(name)).sum();
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut session =
        Session { names: &DebianNames, now: milliseconds(now), seed: &mut || 0, references: &references };
    let done = engine.edit_sets(|sets| {
        run::run(&words, &mut Default::default(), false, sets, &mut session, &mut Default::default())
    });
    done.err().map(|_| 22)
}

/// What is in the sets.
pub(super) fn members(engine: &Engine, now: Now) -> Vec<SetMember> {
    let listing = Listing {
        mode: Mode::Save,
        detail: Detail::Members,
        names: &DebianNames,
        resolve: false,
        now: milliseconds(now),
        references: &|_| 0,
        exact: true,
    };
    SetMember::of_save(&print::sets(engine.sets(), None, &listing).unwrap_or_default())
}
