//! The Internet checksum (RFC 1071), in full and by difference (RFC 1624).
use std::net::IpAddr;

/// Adds bytes to a running ones' complement sum; an odd last byte is padded with zero.
#[inline]
pub fn add(sum: u32, bytes: &[u8]) -> u32 {
    let mut wide = u64::from(sum);
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        if let Ok(word) = <[u8; 4]>::try_from(word) {
            wide += u64::from(u32::from_be_bytes(word));
        }
    }
    let rest = words.remainder();
    let mut last = [0_u8; 4];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    wide += u64::from(u32::from_be_bytes(last));
    // Fold 64 bits to 16 and keep the result as a small running sum.
    wide = (wide & 0xffff_ffff) + (wide >> 32);
    wide = (wide & 0xffff) + ((wide >> 16) & 0xffff) + (wide >> 32);
    wide as u32
}

/// Folds a running sum to 16 bits and complements it: the value that stands in a header.
#[inline]
pub fn finish(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The checksum of some bytes. Bytes that contain a right checksum give 0.
#[inline]
pub fn of(bytes: &[u8]) -> u16 {
    finish(add(0, bytes))
}

/// The running sum of the pseudo header of TCP, UDP, ICMPv6 …; `length` is that of the transport header and payload.
#[inline]
pub fn pseudo(source: IpAddr, destination: IpAddr, protocol: u8, length: u32) -> u32 {
    let sum = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => add(add(0, &source.octets()), &destination.octets()),
        (IpAddr::V6(source), IpAddr::V6(destination)) => add(add(0, &source.octets()), &destination.octets()),
        _ => 0,
    };
    add(add(sum, &length.to_be_bytes()), &[0, protocol])
}

/// The new value of a checksum field when `old` bytes are replaced by `new` ones (RFC 1624, equation 3). Both must
/// stand at an even offset and have the same, even length.
#[inline]
pub fn adjust(checksum: u16, old: &[u8], new: &[u8]) -> u16 {
    // !( !C + !m + m' )
    let mut sum = add(u32::from(!checksum), new);
    for pair in old.chunks(2) {
        let word = match *pair {
            [high, low] => u16::from_be_bytes([high, low]),
            [high] => u16::from_be_bytes([high, 0]),
            _ => 0,
        };
        sum += u32::from(!word);
    }
    finish(sum)
}

/// The CRC-32C of SCTP (RFC 9260, appendix A) over a packet whose checksum field (bytes 8 to 11) counts as zero, as it
/// stands in the header: read as a big-endian number.
pub fn sctp(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for (at, &byte) in bytes.iter().enumerate() {
        let byte = if (8..12).contains(&at) { 0 } else { byte };
        let index = usize::from((crc as u8) ^ byte);
        crc = CRC32C.get(index).copied().unwrap_or(0) ^ (crc >> 8);
    }
    (!crc).swap_bytes()
}

/// The table of the reflected polynomial 0x82f63b78.
const CRC32C: [u32; 256] = {
    let mut table = [0_u32; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0x82f6_3b78 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests;
