//! `-m string` (Linux: `string_mt`, `skb_find_text`; F75).
//!
//! The whole IP packet is searched, headers included. Only the pattern's first place counts in the kernel, which comes
//! to the same: it must end at or before `--to`.
use memchr::memmem;
use rules::matches::string::StringMatch;

use super::{Asked, Held, hold};
use crate::trace::Found;

/// The rule with its pattern prepared.
#[derive(Debug)]
pub(in crate::tables) struct Search {
    invert: bool,
    from: usize,
    to: usize,
    pattern: Pattern,
}

#[derive(Debug)]
enum Pattern {
    Exact(Box<memmem::Finder<'static>>),
    /// Folded to capital letters.
    Folded(Box<[u8]>),
}

impl Search {
    pub(super) fn new(rule: &StringMatch) -> Self {
        let pattern = if rule.ignore_case {
            Pattern::Folded(rule.pattern.iter().map(|&byte| fold(byte)).collect())
        } else {
            Pattern::Exact(Box::new(memmem::Finder::new(&rule.pattern).into_owned()))
        };
        Self { invert: rule.invert, from: rule.from.into(), to: rule.to.into(), pattern }
    }

    pub(super) fn holds(&self, asked: &Asked<'_>) -> Held {
        let option = match self.pattern {
            Pattern::Exact(_) => "--string",
            Pattern::Folded(_) => "--string --icase",
        };
        let found = self.find(asked.packet.view().bytes());
        let told = if found { Found::Word("the pattern") } else { Found::Nothing("such bytes") };
        hold(found != self.invert, option, told)
    }

    fn find(&self, bytes: &[u8]) -> bool {
        let Some(searched) = bytes.get(self.from..self.to.min(bytes.len())) else { return false };
        match &self.pattern {
            Pattern::Exact(finder) => finder.find(searched).is_some(),
            Pattern::Folded(pattern) => searched
                .windows(pattern.len().max(1))
                .any(|window| window.iter().zip(pattern).all(|(&byte, &wanted)| fold(byte) == wanted)),
        }
    }
}

/// Linux: `toupper`, whose table is Latin-1: 0xd7 and 0xf7 are no letters, 0xdf and 0xff have capitals by arithmetic.
const fn fold(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | 0xdf..=0xf6 | 0xf8..=0xff => byte - 0x20,
        _ => byte,
    }
}

#[cfg(test)]
mod tests {
    use rules::matches::string::Algorithm;

    use super::*;

    fn search(pattern: &[u8], from: u16, to: u16, ignore_case: bool) -> Search {
        let pattern = pattern.into();
        Search::new(&StringMatch { invert: false, pattern, algorithm: Algorithm::Bm, from, to, ignore_case })
    }

    /// F75: the pattern must begin at `--from` or later and end before `--to`.
    #[test]
    fn f75_offsets() {
        let bytes = b"0123needle0123";
        assert!(search(b"needle", 4, 10, false).find(bytes));
        assert!(!search(b"needle", 5, 65_535, false).find(bytes));
        assert!(!search(b"needle", 0, 9, false).find(bytes));
        assert!(!search(b"needle", 100, 200, false).find(bytes));
        assert!(!search(b"needle", 8, 3, false).find(bytes));
    }

    #[test]
    fn case_folds_as_latin_1() {
        assert!(search(b"NeEdLe", 0, 65_535, true).find(b"a nEeDlE"));
        assert!(search(&[0xe4], 0, 65_535, true).find(&[0xc4]));
        assert!(!search(&[0xf7], 0, 65_535, true).find(&[0xd7]));
        assert!(!search(b"needle", 0, 65_535, false).find(b"NEEDLE"));
    }
}
