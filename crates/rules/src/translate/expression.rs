//! A rule of nft while it is put together.
//!
//! Conditions stand in the order in which iptables looks at them, which counts where one of them keeps a state. What
//! iptables says by "unless" and nft cannot negate in place (a packet without a socket has no user, so that neither
//! `skuid 0` nor `skuid != 0` holds) becomes a `return` in a chain inside the rule:
//! `jump { skuid 0 return; counter drop ; }`.
//!
//! nft 1.0.6 puts comparisons of fields that lie side by side in the packet into one, also where other conditions stand
//! between them. It does so with `!=` as well (`tcp sport != 1 tcp dport != 2` becomes `not (sport 1 and dport 2)`), and
//! takes the second one over a `limit`, which then counts other packets. [`Expression::field`] writes such comparisons
//! with a mask, which nft leaves alone.
use super::{Site, Untranslatable};
use crate::{Counters, Header, put};

/// A rule of nft.
#[derive(Clone, Debug)]
pub struct Expression<'a> {
    /// Where it will stand.
    pub site: Site<'a>,
    /// The conditions of the rule in iptables on header and interfaces.
    pub header: &'a Header,
    items: Vec<Item>,
    /// The condition on the protocol and how many items stand before it.
    protocol: Option<(String, usize)>,
    protocol_implied: bool,
    protocol_needed: bool,
    statement: String,
    comments: Vec<String>,
    /// Rules of a chain inside the rule that are its statement, behind the counter.
    steps: Vec<String>,
    /// Whether the target leaves the chain by name or back to its caller.
    leaves: bool,
}

#[derive(Clone, Debug)]
enum Item {
    /// Holds or does not hold, without a trace.
    Condition(String),
    /// A small field of the packet and one value: the field, its mask, `!=`, the value.
    Field(String, &'static str, bool, String),
    /// Changes something when it is looked at.
    Stateful(String),
    /// The rule does not match where this holds: what it is for iptables, and the condition.
    Unless(&'static str, String),
}

impl<'a> Expression<'a> {
    /// A rule without conditions.
    pub fn new(site: Site<'a>, header: &'a Header) -> Self {
        Self {
            site,
            header,
            items: Vec::new(),
            protocol: None,
            protocol_implied: false,
            protocol_needed: false,
            statement: String::new(),
            comments: Vec::new(),
            steps: Vec::new(),
            leaves: false,
        }
    }

    /// `ip` or `ip6`.
    pub fn family(&self) -> &'static str {
        super::family(self.site.family)
    }

    /// A condition that leaves no trace.
    pub fn condition(&mut self, text: impl Into<String>) {
        self.items.push(Item::Condition(text.into()));
    }

    /// `key value`, or `key != value`.
    pub fn compare(&mut self, key: &str, invert: bool, value: impl std::fmt::Display) {
        let not = if invert { "!= " } else { "" };
        self.condition(format!("{key} {not}{value}"));
    }

    /// A field of the packet of at most two bytes that has one value: `key value`, or `key & mask == value` where nft would
    /// not leave it in its place.
    pub fn field(&mut self, key: &str, mask: &'static str, invert: bool, value: impl std::fmt::Display) {
        self.items.push(Item::Field(key.to_owned(), mask, invert, value.to_string()));
    }

    /// A condition that changes a state when it is looked at: the order around it stays.
    pub fn stateful(&mut self, text: impl Into<String>) {
        self.items.push(Item::Stateful(text.into()));
    }

    /// The rule does not match where this condition holds; where nft cannot tell, it does match. `what`: the option of
    /// iptables, for the case that it cannot be said.
    pub fn unless(&mut self, what: &'static str, text: impl Into<String>) {
        self.items.push(Item::Unless(what, text.into()));
    }

    /// The conditions so far as texts, which are taken out.
    pub(super) fn take_conditions(&mut self) -> Vec<String> {
        let text = |item| match item {
            Item::Condition(text) | Item::Stateful(text) | Item::Unless(_, text) => text,
            Item::Field(key, _, invert, value) => format!("{key} {}{value}", if invert { "!= " } else { "" }),
        };
        std::mem::take(&mut self.items).into_iter().map(text).collect()
    }

    /// The rule never matches. No interface can have this name, since it has a slash (upstream's idiom).
    pub fn never(&mut self) {
        self.condition("iifname \"INVAL/D\"");
    }

    /// The condition on the protocol; left out where a match says it as well.
    pub(super) fn set_protocol(&mut self, text: String) {
        self.protocol = Some((text, self.items.len()));
    }

    /// The conditions of a match need the positive protocol of the rule and nft adds it by itself.
    pub fn implies_protocol(&mut self) {
        // Why: what counts or measures in front of the match must not see other protocols.
        self.protocol_needed |= self.items.iter().any(|item| matches!(item, Item::Stateful(_)));
        self.protocol_implied = true;
    }

    /// Something wants the protocol in front of it in words, unless a match before it says it.
    pub fn needs_protocol(&mut self) {
        self.protocol_needed |= !self.protocol_implied;
    }

    /// A remark of the rule.
    pub fn comment(&mut self, text: &str) {
        self.comments.push(text.to_owned());
    }

    /// `counter`, with what was counted already.
    pub(super) fn count(&mut self, counters: Counters) {
        self.statement.push_str("counter");
        if counters != Counters::default() {
            put!(self.statement, " packets {} bytes {}", counters.packets, counters.bytes);
        }
    }

    /// What happens to packets that fit.
    pub fn statement(&mut self, text: impl AsRef<str>) {
        self.statement.push(' ');
        self.statement.push_str(text.as_ref());
    }

    /// What happens to packets that fit, as several rules one after the other, none of which ends the packet's way.
    pub fn steps(&mut self, rules: impl IntoIterator<Item = String>) {
        self.steps.extend(rules);
    }

    /// As [`Self::statement`], for `return` and `goto`.
    pub fn leave(&mut self, text: impl AsRef<str>) {
        self.leaves = true;
        self.statement(text);
    }

    /// The text.
    pub fn finish(self) -> Result<String, Untranslatable> {
        let comment = super::name::comment(&self.comments);
        let Some(first) = self.items.iter().position(|item| matches!(item, Item::Unless(..))) else {
            return Ok(self.plain(0, self.items.len(), &comment));
        };
        self.with_chain(first, &comment)
    }

    /// The conditions of some items and the statement.
    fn plain(&self, from: usize, to: usize, comment: &str) -> String {
        let mut out = String::new();
        self.push_conditions(&mut out, from, to);
        if self.steps.is_empty() {
            out.push_str(&self.statement);
        } else {
            put!(out, "jump {{ {}; {}; }}", self.statement, self.steps.join("; "));
        }
        out.push_str(comment);
        out
    }

    fn push_conditions(&self, out: &mut String, from: usize, to: usize) {
        let protocol = self.protocol.as_ref().filter(|_| !self.protocol_implied || self.protocol_needed);
        for at in from..=to {
            if let Some((text, _)) = protocol.filter(|(_, place)| *place == at) {
                put!(out, "{text} ");
            }
            match self.items.get(at).filter(|_| at < to) {
                Some(Item::Condition(text) | Item::Stateful(text)) => put!(out, "{text} "),
                Some(Item::Field(key, mask, invert, value)) => {
                    let sign = if *invert { "!= " } else { "" };
                    if self.merges(at, *invert) {
                        put!(out, "{key} & {mask} {} {value} ", if *invert { "!=" } else { "==" });
                    } else {
                        put!(out, "{key} {sign}{value} ");
                    }
                }
                Some(Item::Unless(..)) | None => {}
            }
        }
    }

    /// Whether nft could put a field together with what stands before it, so that the rule means something else.
    fn merges(&self, at: usize, invert: bool) -> bool {
        let mut before = self.items.iter().take(at);
        let v4 = self.site.family == packet::Family::V4;
        before.any(|item| match item {
            Item::Stateful(_) => true,
            Item::Field(_, _, other, _) => invert && *other,
            _ => false,
        }) || (invert && v4 && self.header.protocol.is_some_and(|protocol| protocol.invert))
    }

    /// The rule with a chain inside. Conditions in front of the chain: those that change a state and stand before the
    /// first exception, and all before them.
    fn with_chain(&self, first: usize, comment: &str) -> Result<String, Untranslatable> {
        let stateful = |item: &Item| matches!(item, Item::Stateful(_));
        let split = self.items.iter().take(first).rposition(stateful).map_or(0, |at| at + 1);
        let mut out = String::new();
        if split > 0 {
            self.push_conditions(&mut out, 0, split);
        }
        out.push_str("jump { ");
        let mut seen_stateful = false;
        for item in self.items.get(split..).unwrap_or(&[]) {
            match item {
                Item::Condition(_) | Item::Field(..) => {}
                Item::Stateful(_) => seen_stateful = true,
                Item::Unless(what, _) if self.leaves => {
                    let why = "nft cannot say it together with a target that leaves the chain (RETURN, -g)";
                    return Err(Untranslatable::new(*what, why));
                }
                Item::Unless(what, _) if !self.steps.is_empty() => {
                    let why = "nft cannot say it together with a target that needs several steps";
                    return Err(Untranslatable::new(*what, why));
                }
                Item::Unless(what, _) if seen_stateful => {
                    let why = "nft cannot say it behind a match that counts or measures";
                    return Err(Untranslatable::new(*what, why));
                }
                Item::Unless(_, text) => put!(out, "{text} return; "),
            }
        }
        // Why: what nft knows of the protocol in front of the chain it does not know inside.
        if let Some((text, place)) = &self.protocol
            && *place < split
        {
            put!(out, "{text} ");
        }
        self.push_conditions(&mut out, split, self.items.len());
        put!(out, "{} ; }}{comment}", self.statement);
        Ok(out)
    }
}
