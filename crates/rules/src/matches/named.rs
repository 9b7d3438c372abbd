//! Numbers that a file of the system names: routing realms and groups of devices.
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::OptionCall;
use crate::syntax::text::push_word;
use crate::syntax::value::leading_number;
use crate::{Match, Rule};

/// `value[/mask]`, or the name of a value.
#[derive(Clone, Debug)]
pub struct NamedValue {
    /// The value; bits outside the mask never match.
    pub value: u32,
    /// The mask; all ones when left out.
    pub mask: u32,
    /// The name that the value had when it was read: iptables saves names, and only names are what differs between two
    /// systems, so that it is no part of what two rules are compared by.
    pub name: Option<Box<str>>,
}

impl PartialEq for NamedValue {
    fn eq(&self, other: &Self) -> bool {
        (self.value, self.mask) == (other.value, other.mask)
    }
}

impl Eq for NamedValue {}

impl NamedValue {
    /// A value without a name.
    pub const fn new(value: u32, mask: u32) -> Self {
        Self { value, mask, name: None }
    }

    /// Reads it as libxtables does: what is no number is a name, whole.
    pub(super) fn read(
        call: &OptionCall<'_>,
        number: impl Fn(&str) -> Option<u32>,
        name: impl Fn(u32) -> Option<String>,
    ) -> Result<Self, Error> {
        let (extension, option) = (call.extension, call.option.name);
        let text = call.text();
        let part = |text| {
            let (value, rest) = leading_number(text)?;
            Some((u32::try_from(value).ok()?, rest))
        };
        let named = |value: u32| name(value).map(String::into_boxed_str);
        match part(text) {
            Some((value, "")) => Ok(Self { value, mask: u32::MAX, name: named(value) }),
            Some((value, rest)) if rest.starts_with('/') => {
                let (mask, behind) = part(rest.get(1..).unwrap_or("")).ok_or_else(|| {
                    call.error(format!(
                        "{extension}: bad integer value for option \"--{option}\", or out of range.\n"
                    ))
                })?;
                if !behind.is_empty() {
                    let text_end = text.len();
                    return Err(call.error_at(
                        text_end - behind.len(),
                        text_end,
                        format!("{extension}: trailing garbage after value for option \"--{option}\".\n"),
                    ));
                }
                let name = if mask == u32::MAX { named(value) } else { None };
                Ok(Self { value, mask, name })
            }
            _ => {
                let value = number(text).ok_or_else(|| {
                    call.error(format!(
                        "{extension}: could not map name {text} to an integer value for option \"--{option}\".\n"
                    ))
                })?;
                Ok(Self { value, mask: u32::MAX, name: named(value) })
            }
        }
    }

    /// ` default`, ` 0x1`, ` 0x1/0xff`: with the name where there is one and it is wanted.
    pub(super) fn push(&self, out: &mut String, with_name: bool) {
        match &self.name {
            Some(name) if with_name && self.mask == u32::MAX => {
                out.push(' ');
                push_word(out, name);
            }
            _ => {
                put!(out, " 0x{:x}", self.value);
                if self.mask != u32::MAX {
                    put!(out, "/0x{:x}", self.mask);
                }
            }
        }
    }
}

/// A rule with numbers where iptables saves names of this machine (realms, groups of devices, labels of connections),
/// for files that shall be read where those names are others.
pub fn without_names(rule: &Rule) -> Cow<'_, Rule> {
    let named = |own: &Match| matches!(own, Match::Realm(_) | Match::Devgroup(_) | Match::Connlabel(_));
    if !rule.matches.iter().any(named) {
        return Cow::Borrowed(rule);
    }
    let mut rule = rule.clone();
    for own in &mut rule.matches {
        match own {
            Match::Realm(own) => own.realm.value.name = None,
            Match::Devgroup(own) => {
                for group in [&mut own.source, &mut own.destination].into_iter().flatten() {
                    group.value.name = None;
                }
            }
            Match::Connlabel(own) => own.name = None,
            _ => {}
        }
    }
    Cow::Owned(rule)
}
