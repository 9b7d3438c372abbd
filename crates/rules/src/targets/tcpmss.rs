//! The maximum segment size that a SYN announces (`-j TCPMSS`).
use std::borrow::Cow;

use packet::{Family, protocol};

use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec,
};
use crate::syntax::value::{self, Kind, number};
use crate::{Hook, Match, put};

/// `-j TCPMSS` (F66).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tcpmss {
    /// `--set-mss`: at most 65,515 in IPv4 and 65,495 in IPv6.
    Set(u16),
    /// `--clamp-mss-to-pmtu`: what fits into the smaller MTU of the ways out and back.
    Clamp,
}

/// `-j TCPMSS` in the language. Of the two options the one that is typed last counts.
pub const EXTENSION: Extension<Tcpmss> = Extension {
    spec: Spec {
        name: "TCPMSS",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("set-mss", Kind::Word), OptionSpec::new("clamp-mss-to-pmtu", Kind::Flag)],
        place: Place::protocol(protocol::TCP),
        help: |family| Cow::Owned(HELP.replace("{}", if family == Family::V4 { "20" } else { "40" })),
    },
    start: |_| Tcpmss::Clamp,
    parse: parse_option,
    finish: |_, calls, _| match calls.is_empty() {
        true => Err(calls.error("TCPMSS target: At least one parameter is required")),
        false => Ok(()),
    },
    save: |own, out| match own {
        Tcpmss::Set(size) => put!(out, " --set-mss {size}"),
        Tcpmss::Clamp => out.push_str(" --clamp-mss-to-pmtu"),
    },
    list: |own, out, _| match own {
        Tcpmss::Set(size) => put!(out, " TCPMSS set {size}"),
        Tcpmss::Clamp => out.push_str(" TCPMSS clamp to PMTU"),
    },
    check,
};

/// The largest size: 65,535 without the shortest headers.
fn largest(family: Family) -> u16 {
    u16::MAX - if family == Family::V4 { 20 } else { 40 }
}

fn parse_option(own: &mut Tcpmss, call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<(), Error> {
    *own = match call.name {
        "set-mss" => {
            let max = u64::from(largest(context.family));
            let size = number(call.text(), 0, max).and_then(|size| u16::try_from(size).ok());
            Tcpmss::Set(size.ok_or_else(|| value::out_of_range(call, 0, max))?)
        }
        _ => Tcpmss::Clamp,
    };
    Ok(())
}

/// Where the way out is known, so that the MTU is.
const ROUTED: [Hook; 3] = [Hook::Forward, Hook::Output, Hook::Postrouting];

/// Linux: `tcpmss_tg4_check` and `find_syn_match` in xt_TCPMSS.c.
fn check(own: &Tcpmss, site: &Site<'_>) -> Result<(), Refusal> {
    if *own == Tcpmss::Clamp
        && let Some(hook) = site.hooks.iter().find(|hook| !ROUTED.contains(hook))
    {
        return Err(Refusal::invalid(format!(
            "`--clamp-mss-to-pmtu' cannot be used where {hook} leads to it: the way out is not known there"
        )));
    }
    let demands_syn = |one: &Match| {
        let Match::Tcp(tcp) = one else { return false };
        tcp.flags.is_some_and(|flags| !flags.invert && flags.value.set & SYN != 0)
    };
    if !site.matches.iter().any(demands_syn) {
        return Err(Refusal::invalid("`TCPMSS' works on SYN packets only: put `--syn' in the same rule"));
    }
    Ok(())
}

/// The bit of SYN in the flags of [`crate::matches::tcp::TcpFlags`].
const SYN: u8 = 0x02;

const HELP: &str = "TCPMSS target mutually-exclusive options:
  --set-mss value               explicitly set MSS option to specified value
  --clamp-mss-to-pmtu           automatically clamp MSS value to (path_MTU - {})
";
