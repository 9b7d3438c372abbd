//! Any four bytes of a packet, at places that other bytes of it may give (`-m u32`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec, finish_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, leading_number};

/// `-m u32`: the rule matches if every test holds (Linux: `struct xt_u32`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct U32 {
    /// Whether `!` stands before `--u32`.
    pub invert: bool,
    /// The tests: 1 to 10.
    pub tests: Box<[Test]>,
}

/// `LOCATION=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Where the first four bytes stand, counted from the start of the IP header.
    pub start: u32,
    /// What is done with them, from the left to the right: at most 9.
    pub operations: Box<[(Operator, u32)]>,
    /// The ranges in one of which the result must lie, both ends included: 1 to 10. One whose first end is the larger
    /// one holds nothing.
    pub values: Box<[(u32, u32)]>,
}

/// An operator of a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `&`: the bits of a mask.
    And,
    /// `<<`: shifted to the left.
    Left,
    /// `>>`: shifted to the right.
    Right,
    /// `@`: what is there now moves the start; then four bytes at a place from there are taken.
    At,
}

impl Operator {
    /// How it is written.
    pub const fn text(self) -> &'static str {
        match self {
            Self::And => "&",
            Self::Left => "<<",
            Self::Right => ">>",
            Self::At => "@",
        }
    }
}

/// The most tests, numbers of a location and ranges of a value (`XT_U32_MAXSIZE`).
pub const MOST: usize = 10;

/// `-m u32` in the language.
pub const EXTENSION: Extension<U32> = Extension {
    spec: Spec {
        name: "u32",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("u32", Kind::Word).invertible().mandatory()],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| U32::default(),
    parse: |u32, call, _| {
        u32.invert = call.invert;
        u32.tests = Reader { call, text: call.text(), at: 0 }.tests()?;
        Ok(())
    },
    finish: finish_nothing,
    save: |u32, out| {
        push_not(out, u32.invert);
        out.push_str(" --u32");
        u32.push(out);
    },
    list: |u32, out, _| {
        out.push_str(" u32");
        push_not(out, u32.invert);
        u32.push(out);
    },
    check,
};

/// Reads tests from the left to the right; places in errors are bytes of the text, as upstream counts them.
struct Reader<'a> {
    call: &'a OptionCall<'a>,
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// The next byte behind blanks; `None` at the end.
    fn next(&mut self) -> Option<u8> {
        let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
        self.at += self.rest().bytes().take_while(blank).count();
        self.rest().bytes().next()
    }

    fn error(&self, at: usize, what: &str) -> Error {
        let end = self.text.ceil_char_boundary((at + 1).min(self.text.len()));
        self.call.error_at(at, end, format!("u32: at char {at}: {what}"))
    }

    fn end(&self, what: &'static str) -> Error {
        self.call.error_at(self.text.len(), self.text.len(), what)
    }

    fn number(&mut self) -> Result<u32, Error> {
        let number = leading_number(self.rest())
            .and_then(|(number, rest)| Some((u32::try_from(number).ok()?, self.text.len() - rest.len())));
        let (number, behind) = number.ok_or_else(|| self.error(self.at, "not a number or out of range"))?;
        self.at = behind;
        Ok(number)
    }

    /// The second byte of an operator that is written twice.
    fn second(&mut self, byte: u8) -> Result<(), Error> {
        self.at += 1;
        if self.rest().bytes().next() != Some(byte) {
            return Err(self.error(self.at, &format!("a second '{}' was expected", char::from(byte))));
        }
        Ok(())
    }

    fn tests(mut self) -> Result<Box<[Test]>, Error> {
        let mut tests = Vec::new();
        loop {
            let (start, operations) = self.location()?;
            let (values, more) = self.values()?;
            tests.push(Test { start, operations: operations.into(), values: values.into() });
            if tests.len() > MOST {
                return Err(self.error(self.at, "too many \"&&\"s"));
            }
            if !more {
                return Ok(tests.into());
            }
            self.at += 1;
        }
    }

    /// Up to and with the `=`.
    fn location(&mut self) -> Result<(u32, Vec<(Operator, u32)>), Error> {
        const END: &str = "u32: abrupt end of input after location specifier";
        match self.next() {
            None => return Err(self.end(END)),
            Some(b'=') => return Err(self.error(self.at, "location spec missing")),
            Some(_) => {}
        }
        let start = self.number()?;
        let mut operations = Vec::new();
        loop {
            let operator = match self.next() {
                None => return Err(self.end(END)),
                Some(b'=') => {
                    self.at += 1;
                    return Ok((start, operations));
                }
                Some(b'&') => Operator::And,
                Some(b'@') => Operator::At,
                Some(byte @ b'<') => {
                    self.second(byte)?;
                    Operator::Left
                }
                Some(byte @ b'>') => {
                    self.second(byte)?;
                    Operator::Right
                }
                Some(_) => return Err(self.error(self.at, "operator expected")),
            };
            self.at += 1;
            let number = self.number()?;
            operations.push((operator, number));
            if operations.len() >= MOST {
                return Err(self.error(self.at, "too many operators"));
            }
        }
    }

    /// Up to the end, or to the second `&` of `&&`; whether that is it.
    fn values(&mut self) -> Result<(Vec<(u32, u32)>, bool), Error> {
        let mut values = Vec::new();
        loop {
            match self.next() {
                None if values.is_empty() => return Err(self.end("u32: test ended with no value specified")),
                None => return Ok((values, false)),
                Some(byte @ b'&') => {
                    self.second(byte)?;
                    if values.is_empty() {
                        return Err(self.error(self.at, "value spec missing"));
                    }
                    return Ok((values, true));
                }
                Some(b',') if !values.is_empty() => self.at += 1,
                Some(_) if !values.is_empty() => {
                    return Err(self.error(self.at, "expected \",\" or \"&&\""));
                }
                Some(_) => {}
            }
            let first = self.number()?;
            let last = match self.next() {
                Some(b':') => {
                    self.at += 1;
                    self.number()?
                }
                _ => first,
            };
            values.push((first, last));
            if values.len() > MOST {
                return Err(self.error(self.at, "too many \",\"s"));
            }
        }
    }
}

impl U32 {
    fn push(&self, out: &mut String) {
        let mut before = " \"";
        for test in &self.tests {
            put!(out, "{before}0x{:x}", test.start);
            before = "&&";
            for (operator, number) in &test.operations {
                put!(out, "{}0x{number:x}", operator.text());
            }
            let mut comma = '=';
            for (first, last) in &test.values {
                put!(out, "{comma}0x{first:x}");
                comma = ',';
                if first != last {
                    put!(out, ":0x{last:x}");
                }
            }
        }
        out.push('"');
    }
}

/// Linux: `u32_mt_checkentry` in xt_u32.c. A shift by all bits or more is no shift.
fn check(u32: &U32, _: &Site<'_>) -> Result<(), Refusal> {
    let mut operations = u32.tests.iter().flat_map(|test| &test.operations);
    match operations
        .find(|(operator, number)| matches!(operator, Operator::Left | Operator::Right) && *number > 31)
    {
        Some((operator, number)) => {
            Err(Refusal::invalid(format!("`{}{number}' shifts all 32 bits away", operator.text())))
        }
        None => Ok(()),
    }
}

const HELP: &str = "u32 match options:
[!] --u32 tests
\t\ttests := location \"=\" value | tests \"&&\" location \"=\" value
\t\tvalue := range | value \",\" range
\t\trange := number | number \":\" number
\t\tlocation := number | location operator number
\t\toperator := \"&\" | \"<<\" | \">>\" | \"@\"
";
