//! How many ICMP errors the machine sends: a bucket for all of them, then one for each machine that is told.
//!
//! # Overview
//!
//! Linux asks twice. [`Asking::begin`] (`icmp_global_allow`) stands in front of the search for a way: the type is one that is
//! limited at all, and the bucket of all machines, which both families share, is not empty. [`Asking::may_tell`]
//! (`icmpv4_xrlim_allow`, `icmpv6_xrlim_allow`) stands behind it: the bucket of the machine that is told
//! ([`crate::peers`], shared with redirects) has enough. Only an error that may be sent takes something out of the first, and
//! how much is left to chance: nothing, one or two.
//!
//! Linux 6.18.44 was asked: an interval of 0 still empties the bucket of the machine; the length of the prefix by which a
//! machine of IPv6 is reached does not count any more; "fragmentation needed" is never limited, "packet too big" is if its
//! type is among the limited ones (which it is not by default); echo replies are limited if theirs is.
//!
//! Exempt is what comes about a packet from loopback (the second bucket is not asked either), and from the second bucket
//! what leaves by loopback.
use std::net::IpAddr;

use packet::{Family, View, icmp};

use crate::engine::Engine;
use crate::network::{IcmpLimits, Route, Way};
use crate::peers::Peers;
use crate::route::Flow;
use crate::time::{HZ, jiffies};
use crate::{DeviceId, Instant, Now, Random};

/// The bucket that all machines share. Linux: `icmp_global_credit`, `icmp_global_stamp`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Credit {
    /// How many may be sent; may be less than nothing, since it is taken by chance.
    left: i64,
    /// The jiffy at which it was filled last. 0 is long ago.
    filled: u64,
}

impl Credit {
    /// Whether something may be sent; fills what is empty.
    fn allows(&mut self, limits: &IcmpLimits, now: u64) -> bool {
        /// Jiffies that must have gone by: a fiftieth of a second.
        const LEAST: u64 = HZ as u64 / 50;
        if self.left > 0 {
            return true;
        }
        let since = now.saturating_sub(self.filled).min(HZ.into());
        let more = u64::from(limits.per_second) * since / u64::from(HZ);
        if since < LEAST || more == 0 {
            return false;
        }
        self.filled = now;
        self.left = self.left.saturating_add_unsigned(more).min(limits.burst.into());
        true
    }

    /// Takes nothing, one or two. Linux: `icmp_global_consume`.
    fn take(&mut self, random: &mut dyn Random) {
        self.left -= i64::from(random.icmp_credits().min(2));
    }
}

/// Which limit forbids an ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// That of all machines: `icmp_msgs_per_sec`, `icmp_msgs_burst`.
    Everybody,
    /// That of the machine that would be told: `icmp_ratelimit`.
    Machine,
}

impl Limit {
    /// The settings by which it is changed.
    pub fn name(self, family: Family) -> &'static str {
        match (self, family) {
            (Self::Everybody, _) => "net.ipv4.icmp_msgs_per_sec",
            (Self::Machine, Family::V4) => "net.ipv4.icmp_ratelimit",
            (Self::Machine, Family::V6) => "net.ipv6.icmp.ratelimit",
        }
    }
}

/// A message that is about to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) limits: &'a IcmpLimits,
    pub(crate) family: Family,
    /// Type and code.
    pub(crate) message: (u8, u8),
    pub(crate) now: Instant,
}

impl Asking<'_> {
    /// Whether limits count for the message. `input`: the device of the packet that it is about. An error: the bucket of all
    /// machines is empty.
    pub(crate) fn begin(self, input: Option<DeviceId>, peers: &mut Peers) -> Result<bool, Limit> {
        if input == Some(DeviceId::LOOPBACK) || !self.is_limited() {
            return Ok(false);
        }
        if peers.credit.allows(self.limits, clock(self.now)) { Ok(true) } else { Err(Limit::Everybody) }
    }

    /// Whether a machine may be told by a way; takes it into account.
    pub(crate) fn may_tell(
        self,
        (machine, route): (IpAddr, Route),
        peers: &mut Peers,
        random: &mut dyn Random,
    ) -> Result<(), Limit> {
        let over_loopback = route.way == Way::Local || route.way.device() == Some(DeviceId::LOOPBACK);
        if !over_loopback && !peers.may_say(machine, self.limits.interval(self.family), self.now) {
            return Err(Limit::Machine);
        }
        peers.credit.take(random);
        Ok(())
    }

    /// Linux: `icmpv4_mask_allow`, `icmpv6_mask_allow`.
    fn is_limited(self) -> bool {
        /// Linux: `NR_ICMP_TYPES`: higher ones are not limited.
        const MOST: u8 = 18;
        const FRAGMENTATION_NEEDED: u8 = 4;
        let (kind, code) = self.message;
        match self.family {
            Family::V4 => {
                kind <= MOST
                    && (kind, code) != (icmp::v4::DESTINATION_UNREACHABLE, FRAGMENTATION_NEEDED)
                    && self.limits.types_v4 >> kind & 1 == 1
            }
            Family::V6 => {
                let [low, high] = self.limits.types_v6;
                let half = if kind < 128 { low } else { high };
                half >> (kind & 127) & 1 == 1
            }
        }
    }
}

impl Engine {
    /// Whether the local stack, which is not part of the engine, may send an ICMP message now: the limits are the same ones
    /// for its errors and replies as for those of the engine. `message` is the IP packet that it would send, `input` the device
    /// of the packet that it answers. To be asked once for each message.
    ///
    /// Linux: `__icmp_send`, `icmp_reply`, `icmp6_send`, `icmpv6_echo_reply`.
    pub fn may_send_icmp(&mut self, now: Now, message: &View<'_>, input: Option<DeviceId>) -> bool {
        let Some(icmp) = message.icmp() else { return true };
        let (family, machine) = (message.family(), message.destination());
        let limits = &self.network.settings.icmp;
        let asking = Asking { limits, family, message: (icmp.kind, icmp.code), now: now.mono };
        // Linux: `icmp_reply` does not ask where a request came from.
        let reply =
            family == Family::V4 && matches!(icmp.kind, icmp::v4::ECHO_REPLY | icmp::v4::TIMESTAMP_REPLY);
        let Ok(limited) = asking.begin(input.filter(|_| !reply), &mut self.peers) else { return false };
        let flow = Flow { tos: message.tos(), ..Flow::between(message.source(), machine) };
        let route = self.network.output_route(None, flow);
        !limited
            || route.is_ok_and(|route| {
                asking.may_tell((machine, route), &mut self.peers, self.random.as_mut()).is_ok()
            })
    }
}

/// The kernel's clock, which begins a minute before the first packet.
pub(crate) fn clock(now: Instant) -> u64 {
    jiffies(now).saturating_add(MINUTE)
}

/// A minute in jiffies.
pub(crate) const MINUTE: u64 = 60 * HZ as u64;

#[cfg(test)]
mod tests;
