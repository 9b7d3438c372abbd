//! The connection state alone (`-m state`): kept apart from conntrack in listings.
use std::borrow::Cow;

use super::conntrack::{StateSet, parse_states};
use crate::Negatable;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;

/// `-m state --state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The states.
    pub states: Negatable<StateSet>,
}

/// `-m state` in the language.
pub const EXTENSION: Extension<State> = Extension {
    spec: Spec {
        name: "state",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("state", Kind::Word).invertible().mandatory()],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| State { states: Negatable::is(StateSet(0)) },
    parse: |state, call, _| {
        // Linux: SNAT and DNAT are no states of this match; a list that ends in a comma has an error of its own.
        if call.text().is_empty() || call.text().ends_with(',') && !call.text().starts_with(',') {
            parse_states(call, "state", false, call.text().trim_end_matches(','))?;
            return Err(
                call.error("\"--state\" requires a list of states with no spaces, e.g. ESTABLISHED,RELATED")
            );
        }
        let value = parse_states(call, "state", false, call.text())?;
        state.states = Negatable { invert: call.invert, value };
        Ok(())
    },
    finish: finish_nothing,
    save: |state, out| {
        push_not(out, state.states.invert);
        out.push_str(" --state ");
        state.states.value.push(out);
    },
    list: |state, out, _| {
        push_not(out, state.states.invert);
        out.push_str(" state ");
        state.states.value.push(out);
    },
    check: check_nothing,
};

const HELP: &str = "state match options:
 [!] --state [INVALID|ESTABLISHED|NEW|RELATED|UNTRACKED][,...]
\t\t\t\tState(s) to match
";
