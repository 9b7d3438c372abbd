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
        // Linux: SNAT and DNAT are no states of this match; where the last name is empty it has an error of its own.
        let (front, last) = call.text().rsplit_once(',').unwrap_or(("", call.text()));
        if last.is_empty() {
            if call.text().contains(',') {
                parse_states(call, "state", false, front)?;
            }
            let text = "\"--state\" requires a list of states with no spaces, e.g. ESTABLISHED,RELATED";
            return Err(call.error(text));
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
