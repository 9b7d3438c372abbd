//! What is wrong with a line of a table.
use std::fmt;

/// What is wrong, and where: the line and the column count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What.
    pub kind: ErrorKind,
    /// The line.
    pub line: usize,
    /// The column of the word in characters.
    pub column: usize,
    /// The word; empty if the line ends too early.
    pub word: String,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Something else stands where this should.
    Wanted(&'static str),
    /// Not a number, or too large.
    Number,
    /// Not an address.
    Address,
    /// The addresses are not all of one family, or not of the one that the line names.
    Family,
    /// The protocol's name and number do not fit together.
    Protocol,
    /// No state of the protocol.
    State,
    /// Nothing that stands in such a line.
    Word,
    /// It was said before in the line.
    Again,
    /// An ICMP type that has no answer begins no connection.
    NoAnswer,
    /// Another connection of the table has one of the tuples.
    Taken,
    /// The table is full.
    Full,
    /// A helper that is not modelled.
    Helper,
    /// Nobody has defined the label.
    Label,
    /// Whose helper expects it is not in the table, or not in the line.
    Master,
    /// The master is translated: how the expected connection is to be translated stands in no line.
    Translated,
    /// Such a thing is expected already, or too much.
    Refused,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            ErrorKind::Wanted(what) => return write!(f, "{what} should stand here"),
            ErrorKind::Number => "no number, or too large",
            ErrorKind::Address => "no address",
            ErrorKind::Family => "addresses of different families",
            ErrorKind::Protocol => "the protocol's name and number do not fit together",
            ErrorKind::State => "no state of the protocol",
            ErrorKind::Word => "not known",
            ErrorKind::Again => "it was said before",
            ErrorKind::NoAnswer => "an ICMP type that has no answer",
            ErrorKind::Taken => "another connection has this tuple",
            ErrorKind::Full => "the table is full",
            ErrorKind::Helper => "no helper of this name and protocol is modelled",
            ErrorKind::Label => "no label of this name",
            ErrorKind::Master => {
                "the connection that expects it is not known (`conntrack -L expect` names it, /proc does not)"
            }
            ErrorKind::Translated => {
                "the connection that expects it is translated: how this one will be, no line says"
            }
            ErrorKind::Refused => "it is expected already, or too much is",
        };
        f.write_str(text)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.kind)?;
        if self.word.is_empty() { Ok(()) } else { write!(f, " (`{}`)", self.word) }
    }
}

impl std::error::Error for Error {}
