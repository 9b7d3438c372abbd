//! `-m addrtype` (Linux: `addrtype_mt_v1`).
use rules::matches::addrtype::Addrtype;

use super::{Asked, Held, Miss};
use crate::Env;

pub(super) fn holds(_rule: &Addrtype, _asked: &Asked<'_>, _env: &Env<'_>) -> Held {
    Err(Miss::Undecided("the type of an address (-m addrtype)"))
}
