//! Commands of iptables as commands of nft.
use packet::Family;

use super::{Destination, Site, Untranslatable, family, name, rule};
use crate::syntax::command::{Action, Command, Named, RuleSpec, TargetSpec};
use crate::{ChainName, Hook, Policy, Table, put};

/// A command of nft, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A command; a shell needs quotes around it where it has more than plain words.
    Nft(String),
    /// The rule cannot be said.
    Refused(Untranslatable),
}

/// Why a command as a whole has no translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// There is no such table.
    NoTable(Named),
    /// nft has no such command.
    NoSuchCommand(Untranslatable),
}

fn no_command(what: &'static str, why: &'static str) -> CommandError {
    CommandError::NoSuchCommand(Untranslatable::new(what, why))
}

/// A command. `is_chain` tells whether a name is that of a user chain, which goes before a target of the same name.
///
/// `-I CHAIN 3` becomes a rule behind the second one (`add rule … index 1`), which means the same as long as chain and
/// translation have the same rules.
pub fn command(
    own_family: Family,
    command: &Command,
    is_chain: &dyn Fn(&str) -> bool,
) -> Result<Vec<Line>, CommandError> {
    let table = Table::from_name(&command.table.text);
    let table = table.ok_or_else(|| CommandError::NoTable(command.table.clone()))?;
    let site = |chain: &'_ Named| Chain { family: own_family, table, name: chain.text.clone() };
    let in_table = |words: &str| vec![Line::Nft(format!("{words} {} {table}", family(own_family)))];
    let in_chain = |words: &str, chain: &Named| vec![Line::Nft(format!("{words} {}", site(chain).in_nft()))];
    let by_rule =
        "nft deletes, replaces and finds rules by their handles, not by what they say or their numbers";
    Ok(match &command.action {
        Action::Append { chain, rule } => {
            prefixed(&format!("add rule {}", site(chain).in_nft()), rules(&site(chain), rule, is_chain))
        }
        Action::Insert { chain, number, rule, .. } => {
            let place = site(chain).in_nft();
            let words = match number {
                0 | 1 => format!("insert rule {place}"),
                number => format!("add rule {place} index {}", number - 2),
            };
            prefixed(&words, rules(&site(chain), rule, is_chain))
        }
        Action::Check { .. } => return Err(no_command("-C", by_rule)),
        Action::Delete { .. } | Action::DeleteNumber { .. } => return Err(no_command("-D", by_rule)),
        Action::Replace { .. } => return Err(no_command("-R", by_rule)),
        Action::Zero { .. } => {
            return Err(no_command("-Z", "nft 1.0.6 cannot set the counters of rules to zero"));
        }
        Action::List(selection) | Action::ListRules(selection) => {
            if selection.zero.is_some() {
                return Err(no_command("-Z", "nft 1.0.6 cannot set the counters of rules to zero"));
            }
            match &selection.chain {
                Some(chain) => in_chain("list chain", chain),
                None => in_table("list table"),
            }
        }
        Action::Flush { chain: Some(chain) } => in_chain("flush chain", chain),
        Action::Flush { chain: None } => in_table("flush table"),
        Action::NewChain { chain } => in_chain("add chain", chain),
        Action::DeleteChain { chain: Some(chain) } => in_chain("delete chain", chain),
        Action::DeleteChain { chain: None } => {
            return Err(no_command("-X", "nft deletes chains one by one, and does not say which are empty"));
        }
        Action::RenameChain { chain, to } => {
            vec![Line::Nft(format!("rename chain {} {}", site(chain).in_nft(), name::chain(&to.text)))]
        }
        Action::Policy { chain, policy, .. } => {
            let hook = Hook::from_name(&chain.text).filter(|hook| table.has(*hook));
            let policy = match &*policy.text {
                "ACCEPT" => Some(Policy::Accept),
                "DROP" => Some(Policy::Drop),
                _ => None,
            };
            match (hook, policy) {
                (Some(hook), Some(policy)) => {
                    vec![Line::Nft(base_chain(own_family, table, hook, Some(policy)))]
                }
                _ => return Err(no_command("-P", "only a built-in chain has a policy, ACCEPT or DROP")),
            }
        }
    })
}

/// A chain with its name in iptables.
pub(super) struct Chain {
    pub(super) family: Family,
    pub(super) table: Table,
    pub(super) name: Box<str>,
}

impl Chain {
    pub(super) fn site(&self) -> Site<'_> {
        Site { family: self.family, table: self.table, chain: &self.name }
    }

    fn in_nft(&self) -> String {
        self.site().chain_in_nft()
    }
}

/// `add chain ip filter INPUT { type filter hook input priority 0; policy accept; }`.
pub fn base_chain(own_family: Family, table: Table, hook: Hook, policy: Option<Policy>) -> String {
    let kind = match (table, hook) {
        (Table::Nat, _) => "nat",
        // Linux: a mark or address that changes here changes the way.
        (Table::Mangle, Hook::Output) => "route",
        _ => "filter",
    };
    let priority = table.hooks().iter().find(|(own, _)| *own == hook).map_or(0, |(_, priority)| *priority);
    let lower = hook.name().to_ascii_lowercase();
    let mut text = format!(
        "add chain {} {table} {} {{ type {kind} hook {lower} priority {priority};",
        family(own_family),
        hook.name()
    );
    if let Some(policy) = policy {
        put!(text, " policy {};", policy.name().to_ascii_lowercase());
    }
    text.push_str(" }");
    text
}

fn prefixed(words: &str, rules: Vec<Result<String, Untranslatable>>) -> Vec<Line> {
    let line = |rule| match rule {
        Ok(rule) => Line::Nft(format!("{words} {rule}")),
        Err(why) => Line::Refused(why),
    };
    rules.into_iter().map(line).collect()
}

/// The rules that a rule as typed means, or one reason why they cannot be said.
pub(super) fn rules(
    chain: &Chain,
    spec: &RuleSpec,
    is_chain: &dyn Fn(&str) -> bool,
) -> Vec<Result<String, Untranslatable>> {
    let destination = match &spec.target {
        TargetSpec::None => Destination::None,
        TargetSpec::Target(_, name) | TargetSpec::NotModelled(name, _) if is_chain(&name.text) => {
            Destination::Chain { name: &name.text, goto: false }
        }
        TargetSpec::Target(target, _) => Destination::Target(target),
        TargetSpec::Chain(name, goto) => Destination::Chain { name: &name.text, goto: *goto },
        TargetSpec::NotModelled(name, _) => {
            let why =
                Untranslatable::new(format!("-j {}", name.text), "oxitables does not know this target yet");
            return vec![Err(why)];
        }
    };
    if let Destination::Chain { name, .. } = destination
        && ChainName::new(name).is_none()
    {
        return vec![Err(Untranslatable::new(format!("-j {name}"), "no chain can have this name"))];
    }
    let mut out = Vec::new();
    for header in spec.headers() {
        match rule(chain.site(), &header, &spec.matches, destination, spec.counters) {
            Err(why) => return vec![Err(why)],
            text => out.push(text),
        }
    }
    out
}
