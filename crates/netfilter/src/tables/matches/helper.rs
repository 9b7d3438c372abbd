//! `-m helper` (Linux: `helper_mt`): about connections that a helper expected, not about those it looks at.
use rules::matches::helper::Helper;

use super::conntrack::{Belongs, belongs};
use super::{Asked, Held, hold};
use crate::Env;
use crate::trace::Found;

pub(super) fn holds(rule: &Helper, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let kind = match belongs(asked, env) {
        Belongs::To(connection, _) => connection.rare().parent.and_then(|parent| parent.helper),
        Belongs::Template | Belongs::Untracked | Belongs::Nowhere => None,
    };
    let Some(name) = kind.map(|kind| kind.name()) else {
        return hold(rule.invert, "--helper", Found::Nothing("helper that expected it"));
    };
    // Linux: the helper's name is compared as far as it goes: `ftp` is an `ftp-2121`, too.
    let fits = rule.name.is_empty() || rule.name.starts_with(name);
    hold(fits != rule.invert, "--helper", Found::Word(name))
}
