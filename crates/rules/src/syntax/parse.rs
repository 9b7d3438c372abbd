//! Words → [`Command`]: getopt's loop over generic options and those of the extensions that the rule has loaded.
//!
//! The order of the checks is upstream's (`do_parse` of iptables 1.8), so that of two faults the same one is reported.
mod complete;

use std::borrow::Cow;

use packet::Family;

use super::address;
use super::advice;
use super::command::{Command, Named, Output, Wait};
use super::error::{Error, ErrorKind};
use super::extension::{Calls, Context, Lookup, OptionCall, Spec};
use super::lex::{Span, Word};
use super::options::{Found, Getopt, JSON, Which, long_name, long_options};
use super::value::{self, Kind, Value};
use super::{Names, inventory};
use crate::{ChainName, Counters, Header, InterfacePattern, Match, Negatable, Target, matches, targets};

/// How a command is read.
#[derive(Clone, Copy)]
pub struct Mode<'a> {
    /// `iptables` or `ip6tables`.
    pub family: Family,
    /// Who knows names.
    pub names: &'a dyn Names,
    /// The table of the restore file in which the command stands; `None`: a command of its own.
    pub restore: Option<&'a str>,
    /// Whether `-P CHAIN DROP` is taken in table nat. Only for text that this program has written itself.
    pub trusted: bool,
}

/// What a command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// A command.
    Command(Box<Command>),
    /// `-h`: the help of these extensions behind the general one.
    Help(Vec<&'static Spec>),
    /// `-V`; `true`: with `!`.
    Version(bool),
}

/// Reads a command. Restore files: the words of one line, counters in front already taken (`counters`).
pub fn parse(words: &[Word<'_>], mode: Mode<'_>, counters: Option<Counters>) -> Result<Parsed, Error> {
    let span = match (words.first(), words.last()) {
        (Some(first), Some(last)) => first.span.to(last.span),
        _ => Span::default(),
    };
    let mut parser = Parser::new(words, mode, span, counters);
    parser.run().map_err(|mut error| {
        error.warnings = std::mem::take(&mut parser.warnings);
        advice::advise(error, words, mode.family)
    })
}

/// A match or target of the rule in the making, with the options that it was given.
struct Loaded<T> {
    data: T,
    spec: &'static Spec,
    calls: Calls,
}

/// The slot of the target among loaded extensions; matches have their index.
const TARGET_SLOT: usize = usize::MAX;

struct Parser<'a, 'w> {
    mode: Mode<'a>,
    getopt: Getopt<'w>,
    span: Span,
    /// Loaded extensions by slot, newest first.
    loaded: Vec<(usize, &'static Spec)>,
    matches: Vec<Loaded<Match>>,
    target: Option<Loaded<Target>>,
    jump: Option<(Named, bool)>,
    header: Header,
    protocol_used: bool,
    protocol_typed: Option<u8>,
    /// The letter of the command and its place.
    command: Option<(char, Span)>,
    zero: Option<Option<u32>>,
    chain: Option<Named>,
    number: Option<(u32, Span)>,
    extra: Option<Named>,
    table: Option<Named>,
    sources: Option<Word<'w>>,
    destinations: Option<Word<'w>>,
    counters: Option<Counters>,
    /// Generic options that were used, by letter, with their places.
    used: Vec<(char, Span)>,
    output: Output,
    wait: Wait,
    wait_interval: Option<Span>,
    warnings: Vec<String>,
}

impl<'a, 'w> Parser<'a, 'w> {
    fn new(words: &'w [Word<'w>], mode: Mode<'a>, span: Span, counters: Option<Counters>) -> Self {
        Self {
            mode,
            getopt: Getopt::new(words, mode.family),
            span,
            loaded: Vec::new(),
            matches: Vec::new(),
            target: None,
            jump: None,
            header: Header::default(),
            protocol_used: false,
            protocol_typed: None,
            command: None,
            zero: None,
            chain: None,
            number: None,
            extra: None,
            table: None,
            sources: None,
            destinations: None,
            counters,
            used: Vec::new(),
            output: Output::default(),
            wait: Wait::No,
            wait_interval: None,
            warnings: Vec::new(),
        }
    }

    fn run(&mut self) -> Result<Parsed, Error> {
        let mut invert: Option<Span> = None;
        loop {
            let place = self.getopt.place;
            match self.getopt.next(&self.loaded) {
                Found::End => break,
                Found::Word(word) if word.text == "!" => {
                    if invert.is_some() {
                        return Err(Error::new(ErrorKind::NotTwice, word.span));
                    }
                    invert = Some(word.span);
                    continue;
                }
                Found::Word(word) => {
                    return Err(Error::new(ErrorKind::BadArgument((&*word.text).into()), word.span));
                }
                Found::Option { which: Which::Generic(letter), value, span } => {
                    if let Some(parsed) = self.generic(letter, value, span, invert)? {
                        return Ok(parsed);
                    }
                }
                Found::Option { which: Which::Extension(slot, row), value, span } => {
                    self.extension(slot, row, value, span, invert.is_some())?;
                }
                Found::Missing(text, span) => {
                    if self.load_protocol(span)? {
                        self.getopt.place = place;
                        continue;
                    }
                    return Err(Error::new(ErrorKind::MissingArgument(text.into()), span));
                }
                Found::Unknown(text, span) => {
                    if self.load_protocol(span)? {
                        self.getopt.place = place;
                        continue;
                    }
                    return Err(self.unknown_option(&text, span));
                }
            }
            invert = None;
        }
        self.complete(invert)
    }

    fn unknown_option(&self, text: &str, span: Span) -> Error {
        let error = Error::new(ErrorKind::UnknownOption(text.into()), span);
        let Some(name) = text.strip_prefix("--") else { return error };
        let name = name.split_once('=').map_or(name, |(name, _)| name);
        let protocol = self.header.protocol.map(|protocol| protocol.value);
        // Why: an option that somebody else has is no typing error.
        if let Some(cause) = self.misread(name).or_else(|| advice::owner(name, protocol, self.mode.family)) {
            return error.because(cause);
        }
        let mut error =
            error.suggest(name, long_options(self.mode.family, &self.loaded).map(|(long, ..)| long));
        error.suggestion = error.suggestion.map(|near| format!("--{near}").into());
        error
    }

    /// `-tcp` and `-tudp` instead of `-p tcp`: a table, to getopt.
    fn misread(&self, option: &str) -> Option<String> {
        let table = self.table.as_ref().filter(|table| crate::Table::from_name(&table.text).is_none())?;
        let protocol = ["tcp", "udp"].into_iter().find(|own| {
            let spec = matches::SPECS.iter().find(|spec| spec.name == *own);
            let has =
                |own: &super::extension::OptionSpec| own.name == option || own.aliases.contains(&option);
            spec.is_some_and(|spec| spec.options.iter().any(has)) && format!("t{}", table.text) == *own
        })?;
        let rest = &table.text;
        Some(format!("`-{protocol}' was read as `-t {rest}', a table; write `-p {protocol}'"))
    }

    /// Notes the use of a generic option: once, and inverted only where it may be.
    fn set(&mut self, letter: char, span: Span, invert: Option<Span>) -> Result<bool, Error> {
        if self.used.iter().any(|&(own, _)| own == letter) {
            return Err(Error::new(ErrorKind::OptionTwice(long_name(letter).into()), span));
        }
        self.used.push((letter, span));
        match invert {
            Some(not) if !"psdiof".contains(letter) => {
                Err(Error::new(ErrorKind::NotInvertible(long_name(letter).into()), not.to(span)))
            }
            _ => Ok(invert.is_some()),
        }
    }

    fn begin(&mut self, letter: char, span: Span, invert: Option<Span>) -> Result<(), Error> {
        if let Some(not) = invert {
            return Err(Error::new(ErrorKind::UnexpectedNot, not));
        }
        match self.command {
            None => self.command = Some((letter, span)),
            // Linux: -Z may stand beside -L and -S; the listing comes first.
            Some((old @ ('L' | 'S'), _)) if self.zero.is_some() => {
                let old = if old == 'S' && letter != 'Z' {
                    'S'
                } else if letter == old {
                    old
                } else {
                    'Z'
                };
                return Err(Error::new(ErrorKind::TwoCommands(letter, old), span));
            }
            Some(('L' | 'S', _)) if letter == 'Z' => self.zero = Some(None),
            Some(('Z', _)) if letter == 'L' || letter == 'S' => {
                self.zero = Some(self.number.take().map(|(number, _)| number));
                self.command = Some((letter, span));
            }
            Some((old, _)) => return Err(Error::new(ErrorKind::TwoCommands(letter, old), span)),
        }
        Ok(())
    }

    fn rule_number(&mut self) -> Result<Option<(u32, Span)>, Error> {
        let Some(word) = self.getopt.argument() else { return Ok(None) };
        match value::number(&word.text, 1, 0x7fff_ffff).and_then(|number| u32::try_from(number).ok()) {
            Some(number) => Ok(Some((number, word.span))),
            None => Err(Error::new(ErrorKind::RuleNumber((&*word.text).into()), word.span)),
        }
    }

    fn named(word: &Word<'_>) -> Named {
        Named { text: (&*word.text).into(), span: word.span }
    }

    fn generic(
        &mut self,
        letter: char,
        value: Option<Word<'w>>,
        span: Span,
        invert: Option<Span>,
    ) -> Result<Option<Parsed>, Error> {
        let word = |value: &Option<Word<'w>>| value.clone().unwrap_or(Word { text: "".into(), span });
        match letter {
            'A' | 'C' | 'D' | 'R' | 'I' | 'L' | 'S' | 'F' | 'Z' | 'X' | 'N' | 'E' | 'P' => {
                self.command_option(letter, value, span, invert)?;
            }
            'h' => return Ok(Some(self.help())),
            'V' => return Ok(Some(Parsed::Version(invert.is_some()))),
            'p' => {
                let invert = self.set('p', span, invert)?;
                self.protocol(&word(&value), invert, span)?;
            }
            's' | 'd' => {
                let invert = self.set(letter, span, invert)?;
                let any = Some(Negatable { invert, value: address::any(self.mode.family) });
                if letter == 's' {
                    self.sources = value;
                    self.header.source = any;
                } else {
                    self.destinations = value;
                    self.header.destination = any;
                }
            }
            'i' | 'o' => {
                let invert = self.set(letter, span, invert)?;
                let pattern = self.interface(&word(&value))?;
                let pattern = Some(Negatable { invert, value: pattern });
                if letter == 'i' {
                    self.header.input = pattern;
                } else {
                    self.header.output = pattern;
                }
            }
            'f' => {
                if self.mode.family == Family::V6 {
                    return Err(Error::new(ErrorKind::FragmentInV6, span));
                }
                self.header.fragment = Some(self.set('f', span, invert)?);
            }
            'j' | 'g' => {
                self.set('j', span, invert)?;
                self.jump(&word(&value), letter == 'g')?;
            }
            'm' => {
                if let Some(not) = invert {
                    return Err(Error::new(ErrorKind::UnexpectedNotBefore("--match".into()), not));
                }
                self.load_match(&word(&value))?;
            }
            'v' => {
                if self.output.verbose == 0 {
                    self.set('v', span, invert)?;
                }
                self.output.verbose = self.output.verbose.saturating_add(1);
            }
            'n' => {
                self.set('n', span, invert)?;
                self.output.numeric = true;
            }
            'x' => {
                self.set('x', span, invert)?;
                self.output.exact = true;
            }
            '0' => {
                self.set('0', span, invert)?;
                self.output.line_numbers = true;
            }
            JSON if self.mode.restore.is_none() => {
                self.set(JSON, span, invert)?;
                self.output.json = true;
            }
            JSON => return Err(self.unknown_option("--json", span)),
            't' => {
                if let Some(not) = invert {
                    return Err(Error::new(ErrorKind::UnexpectedNotBefore("--table".into()), not));
                }
                if self.mode.restore.is_some() {
                    return Err(Error::new(ErrorKind::TableInRestore, span));
                }
                self.table = value.as_ref().map(Self::named);
            }
            'c' => {
                self.set('c', span, invert)?;
                // Linux: counters in front of a line of a restore file are handed on as this option.
                if self.counters.is_some() {
                    return Err(Error::new(ErrorKind::OptionTwice(long_name('c').into()), span));
                }
                self.counters = Some(self.counters_option(&word(&value))?);
            }
            'w' | 'W' if self.mode.restore.is_some() => {
                return Err(Error::new(ErrorKind::WaitInRestore(letter), span));
            }
            'w' => {
                let seconds = value.or_else(|| self.getopt.argument().cloned());
                self.wait = match seconds {
                    None => Wait::Forever,
                    Some(word) => wait_seconds(&word)?,
                };
            }
            'W' => {
                let interval = value.or_else(|| self.getopt.argument().cloned());
                self.wait_interval = Some(span);
                wait_interval(interval.as_ref(), span)?;
                self.warnings.push("Ignoring deprecated --wait-interval option.".into());
            }
            // Linux: a command that loads modules; there are none here.
            'M' => {}
            '4' | '6' => {
                let own = if self.mode.family == Family::V4 { '4' } else { '6' };
                if letter != own {
                    return Err(Error::new(ErrorKind::WrongFamily, span));
                }
            }
            _ => return Err(self.unknown_option(&format!("-{letter}"), span)),
        }
        Ok(None)
    }

    fn command_option(
        &mut self,
        letter: char,
        value: Option<Word<'w>>,
        span: Span,
        invert: Option<Span>,
    ) -> Result<(), Error> {
        if let ('N', Some(name)) = (letter, &value) {
            self.chain_name(name)?;
        }
        self.begin(letter, span, invert)?;
        let chain = match letter {
            'L' | 'S' | 'F' | 'Z' | 'X' => value.or_else(|| self.getopt.argument().cloned()),
            _ => value,
        };
        if let Some(chain) = chain {
            self.chain = Some(Self::named(&chain));
        }
        match letter {
            'R' => {
                let number = self.rule_number()?;
                self.number = Some(number.ok_or(Error::new(ErrorKind::NeedsRuleNumber, self.span))?);
            }
            'D' | 'I' => self.number = self.rule_number()?,
            'L' | 'S' => self.number = self.rule_number()?.or(self.number),
            'Z' => {
                let number = self.rule_number()?;
                match &mut self.zero {
                    Some(zero) => *zero = number.map(|(number, _)| number),
                    None => self.number = number,
                }
            }
            'E' | 'P' => {
                let kind = if letter == 'E' { ErrorKind::NeedsNewName } else { ErrorKind::NeedsPolicy };
                let word = self.getopt.argument().ok_or(Error::new(kind, self.span))?;
                if letter == 'E' {
                    self.chain_name(word)?;
                }
                self.extra = Some(Self::named(word));
            }
            _ => {}
        }
        Ok(())
    }

    fn chain_name(&self, name: &Word<'_>) -> Result<(), Error> {
        let text = &*name.text;
        let kind = if text.len() > ChainName::MAX {
            ErrorKind::ChainNameLong(text.into())
        } else if let Some(first) = text.chars().next().filter(|first| matches!(first, '-' | '!')) {
            ErrorKind::ChainNameStart(first)
        } else if text.is_empty()
            || targets::standard(text).is_some()
            || inventory::exists(inventory::TARGETS, text, self.mode.family)
        {
            ErrorKind::ChainNameClash
        } else if text.contains(|letter: char| letter.is_ascii_whitespace() || letter == '\u{b}') {
            ErrorKind::ChainName(text.into())
        } else {
            return Ok(());
        };
        Err(Error::new(kind, name.span))
    }

    fn protocol(&mut self, word: &Word<'_>, invert: bool, span: Span) -> Result<(), Error> {
        let name: Cow<'_, str> = match word.text.bytes().any(|letter| letter.is_ascii_uppercase()) {
            true => word.text.to_ascii_lowercase().into(),
            false => Cow::Borrowed(&word.text),
        };
        let number = value::protocol_number(&name, self.mode.names).ok_or_else(|| {
            Error::new(ErrorKind::Protocol((&*name).into()), word.span)
                .suggest(&name, value::protocol_names())
        })?;
        if number == 0 && invert {
            return Err(Error::new(ErrorKind::NeverMatches, span.to(word.span)));
        }
        // Linux: find_proto looks for a match of the name as typed, and none but `mh` is the name of that match.
        self.protocol_typed = Some(number).filter(|&own| own != packet::protocol::MOBILITY || name == "mh");
        // Linux: `-p all` of ip6tables sets a flag in the rule, so that -D tells it from a rule without -p.
        let kept = number != 0 || self.mode.family == Family::V6;
        self.header.protocol = kept.then_some(Negatable { invert, value: number });
        // Linux: is_exthdr of ip6tables.
        let never = [packet::protocol::ROUTING, packet::protocol::FRAGMENT, packet::protocol::AH];
        if self.mode.family == Family::V6
            && !invert
            && (never.contains(&number) || number == packet::protocol::DESTINATION_OPTIONS)
        {
            self.warnings
                .push(format!("Warning: never matched protocol: {name}. use extension match instead."));
        }
        Ok(())
    }

    fn interface(&mut self, word: &Word<'_>) -> Result<InterfacePattern, Error> {
        let text = &*word.text;
        if text.is_empty() {
            return Err(Error::new(ErrorKind::InterfaceEmpty, word.span));
        }
        if text.len() > packet::InterfaceName::MAX {
            return Err(Error::new(ErrorKind::InterfaceLong(text.into()), word.span));
        }
        if text.contains(['/', ' ']) {
            self.warnings.push(format!(
                "Warning: weird character in interface `{text}' ('/' and ' ' are not allowed by the kernel)."
            ));
        }
        let name = |text| packet::InterfaceName::new(text);
        let pattern = match text.strip_suffix('+') {
            Some("") => Some(InterfacePattern::Any),
            Some(prefix) => name(prefix).map(InterfacePattern::Prefix),
            None => name(text).map(InterfacePattern::Exact),
        };
        pattern.ok_or_else(|| Error::new(ErrorKind::InterfaceLong(text.into()), word.span))
    }

    fn jump(&mut self, word: &Word<'_>, goto: bool) -> Result<(), Error> {
        let text = &*word.text;
        let kind = if text.is_empty() {
            Some(ErrorKind::TargetNameEmpty)
        } else if text.len() > ChainName::MAX {
            Some(ErrorKind::TargetNameLong(text.into()))
        } else if text.contains(|letter: char| letter.is_ascii_whitespace() || letter == '\u{b}') {
            Some(ErrorKind::TargetName(text.into()))
        } else {
            None
        };
        if let Some(kind) = kind {
            return Err(Error::new(kind, word.span));
        }
        self.jump = Some((Self::named(word), goto));
        if !goto
            && let Lookup::Found(data) = targets::lookup(text, self.mode.family)
            && let Some(spec) = data.spec()
        {
            self.warn_missing(spec.name);
            self.target = Some(Loaded { data, spec, calls: Calls::new(word.span) });
            self.loaded.insert(0, (TARGET_SLOT, spec));
        }
        Ok(())
    }

    /// Linux: once for each extension that the kernel has not.
    fn warn_missing(&mut self, name: &str) {
        let warning = inventory::missing(name).filter(|warning| !self.warnings.contains(warning));
        self.warnings.extend(warning);
    }

    fn load_match(&mut self, word: &Word<'_>) -> Result<(), Error> {
        let text = &*word.text;
        if text.len() > ChainName::MAX {
            return Err(Error::new(ErrorKind::MatchNameLong(text.into()), word.span));
        }
        let lookup = matches::lookup(text, self.mode.family);
        self.add_match(lookup, text, word.span)
    }

    fn add_match(&mut self, lookup: Lookup<Match>, name: &str, span: Span) -> Result<(), Error> {
        let data = match lookup {
            Lookup::Found(data) => data,
            Lookup::NotModelled => return Err(Error::new(ErrorKind::NotModelledMatch(name.into()), span)),
            Lookup::Unknown => {
                let known = inventory::MATCHES.iter().filter(|(_, families)| families.has(self.mode.family));
                return Err(Error::new(ErrorKind::UnknownMatch(name.into()), span)
                    .suggest(name, known.map(|&(name, _)| name)));
            }
        };
        if let Some(spec) = data.spec() {
            self.warn_missing(spec.name);
            self.loaded.insert(0, (self.matches.len(), spec));
            self.matches.push(Loaded { data, spec, calls: Calls::new(span) });
        }
        Ok(())
    }

    /// An option is not known: perhaps it is one of the protocol's match, which `-p` brings with it.
    fn load_protocol(&mut self, span: Span) -> Result<bool, Error> {
        let Some(protocol) = self.protocol_typed else { return Ok(false) };
        let Some(lookup) = matches::implicit(protocol, self.mode.family) else { return Ok(false) };
        let name = value::protocol_name(protocol).unwrap_or("");
        let already = match &lookup {
            Lookup::Found(data) => self.matches.iter().any(|own| own.data.name() == data.name()),
            Lookup::NotModelled => false,
            Lookup::Unknown => return Ok(false),
        };
        if already && self.protocol_used {
            return Ok(false);
        }
        self.protocol_used = true;
        // Linux: `-m` of a match that is there brings no options again, but this does.
        if let Lookup::Found(data) = &lookup
            && already
        {
            self.getopt.doubled = data.spec();
        }
        self.add_match(lookup, name, span)?;
        Ok(true)
    }

    fn extension(
        &mut self,
        slot: usize,
        row: usize,
        value: Option<Word<'w>>,
        span: Span,
        invert: bool,
    ) -> Result<(), Error> {
        let mut context = Context {
            names: self.mode.names,
            family: self.mode.family,
            header: &self.header,
            warnings: &mut self.warnings,
        };
        let getopt = &mut self.getopt;
        if slot == TARGET_SLOT {
            if let Some(own) = &mut self.target {
                read_option(own, Target::parse, row, value, span, invert, getopt, &mut context)?;
            }
        } else if let Some(own) = self.matches.get_mut(slot) {
            read_option(own, Match::parse, row, value, span, invert, getopt, &mut context)?;
        }
        Ok(())
    }

    fn counters_option(&mut self, word: &Word<'w>) -> Result<Counters, Error> {
        let fault = |what| Error::new(ErrorKind::SetCounters(what), word.span);
        let (packets, bytes) = match word.text.split_once(',') {
            Some((packets, bytes)) => (packets.to_owned(), bytes.to_owned()),
            None => {
                let bytes = self.getopt.argument().ok_or(fault("requires packet and byte counter"))?;
                (word.text.clone().into_owned(), bytes.text.clone().into_owned())
            }
        };
        Ok(Counters {
            packets: scan_number(&packets).ok_or(fault("packet counter not numeric"))?,
            bytes: scan_number(&bytes).ok_or(fault("byte counter not numeric"))?,
        })
    }

    fn help(&mut self) -> Parsed {
        // Linux: `-p icmp -h` prints the help of the protocol's match as well.
        if self.matches.is_empty()
            && let Some(protocol) = self.protocol_typed
            && let Some(Lookup::Found(data)) = matches::implicit(protocol, self.mode.family)
            && let Some(spec) = data.spec()
        {
            self.loaded.push((0, spec));
        }
        let mut specs: Vec<_> =
            self.loaded.iter().filter(|own| own.0 == TARGET_SLOT).map(|own| own.1).collect();
        if matches!(&self.jump, Some((name, false)) if targets::standard(&name.text).is_some()) {
            specs.push(&targets::STANDARD);
        }
        specs.extend(self.loaded.iter().rev().filter(|own| own.0 != TARGET_SLOT).map(|own| own.1));
        Parsed::Help(specs)
    }
}

/// One option of an extension: the checks before, its value, the extension's own reading, remembering it.
#[allow(clippy::too_many_arguments, reason = "the parts of one option, used in two places")]
fn read_option<'w, T>(
    own: &mut Loaded<T>,
    parse: fn(&mut T, &OptionCall<'_>, &mut Context<'_>) -> Result<(), Error>,
    row: usize,
    value: Option<Word<'w>>,
    span: Span,
    invert: bool,
    getopt: &mut Getopt<'w>,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let Some(option) = own.spec.options.get(row) else { return Ok(()) };
    let pair;
    let words: &[Word<'_>] = match (&value, option.kind) {
        (None, Kind::OptionalWord) => getopt.argument().map_or(&[], std::slice::from_ref),
        (None, _) => &[],
        (Some(first), Kind::TwoWords) => {
            own.calls.before(own.spec, row, option, span, invert)?;
            let second = getopt.argument().ok_or_else(|| {
                let text = format!("--{} {}", option.name, option.without_second);
                // The last line is the error; what stands before it is told before it.
                let text = match text.rsplit_once('\n') {
                    Some((warning, error)) => {
                        context.warnings.push(warning.to_owned());
                        error.to_owned()
                    }
                    None => text,
                };
                Error::new(ErrorKind::Extension(text.into()), span.to(first.span))
            })?;
            pair = [first.clone(), second.clone()];
            &pair
        }
        (Some(first), _) => std::slice::from_ref(first),
    };
    own.calls.before(own.spec, row, option, span, invert)?;
    let mut call = OptionCall {
        extension: own.spec.name,
        option,
        name: option.name,
        words,
        value: Value::None,
        invert,
        span,
    };
    call.value = value::read(&call, context)?;
    parse(&mut own.data, &call, context).map_err(|error| match error.kind {
        ErrorKind::Port(_) if error.cause.is_none() => {
            let cause = advice::port(call.text(), call.name);
            error.because(cause)
        }
        _ => error,
    })?;
    own.calls.push(row, call);
    Ok(())
}

/// `sscanf("%i")` of `-w`: a number with anything behind it.
fn wait_seconds(word: &Word<'_>) -> Result<Wait, Error> {
    let negative = word.text.trim_start().starts_with('-');
    let digits = word.text.trim_start().trim_start_matches('-');
    let number = value::leading_number(digits).map(|(number, _)| u32::try_from(number).unwrap_or(u32::MAX));
    match number {
        Some(_) if negative => Ok(Wait::Forever),
        Some(seconds) => Ok(Wait::Seconds(seconds)),
        None => Err(Error::new(ErrorKind::WaitSeconds, word.span)),
    }
}

/// `-W`: microseconds below a second.
fn wait_interval(word: Option<&Word<'_>>, span: Span) -> Result<(), Error> {
    let fault = |text: String, span| Err(Error::new(ErrorKind::WaitInterval(text.into()), span));
    let Some(word) = word else { return fault("wait interval value required".into(), span) };
    match scan_number(&word.text) {
        None => fault("wait interval not numeric".into(), word.span),
        Some(number) if number > 999_999 => {
            fault(format!("too long usec wait {number} > 999999 usec"), word.span)
        }
        Some(_) => Ok(()),
    }
}

/// `sscanf("%llu")`: decimal digits behind blanks and a sign, anything behind them.
pub(crate) fn scan_number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    if let Some(negative) = text.strip_prefix('-') {
        return scan_digits(negative).map(u64::wrapping_neg);
    }
    scan_digits(text.strip_prefix('+').unwrap_or(text))
}

fn scan_digits(text: &str) -> Option<u64> {
    let end = text.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests;
