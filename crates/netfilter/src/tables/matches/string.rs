//! `-m string` (Linux: `string_mt`, `skb_find_text`; F75).
//!
//! The whole IP packet is searched, headers included. Only the pattern's first place counts in the kernel, which comes
//! to the same: it must end at or before `--to`.
use memchr::memmem;
use rules::matches::string::{Algorithm, StringMatch};

use super::{Asked, Held, hold};
use crate::skb::Gathered;
use crate::trace::Found;

/// The rule with its pattern prepared.
#[derive(Debug)]
pub(in crate::tables) struct Search {
    invert: bool,
    from: usize,
    to: usize,
    pattern: Pattern,
    /// Boyer-Moore does not see a pattern that two fragments of a gathered datagram share (Linux: `bm_find` looks at
    /// each block of the buffer alone).
    by_piece: bool,
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
        Self {
            invert: rule.invert,
            from: rule.from.into(),
            to: rule.to.into(),
            pattern,
            by_piece: rule.algorithm == Algorithm::Bm,
        }
    }

    pub(super) fn holds(&self, asked: &Asked<'_>) -> Held {
        let option = match self.pattern {
            Pattern::Exact(_) => "--string",
            Pattern::Folded(_) => "--string --icase",
        };
        let bytes = asked.packet.view().bytes();
        let found = match asked.packet.gathered.as_deref().filter(|_| self.by_piece) {
            Some(gathered) => self.find_by_piece(bytes, gathered),
            None => self.find(bytes, 0, bytes.len()),
        };
        let told = if found { Found::Word("the pattern") } else { Found::Nothing("such bytes") };
        hold(found != self.invert, option, told)
    }

    /// What somebody has looked at in one piece is one (Linux: `__pskb_pull_tail`).
    fn find_by_piece(&self, bytes: &[u8], gathered: &Gathered) -> bool {
        let payload: usize = gathered.pieces.iter().map(|&(_, length)| usize::from(length)).sum();
        let header = bytes.len().saturating_sub(payload);
        gathered.pieces.iter().any(|&(offset, length)| {
            let (start, end) = match header + usize::from(offset) {
                first if first == header => (0, (first + usize::from(length)).max(gathered.head)),
                later => (later.max(gathered.head), later + usize::from(length)),
            };
            self.find(bytes, start, end)
        })
    }

    fn find(&self, bytes: &[u8], start: usize, end: usize) -> bool {
        let Some(searched) = bytes.get(self.from.max(start)..self.to.min(end)) else { return false };
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

    fn finds(search: &Search, bytes: &[u8]) -> bool {
        search.find(bytes, 0, bytes.len())
    }

    /// Boyer-Moore finds nothing that two fragments share (measured on 6.18), and everything within one, or within what
    /// somebody before has wanted in one piece.
    #[test]
    fn bm_looks_at_each_fragment_alone() {
        let finds = |pattern: &[u8], pieces: &[(u16, u16)], head| {
            let gathered = Gathered { pieces: pieces.into(), head, ..Gathered::default() };
            search(pattern, 0, 65_535, false).find_by_piece(b"headxxxxxxneedle", &gathered)
        };
        assert!(!finds(b"needle", &[(0, 8), (8, 4)], 0));
        assert!(finds(b"needle", &[(0, 6), (6, 6)], 0));
        assert!(!finds(b"needle", &[(0, 8), (8, 4)], 15));
        assert!(finds(b"needle", &[(0, 8), (8, 4)], 16));
        // What was taken from the front of a piece is not in it any more.
        assert!(!finds(b"needle", &[(0, 6), (6, 6)], 12));
        assert!(finds(b"edle", &[(0, 6), (6, 6)], 12));
        assert!(finds(b"headx", &[(0, 6), (6, 6)], 12));
    }

    /// F75: the pattern must begin at `--from` or later and end before `--to`.
    #[test]
    fn f75_offsets() {
        let bytes = b"0123needle0123";
        assert!(finds(&search(b"needle", 4, 10, false), bytes));
        assert!(!finds(&search(b"needle", 5, 65_535, false), bytes));
        assert!(!finds(&search(b"needle", 0, 9, false), bytes));
        assert!(!finds(&search(b"needle", 100, 200, false), bytes));
        assert!(!finds(&search(b"needle", 8, 3, false), bytes));
    }

    #[test]
    fn case_folds_as_latin_1() {
        assert!(finds(&search(b"NeEdLe", 0, 65_535, true), b"a nEeDlE"));
        assert!(finds(&search(&[0xe4], 0, 65_535, true), &[0xc4]));
        assert!(!finds(&search(&[0xf7], 0, 65_535, true), &[0xd7]));
        assert!(!finds(&search(b"needle", 0, 65_535, false), b"NEEDLE"));
    }
}
