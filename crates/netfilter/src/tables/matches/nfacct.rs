//! `-m nfacct` (Linux: `nfacct_mt`): counts the packet in an object of another program, which is an input
//! ([`crate::objects`]), and holds unless the object has a quota that is not exceeded.
use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::trace::Found;

/// The name of an object, with its place among the engine's.
#[derive(Debug)]
pub(in crate::tables) struct Asker {
    pub(super) name: Box<str>,
    pub(super) account: Option<usize>,
}

impl Asker {
    pub(super) fn holds(&self, asked: &Asked<'_>, env: &mut Env<'_>) -> Held {
        let Some(account) = self.account.and_then(|place| env.named.accounts.get_mut(place)) else {
            return Err(Miss::Undecided("the accounting object of -m nfacct, which nobody has given"));
        };
        let over = account.count(asked.packet.len());
        let found = account
            .quota
            .map_or(0, |quota| if quota.packets { account.counters.packets } else { account.counters.bytes });
        hold(over, "--nfacct-name", Found::Number(found))
    }
}
