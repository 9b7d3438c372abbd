//! Lists of addresses that were seen lately (`-m recent`).
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::Family;

use super::table_name;
use crate::put;
use crate::syntax::extension::{Calls, Extension, Families, OptionSpec, Place, Refusal, Site, Spec};
use crate::syntax::text::{push_address, push_not, push_word};
use crate::syntax::value::{Kind, Value};

/// `-m recent`. Rules of one name share a list, in all tables of a namespace.
#[derive(Clone, Debug, Eq)]
pub struct Recent {
    /// Whether `!` stands before the operation.
    pub invert: bool,
    /// What is done with the list.
    pub operation: ListOperation,
    /// `--seconds`; 0: for ever.
    pub seconds: u32,
    /// `--hitcount`; 0: any.
    pub hits: u32,
    /// `--reap`: entries older than `seconds` are forgotten.
    pub reap: bool,
    /// `--rttl`: the time to live has to be the same.
    pub ttl: bool,
    /// `--name`: at most 199 bytes.
    pub name: Box<str>,
    /// `--mask`: of the rule that makes the list, later ones do not count (Linux: `recent_mt_check`).
    pub mask: IpAddr,
    /// Whether a mask of IPv4 has all bits behind its 32, which addresses of IPv6 on the same list meet: only where no `--mask`
    /// was given. A saved rule always has one, so that it is another rule for the kernel; here both are equal.
    // Linux: a union of 16 bytes; iptables fills it with ones, and `--mask` with an address and zeros.
    pub rest: bool,
    /// `--rdest`.
    pub destination: bool,
}

impl PartialEq for Recent {
    fn eq(&self, other: &Self) -> bool {
        let Self { invert, operation, seconds, hits, reap, ttl, name, mask, rest: _, destination } = self;
        (invert, operation, seconds, hits, reap, ttl, name, mask, destination)
            == (
                &other.invert,
                &other.operation,
                &other.seconds,
                &other.hits,
                &other.reap,
                &other.ttl,
                &other.name,
                &other.mask,
                &other.destination,
            )
    }
}

/// What a rule does with the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOperation {
    /// `--set`: the address is put in.
    Set,
    /// `--rcheck`: it is looked for.
    Check,
    /// `--update`: it is looked for, and its time taken anew.
    Update,
    /// `--remove`: it is taken out.
    Remove,
}

/// Most packets of an address that the kernel remembers (`XT_RECENT_MAX_NSTAMPS`), plus 1.
const MOST_HITS: u32 = 65_536;

/// `-m recent` in the language.
pub const EXTENSION: Extension<Recent> = Extension {
    spec: Spec {
        name: "recent",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("set", Kind::Flag).invertible().excludes(&["rcheck", "update", "remove"]),
            OptionSpec::new("rcheck", Kind::Flag).invertible().excludes(&["set", "update", "remove"]),
            OptionSpec::new("update", Kind::Flag).invertible().excludes(&["set", "rcheck", "remove"]),
            OptionSpec::new("remove", Kind::Flag).invertible().excludes(&["set", "rcheck", "update"]),
            OptionSpec::new("seconds", Kind::Number { min: 1, max: 0xffff_ffff }),
            OptionSpec::new("reap", Kind::Flag).needs(&["seconds"]),
            OptionSpec::new("hitcount", Kind::U32),
            OptionSpec::new("rttl", Kind::Flag).excludes(&["set", "remove"]),
            OptionSpec::new("name", Kind::Text { min: 0, max: 0, cut: 199 }),
            OptionSpec::new("rsource", Kind::Flag),
            OptionSpec::new("rdest", Kind::Flag),
            OptionSpec::new("mask", Kind::Address),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |family| Recent {
        invert: false,
        operation: ListOperation::Check,
        seconds: 0,
        hits: 0,
        reap: false,
        ttl: false,
        name: "DEFAULT".into(),
        mask: match family {
            Family::V4 => Ipv4Addr::BROADCAST.into(),
            Family::V6 => Ipv6Addr::from(u128::MAX).into(),
        },
        rest: true,
        destination: false,
    },
    parse: |own, call, _| {
        let mut operation = |operation| (own.operation, own.invert) = (operation, call.invert);
        match (call.name, &call.value) {
            ("set", _) => operation(ListOperation::Set),
            ("rcheck", _) => operation(ListOperation::Check),
            ("update", _) => operation(ListOperation::Update),
            ("remove", _) => operation(ListOperation::Remove),
            ("seconds", value) => own.seconds = value.number_u32(),
            ("reap", _) => own.reap = true,
            ("hitcount", value) => own.hits = value.number_u32(),
            ("rttl", _) => own.ttl = true,
            ("name", value) => own.name = value.text().into(),
            ("mask", &Value::Address(mask)) => (own.mask, own.rest) = (mask, false),
            // The last one of the two counts.
            (side, _) => own.destination = side == "rdest",
        }
        Ok(())
    },
    finish: |_, calls: &Calls, _| {
        if !["set", "rcheck", "update", "remove"].into_iter().any(|name| calls.has(&EXTENSION.spec, name)) {
            return Err(
                calls.error("recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'")
            );
        }
        Ok(())
    },
    save: |own, out| {
        push_not(out, own.invert);
        out.push_str(match own.operation {
            ListOperation::Set => " --set",
            ListOperation::Check => " --rcheck",
            ListOperation::Update => " --update",
            ListOperation::Remove => " --remove",
        });
        own.push(out, [" --seconds ", " --reap", " --hitcount ", " --rttl"]);
        out.push_str(" --name ");
        push_word(out, &own.name);
        out.push_str(" --mask ");
        push_address(out, own.mask);
        out.push_str(if own.destination { " --rdest" } else { " --rsource" });
    },
    list: |own, out, _| {
        push_not(out, own.invert);
        out.push_str(match own.operation {
            ListOperation::Set => " recent: SET",
            ListOperation::Check => " recent: CHECK",
            ListOperation::Update => " recent: UPDATE",
            ListOperation::Remove => " recent: REMOVE",
        });
        own.push(out, [" seconds: ", " reap", " hit_count: ", " TTL-Match"]);
        let side = if own.destination { "dest" } else { "source" };
        put!(out, " name: {} side: {side} mask: ", own.name);
        push_address(out, own.mask);
    },
    check,
};

impl Recent {
    fn push(&self, out: &mut String, [seconds, reap, hits, ttl]: [&str; 4]) {
        if self.seconds != 0 {
            put!(out, "{seconds}{}", self.seconds);
        }
        if self.reap {
            out.push_str(reap);
        }
        if self.hits != 0 {
            put!(out, "{hits}{}", self.hits);
        }
        if self.ttl {
            out.push_str(ttl);
        }
    }
}

/// Linux: `recent_mt_check` in xt_recent.c.
fn check(own: &Recent, _: &Site<'_>) -> Result<(), Refusal> {
    let changes = matches!(own.operation, ListOperation::Set | ListOperation::Remove);
    if changes && (own.seconds != 0 || own.hits != 0 || own.reap) {
        return Err(Refusal::invalid(
            "`--seconds', `--hitcount' and `--reap' go with `--rcheck' and `--update' only",
        ));
    }
    if own.hits >= MOST_HITS {
        return Err(Refusal::invalid(format!("`--hitcount' is at most {}", MOST_HITS - 1)));
    }
    table_name::check(&own.name)
}

const HELP: &str = "recent match options:
[!] --set                       Add source address to list, always matches.
[!] --rcheck                    Match if source address in list.
[!] --update                    Match if source address in list, also update last-seen time.
[!] --remove                    Match if source address in list, also removes that address from list.
    --seconds seconds           For check and update commands above.
                                Specifies that the match will only occur if source address last seen within
                                the last 'seconds' seconds.
    --reap                      Purge entries older then 'seconds'.
                                Can only be used in conjunction with the seconds option.
    --hitcount hits             For check and update commands above.
                                Specifies that the match will only occur if source address seen hits times.
                                May be used in conjunction with the seconds option.
    --rttl                      For check and update commands above.
                                Specifies that the match will only occur if the source address and the TTL
                                match between this packet and the one which was set.
                                Useful if you have problems with people spoofing their source address in order
                                to DoS you via this module.
    --name name                 Name of the recent list to be used.  DEFAULT used if none given.
    --rsource                   Match/Save the source address of each packet in the recent list table (default).
    --rdest                     Match/Save the destination address of each packet in the recent list table.
    --mask netmask              Netmask that will be applied to this recent list.
xt_recent by: Stephen Frost <sfrost@snowman.net>.
";
