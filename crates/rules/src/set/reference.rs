//! A set in a rule: its name, and which addresses and ports of a packet are looked up in it.
use crate::syntax::extension::{Context, OptionCall};
use crate::syntax::{Error, KnownSet};

use super::SetName;
use super::entry::family_name;

/// `name src,dst,…`, of `-m set` and `-j SET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetReference {
    /// The set.
    pub name: SetName,
    /// Source or destination for each part of an element.
    pub directions: Directions,
}

/// Up to six times `src` or `dst`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Directions {
    count: u8,
    /// A bit for each `src`, the first one lowest.
    sources: u8,
}

impl Directions {
    /// The most that can be given (`IPSET_DIM_MAX`).
    pub const MAX: u8 = 6;

    /// These, `true` for `src`; `None` for none, or more than [`Self::MAX`].
    pub fn new(sources: &[bool]) -> Option<Self> {
        let mut directions = Self::default();
        for &source in sources {
            directions = directions.and(source)?;
        }
        (directions.count > 0).then_some(directions)
    }

    fn and(self, source: bool) -> Option<Self> {
        if self.count >= Self::MAX {
            return None;
        }
        Some(Self { count: self.count + 1, sources: self.sources | u8::from(source) << self.count })
    }

    /// How many there are.
    pub fn count(self) -> usize {
        usize::from(self.count)
    }

    /// Whether a part (counted from 0) is of the source. Parts for which there is none are of the destination.
    pub fn is_source(self, part: usize) -> bool {
        part < 8 && self.sources & (1 << part) != 0
    }
}

impl SetReference {
    /// The two words of an option.
    pub(crate) fn read(call: &OptionCall<'_>, context: &Context<'_>) -> Result<Self, Error> {
        let (name, directions) = (call.text(), call.second());
        if directions.starts_with(['-', '!']) {
            return Err(call.error(format!("--{} {}", call.option.name, call.option.without_second)));
        }
        if name.len() > SetName::MAX {
            return Err(call.error(format!("setname `{name}' too long, max {} characters.", SetName::MAX)));
        }
        let missing = || {
            call.error_at(0, name.len(), format!("Set {name} doesn't exist.\n"))
                .because("sets are made by `ipset create'; `ipset -n list' tells which there are")
        };
        let own = SetName::new(name).ok_or_else(missing)?;
        match context.names.set(name) {
            KnownSet::Missing => return Err(missing()),
            KnownSet::Present(Some(family)) if family != context.family => {
                let protocol = if family == packet::Family::V4 { "IPv4" } else { "IPv6" };
                let text =
                    format!("The protocol family of set {name} is {protocol}, which is not applicable.\n");
                let cause = format!("the set has family {}", family_name(Some(family)));
                return Err(call.error_at(0, name.len(), text).because(cause));
            }
            KnownSet::Present(_) | KnownSet::NotAsked => {}
        }
        let mut all = Directions::default();
        for word in directions.split(',') {
            all = match all.and(word.starts_with("src")) {
                None => {
                    let text = format!("Can't be more src/dst options than {}.", Directions::MAX);
                    return Err(call.error(text));
                }
                // Linux: what stands behind `src` and `dst` in a word is not looked at.
                Some(more) if word.starts_with("src") || word.starts_with("dst") => more,
                Some(_) => {
                    return Err(call.error("You must spefify (the comma separated list of) 'src' or 'dst'."));
                }
            };
        }
        Ok(Self { name: own, directions: all })
    }

    /// `name src,dst`.
    pub(crate) fn push(&self, out: &mut String) {
        out.push_str(self.name.as_str());
        for part in 0..self.directions.count() {
            out.push(if part == 0 { ' ' } else { ',' });
            out.push_str(if self.directions.is_source(part) { "src" } else { "dst" });
        }
    }
}
