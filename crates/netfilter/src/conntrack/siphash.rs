//! SipHash-1-3 over a few words: the keyed hash of the connection table.
//!
//! Why: an attacker chooses the tuples, so the hash must not be predictable; the standard library's hasher of this
//! kind takes its key from the machine, and this crate takes all chance as an argument.

/// A running hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct SipHash {
    v: [u64; 4],
    length: u64,
}

impl SipHash {
    /// Starts with a key.
    #[inline]
    pub(super) const fn new(key: [u64; 2]) -> Self {
        let [k0, k1] = key;
        Self {
            v: [
                k0 ^ 0x736f_6d65_7073_6575,
                k1 ^ 0x646f_7261_6e64_6f6d,
                k0 ^ 0x6c79_6765_6e65_7261,
                k1 ^ 0x7465_6462_7974_6573,
            ],
            length: 0,
        }
    }

    #[inline]
    fn round(&mut self) {
        let [mut v0, mut v1, mut v2, mut v3] = self.v;
        v0 = v0.wrapping_add(v1);
        v1 = v1.rotate_left(13) ^ v0;
        v0 = v0.rotate_left(32);
        v2 = v2.wrapping_add(v3);
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.wrapping_add(v3);
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.wrapping_add(v1);
        v1 = v1.rotate_left(17) ^ v2;
        v2 = v2.rotate_left(32);
        self.v = [v0, v1, v2, v3];
    }

    /// Takes 8 bytes, the lowest first.
    #[inline]
    pub(super) fn word(&mut self, word: u64) {
        self.v[3] ^= word;
        self.round();
        self.v[0] ^= word;
        self.length = self.length.wrapping_add(8);
    }

    /// The hash.
    #[inline]
    pub(super) fn finish(mut self) -> u64 {
        self.word((self.length & 0xff) << 56);
        self.v[2] ^= 0xff;
        self.round();
        self.round();
        self.round();
        let [v0, v1, v2, v3] = self.v;
        v0 ^ v1 ^ v2 ^ v3
    }
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher;

    use super::SipHash;

    #[test]
    fn equals_the_standard_library_with_key_zero() {
        // `DefaultHasher::new()` is SipHash-1-3 with the key 0.
        for words in [&[][..], &[1], &[0x0123_4567_89ab_cdef, 77], &[u64::MAX; 5]] {
            let mut ours = SipHash::new([0, 0]);
            let mut theirs = std::collections::hash_map::DefaultHasher::new();
            for word in words {
                ours.word(*word);
                theirs.write(&word.to_le_bytes());
            }
            assert_eq!(ours.finish(), theirs.finish());
        }
    }

    #[test]
    fn the_key_matters() {
        let mut one = SipHash::new([1, 2]);
        let mut two = SipHash::new([1, 3]);
        one.word(5);
        two.word(5);
        assert_ne!(one.finish(), two.finish());
    }
}
