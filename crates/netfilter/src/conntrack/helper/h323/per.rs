//! Packed encoding (ITU-T X.691, aligned), as far as H.323 needs it: a description of types as data, and what reads it.
//!
//! Only what is marked as kept comes out, as a [`Value`]; the rest is stepped over. A field that is marked as the end ends
//! the type in which it stands, whether it is there or not: nothing behind it is wanted. What stands behind the inner type
//! is read from there on all the same, as Linux does it (`nf_conntrack_h323_asn1.c`), right or wrong.
//!
//! Limits: types do not contain themselves, so the depth is that of the description; every element of a list takes at least
//! one bit, so the work is bounded by the length of the message.

/// A field of a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    name: &'static str,
    kind: Kind,
    optional: bool,
    kept: bool,
    open: bool,
    end: bool,
}

/// What a field is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Null,
    Boolean,
    ObjectIdentifier,
    Integer(Range),
    /// Bits: so many, or as many as a length says.
    Bits(Length),
    Octets(Length),
    /// Digits of four bits each: the bits of their number, which counts from 1.
    Digits(u32),
    /// Characters of two bytes each.
    Wide(Length),
    Sequence(&'static Sequence),
    /// A list of any length, of which at most so many elements are kept.
    List(&'static Field, usize),
    Choice(&'static Choice),
    /// It is never looked at: it stands behind the end, or where its length is known.
    Unread,
}

/// How a number is encoded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Range {
    /// So many bits.
    Bits(u32),
    /// One byte.
    Byte,
    /// Two bytes.
    Word,
    /// One to four bytes behind their number; what they hold is counted from the lowest value.
    Long(u32),
    /// Any number of bytes behind their number.
    Any,
}

/// How long something is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    /// Always so much.
    Fixed(usize),
    /// So many bits say by how much it is longer than the least.
    Counted(u32, usize),
    /// One byte says so.
    Byte(usize),
    /// Two bytes say so.
    Word,
    /// One or two bytes say so.
    Any,
}

/// An addition behind the dots of a type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Addition {
    /// So many that are stepped over.
    Skipped(u32),
    /// One that is kept.
    Kept(Field),
    /// The end.
    End,
}

/// Fields one behind the other.
#[derive(Debug)]
pub(super) struct Sequence {
    /// Whether others may be added to it.
    pub(super) extensible: bool,
    pub(super) root: &'static [Field],
    pub(super) additions: &'static [Addition],
}

/// One of several.
#[derive(Debug)]
pub(super) struct Choice {
    /// Whether others may be added to it.
    pub(super) extensible: bool,
    pub(super) root: &'static [Field],
    /// Those of the additions that are kept, that end the message, or whose name is asked for, and all before them.
    pub(super) additions: &'static [Field],
}

/// A plain sequence.
pub(super) const fn plain(root: &'static [Field]) -> Sequence {
    Sequence { extensible: false, root, additions: &[] }
}

/// A sequence that can grow.
pub(super) const fn growing(root: &'static [Field], additions: &'static [Addition]) -> Sequence {
    Sequence { extensible: true, root, additions }
}

/// A plain choice.
pub(super) const fn choice(root: &'static [Field]) -> Choice {
    Choice { extensible: false, root, additions: &[] }
}

/// A choice that can grow.
pub(super) const fn growing_choice(root: &'static [Field], additions: &'static [Field]) -> Choice {
    Choice { extensible: true, root, additions }
}

impl Field {
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, optional: false, kept: false, open: false, end: false }
    }

    /// It may be missing.
    pub(super) const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// It comes out.
    pub(super) const fn kept(self) -> Self {
        Self { kept: true, ..self }
    }

    /// Its length stands before it.
    pub(super) const fn open(self) -> Self {
        Self { open: true, ..self }
    }
}

/// A field that ends what is read.
pub(super) const fn end(name: &'static str) -> Field {
    Field { name, kind: Kind::Unread, optional: false, kept: false, open: false, end: true }
}

/// The same, which may be missing.
pub(super) const fn optional_end(name: &'static str) -> Field {
    end(name).optional()
}

/// What was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing.
    Nothing,
    /// Fields that are there, by name.
    Sequence(Vec<(&'static str, Value)>),
    /// The chosen one; no name if it is not known.
    Choice(&'static str, Box<Value>),
    List(Vec<Value>),
    /// Where bytes begin in the message.
    At(usize),
    Number(u32),
}

impl Value {
    /// The field, or the chosen one, of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Sequence(fields) => {
                fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
            }
            Value::Choice(chosen, value) if *chosen == name => Some(value),
            _ => None,
        }
    }

    /// The one at the end of a path of names.
    pub(super) fn path(&self, names: &[&str]) -> Option<&Value> {
        names.iter().try_fold(self, |value, name| value.get(name))
    }

    /// What was chosen.
    pub(super) fn chosen(&self) -> &'static str {
        match self {
            Value::Choice(name, _) => name,
            _ => "",
        }
    }

    /// The elements of a list.
    pub(super) fn elements(&self) -> &[Value] {
        match self {
            Value::List(elements) => elements,
            _ => &[],
        }
    }
}

/// The message is cut short, or says what it cannot say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

type Result<T> = std::result::Result<T, Malformed>;

/// A place in a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    bit: u32,
}

/// How many bits tell that many apart.
const fn bits_for(count: usize) -> u32 {
    let mut bits = 0;
    while (1 << bits) < count {
        bits += 1;
    }
    bits
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, bit: 0 }
    }

    fn byte(&self, at: usize) -> u32 {
        u32::from(self.bytes.get(at).copied().unwrap_or(0))
    }

    /// Whether so much is still there.
    fn need(&self, bytes: usize, bits: u32) -> Result<()> {
        let bits = bits + self.bit;
        let whole = usize::try_from(bits.div_ceil(8)).map_err(|_| Malformed)?;
        let end = self.at.checked_add(bytes).and_then(|end| end.checked_add(whole)).ok_or(Malformed)?;
        if end > self.bytes.len() { Err(Malformed) } else { Ok(()) }
    }

    fn align(&mut self) {
        if self.bit > 0 {
            self.at += 1;
            self.bit = 0;
        }
    }

    fn step(&mut self, bytes: usize) -> Result<()> {
        self.at = self.at.checked_add(bytes).ok_or(Malformed)?;
        self.need(0, 0)
    }

    fn step_bits(&mut self, bits: usize) {
        let bits = bits.saturating_add(self.bit as usize);
        self.at = self.at.saturating_add(bits / 8);
        self.bit = (bits % 8) as u32;
    }

    /// Up to eight bits.
    fn bits(&mut self, count: u32) -> u32 {
        let pair = (self.byte(self.at) << 8) | self.byte(self.at + 1);
        let value = (pair << self.bit & 0xffff) >> (16 - count.min(8));
        self.step_bits(count as usize);
        value
    }

    /// A map of up to 32 bits, its first bit highest.
    fn map(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        let wide = (0..5).fold(0_u64, |value, place| (value << 8) | u64::from(self.byte(self.at + place)));
        let total = self.bit + count;
        // Linux: `get_bitmap` forgets the shift if the map ends with its fourth byte.
        let shift = if total == 32 { 0 } else { self.bit };
        let value = ((wide << shift) >> 8) as u32;
        self.step_bits(count as usize);
        value & (u32::MAX << (32 - count.min(32)))
    }

    fn flag(&mut self) -> bool {
        self.bits(1) == 1
    }

    /// A length of one or two bytes.
    fn length(&mut self) -> usize {
        let first = self.byte(self.at);
        self.at += 1;
        if first & 0x80 == 0 {
            return first as usize;
        }
        let second = self.byte(self.at);
        self.at += 1;
        (((first & 0x3f) << 8) | second) as usize
    }

    /// The length of an open type, all of which is there.
    fn open_length(&mut self) -> Result<usize> {
        self.need(2, 0)?;
        let length = self.length();
        self.need(length, 0)?;
        Ok(length)
    }

    /// Reads an open type, or steps over it if nothing of what it stands in is `wanted`; `here`: it comes out.
    fn open(&mut self, field: &Field, wanted: bool, here: bool) -> Result<Value> {
        let length = self.open_length()?;
        let start = self.at;
        let mut value = Value::Nothing;
        if wanted && field.kept {
            value = self.field(field, here)?;
            self.bit = 0;
        }
        self.at = start + length;
        Ok(value)
    }

    /// Reads a field; `wanted`: what is kept of it comes out.
    pub(super) fn field(&mut self, field: &Field, wanted: bool) -> Result<Value> {
        let wanted = wanted && field.kept;
        match field.kind {
            Kind::Null | Kind::Unread => Ok(Value::Nothing),
            Kind::Boolean => {
                self.step_bits(1);
                self.need(0, 0).map(|()| Value::Nothing)
            }
            Kind::ObjectIdentifier => {
                self.align();
                self.need(1, 0)?;
                let length = self.byte(self.at) as usize;
                self.step(1 + length).map(|()| Value::Nothing)
            }
            Kind::Integer(range) => self.integer(range, wanted),
            Kind::Bits(length) => self.bit_string(length),
            Kind::Octets(length) => self.octets(length, wanted),
            Kind::Digits(bits) => {
                self.need(0, bits)?;
                let count = self.bits(bits) + 1;
                self.align();
                self.step_bits(count as usize * 4);
                self.need(0, 0).map(|()| Value::Nothing)
            }
            Kind::Wide(length) => {
                let count = self.counted(length)?;
                self.step(count * 2).map(|()| Value::Nothing)
            }
            Kind::Sequence(sequence) => self.sequence(sequence, wanted),
            Kind::List(element, most) => self.list(element, most, wanted),
            Kind::Choice(choice) => self.choice(choice, wanted),
        }
    }

    fn integer(&mut self, range: Range, wanted: bool) -> Result<Value> {
        let mut value = Value::Nothing;
        match range {
            Range::Bits(bits) => self.step_bits(bits as usize),
            Range::Byte | Range::Word => {
                self.align();
                self.at += if matches!(range, Range::Byte) { 1 } else { 2 };
            }
            Range::Long(lowest) => {
                self.need(0, 2)?;
                let length = self.bits(2) as usize + 1;
                self.align();
                self.need(length, 0)?;
                if wanted {
                    let bytes = (0..length).fold(0, |value, place| (value << 8) | self.byte(self.at + place));
                    value = Value::Number(bytes.wrapping_add(lowest));
                    // Linux: what is read is stepped over twice.
                    self.at += length;
                }
                self.at += length;
            }
            Range::Any => {
                self.align();
                self.need(2, 0)?;
                let length = self.length();
                self.at += length;
            }
        }
        self.need(0, 0)?;
        Ok(value)
    }

    fn bit_string(&mut self, length: Length) -> Result<Value> {
        self.align();
        let length = match length {
            Length::Fixed(length) => length,
            Length::Word => {
                self.need(2, 0)?;
                let length = (self.byte(self.at) << 8) | self.byte(self.at + 1);
                self.at += 2;
                length as usize
            }
            Length::Counted(..) | Length::Byte(_) | Length::Any => {
                self.need(2, 0)?;
                self.length()
            }
        };
        self.step_bits(length);
        self.need(0, 0).map(|()| Value::Nothing)
    }

    /// A length with the alignment behind it.
    fn counted(&mut self, length: Length) -> Result<usize> {
        match length {
            Length::Fixed(length) => Ok(length),
            Length::Counted(bits, least) => {
                self.need(0, bits)?;
                let count = self.bits(bits) as usize + least;
                self.align();
                Ok(count)
            }
            Length::Byte(least) => {
                self.align();
                self.need(1, 0)?;
                let count = self.byte(self.at) as usize + least;
                self.at += 1;
                Ok(count)
            }
            Length::Word | Length::Any => {
                self.align();
                self.need(2, 0)?;
                Ok(self.length())
            }
        }
    }

    fn octets(&mut self, length: Length, wanted: bool) -> Result<Value> {
        let mut value = Value::Nothing;
        if let Length::Fixed(3..) = length {
            self.align();
            if wanted {
                value = Value::At(self.at);
            }
        }
        let count = self.counted(length)?;
        self.step(count)?;
        Ok(value)
    }

    fn sequence(&mut self, sequence: &Sequence, wanted: bool) -> Result<Value> {
        let mut kept = Vec::new();
        self.sequence_into(sequence, wanted, &mut kept)?;
        Ok(if wanted { Value::Sequence(kept) } else { Value::Nothing })
    }

    fn sequence_into(
        &mut self,
        sequence: &Sequence,
        wanted: bool,
        kept: &mut Vec<(&'static str, Value)>,
    ) -> Result<()> {
        self.need(0, 1)?;
        let extended = sequence.extensible && self.flag();
        let optional = sequence.root.iter().filter(|field| field.optional).count();
        let optional = u32::try_from(optional).map_err(|_| Malformed)?;
        self.need(0, optional)?;
        let mut present = self.map(optional);
        for field in sequence.root {
            if field.end {
                return Ok(());
            }
            if field.optional {
                let there = present & 0x8000_0000 != 0;
                present <<= 1;
                if !there {
                    continue;
                }
            }
            let value =
                if field.open { self.open(field, wanted, wanted)? } else { self.field(field, wanted)? };
            if wanted && field.kept {
                kept.push((field.name, value));
            }
        }
        if !extended {
            return Ok(());
        }
        self.need(0, 7)?;
        let count = self.bits(7) + 1;
        self.need(0, count)?;
        if count > 32 {
            return Err(Malformed);
        }
        let mut present = self.map(count);
        self.align();
        let mut additions = sequence.additions.iter();
        let mut skipped = 0;
        for _ in 0..count {
            let there = present & 0x8000_0000 != 0;
            present <<= 1;
            if skipped == 0 {
                match additions.next() {
                    Some(Addition::Skipped(several)) => skipped = *several,
                    Some(Addition::End) => return Ok(()),
                    Some(Addition::Kept(field)) => {
                        if there {
                            let value = self.open(field, wanted, wanted)?;
                            if wanted {
                                kept.push((field.name, value));
                            }
                        }
                        continue;
                    }
                    // Linux: of what it does not know it takes every one to be there.
                    None => {
                        self.at += self.open_length()?;
                        continue;
                    }
                }
            }
            skipped -= 1;
            if there {
                self.at += self.open_length()?;
            }
        }
        Ok(())
    }

    fn list(&mut self, element: &Field, most: usize, wanted: bool) -> Result<Value> {
        self.align();
        self.need(2, 0)?;
        let count = self.length();
        let mut kept = Vec::new();
        for place in 0..count {
            let here = wanted && place < most;
            let value = if element.open {
                self.align();
                // Linux: those behind the last that is kept are read, too.
                self.open(element, wanted, here)?
            } else {
                self.field(element, here)?
            };
            if here {
                kept.push(value);
            }
        }
        Ok(if wanted { Value::List(kept) } else { Value::Nothing })
    }

    fn choice(&mut self, choice: &Choice, wanted: bool) -> Result<Value> {
        let chosen = |name, value| if wanted { Value::Choice(name, Box::new(value)) } else { Value::Nothing };
        self.need(0, 1)?;
        if choice.extensible && self.flag() {
            self.need(0, 7)?;
            let number = self.bits(7) as usize;
            let Some(field) = choice.additions.get(number) else {
                self.align();
                self.at += self.open_length()?;
                return Ok(chosen("", Value::Nothing));
            };
            if field.end {
                return Ok(chosen(field.name, Value::Nothing));
            }
            self.align();
            let value = self.open(field, wanted, wanted)?;
            return Ok(chosen(field.name, value));
        }
        let bits = bits_for(choice.root.len());
        self.need(0, bits)?;
        let field = choice.root.get(self.bits(bits) as usize).ok_or(Malformed)?;
        if field.end {
            return Ok(chosen(field.name, Value::Nothing));
        }
        let value = self.field(field, wanted)?;
        Ok(chosen(field.name, value))
    }
}
