//! Finding an extension header of an IPv6 packet, as the matches of such headers do.
use super::{Asked, Miss};
use crate::trace::Found;

/// A header that was looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    /// All bytes of the packet from the header on.
    pub rest: &'a [u8],
}

/// Looks for the first header of a protocol, for an option. One that is not there (`what` is missing then) is no match;
/// headers that are cut short before it are a hotdrop.
pub(super) fn find<'a>(
    asked: &Asked<'a>,
    protocol: u8,
    option: &'static str,
    what: &'static str,
) -> Result<Header<'a>, Miss> {
    let view = asked.packet.view();
    let cut = Miss::Hotdrop(option, Found::Nothing("whole extension headers"));
    let at = view.find_extension(protocol).map_err(|_| cut)?;
    let rest = at.and_then(|at| view.bytes().get(at..));
    rest.map(|rest| Header { rest }).ok_or(Miss::Failed(option, Found::Nothing(what)))
}

impl<'a> Header<'a> {
    /// The header as long as its length field says; `None` if the packet ends before.
    pub(super) fn whole(self) -> Option<&'a [u8]> {
        let length = (usize::from(*self.rest.get(1)?) + 1) * 8;
        self.rest.get(..length)
    }
}
