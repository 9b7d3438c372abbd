//! Random conditions on header and interfaces.
use packet::{Family, protocol};

use super::values::Random;
use super::{Place, negatable};
use crate::{Header, Hook, Negatable};

/// A header; a match that needs a protocol looks at it later.
pub(super) fn header(random: &mut Random<'_>, place: &Place<'_>) -> Header {
    let mut header = Header::default();
    if random.chance(1, 3) {
        let network = random.network();
        header.source = Some(negatable(random, network));
    }
    if random.chance(1, 3) {
        let network = random.network();
        header.destination = Some(negatable(random, network));
    }
    // A user chain may say both; a built-in chain is asked by its name for what it can know.
    if random.chance(1, 4) && place.only(&[Hook::Prerouting, Hook::Input, Hook::Forward]) {
        let pattern = random.interface();
        header.input = Some(negatable(random, pattern));
    }
    if random.chance(1, 4) && place.only(&[Hook::Forward, Hook::Output, Hook::Postrouting]) {
        let pattern = random.interface();
        header.output = Some(negatable(random, pattern));
    }
    if random.chance(3, 4) {
        let icmp = if random.family == Family::V4 { protocol::ICMP } else { protocol::ICMPV6 };
        let value = random.choose([
            protocol::TCP,
            protocol::TCP,
            protocol::TCP,
            protocol::UDP,
            protocol::UDP,
            icmp,
            protocol::SCTP,
            protocol::ESP,
            protocol::UDPLITE,
            protocol::IPCOMP,
            protocol::DCCP,
            // ip6tables warns of AH, which is an extension header there.
            if random.family == Family::V4 { protocol::AH } else { protocol::MOBILITY },
        ]);
        let invert = random.chance(1, 10);
        header.protocol = Some(Negatable { invert, value });
    }
    if random.family == Family::V4 && random.chance(1, 20) {
        header.fragment = Some(random.chance(1, 2));
    }
    header
}
