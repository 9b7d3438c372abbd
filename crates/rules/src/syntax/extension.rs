//! An extension as data: what each file under [`crate::matches`] and [`crate::targets`] provides.
//!
//! An [`Extension`] is a [`Spec`] (name, families, option table, where it may stand) and seven functions over the data
//! of the extension. The engine of the parser does everything that libxtables does for a table-driven extension
//! ("can only be used once", "cannot be inverted", "must be specified", ranges, exclusions), so that a file says only
//! what is its own. Words with spans come from [`super::lex`]; generic values from [`super::value`].
//!
//! Order of the checks, as libxtables has it: repeated, inverted, argument missing, value ([`Kind`]), the extension's
//! own `parse`; at the end of the rule the extension's `finish`, then mandatory, needed and excluded options.
use std::borrow::Cow;

use packet::Family;

use super::lex::Span;
use super::value::{Kind, Value};
use super::{Error, ErrorKind, Names, Word};
use crate::{Header, Hook, Match, Table};

/// One extension: its data as a table, its functions over the type of its data.
pub struct Extension<T: 'static> {
    /// Name, families, options, place.
    pub spec: Spec,
    /// The value before any option.
    pub start: fn(Family) -> T,
    /// One option: called for each in the order typed, after the generic checks. Generic values are in `call.value`.
    pub parse: fn(&mut T, &OptionCall<'_>, &mut Context<'_>) -> Result<(), Error>,
    /// The end of the rule: what depends on several options, or on the header (`context.header` is complete now).
    pub finish: fn(&mut T, &Calls, &mut Context<'_>) -> Result<(), Error>,
    /// The options as `-S` and `iptables-save` print them, each with a blank in front (` --mark 0x1`).
    pub save: fn(&T, &mut String),
    /// The text of `-L`, with a blank in front (` mark match 0x1`).
    pub list: fn(&T, &mut String, &Listing<'_>),
    /// What the kernel checks when the ruleset is applied, besides [`Place`].
    pub check: fn(&T, &Site<'_>) -> Result<(), Refusal>,
}

/// The part of an extension that is the same for all types of data.
#[derive(Debug)]
pub struct Spec {
    /// The name behind `-m` or `-j`.
    pub name: &'static str,
    /// Other names that are read but never printed (`icmpv6` for `icmp6`).
    pub aliases: &'static [&'static str],
    /// The families in which it exists.
    pub families: Families,
    /// The options.
    pub options: &'static [OptionSpec],
    /// Where the kernel lets it stand.
    pub place: Place,
    /// The text of `-h`, beginning with the headline (`mark match options:`), with a newline at the end.
    pub help: fn(Family) -> Cow<'static, str>,
}

impl Spec {
    /// Whether this extension is meant by a name.
    pub fn answers(&self, name: &str, family: Family) -> bool {
        self.families.has(family) && (self.name == name || self.aliases.contains(&name))
    }
}

/// Families of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// IPv4 and IPv6.
    Both,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Families {
    /// Whether a family is among them.
    pub const fn has(self, family: Family) -> bool {
        match self {
            Self::Both => true,
            Self::V4 => matches!(family, Family::V4),
            Self::V6 => matches!(family, Family::V6),
        }
    }
}

/// An option of an extension.
#[derive(Debug)]
pub struct OptionSpec {
    /// The long name without `--`.
    pub name: &'static str,
    /// Other names of the same option (`sport`).
    pub aliases: &'static [&'static str],
    /// What stands behind it.
    pub kind: Kind,
    /// Whether `!` may stand before it.
    pub invertible: bool,
    /// What a second use of the option is.
    pub repeat: Repeat,
    /// Whether the rule is wrong without it.
    pub mandatory: bool,
    /// Names of options that may not stand beside it, in the order in which they are complained of.
    pub excludes: &'static [&'static str],
    /// Names of options without which it may not stand.
    pub needs: &'static [&'static str],
    /// What is said of an option of two words that has one: `--X ` and this.
    pub without_second: &'static str,
}

/// What a second use of an option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// `EXT: option "--X" can only be used once.`
    Error,
    /// An error with a text of its own (``Only one `--source-port' allowed``).
    ErrorText(&'static str),
    /// The same, but an inverted use is left to `parse`, which refuses it for that.
    PlainErrorText(&'static str),
    /// Allowed: `parse` is called again.
    Allowed,
}

impl OptionSpec {
    /// An option that may be used once, not inverted.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            aliases: &[],
            kind,
            invertible: false,
            repeat: Repeat::Error,
            mandatory: false,
            excludes: &[],
            needs: &[],
            without_second: "requires two args.",
        }
    }

    /// With other names.
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// `!` may stand before it.
    pub const fn invertible(mut self) -> Self {
        self.invertible = true;
        self
    }

    /// Must be there.
    pub const fn mandatory(mut self) -> Self {
        self.mandatory = true;
        self
    }

    /// May be repeated, or has its own text when it is.
    pub const fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// May not stand beside these.
    pub const fn excludes(mut self, names: &'static [&'static str]) -> Self {
        self.excludes = names;
        self
    }

    /// With a text of its own for a missing second word.
    pub const fn without_second(mut self, text: &'static str) -> Self {
        self.without_second = text;
        self
    }

    /// May not stand without these.
    pub const fn needs(mut self, names: &'static [&'static str]) -> Self {
        self.needs = names;
        self
    }
}

/// Where an extension may stand (kernel: `table`, `hooks` and `proto` of `struct xt_match` and `xt_target`). A rule
/// elsewhere is EINVAL when the table is applied. Hooks count by reachability from built-in chains.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The tables; empty: all.
    pub tables: &'static [Table],
    /// The hooks; empty: all.
    pub hooks: &'static [Hook],
    /// The protocol that `-p` must name, not inverted.
    pub protocol: Option<u8>,
}

impl Place {
    /// Anywhere.
    pub const ANY: Place = Place { tables: &[], hooks: &[], protocol: None };

    /// Anywhere, with `-p` of a protocol.
    pub const fn protocol(protocol: u8) -> Place {
        Place { tables: &[], hooks: &[], protocol: Some(protocol) }
    }

    /// In some tables.
    pub const fn tables(tables: &'static [Table]) -> Place {
        Place { tables, hooks: &[], protocol: None }
    }

    /// At some hooks.
    pub const fn hooks(hooks: &'static [Hook]) -> Place {
        Place { tables: &[], hooks, protocol: None }
    }

    /// The check.
    pub fn check(&self, name: &str, site: &Site<'_>) -> Result<(), Refusal> {
        if !self.tables.is_empty() && !self.tables.contains(&site.table) {
            let tables: Vec<_> = self.tables.iter().map(|table| table.name()).collect();
            return Err(Refusal::invalid(format!(
                "`{name}' may stand in table {} only, not in {}",
                tables.join(", "),
                site.table
            )));
        }
        if !self.hooks.is_empty()
            && let Some(hook) = site.hooks.iter().find(|hook| !self.hooks.contains(hook))
        {
            let hooks: Vec<_> = self.hooks.iter().map(|hook| hook.name()).collect();
            let hooks = hooks.join(", ");
            return Err(Refusal::invalid(format!(
                "`{name}' cannot be used where {hook} leads to it, only behind {hooks}"
            )));
        }
        if let Some(protocol) = self.protocol
            && site.header.positive_protocol() != Some(protocol)
        {
            let protocol = super::value::protocol_name(protocol).unwrap_or("of its protocol");
            return Err(Refusal::invalid(format!("`{name}' needs `-p {protocol}' in the same rule")));
        }
        Ok(())
    }
}

/// A set of hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HookSet(u8);

impl HookSet {
    /// No hook: the chain of the rule is not reachable.
    pub const NONE: HookSet = HookSet(0);

    /// One hook.
    pub const fn only(hook: Hook) -> HookSet {
        HookSet(1 << hook.index())
    }

    /// Whether a hook is in the set.
    pub const fn has(self, hook: Hook) -> bool {
        self.0 & (1 << hook.index()) != 0
    }

    /// Both sets together.
    pub const fn union(self, other: HookSet) -> HookSet {
        HookSet(self.0 | other.0)
    }

    /// The hooks in the set.
    pub fn iter(self) -> impl Iterator<Item = Hook> {
        Hook::ALL.into_iter().filter(move |&hook| self.has(hook))
    }
}

/// Where a rule stands when the kernel checks it.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The family.
    pub family: Family,
    /// The table.
    pub table: Table,
    /// The hooks from whose built-in chains the rule's chain can be reached (`hook_mask`).
    pub hooks: HookSet,
    /// The rule's header.
    pub header: &'a Header,
    /// All matches of the rule.
    pub matches: &'a [Match],
}

/// The kernel says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error number, which decides iptables' text.
    pub errno: Errno,
    /// The cause in our words, for the diagnosis behind iptables' text.
    pub cause: Cow<'static, str>,
}

impl Refusal {
    /// EINVAL.
    pub fn invalid(cause: impl Into<Cow<'static, str>>) -> Self {
        Self { errno: Errno::Invalid, cause: cause.into() }
    }

    /// ERANGE.
    pub fn out_of_range(cause: impl Into<Cow<'static, str>>) -> Self {
        Self { errno: Errno::Range, cause: cause.into() }
    }

    /// ENOENT.
    pub fn no_entry(cause: impl Into<Cow<'static, str>>) -> Self {
        Self { errno: Errno::NoEntry, cause: cause.into() }
    }
}

/// Error numbers of the kernel that iptables prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// EINVAL.
    Invalid,
    /// ENOENT.
    NoEntry,
    /// ELOOP.
    Loop,
    /// EEXIST.
    Exists,
    /// EMLINK.
    Links,
    /// ENOTEMPTY.
    NotEmpty,
    /// E2BIG and what libiptc says of a rule number.
    TooBig,
    /// ERANGE (`Numerical result out of range.`).
    Range,
}

/// What a parse function may ask.
pub struct Context<'a> {
    /// Services, users, hosts.
    pub names: &'a dyn Names,
    /// The family of the command.
    pub family: Family,
    /// The header as far as it has been read.
    pub header: &'a Header,
    /// Warnings, each a line for the error stream, without the newline.
    pub warnings: &'a mut Vec<String>,
}

/// One use of an option.
pub struct OptionCall<'a> {
    /// The extension's name.
    pub extension: &'static str,
    /// Its row of the option table.
    pub option: &'static OptionSpec,
    /// The name that was meant: that of the row or one of its aliases.
    pub name: &'static str,
    /// The words behind it: none, one or two, as [`Kind`] says.
    pub words: &'a [Word<'a>],
    /// The generic value.
    pub value: Value,
    /// Whether `!` stood before it.
    pub invert: bool,
    /// Where the option itself stands.
    pub span: Span,
}

impl OptionCall<'_> {
    /// The first word behind the option, or the empty text.
    pub fn text(&self) -> &str {
        self.words.first().map_or("", |word| &word.text)
    }

    /// The second word behind the option, or the empty text.
    pub fn second(&self) -> &str {
        self.words.get(1).map_or("", |word| &word.text)
    }

    /// The place of the value, or of the option when it has none.
    pub fn value_span(&self) -> Span {
        match (self.words.first(), self.words.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => self.span,
        }
    }

    /// `EXT: Bad value for "OPTION" option: "TEXT"`.
    pub fn bad_value(&self) -> Error {
        self.bad_value_named(format!("--{}", self.name))
    }

    /// As [`Self::bad_value`], where upstream names the option in another way.
    pub fn bad_value_named(&self, option: impl std::fmt::Display) -> Error {
        let text = self.text();
        self.error(format!("{}: Bad value for \"{option}\" option: \"{text}\"", self.extension))
    }

    /// An error in the extension's own words (exit status 2) under the value. Upstream's text to the byte, with its
    /// newline at the end where it has one.
    pub fn error(&self, text: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::Extension(text.into()), self.value_span())
    }

    /// As [`Self::error`], under a part of the first word: bytes `from..to` of its text.
    pub fn error_at(&self, from: usize, to: usize, text: impl Into<Cow<'static, str>>) -> Error {
        let span = self.words.first().map_or(self.span, |word| word.part(from, to));
        Error::new(ErrorKind::Extension(text.into()), span)
    }
}

/// The options of one extension that a rule has used, with their generic values.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    used: Vec<(usize, &'static str, Value, bool, Span)>,
    /// Where the extension itself was named.
    pub span: Span,
}

impl Calls {
    /// No option yet, for an extension named at a place.
    pub fn new(span: Span) -> Self {
        Self { used: Vec::new(), span }
    }

    /// Whether an option (its first name) was used.
    pub fn has(&self, spec: &Spec, name: &str) -> bool {
        self.value(spec, name).is_some()
    }

    /// The value of the last use of an option, and its inversion.
    pub fn value(&self, spec: &Spec, name: &str) -> Option<(&Value, bool)> {
        let at = spec.options.iter().position(|option| option.name == name)?;
        self.used.iter().rev().find(|call| call.0 == at).map(|call| (&call.2, call.3))
    }

    /// Whether there was no option at all.
    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    /// An error in the extension's own words (exit status 2) under its name.
    pub fn error(&self, text: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::Extension(text.into()), self.span)
    }

    /// The checks before an option's value is read: repeated, inverted.
    pub(crate) fn before(
        &self,
        spec: &'static Spec,
        at: usize,
        option: &'static OptionSpec,
        span: Span,
        invert: bool,
    ) -> Result<(), Error> {
        if self.used.iter().any(|used| used.0 == at) {
            match option.repeat {
                Repeat::Allowed => {}
                Repeat::PlainErrorText(_) if invert => {}
                Repeat::ErrorText(text) | Repeat::PlainErrorText(text) => {
                    return Err(Error::new(ErrorKind::Extension(text.into()), span));
                }
                Repeat::Error => return Err(option_error(spec, option.name, "can only be used once.", span)),
            }
        }
        if invert && !option.invertible {
            return Err(option_error(spec, option.name, "cannot be inverted.", span));
        }
        Ok(())
    }

    /// Remembers a use.
    pub(crate) fn push(&mut self, at: usize, call: OptionCall<'_>) {
        self.used.push((at, call.name, call.value, call.invert, call.span));
    }

    /// The checks at the end of the rule: mandatory, needed, excluded.
    pub(crate) fn complete(&self, spec: &'static Spec) -> Result<(), Error> {
        for (at, option) in spec.options.iter().enumerate() {
            let Some(used) = self.used.iter().find(|used| used.0 == at) else {
                if option.mandatory {
                    return Err(option_error(spec, option.name, "must be specified", self.span));
                }
                continue;
            };
            let used_names = |names: &'static [&'static str], wanted: bool| {
                names.iter().find(|name| **name != option.name && self.has(spec, name) == wanted)
            };
            if let Some(other) = used_names(option.needs, false) {
                let text = format!("also requires \"--{other}\".");
                return Err(option_error(spec, option.name, &text, used.4));
            }
            if let Some(other) = used_names(option.excludes, true) {
                let text = format!("cannot be used together with \"--{other}\".");
                return Err(option_error(spec, option.name, &text, used.4));
            }
        }
        Ok(())
    }
}

fn option_error(spec: &Spec, option: &str, what: &str, span: Span) -> Error {
    Error::new(ErrorKind::Extension(format!("{}: option \"--{option}\" {what}\n", spec.name).into()), span)
}

/// How `-L` prints.
#[derive(Clone, Copy)]
pub struct Listing<'a> {
    /// `-n`: no names.
    pub numeric: bool,
    /// Who knows names.
    pub names: &'a dyn Names,
    /// The family.
    pub family: Family,
    /// The rule's header.
    pub header: &'a Header,
}

/// A `finish` with nothing to do.
pub fn finish_nothing<T>(_: &mut T, _: &Calls, _: &mut Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// A `check` with nothing to do.
pub fn check_nothing<T>(_: &T, _: &Site<'_>) -> Result<(), Refusal> {
    Ok(())
}

/// What a name behind `-m` or `-j` is.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup<T> {
    /// An extension, with its start value.
    Found(T),
    /// Upstream has it; oxitables does not model it yet.
    NotModelled,
    /// Nobody has it (in this family).
    Unknown,
}
