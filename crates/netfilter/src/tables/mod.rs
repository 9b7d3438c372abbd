//! The tables: rules compiled at load, and the walk over them.
//!
//! A [`Program`] is one table of one family in a flat form: all rules in one array, chain after chain, each chain
//! closed by an entry of its own (the policy, or the return to the caller), jumps resolved to places in the array.
//! [`walk`] is the reference evaluator and the one that forwards. Read first: Linux `ipt_do_table`.
//!
//! Each match is a file in `matches`, each target one in `targets`, under the names of crate `rules`.
//!
//! # Invariants
//!
//! * The walk allocates nothing (but entries of `connlimit`, `hashlimit` and `recent`, and members that packets add to sets), hashes nothing and looks at no text (a line for the log is text, and is made when a
//!   LOG rule or a trace asks for it).
//! * A rule that needs something that is not known is never passed over: the packet ends as
//!   [`crate::Drop::Undecided`].
//! * A hotdrop moves no counter (F19); every other rule that was asked and fits is counted, and the policy when it is
//!   reached (F68).
//! * A program keeps nothing of the one that stood in its place before: `connlimit`, `limit`, `quota` and `statistic` start
//!   anew (F72). What rules share by name is beside the programs, in [`Named`].
mod estimator;
mod header;
mod matches;
mod named;
mod overtaken;
mod program;
pub(crate) mod set;
mod targets;
mod walk;

pub(crate) use header::{Place, device_name};
pub use named::Named;
pub use program::Program;
pub(crate) use targets::log::notice as log_notice;
pub use walk::{Paused, walk, walk_in_parts};

/// What of a rule cannot be decided, because it is read and printed but not yet evaluated: `-m NAME`, or a target's name.
pub fn unmodelled(rule: &rules::Rule) -> Option<&'static str> {
    let of_match = |own| match matches::Condition::new(own) {
        matches::Condition::Unmodelled(what) => Some(what),
        _ => None,
    };
    rule.matches.iter().find_map(of_match).or_else(|| targets::unmodelled(rule.target.as_ref()?))
}

#[cfg(test)]
mod tests;
