//! TCP options as SYNPROXY reads and writes them (Linux: `synproxy_parse_options`, `synproxy_build_options`).

const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const TIMESTAMP: u8 = 8;

/// "No scaling" where a timestamp carries the client's scale.
const NO_SCALE: u32 = 0xf;
const SACK_BIT: u32 = 1 << 4;
const ECN_BIT: u32 = 1 << 5;
/// What of a timestamp carries options.
const CARRIED: u32 = 0x3f;

/// The options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) mss: Option<u16>,
    pub(super) scale: Option<u8>,
    pub(super) sack: bool,
    /// Value and echo.
    pub(super) timestamp: Option<(u32, u32)>,
    /// No option of its own: flags of the header.
    pub(super) ecn: bool,
}

/// The options behind a header's first 20 bytes; `None`: they are cut short. What is broken ends them.
fn bytes(tcp: &[u8]) -> Option<&[u8]> {
    let header = usize::from(tcp.get(12)? >> 4) * 4;
    if header <= 20 { Some(&[]) } else { tcp.get(20..header) }
}

/// Each option: its place, kind and what is in it.
fn each(all: &[u8]) -> impl Iterator<Item = (usize, u8, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while all.get(at) == Some(&NOP) {
            at += 1;
        }
        let &kind = all.get(at).filter(|&&kind| kind != END)?;
        let length = usize::from(*all.get(at + 1)?);
        let content = all.get(at + 2..at + length)?;
        let place = at;
        at += length;
        Some((place, kind, content))
    })
}

/// Where the timestamp option begins, from the start of the TCP header.
pub(super) fn timestamp_place(tcp: &[u8]) -> Option<usize> {
    let mut all = each(bytes(tcp)?);
    all.find(|(_, kind, content)| *kind == TIMESTAMP && content.len() == 8).map(|(place, ..)| place + 20)
}

impl Options {
    /// Reads the options of a TCP segment.
    pub(super) fn parse(tcp: &[u8]) -> Option<Self> {
        let mut own = Self::default();
        for (_, kind, content) in each(bytes(tcp)?) {
            match (kind, content) {
                (MSS, &[high, low]) => own.mss = Some(u16::from_be_bytes([high, low])),
                (SCALE, &[scale]) => own.scale = Some(scale.min(14)),
                (SACK_PERMITTED, []) => own.sack = true,
                (TIMESTAMP, &[a, b, c, d, e, f, g, h]) => {
                    own.timestamp =
                        Some((u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])));
                }
                _ => {}
            }
        }
        Some(own)
    }

    /// Puts the client's options into the low bits of a timestamp.
    pub(super) fn in_timestamp(&self, now: u32) -> u32 {
        (now & !CARRIED)
            | self.scale.map_or(NO_SCALE, u32::from)
            | if self.sack { SACK_BIT } else { 0 }
            | if self.ecn { ECN_BIT } else { 0 }
    }

    /// Takes them out again.
    pub(super) fn out_of_timestamp(&mut self, echoed: u32) {
        let scale = echoed & NO_SCALE;
        if scale != NO_SCALE {
            self.scale = Some(scale as u8);
        }
        self.sack |= echoed & SACK_BIT != 0;
        self.ecn |= echoed & ECN_BIT != 0;
    }

    /// Writes them behind a header, in whole words.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        if let Some(mss) = self.mss {
            let [high, low] = mss.to_be_bytes();
            out.extend_from_slice(&[MSS, 4, high, low]);
        }
        if let Some((value, echoed)) = self.timestamp {
            let before = if self.sack { [SACK_PERMITTED, 2] } else { [NOP, NOP] };
            out.extend_from_slice(&before);
            out.extend_from_slice(&[TIMESTAMP, 10]);
            out.extend_from_slice(&value.to_be_bytes());
            out.extend_from_slice(&echoed.to_be_bytes());
        } else if self.sack {
            out.extend_from_slice(&[NOP, NOP, SACK_PERMITTED, 2]);
        }
        if let Some(scale) = self.scale {
            out.extend_from_slice(&[NOP, SCALE, 3, scale]);
        }
    }
}
