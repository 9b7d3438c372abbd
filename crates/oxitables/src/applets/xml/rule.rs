//! One side of a rule: its conditions, or its actions.
use super::words::Word;
use super::write::{push_escaped, push_text};

/// Elements stand in groups: `<tcp >` holds `<dport >`. Both may be open; what is data goes where the pen is.
pub(super) struct Part<'a> {
    out: &'a mut Vec<u8>,
    group: Option<&'a [u8]>,
    element: Option<&'a [u8]>,
    /// Whether a blank goes before the next piece of data.
    spaced: bool,
    /// Whether a `!` waits for its option.
    inverted: bool,
}

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Up to the target.
    Conditions,
    /// From the target on.
    Actions,
}

/// Writes the words of one side. `is_chain` knows the chains of the table.
pub(super) fn write<'a>(
    out: &'a mut Vec<u8>,
    side: Side,
    words: &'a [Word],
    is_chain: impl Fn(&[u8]) -> bool,
) {
    let target = words.iter().position(Word::is_target).unwrap_or(words.len());
    // Linux: a target's name may be a match's for the conditions (`-m -g`), but not for where the actions begin.
    let own = if side == Side::Conditions { words } else { words.get(target..).unwrap_or_default() };
    let mut part = Part { out, group: None, element: None, spaced: false, inverted: false };
    part.begin(own);
    let mut rest = own.iter();
    while let Some(word) = rest.next() {
        let next = rest.as_slice().first();
        if side == Side::Conditions && word.is_target() {
            break;
        }
        if word.is("!") {
            match next.is_some_and(Word::is_dashed) {
                true => part.inverted = true,
                false => part.data(word),
            }
            part.spaced = true;
        } else if word.is_target() || word.is_module() {
            let Some(name) = rest.next() else { break };
            let behind = rest.as_slice().first();
            if word.is_target() && is_chain(&name.text) {
                let goes = word.is("-g") || word.is("--goto");
                part.call(if goes { b"goto" } else { b"call" }, &name.text);
            } else {
                part.group(&name.text, behind.is_none_or(|word| word.is_target() || word.is_module()));
            }
        } else if word.is_dashed() && !word.quoted {
            part.option(&word.text, next.is_none_or(Word::is_dashed));
        } else {
            part.data(word);
        }
    }
    part.close_group();
}

impl<'a> Part<'a> {
    /// Options before the first `-m` stand in a group `match`.
    fn begin(&mut self, words: &[Word]) {
        let first = match words {
            [bang, first, ..] if bang.text == b"!" => Some(first),
            words => words.first(),
        };
        if first.is_some_and(|word| word.is_dashed() && !word.names_target() && word.text != b"-m") {
            self.out.extend_from_slice(b"        <match >\n");
            self.group = Some(b"match");
        }
    }

    fn close_element(&mut self) {
        if let Some(name) = self.element.take() {
            push_text(self.out, &[b"</", name, b">\n"]);
        }
    }

    fn close_group(&mut self) {
        self.close_element();
        if let Some(name) = self.group.take() {
            push_text(self.out, &[b"        </", name, b">\n"]);
        }
    }

    fn group(&mut self, name: &'a [u8], empty: bool) {
        self.close_group();
        (self.spaced, self.inverted) = (false, false);
        push_text(self.out, &[b"        <", name, if empty { b"  />\n" } else { b" >\n" }]);
        self.group = (!empty).then_some(name);
    }

    fn call(&mut self, how: &'a [u8], chain: &'a [u8]) {
        self.group(how, false);
        push_text(self.out, &[b"          <", chain, b" />\n"]);
    }

    fn option(&mut self, text: &'a [u8], empty: bool) {
        self.close_element();
        let dashes = text.iter().take_while(|&&byte| byte == b'-').count();
        let name = text.get(dashes..).unwrap_or_default();
        let inverted: &[u8] = if std::mem::take(&mut self.inverted) { b" invert=\"1\"" } else { b"" };
        push_text(self.out, &[b"          <", name, b" ", inverted, if empty { b" />\n" } else { b">" }]);
        self.element = (!empty).then_some(name);
        self.spaced = false;
    }

    fn data(&mut self, word: &Word) {
        if self.spaced {
            self.out.push(b' ');
        }
        let quotes: &[u8] = if word.quoted || word.text.contains(&b' ') { b"&quot;" } else { b"" };
        self.out.extend_from_slice(quotes);
        push_escaped(self.out, &word.text);
        self.out.extend_from_slice(quotes);
        self.spaced = true;
    }
}
