//! The messages of SNMP: where their values are addresses.
//!
//! Read first: RFC 1157, section 4; RFC 3416, section 3 (the grammar); X.690, section 8 (lengths and tags). The texts that
//! are taken are those that Linux takes (`nf_nat_snmp_basic.asn1`, `lib/asn1_decoder.c`), which is not quite what the RFCs
//! say: after a PDU, and after a value of a binding, there may be others of a later kind; a binding needs no value; the
//! obsolete trap of version 1 is not known; a list of bindings is never empty.

/// Tags of universal, application-wide and context-specific kinds.
mod tag {
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const OCTETS: u8 = 0x04;
    pub(super) const NULL: u8 = 0x05;
    pub(super) const OBJECT: u8 = 0x06;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const ADDRESS: u8 = 0x40;
    /// Get, get next, get bulk, response, set, inform, trap, report.
    pub(super) const PDUS: [u8; 8] = [0xa0, 0xa1, 0xa5, 0xa2, 0xa3, 0xa6, 0xa7, 0xa8];
    /// Counter, time ticks, opaque, large counter, unsigned number.
    pub(super) const APPLICATION: [u8; 5] = [0x41, 0x43, 0x44, 0x46, 0x42];
    /// Nothing, no such object, no such instance, the end of the view.
    pub(super) const NO_VALUE: [u8; 4] = [NULL, 0x80, 0x81, 0x82];
    /// The bit of what is made of other things.
    pub(super) const CONSTRUCTED: u8 = 0x20;
}

/// Where the addresses among the values of a message stand; `None`: it is no message.
pub(super) fn addresses(bytes: &[u8]) -> Option<Vec<usize>> {
    let mut reader = Reader { bytes, at: 0, end: bytes.len(), matched: false, addresses: Vec::new() };
    reader.message()?;
    Some(reader.addresses)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the innermost thing of known length ends.
    end: usize,
    /// Whether the last thing that was looked for was there.
    matched: bool,
    addresses: Vec<usize>,
}

/// The end of what is around a thing that is made of others; `None`: its length is not said, two zeros end it.
type Around = Option<usize>;

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// What is there must have this tag. Its length; `Some(None)`: it is not said.
    fn header(&mut self, wanted: u8) -> Option<Option<usize>> {
        self.matched = false;
        if self.end.checked_sub(self.at)? < 2 {
            return None;
        }
        let found = self.next()?;
        // What is wanted made of other things may say that it is not.
        if found & 0x1f == 0x1f || (found ^ wanted) & !(wanted & tag::CONSTRUCTED) != 0 {
            return None;
        }
        self.matched = true;
        let length = match self.next()? {
            short @ 0..0x80 => usize::from(short),
            0x80 if found & tag::CONSTRUCTED == 0 => return None,
            0x80 => return Some(None),
            0x81 => usize::from(self.number(1)?),
            0x82 => usize::from(self.number(2)?),
            _ => return None,
        };
        // A length that is itself behind the end leaves no room.
        let room = self.end.checked_sub(self.at)?;
        (length <= room).then_some(Some(length))
    }

    /// A number of one or two bytes.
    fn number(&mut self, size: usize) -> Option<u16> {
        let mut number = 0;
        for _ in 0..size {
            number = number << 8 | u16::from(self.next()?);
        }
        Some(number)
    }

    /// Whether a thing of this tag is next.
    // Linux: one with a tag of several bytes is an error, whatever is looked for.
    fn is_next(&mut self, wanted: u8) -> Option<bool> {
        if self.at == self.end {
            return Some(false);
        }
        self.matched = false;
        if self.end.checked_sub(self.at)? < 2 {
            return None;
        }
        let found = *self.bytes.get(self.at)?;
        if found & 0x1f == 0x1f {
            return None;
        }
        Some((found ^ wanted) & !(wanted & tag::CONSTRUCTED) == 0)
    }

    /// A thing that is not made of others: where it stands and how long it is.
    fn plain(&mut self, wanted: u8) -> Option<(usize, usize)> {
        let length = self.header(wanted)??;
        let at = self.at;
        self.at += length;
        Some((at, length))
    }

    fn open(&mut self, wanted: u8) -> Option<Around> {
        Some(match self.header(wanted)? {
            Some(length) => Some(std::mem::replace(&mut self.end, self.at + length)),
            None => None,
        })
    }

    fn close(&mut self, around: Around) -> Option<()> {
        match around {
            Some(end) => {
                let whole = self.at == self.end;
                self.end = end;
                whole.then_some(())
            }
            // Zeros behind the end of what is around: that finds itself not whole when it is closed.
            None => (self.next()? == 0 && self.next()? == 0).then_some(()),
        }
    }

    /// Whether another thing of a list follows.
    fn goes_on(&self, around: Around) -> bool {
        match around {
            Some(_) => self.at < self.end,
            None => self.bytes.get(self.at) != Some(&0),
        }
    }

    fn message(&mut self) -> Option<()> {
        let around = self.open(tag::SEQUENCE)?;
        let (at, length) = self.plain(tag::INTEGER)?;
        // Versions 1 and 2c.
        if length != 1 || *self.bytes.get(at)? > 1 {
            return None;
        }
        self.plain(tag::OCTETS)?;
        for pdu in tag::PDUS {
            if self.is_next(pdu)? {
                self.pdu(pdu)?;
                self.matched = true;
            }
        }
        if !self.matched {
            return None;
        }
        self.close(around)
    }

    fn pdu(&mut self, kind: u8) -> Option<()> {
        let around = self.open(kind)?;
        for _ in 0..3 {
            self.plain(tag::INTEGER)?;
        }
        let list = self.open(tag::SEQUENCE)?;
        loop {
            self.binding()?;
            if !self.goes_on(list) {
                break;
            }
        }
        self.close(list)?;
        self.close(around)
    }

    fn binding(&mut self) -> Option<()> {
        let around = self.open(tag::SEQUENCE)?;
        self.plain(tag::OBJECT)?;
        self.value(tag::INTEGER)?;
        for kind in [tag::OCTETS, tag::OBJECT] {
            if !self.matched {
                self.value(kind)?;
            }
        }
        if let Some((at, length)) = self.value(tag::ADDRESS)? {
            if length != 4 {
                return None;
            }
            self.addresses.push(at);
        }
        for kind in tag::APPLICATION {
            self.value(kind)?;
        }
        for kind in tag::NO_VALUE {
            if !self.matched {
                self.value(kind)?;
            }
        }
        if !self.matched {
            return None;
        }
        self.close(around)
    }

    /// A value of a kind, if it is next.
    fn value(&mut self, kind: u8) -> Option<Option<(usize, usize)>> {
        Some(if self.is_next(kind)? { Some(self.plain(kind)?) } else { None })
    }
}

#[cfg(test)]
mod tests;
