//! TCP options, one after the other (RFC 9293 section 3.2).
//!
//! The iterator stops where Linux's `tcp_parse_options` stops: at the end-of-list option, and at the first option whose
//! length is below 2 or reaches beyond the bytes.

/// Kinds of options (IANA).
pub mod kind {
    /// End of the list.
    pub const END: u8 = 0;
    /// No operation.
    pub const NOP: u8 = 1;
    /// Maximum segment size, 4 bytes.
    pub const MSS: u8 = 2;
    /// Window scale, 3 bytes.
    pub const WINDOW_SCALE: u8 = 3;
    /// Selective acknowledgement permitted, 2 bytes.
    pub const SACK_PERMITTED: u8 = 4;
    /// Selective acknowledgement, 2 + 8n bytes.
    pub const SACK: u8 = 5;
    /// Timestamps, 10 bytes.
    pub const TIMESTAMPS: u8 = 8;
}

/// One option as it stands in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpOption<'a> {
    /// Its kind, see [`kind`].
    pub kind: u8,
    /// Where it starts, in bytes from the first option byte.
    pub at: usize,
    /// What follows kind and length; empty for NOP.
    pub data: &'a [u8],
}

impl TcpOption<'_> {
    /// The maximum segment size, if this is that option with its right length.
    pub fn mss(&self) -> Option<u16> {
        let data = <[u8; 2]>::try_from(self.data).ok()?;
        (self.kind == kind::MSS).then(|| u16::from_be_bytes(data))
    }

    /// The shift count of the window scale option; Linux takes values above 14 as 14.
    pub fn window_scale(&self) -> Option<u8> {
        match (self.kind, self.data) {
            (kind::WINDOW_SCALE, &[shift]) => Some(shift),
            _ => None,
        }
    }

    /// Value and echo reply of the timestamps option.
    pub fn timestamps(&self) -> Option<(u32, u32)> {
        let data = <[u8; 8]>::try_from(self.data).ok()?;
        let both = u64::from_be_bytes(data);
        (self.kind == kind::TIMESTAMPS).then_some(((both >> 32) as u32, (both & 0xffff_ffff) as u32))
    }

    /// The blocks of the selective acknowledgement option: first sequence number and the one behind the last.
    pub fn sack_blocks(&self) -> impl Iterator<Item = (u32, u32)> {
        let data = if self.kind == kind::SACK { self.data } else { &[] };
        data.chunks_exact(8).filter_map(|block| {
            let both = u64::from_be_bytes(block.try_into().ok()?);
            Some(((both >> 32) as u32, (both & 0xffff_ffff) as u32))
        })
    }
}

/// The options of a header; made by [`iterate`].
#[derive(Clone, Copy, Debug)]
pub struct TcpOptions<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Iterates over option bytes (see [`crate::view::Tcp::options`]).
pub fn iterate(bytes: &[u8]) -> TcpOptions<'_> {
    TcpOptions { bytes, at: 0 }
}

impl<'a> TcpOptions<'a> {
    /// The bytes that were not read as options: from the end-of-list option or the first broken one on.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or(&[])
    }
}

impl<'a> Iterator for TcpOptions<'a> {
    type Item = TcpOption<'a>;

    fn next(&mut self) -> Option<TcpOption<'a>> {
        let at = self.at;
        let rest = self.rest();
        match *rest.first()? {
            kind::END => None,
            kind::NOP => {
                self.at = at + 1;
                Some(TcpOption { kind: kind::NOP, at, data: &[] })
            }
            kind => {
                let length = usize::from(*rest.get(1)?);
                let data = rest.get(2..length)?;
                self.at = at + length;
                Some(TcpOption { kind, at, data })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_options_of_a_usual_syn() {
        let bytes = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7];
        let options: Vec<_> = iterate(&bytes).collect();
        assert_eq!(options.iter().map(|option| option.kind).collect::<Vec<_>>(), [2, 4, 8, 1, 3]);
        assert_eq!(options[0].mss(), Some(1460));
        assert_eq!(options[2].timestamps(), Some((1, 2)));
        assert_eq!(options[4].window_scale(), Some(7));
        assert_eq!(options[4].at, 17);
        assert_eq!(options[1].mss(), None);
    }

    #[test]
    fn stops_at_the_end_and_at_broken_lengths() {
        let mut options = iterate(&[1, 0, 2, 4, 0, 0]);
        assert_eq!(options.by_ref().count(), 1);
        assert_eq!(options.rest(), [0, 2, 4, 0, 0]);
        for broken in [&[2, 0][..], &[2, 1], &[2], &[2, 5, 1, 1]] {
            let mut options = iterate(broken);
            assert_eq!(options.next(), None, "{broken:?}");
            assert_eq!(options.rest(), broken);
        }
    }

    #[test]
    fn reads_sack_blocks() {
        let bytes = [5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4];
        let blocks: Vec<_> = iterate(&bytes).next().unwrap().sack_blocks().collect();
        assert_eq!(blocks, [(1, 2), (3, 4)]);
    }
}
