//! `-L` and `-S`, and the line that `-v` prints for each rule that is added, checked or removed. Widths to the byte.
use std::net::IpAddr;

use packet::{AddrMask, Family};

use super::command::Output;
use super::extension::Listing;
use super::text::{push_address, push_number};
use super::{Names, print, value};
use crate::put;
use crate::{Chain, ChainId, Counters, Negatable, Rule, TableRules, Target};

/// What is listed, and how.
pub struct View<'a> {
    /// The table.
    pub rules: &'a TableRules,
    /// The family.
    pub family: Family,
    /// Who knows names.
    pub names: &'a dyn Names,
    /// `-n -v -x --line-numbers`.
    pub output: Output,
}

/// `-L [chain [number]]`. `references` counts the rules that jump to a chain.
pub fn list(
    out: &mut String,
    view: &View<'_>,
    chain: Option<ChainId>,
    number: Option<u32>,
    references: &dyn Fn(ChainId) -> u32,
) {
    let mut first = true;
    for (id, own) in view.rules.chains() {
        if chain.is_some_and(|chain| chain != id) {
            continue;
        }
        if !first {
            out.push('\n');
        }
        first = false;
        if number.is_none() {
            heading(out, view, own, references(id));
        }
        for (at, rule) in own.rules.iter().enumerate() {
            let at = at + 1;
            if number.is_none_or(|number| number as usize == at) {
                line(out, view, rule, at);
            }
        }
    }
}

fn heading(out: &mut String, view: &View<'_>, chain: &Chain, references: u32) {
    put!(out, "Chain {}", chain.name);
    if chain.hook.is_some() {
        put!(out, " (policy {}", chain.policy.name());
        if view.output.verbose > 0 {
            let Counters { packets, bytes } = chain.counters;
            if view.output.exact {
                put!(out, " {packets} packets, {bytes} bytes");
            } else {
                out.push(' ');
                push_short(out, packets, 0);
                out.push_str(" packets, ");
                push_short(out, bytes, 0);
                out.push_str(" bytes");
            }
        }
        out.push_str(")\n");
    } else {
        put!(out, " ({references} references)\n");
    }
    if view.output.line_numbers {
        out.push_str("num  ");
    }
    if view.output.verbose > 0 {
        out.push_str(if view.output.exact { "    pkts      bytes " } else { " pkts bytes " });
    }
    out.push_str("target     prot opt");
    if view.output.verbose > 0 {
        out.push_str(" in     out   ");
    }
    out.push_str(if view.output.verbose > 0 { " " } else { "" });
    out.push_str(" source               destination         \n");
}

/// A counter in short form, right in `width` columns: as it is up to 99999, then rounded to K, M, G, T.
fn push_short(out: &mut String, number: u64, width: usize) {
    if number <= 99_999 {
        put!(out, "{number:>width$}");
        return;
    }
    let mut rest = number;
    for (at, unit) in ["K", "M", "G", "T"].into_iter().enumerate() {
        // Linux: 64 bits, also where that is too few.
        rest = rest.wrapping_add(500) / 1000;
        if rest <= 9999 || at == 3 {
            let width = width.saturating_sub(1);
            put!(out, "{rest:>width$}{unit}");
            return;
        }
    }
}

fn push_count(out: &mut String, number: u64, exact: bool) {
    if exact {
        put!(out, "{number:>8} ");
    } else {
        push_short(out, number, 5);
        out.push(' ');
    }
}

fn line(out: &mut String, view: &View<'_>, rule: &Rule, number: usize) {
    let Output { verbose, numeric, exact, line_numbers, .. } = view.output;
    if line_numbers {
        put!(out, "{number:<4} ");
    }
    if verbose > 0 {
        push_count(out, rule.counters.packets, exact);
        push_count(out, rule.counters.bytes, exact);
    }
    let target = target_name(view.rules, rule);
    put!(out, "{target:<9} ");
    let (mark, protocol) = protocol(view, rule);
    put!(out, "{mark}{protocol:<4} ");
    push_fragment(out, rule);
    if verbose > 0 {
        let any = if numeric { "*" } else { "any" };
        put!(out, " {:<6} ", interface(&rule.header.input, any));
        put!(out, "{:<6} ", interface(&rule.header.output, any));
    }
    for network in [&rule.header.source, &rule.header.destination] {
        let (mark, text) = address(view, network, numeric);
        put!(out, "{mark}{text:<19} ");
    }
    details(out, view, rule);
    out.push('\n');
}

/// The line of `-v` with a command that takes a rule.
pub fn echo(out: &mut String, rules: &TableRules, family: Family, names: &dyn Names, rule: &Rule) {
    let output = Output { numeric: true, ..Output::default() };
    let view = View { rules, family, names, output };
    put!(out, "{} ", target_name(rules, rule));
    let (mark, protocol) = protocol(&view, rule);
    put!(out, "{mark}{protocol} opt ");
    push_fragment(out, rule);
    put!(out, "in {} ", interface(&rule.header.input, "*"));
    put!(out, "out {} ", interface(&rule.header.output, "*"));
    let (mark, text) = address(&view, &rule.header.source, true);
    put!(out, "{mark}{text} ");
    let (mark, text) = address(&view, &rule.header.destination, true);
    put!(out, "{mark}-> {text} ");
    out.push(' ');
    details(out, &view, rule);
    out.push('\n');
}

fn target_name<'a>(rules: &'a TableRules, rule: &Rule) -> &'a str {
    match &rule.target {
        None => "",
        Some(target) => match target.chain() {
            Some(id) => rules.chain(id).map_or("?", |chain| chain.name.as_str()),
            // Linux: the kernel knows CT only; what was typed stands in the details.
            None if *target == Target::Notrack => "CT",
            None => target.name().unwrap_or("?"),
        },
    }
}

fn protocol(view: &View<'_>, rule: &Rule) -> (char, String) {
    let Some(protocol) = rule.header.protocol.filter(|protocol| protocol.value != 0) else {
        return (' ', "all".into());
    };
    let mark = if protocol.invert { '!' } else { ' ' };
    let name = value::protocol_name(protocol.value).map(str::to_owned);
    let name =
        name.or_else(|| if view.output.numeric { None } else { view.names.protocol_name(protocol.value) });
    (mark, name.unwrap_or_else(|| protocol.value.to_string()))
}

fn push_fragment(out: &mut String, rule: &Rule) {
    out.push_str(match rule.header.fragment {
        None => "-- ",
        Some(false) => "-f ",
        Some(true) => "!f ",
    });
}

fn interface(pattern: &Option<Negatable<crate::InterfacePattern>>, any: &str) -> String {
    let Some(pattern) = pattern else { return any.into() };
    let mut text = String::from(if pattern.invert { "!" } else { "" });
    print::push_interface(&mut text, &pattern.value);
    text
}

fn address(view: &View<'_>, network: &Option<Negatable<AddrMask>>, numeric: bool) -> (char, String) {
    let any = super::address::any(view.family);
    let (invert, network) = network.map_or((false, any), |own| (own.invert, own.value));
    let mark = if invert { '!' } else { ' ' };
    let length = network.prefix_length();
    // Linux: ip6tables looks at the address, not at the mask: `-d ::` is listed so as well.
    let unspecified = view.family == Family::V6 && network.address().is_unspecified();
    if (length == Some(0) || unspecified) && !numeric {
        return (mark, "anywhere".into());
    }
    let mut text = String::new();
    let name = if numeric { None } else { view.names.host_name(network.address()) };
    match name {
        Some(name) => text.push_str(&name),
        None => push_address(&mut text, network.address()),
    }
    match length {
        Some(length) if length == view.family.bits() => {}
        Some(length) => {
            text.push('/');
            push_number(&mut text, u64::from(length));
        }
        None => {
            text.push('/');
            let mask: IpAddr = network.mask();
            push_address(&mut text, mask);
        }
    }
    (mark, text)
}

fn details(out: &mut String, view: &View<'_>, rule: &Rule) {
    if matches!(rule.target, Some(Target::Goto(_))) {
        out.push_str("[goto] ");
    }
    let listing = Listing {
        numeric: view.output.numeric,
        names: view.names,
        family: view.family,
        header: &rule.header,
    };
    for one in &rule.matches {
        one.list(out, &listing);
    }
    if let Some(target) = &rule.target {
        target.list(out, &listing);
    }
}

/// `-S [chain [number]]`.
pub fn list_rules(
    out: &mut String,
    rules: &TableRules,
    chain: Option<ChainId>,
    number: Option<u32>,
    counters: bool,
) {
    let chains: Vec<_> =
        rules.chains().into_iter().filter(|(id, _)| chain.is_none_or(|chain| chain == *id)).collect();
    if number.is_none() {
        for (_, own) in &chains {
            match own.hook {
                Some(_) => {
                    put!(out, "-P {} {}", own.name, own.policy.name());
                    if counters {
                        print::push_counters(out, own.counters);
                    }
                }
                None => put!(out, "-N {}", own.name),
            }
            out.push('\n');
        }
    }
    for (_, own) in &chains {
        for (at, rule) in own.rules.iter().enumerate() {
            if number.is_none_or(|number| number as usize == at + 1) {
                print::rule(out, rules, own.name.as_str(), rule, counters);
                out.push('\n');
            }
        }
    }
}

#[cfg(test)]
mod tests;
