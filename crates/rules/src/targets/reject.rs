//! Drop with an answer (`-j REJECT`).
use std::borrow::Cow;

use packet::{Family, protocol};

use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec, finish_nothing,
};
use crate::syntax::value::Kind;
use crate::{Table, put};

/// `-j REJECT --reject-with`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// `icmp-…`, in IPv4: type 3 with this code.
    Icmp {
        /// The code of the unreachable message.
        code: u8,
    },
    /// `icmp6-…`, in IPv6: type 1 with this code.
    Icmp6 {
        /// The code of the unreachable message.
        code: u8,
    },
    /// `tcp-reset`.
    TcpReset,
}

/// An answer: name, other name, what it is, description. The order decides which one a start of a name means.
struct Answer {
    name: &'static str,
    alias: &'static str,
    reject: Reject,
    description: &'static str,
}

const fn v4(name: &'static str, alias: &'static str, code: u8, description: &'static str) -> Answer {
    Answer { name, alias, reject: Reject::Icmp { code }, description }
}

const fn v6(name: &'static str, alias: &'static str, code: u8, description: &'static str) -> Answer {
    Answer { name, alias, reject: Reject::Icmp6 { code }, description }
}

const ANSWERS_V4: &[Answer] = &[
    v4("icmp-net-unreachable", "net-unreach", 0, "ICMP network unreachable"),
    v4("icmp-host-unreachable", "host-unreach", 1, "ICMP host unreachable"),
    v4("icmp-proto-unreachable", "proto-unreach", 2, "ICMP protocol unreachable"),
    v4("icmp-port-unreachable", "port-unreach", 3, "ICMP port unreachable (default)"),
    v4("icmp-net-prohibited", "net-prohib", 9, "ICMP network prohibited"),
    v4("icmp-host-prohibited", "host-prohib", 10, "ICMP host prohibited"),
    Answer { name: "tcp-reset", alias: "tcp-rst", reject: Reject::TcpReset, description: "TCP RST packet" },
    v4("icmp-admin-prohibited", "admin-prohib", 13, "ICMP administratively prohibited (*)"),
];

const ANSWERS_V6: &[Answer] = &[
    v6("icmp6-no-route", "no-route", 0, "ICMPv6 no route"),
    v6("icmp6-adm-prohibited", "adm-prohibited", 1, "ICMPv6 administratively prohibited"),
    v6("icmp6-addr-unreachable", "addr-unreach", 3, "ICMPv6 address unreachable"),
    v6("icmp6-port-unreachable", "port-unreach", 4, "ICMPv6 port unreachable"),
    Answer { name: "tcp-reset", alias: "tcp-reset", reject: Reject::TcpReset, description: "TCP RST packet" },
    v6("icmp6-policy-fail", "policy-fail", 5, "ICMPv6 policy fail"),
    v6("icmp6-reject-route", "reject-route", 6, "ICMPv6 reject route"),
];

const fn answers(family: Family) -> &'static [Answer] {
    match family {
        Family::V4 => ANSWERS_V4,
        Family::V6 => ANSWERS_V6,
    }
}

/// `-j REJECT` in the language.
pub const EXTENSION: Extension<Reject> = Extension {
    spec: Spec {
        name: "REJECT",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("reject-with", Kind::Word)],
        place: Place::tables(&[Table::Filter]),
        help: |family| Cow::Owned(help(family)),
    },
    start: |family| match family {
        Family::V4 => Reject::Icmp { code: 3 },
        Family::V6 => Reject::Icmp6 { code: 4 },
    },
    parse: parse_option,
    finish: finish_nothing,
    save: |reject, out| put!(out, " --reject-with {}", reject.name()),
    list: |reject, out, _| put!(out, " reject-with {}", reject.name()),
    check: |reject, site: &Site<'_>| {
        // Linux: `reject_tg_check` in ipt_REJECT.c and `reject_tg6_check` in ip6t_REJECT.c.
        if *reject == Reject::TcpReset && site.header.positive_protocol() != Some(protocol::TCP) {
            return Err(Refusal::invalid("`--reject-with tcp-reset' needs `-p tcp' in the same rule"));
        }
        Ok(())
    },
};

impl Reject {
    /// The name that is printed.
    pub fn name(self) -> &'static str {
        let mut all = ANSWERS_V4.iter().chain(ANSWERS_V6);
        all.find(|answer| answer.reject == self).map_or("icmp-port-unreachable", |answer| answer.name)
    }
}

fn parse_option(reject: &mut Reject, call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<(), Error> {
    let text = call.text();
    let fits = |name: &str| name.get(..text.len()).is_some_and(|head| head.eq_ignore_ascii_case(text));
    let answers = answers(context.family);
    match answers.iter().find(|answer| fits(answer.name) || fits(answer.alias)) {
        Some(answer) => {
            *reject = answer.reject;
            Ok(())
        }
        None => Err(call
            .error(format!("unknown reject type \"{text}\""))
            .suggest(text, answers.iter().flat_map(|answer| [answer.name, answer.alias]))),
    }
}

fn help(family: Family) -> String {
    let mut out = String::from(
        "REJECT target options:\n\
         --reject-with type              drop input packet and send back\n\
         \x20                               a reply packet according to type:\n\
         Valid reject types:\n",
    );
    for answer in answers(family) {
        put!(out, "    {:<25}\t{}\n", answer.name, answer.description);
        put!(out, "    {:<25}\talias\n", answer.alias);
    }
    out.push('\n');
    if family == Family::V4 {
        out.push_str("(*) See man page or read the INCOMPATIBILITES file for compatibility issues.\n");
    }
    out
}
