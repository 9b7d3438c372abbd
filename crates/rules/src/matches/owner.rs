//! The socket that sent a packet (`-m owner`).
use std::borrow::Cow;

use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, Listing, OptionCall, OptionSpec, Place, Refusal, Site, Spec,
};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, leading_number};
use crate::{Hook, Negatable, put};

/// `-m owner`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// `--uid-owner`: from and to.
    pub uid: Option<Negatable<(u32, u32)>>,
    /// `--gid-owner`: from and to.
    pub gid: Option<Negatable<(u32, u32)>>,
    /// `--socket-exists`; the value is the inversion.
    pub socket_exists: Option<bool>,
    /// `--suppl-groups`.
    pub supplementary_groups: bool,
}

/// `-m owner` in the language.
pub const EXTENSION: Extension<Owner> = Extension {
    spec: Spec {
        name: "owner",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("uid-owner", Kind::Word).invertible(),
            OptionSpec::new("gid-owner", Kind::Word).invertible(),
            OptionSpec::new("socket-exists", Kind::Flag).invertible(),
            OptionSpec::new("suppl-groups", Kind::Flag),
        ],
        place: Place::hooks(&[Hook::Output, Hook::Postrouting]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Owner::default(),
    parse: parse_option,
    finish: |_, calls: &Calls, _| {
        if calls.is_empty() {
            return Err(
                calls.error("owner: At least one of --uid-owner, --gid-owner or --socket-exists is required")
            );
        }
        Ok(())
    },
    save: |owner, out| {
        if let Some(invert) = owner.socket_exists {
            push_not(out, invert);
            out.push_str(" --socket-exists");
        }
        for (name, range) in [("uid", owner.uid), ("gid", owner.gid)] {
            if let Some(range) = range {
                push_not(out, range.invert);
                put!(out, " --{name}-owner {}", range.value.0);
                push_end(out, range.value);
            }
        }
        if owner.supplementary_groups {
            out.push_str(" --suppl-groups");
        }
    },
    list: |owner, out, listing: &Listing<'_>| {
        if let Some(invert) = owner.socket_exists {
            push_not(out, invert);
            out.push_str(" owner socket exists");
        }
        for (name, range) in [("UID", owner.uid), ("GID", owner.gid)] {
            let Some(range) = range else { continue };
            push_not(out, range.invert);
            put!(out, " owner {name} match");
            let (from, to) = range.value;
            let named = match (listing.numeric || from != to, name) {
                (true, _) => None,
                (false, "UID") => listing.names.user_name(from),
                (false, _) => listing.names.group_name(from),
            };
            match named {
                Some(named) => put!(out, " {named}"),
                None => {
                    put!(out, " {from}");
                    push_end(out, (from, to));
                }
            }
        }
        if owner.supplementary_groups {
            out.push_str(" incl. suppl. groups");
        }
    },
    check,
};

fn push_end(out: &mut String, (from, to): (u32, u32)) {
    if from != to {
        put!(out, "-{to}");
    }
}

fn parse_option(owner: &mut Owner, call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<(), Error> {
    match call.name {
        "uid-owner" => {
            let value = range(call, context.names.user(call.text()))?;
            owner.uid = Some(Negatable { invert: call.invert, value });
        }
        "gid-owner" => {
            let value = range(call, context.names.group(call.text()))?;
            owner.gid = Some(Negatable { invert: call.invert, value });
        }
        "socket-exists" => owner.socket_exists = Some(call.invert),
        _ => {
            // Linux: looked at when the option is read, so that the order counts.
            if owner.gid.is_none() {
                return Err(call.error(
                    "owner: Bad value for \"--suppl-groups\" option: \"you need to use --gid-owner first\"",
                ));
            }
            owner.supplementary_groups = true;
        }
    }
    Ok(())
}

/// A name, a number, or two numbers with `-` or `:` between; the largest 32-bit number is none.
fn range(call: &OptionCall<'_>, named: Option<u32>) -> Result<(u32, u32), Error> {
    if let Some(id) = named {
        return Ok((id, id));
    }
    let part = |text| {
        let (value, rest) = leading_number(text)?;
        let value = u32::try_from(value).ok().filter(|&value| value != u32::MAX)?;
        Some((value, rest))
    };
    let parsed = part(call.text()).and_then(|(from, rest)| match rest.strip_prefix(['-', ':']) {
        None => Some((from, from, rest)),
        Some(rest) => part(rest).map(|(to, rest)| (from, to, rest)),
    });
    match parsed {
        Some((from, to, "")) => Ok((from, to)),
        _ => Err(call.bad_value()),
    }
}

/// Linux: `owner_check` in xt_owner.c.
fn check(owner: &Owner, _: &Site<'_>) -> Result<(), Refusal> {
    let reversed =
        |range: Option<Negatable<(u32, u32)>>| range.is_some_and(|range| range.value.0 > range.value.1);
    if reversed(owner.uid) || reversed(owner.gid) {
        return Err(Refusal::invalid("a range of `-m owner' ends before it begins"));
    }
    Ok(())
}

const HELP: &str = "owner match options:
[!] --uid-owner userid[-userid]      Match local UID
[!] --gid-owner groupid[-groupid]    Match local GID
[!] --socket-exists                  Match if socket exists
    --suppl-groups                   Also match supplementary groups set with --gid-owner
";
