//! Elements by their numbers, in chunks that never move: what grows copies nothing, so that no packet waits for it, and has no
//! more unused room than a chunk.

/// Elements of a chunk.
const CHUNK: usize = 256;

/// The elements.
#[derive(Clone, Debug)]
pub(super) struct Chunks<T>(Vec<Box<[T; CHUNK]>>);

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[inline]
fn split(number: u32) -> (usize, usize) {
    let number = number as usize;
    (number / CHUNK, number % CHUNK)
}

impl<T> Chunks<T> {
    /// Makes elements until there are so many, or some more; `false`: it could not.
    // Why a vector first: an array would be made on the stack.
    pub(super) fn grow(&mut self, length: usize, new: impl Fn() -> T) -> bool {
        while self.0.len() * CHUNK < length {
            let mut chunk = Vec::with_capacity(CHUNK);
            chunk.resize_with(CHUNK, &new);
            let Ok(chunk) = <Box<[T; CHUNK]>>::try_from(chunk.into_boxed_slice()) else { return false };
            self.0.push(chunk);
        }
        true
    }

    /// The element of a number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let (chunk, at) = split(number);
        self.0.get(chunk)?.get(at)
    }

    /// The same, to change it.
    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let (chunk, at) = split(number);
        self.0.get_mut(chunk)?.get_mut(at)
    }

    /// All of them, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|chunk| chunk.iter())
    }

    /// The same, to change them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flat_map(|chunk| chunk.iter_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, Chunks};

    #[test]
    fn what_is_there_stays_where_it_is() {
        let mut chunks = Chunks::default();
        assert!(chunks.get(0).is_none() && chunks.grow(0, || 0) && chunks.get_mut(0).is_none());
        assert!(chunks.grow(1, || 5));
        let place = std::ptr::from_ref(chunks.get(7).unwrap());
        *chunks.get_mut(7).unwrap() = 6;
        assert!(chunks.grow(CHUNK * 3 + 1, || 9) && chunks.grow(2, || 1));
        assert_eq!(std::ptr::from_ref(chunks.get(7).unwrap()), place);
        assert_eq!(chunks.iter().count(), CHUNK * 4);
        chunks.iter_mut().for_each(|element| *element += 1);
        let at = |number: usize| chunks.get(number as u32).copied();
        assert_eq!(
            [7, 8, CHUNK, CHUNK * 4 - 1, CHUNK * 4].map(at),
            [Some(7), Some(6), Some(10), Some(10), None]
        );
    }
}
