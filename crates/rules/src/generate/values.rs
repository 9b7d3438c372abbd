//! The small pools of values, and choosing from them.
use std::net::IpAddr;

use packet::{AddrMask, Family, InterfaceName};

use crate::InterfacePattern;
use crate::matches::PortRange;

/// A stream of numbers and the family for which values are drawn.
pub(super) struct Random<'a> {
    next: &'a mut dyn FnMut() -> u64,
    /// IPv4 or IPv6.
    pub(super) family: Family,
}

impl<'a> Random<'a> {
    pub(super) fn new(next: &'a mut dyn FnMut() -> u64, family: Family) -> Self {
        Self { next, family }
    }

    /// Any number.
    pub(super) fn number(&mut self) -> u64 {
        (self.next)()
    }

    /// A number below a limit; 0 where the limit is 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let number = self.number();
        usize::try_from(number.checked_rem(limit as u64).unwrap_or(0)).unwrap_or(0)
    }

    /// True `times` out of `of` times.
    pub(super) fn chance(&mut self, times: usize, of: usize) -> bool {
        self.below(of) < times
    }

    /// One of some values, of which there is at least one.
    pub(super) fn choose<T: Copy, const N: usize>(&mut self, values: [T; N]) -> T {
        const { assert!(N > 0) };
        let at = self.below(N);
        let [first, ..] = values.as_slice() else { unreachable!("N is not 0") };
        values.get(at).copied().unwrap_or(*first)
    }

    /// A mark or mask: small ones, single bits, the ends, any.
    pub(super) fn mark(&mut self) -> u32 {
        let any = self.number() as u32;
        self.choose([0, 1, 2, 3, 0xff, 0x100, 0x8000_0000, 0xffff_0000, u32::MAX, any])
    }

    /// An address of the pools.
    pub(super) fn address(&mut self) -> IpAddr {
        match self.family {
            Family::V4 => {
                let last = self.choose([0, 1, 2, 5, 6, 9, 254, 255]);
                match self.below(5) {
                    0 => IpAddr::from([10, 0, 2, last]),
                    1 => IpAddr::from([203, 0, 113, last]),
                    2 => IpAddr::from([127, 0, 0, last]),
                    _ => IpAddr::from([10, 0, 1, last]),
                }
            }
            Family::V6 => {
                let last = self.choose([0, 1, 2, 5, 6, 9, 0xfffe, 0xffff]);
                match self.below(4) {
                    0 => IpAddr::from([0xfd00, 2, 0, 0, 0, 0, 0, last]),
                    1 => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]),
                    _ => IpAddr::from([0xfd00, 1, 0, 0, 0, 0, 0, last]),
                }
            }
        }
    }

    /// A prefix length of the family.
    pub(super) fn length(&mut self) -> u8 {
        match self.family {
            Family::V4 => self.choose([8, 16, 23, 24, 25, 30, 31, 32, 1]),
            Family::V6 => self.choose([16, 32, 48, 63, 64, 65, 126, 127, 128, 1]),
        }
    }

    /// A network, at times with a mask that has holes.
    pub(super) fn network(&mut self) -> AddrMask {
        let address = self.address();
        if self.chance(1, 12) {
            let mask = match self.family {
                Family::V4 => IpAddr::from([255, 255, 0, 255]),
                Family::V6 => IpAddr::from([0xffff, 0, 0, 0, 0, 0, 0, 0xffff]),
            };
            return AddrMask::new(address, mask).unwrap_or(AddrMask::host(address));
        }
        let length = self.length();
        AddrMask::prefix(address, length).unwrap_or(AddrMask::host(address))
    }

    /// Two addresses, the smaller one first.
    pub(super) fn addresses(&mut self) -> (IpAddr, IpAddr) {
        let (one, two) = (self.address(), self.address());
        if one <= two { (one, two) } else { (two, one) }
    }

    /// A device, or the start of a device's name.
    pub(super) fn interface(&mut self) -> InterfacePattern {
        let exact = self.choose(["lan0", "dmz0", "wan0", "lo", "lan1", "lan0.100", "abcdefghijklmno"]);
        let prefix = self.choose(["lan", "l", "wan0", "dmz0", "abcdefghijklmn"]);
        let (text, whole) = if self.chance(1, 4) { (prefix, false) } else { (exact, true) };
        match InterfaceName::new(text) {
            Some(name) if whole => InterfacePattern::Exact(name),
            Some(name) => InterfacePattern::Prefix(name),
            None => InterfacePattern::Any,
        }
    }

    /// A port of the pool.
    pub(super) fn port(&mut self) -> u16 {
        let near = 1000 + self.below(11) as u16;
        self.choose([22, 53, 80, 443, near, near, near, 0, 1, 65_534, 65_535])
    }

    /// A port or a range that is not everything.
    pub(super) fn ports(&mut self) -> PortRange {
        let one = self.port();
        if self.chance(1, 2) {
            return PortRange { first: one, last: one };
        }
        let two = self.port();
        let range = PortRange { first: one.min(two), last: one.max(two) };
        if range == PortRange::ALL { PortRange { first: 1, last: 65_535 } } else { range }
    }

    /// Some of the bits of a mask, at least one.
    pub(super) fn some_bits(&mut self, mask: u16) -> u16 {
        let bits = self.number() as u16 & mask;
        if bits == 0 { mask & mask.wrapping_neg() } else { bits }
    }
}
