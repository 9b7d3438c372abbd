//! `-m socket`.
use crate::matches::socket::Socket;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Socket, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    if own.restore_mark {
        let why = "nft stops where a socket has no mark of its own, iptables matches";
        return Err(Untranslatable::new("-m socket --restore-skmark", why));
    }
    expression.condition(if own.transparent { "socket transparent 1" } else { "socket transparent >= 0" });
    if !own.no_wildcard {
        // Why: a socket that is closing has no answer for nft, and is none of the wildcard ones for iptables.
        expression.unless("-m socket without --nowildcard", "socket wildcard 1");
    }
    Ok(())
}
