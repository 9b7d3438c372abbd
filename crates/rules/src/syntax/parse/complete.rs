//! The end of a command line: the checks that need all of it, and the [`Command`] that comes out.
use super::super::address;
use super::super::command::{Action, Command, Named, RuleSpec, Selection, TargetSpec, Wait, ZeroAfter};
use super::super::error::{Error, ErrorKind};
use super::super::extension::{Context, Families, Lookup};
use super::super::lex::{Span, Word};
use super::super::options::{JSON, long_name};
use super::{Parsed, Parser};
use crate::{ChainName, Negatable, targets};

impl<'w> Parser<'_, 'w> {
    pub(super) fn complete(&mut self, invert: Option<Span>) -> Result<Parsed, Error> {
        let table = match self.mode.restore {
            Some(table) => Named { text: table.into(), span: self.span },
            None => self.table.take().unwrap_or(Named { text: "filter".into(), span: self.span }),
        };
        if &*table.text == "nat" {
            let drop = |named: &Named| &*named.text == "DROP";
            let jump = self.jump.as_ref().map(|(name, _)| name).filter(|name| drop(name));
            let policy = self.extra.as_ref().filter(|name| drop(name) && !self.mode.trusted);
            if let Some(name) = policy.or(jump) {
                return Err(Error::new(ErrorKind::DropInNat("nat".into()), name.span).because(
                    "the nat table sees only the first packet of a connection; drop in table filter, or in mangle or raw PREROUTING",
                ));
            }
        }
        if let (Some(span), Wait::No) = (self.wait_interval, self.wait) {
            let text = "--wait-interval only makes sense with --wait\n";
            return Err(Error::new(ErrorKind::WaitInterval(text.into()), span));
        }
        self.finish_extensions()?;
        if let Some(word) = self.getopt.rest().first() {
            return Err(Error::new(ErrorKind::UnknownArguments, word.span));
        }
        let Some((letter, command_span)) = self.command else {
            return Err(Error::new(ErrorKind::NoCommand, self.span));
        };
        if let Some(not) = invert {
            return Err(Error::new(ErrorKind::NothingAfterNot, not));
        }
        let is_rule = match letter {
            'A' | 'C' | 'I' | 'R' => true,
            'D' => self.number.is_none(),
            _ => false,
        };
        let (sources, destinations) = self.addresses()?;
        self.check_options(letter, is_rule)?;
        self.check_chain(is_rule)?;
        let rule = is_rule.then(|| self.rule(sources, destinations)).transpose()?.map(Box::new);
        let action = self.action(letter, command_span, rule);
        let warnings = std::mem::take(&mut self.warnings);
        let (output, wait) = (self.output, self.wait);
        Ok(Parsed::Command(Box::new(Command { table, action, output, wait, warnings })))
    }

    fn finish_extensions(&mut self) -> Result<(), Error> {
        let mut context = Context {
            names: self.mode.names,
            family: self.mode.family,
            header: &self.header,
            warnings: &mut self.warnings,
        };
        for own in &mut self.matches {
            own.data.finish(&own.calls, &mut context)?;
            own.calls.complete(own.spec)?;
        }
        if let Some(own) = &mut self.target {
            own.data.finish(&own.calls, &mut context)?;
            own.calls.complete(own.spec)?;
        }
        Ok(())
    }

    fn addresses(&mut self) -> Result<(Vec<packet::AddrMask>, Vec<packet::AddrMask>), Error> {
        let mut read = |word: &Option<Word<'w>>| match word {
            Some(word) => address::list(word, self.mode.family, self.mode.names, &mut self.warnings),
            None => Ok(Vec::new()),
        };
        let sources = read(&self.sources)?;
        let destinations = read(&self.destinations)?;
        let inverted = |header: &Option<Negatable<packet::AddrMask>>| header.is_some_and(|own| own.invert);
        if (sources.len() > 1 || destinations.len() > 1)
            && (inverted(&self.header.source) || inverted(&self.header.destination))
        {
            let word = if sources.len() > 1 { &self.sources } else { &self.destinations };
            let span = word.as_ref().map_or(self.span, |word| word.span);
            return Err(Error::new(ErrorKind::NotWithSeveral, span));
        }
        Ok((sources, destinations))
    }

    fn check_options(&self, letter: char, is_rule: bool) -> Result<(), Error> {
        // The order in which upstream tries its option bits.
        for option in ['n', 's', 'd', 'p', 'j', 'v', 'x', 'i', 'o', '0', 'c', 'f', JSON] {
            let Some(&(_, span)) = self.used.iter().find(|&&(own, _)| own == option) else { continue };
            let legal = match option {
                'v' => true,
                JSON => matches!(letter, 'L' | 'S'),
                'n' | 'x' | '0' => letter == 'L',
                'c' => matches!(letter, 'A' | 'I' | 'R' | 'P'),
                // Linux: -D of a number is no command of a rule.
                _ => is_rule,
            };
            if !legal {
                let long = long_name(option);
                return Err(Error::new(ErrorKind::IllegalOption(long.into()), span));
            }
        }
        Ok(())
    }

    fn check_chain(&self, is_rule: bool) -> Result<(), Error> {
        let Some(chain) = &self.chain else { return Ok(()) };
        if chain.text.len() > ChainName::MAX {
            return Err(Error::new(ErrorKind::ChainNameLong(chain.text.clone()), chain.span));
        }
        if !is_rule {
            return Ok(());
        }
        let (option, why) = match &*chain.text {
            "PREROUTING" | "INPUT" => ('o', "a packet that comes in has no outgoing interface yet"),
            "POSTROUTING" | "OUTPUT" => ('i', "a packet that goes out has no incoming interface here"),
            _ => return Ok(()),
        };
        if let Some(&(_, span)) = self.used.iter().find(|&&(own, _)| own == option) {
            let kind = ErrorKind::WrongDirection(long_name(option).into(), chain.text.clone());
            return Err(Error::new(kind, span).because(why));
        }
        Ok(())
    }

    fn rule(
        &mut self,
        sources: Vec<packet::AddrMask>,
        destinations: Vec<packet::AddrMask>,
    ) -> Result<RuleSpec, Error> {
        let first = |own: &mut Option<Negatable<packet::AddrMask>>, list: &[packet::AddrMask]| {
            *own = own.and_then(|own| list.first().map(|&value| Negatable { invert: own.invert, value }));
            *own = own.filter(|own| own.invert || !address::is_any(&own.value));
        };
        first(&mut self.header.source, &sources);
        first(&mut self.header.destination, &destinations);
        let family = self.mode.family;
        let target = match (self.jump.take(), self.target.take()) {
            (None, _) => TargetSpec::None,
            (Some((name, true)), _) => TargetSpec::Chain(name, true),
            (Some((name, _)), Some(own)) => TargetSpec::Target(own.data, name),
            (Some((name, _)), None) => {
                match (targets::standard(&name.text), targets::lookup(&name.text, family)) {
                    (Some(target), _) => TargetSpec::Target(target, name),
                    (None, Lookup::Found(target)) => TargetSpec::Target(target, name),
                    (None, Lookup::NotModelled) => TargetSpec::NotModelled(name, Families::Both),
                    (None, Lookup::Unknown) => TargetSpec::Chain(name, false),
                }
            }
        };
        Ok(RuleSpec {
            header: std::mem::take(&mut self.header),
            sources,
            destinations,
            matches: self.matches.drain(..).map(|own| own.data).collect(),
            target,
            counters: self.counters.unwrap_or_default(),
            span: self.span,
        })
    }

    fn action(&mut self, letter: char, span: Span, rule: Option<Box<RuleSpec>>) -> Action {
        let chain = self.chain.take();
        let named = || Named { text: "".into(), span };
        let number = self.number;
        let (at, at_span) = number.unwrap_or((1, span));
        let selection = |chain| Selection {
            chain,
            number: number.map(|(number, _)| number),
            zero: self.zero.map(|zero| zero.map_or(ZeroAfter::Chains, ZeroAfter::Rule)),
        };
        match letter {
            'L' => return Action::List(selection(chain)),
            'S' => return Action::ListRules(selection(chain)),
            'F' => return Action::Flush { chain },
            'X' => return Action::DeleteChain { chain },
            'Z' => {
                return Action::Zero { chain, number: number.map(|(number, _)| number), span: at_span };
            }
            _ => {}
        }
        let chain = chain.unwrap_or_else(named);
        let extra = self.extra.take();
        match (letter, rule) {
            ('A', Some(rule)) => Action::Append { chain, rule },
            ('C', Some(rule)) => Action::Check { chain, rule },
            ('D', Some(rule)) => Action::Delete { chain, rule },
            ('I', Some(rule)) => Action::Insert { chain, number: at, span: at_span, rule },
            ('R', Some(rule)) => Action::Replace { chain, number: at, span: at_span, rule },
            ('N', _) => Action::NewChain { chain },
            ('E', _) => Action::RenameChain { chain, to: extra.unwrap_or_else(named) },
            ('P', _) => {
                let counters =
                    if self.used.iter().any(|&(own, _)| own == 'c') { self.counters } else { None };
                Action::Policy { chain, policy: extra.unwrap_or_else(named), counters }
            }
            _ => Action::DeleteNumber { chain, number: at, span: at_span },
        }
    }
}
