//! A ruleset → JSON, a rule on a line, so that people and `diff` can read it as well.
use std::borrow::Cow;
use std::collections::HashMap;

use packet::{AddrMask, Family};
use rules::syntax::extension::Spec;
use rules::syntax::{print, saved, text, value};
use rules::{ChainId, InterfacePattern, Negatable, TableRules};

use super::{
    Chain, Condition, ExtensionOption, FamilyName, Fragment, Goto, Jump, Match, NamedTarget, Rule, SCHEMA,
    Target,
};

/// What is written of a table.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    /// One chain, or all.
    pub(crate) chain: Option<ChainId>,
    /// One rule of each chain, counted from 1, or all.
    pub(crate) number: Option<u32>,
    /// Counters of rules.
    pub(crate) rule_counters: bool,
    /// Counters of policies.
    pub(crate) policy_counters: bool,
    /// Numbers of rules and references of chains.
    pub(crate) numbers: bool,
}

/// A document of some tables, with a newline at the end.
pub(crate) fn document<'a>(
    family: Family,
    tables: impl IntoIterator<Item = &'a TableRules>,
    extent: Extent,
) -> serde_json::Result<String> {
    let mut out = Vec::new();
    out.extend_from_slice(format!("{{\"schema\":{SCHEMA},\"family\":").as_bytes());
    serde_json::to_writer(&mut out, &FamilyName::from(family))?;
    out.extend_from_slice(b",\"tables\":[");
    for (at, rules) in tables.into_iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"\n" } else { b",\n" });
        table(&mut out, rules, extent)?;
    }
    out.extend_from_slice(b"]}\n");
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn table(out: &mut Vec<u8>, rules: &TableRules, extent: Extent) -> serde_json::Result<()> {
    out.extend_from_slice(format!("{{\"table\":\"{}\",\"chains\":[", rules.table()).as_bytes());
    let mut references: HashMap<ChainId, u32> = HashMap::new();
    let own = rules.slots_in_order().flat_map(|(_, chain)| &chain.rules);
    for id in own.filter_map(|rule| rule.target.as_ref()?.chain()) {
        *references.entry(id).or_default() += 1;
    }
    let chains = rules.chains();
    let chosen = chains.into_iter().filter(|(id, _)| extent.chain.is_none_or(|chain| chain == *id));
    for (at, (id, chain)) in chosen.enumerate() {
        out.extend_from_slice(if at == 0 { b"\n " } else { b",\n " });
        let builtin = chain.hook.is_some();
        let counted = builtin && extent.policy_counters;
        let head = Chain {
            chain: Cow::Borrowed(chain.name.as_str()),
            policy: builtin.then(|| Cow::Borrowed(chain.policy.name())),
            packets: counted.then_some(chain.counters.packets),
            bytes: counted.then_some(chain.counters.bytes),
            references: (extent.numbers && !builtin).then(|| references.get(&id).copied().unwrap_or(0)),
            rules: Vec::new(),
        };
        serde_json::to_writer(&mut *out, &head)?;
        // Why: the rules are written one by one, each on its line, into the object that is open again.
        out.pop();
        out.extend_from_slice(b",\"rules\":[");
        let mut first = true;
        for (at, own) in chain.rules.iter().enumerate() {
            if extent.number.is_some_and(|number| number as usize != at + 1) {
                continue;
            }
            out.extend_from_slice(if first { b"\n  " } else { b",\n  " });
            first = false;
            rule(out, rules, own, at + 1, extent)?;
        }
        out.extend_from_slice(b"]}");
    }
    out.extend_from_slice(b"]}");
    Ok(())
}

fn rule(
    out: &mut Vec<u8>,
    table: &TableRules,
    rule: &rules::Rule,
    number: usize,
    extent: Extent,
) -> serde_json::Result<()> {
    let mut target_text = String::new();
    let texts: Vec<String> = rule
        .matches
        .iter()
        .map(|own| {
            let mut text = String::new();
            own.save(&mut text);
            text
        })
        .collect();
    if let Some(target) = &rule.target {
        target.save(&mut target_text);
    }
    let header = &rule.header;
    let written = Rule {
        number: extent.numbers.then_some(number),
        packets: extent.rule_counters.then_some(rule.counters.packets),
        bytes: extent.rule_counters.then_some(rule.counters.bytes),
        source: network(header.source),
        destination: network(header.destination),
        in_interface: interface(header.input),
        out_interface: interface(header.output),
        protocol: header.protocol.map(|own| condition(own.invert, protocol(own.value))),
        fragment: header.fragment.map(|invert| Fragment { invert }),
        matches: rule
            .matches
            .iter()
            .zip(&texts)
            .map(|(own, text)| Match { name: own.name().into(), options: options(own.spec(), text) })
            .collect(),
        target: rule.target.as_ref().map(|target| self::target(table, target, &target_text)),
    };
    serde_json::to_writer(out, &written)
}

fn target<'a>(table: &'a TableRules, target: &'a rules::Target, text: &'a str) -> Target<'a> {
    let chain = |id| Cow::Borrowed(table.chain(id).map_or("?", |chain| chain.name.as_str()));
    match target {
        rules::Target::Jump(id) => Target::Jump(Jump { jump: chain(*id) }),
        rules::Target::Goto(id) => Target::Goto(Goto { goto: chain(*id) }),
        target => Target::Named(NamedTarget {
            target: target.name().unwrap_or("?").into(),
            options: options(target.spec(), text),
        }),
    }
}

fn options<'a>(spec: Option<&Spec>, text: &'a str) -> Vec<ExtensionOption<'a>> {
    saved::options(spec, text)
        .into_iter()
        .map(|own| ExtensionOption { option: own.name, invert: own.invert, values: own.values })
        .collect()
}

fn condition<'a>(invert: bool, value: impl Into<Cow<'a, str>>) -> Condition<'a> {
    Condition { invert, value: value.into() }
}

fn network<'a>(own: Option<Negatable<AddrMask>>) -> Option<Condition<'a>> {
    let own = own.filter(|own| own.invert || own.value.prefix_length() != Some(0))?;
    let mut out = String::new();
    text::push_network(&mut out, &own.value);
    Some(condition(own.invert, out))
}

fn interface<'a>(own: Option<Negatable<InterfacePattern>>) -> Option<Condition<'a>> {
    let own = own?;
    let mut out = String::new();
    print::push_interface(&mut out, &own.value);
    Some(condition(own.invert, out))
}

fn protocol<'a>(number: u8) -> Cow<'a, str> {
    value::protocol_name(number).map_or_else(|| number.to_string().into(), Cow::Borrowed)
}
