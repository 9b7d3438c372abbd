//! H.245: logical channels, for RTP and T.120.
//!
//! Linux: `process_olc`, `process_olca`, `expect_rtp_rtcp`, `expect_t120`, `nat_rtp_rtcp`, `nat_t120`.
use packet::protocol;

use super::per::Value;
use super::{Done, Failed, Signal};
use crate::conntrack::expect::{Expectation, Flags};

const H2250: &str = "h2250LogicalChannelParameters";

impl Signal<'_, '_> {
    /// A message.
    pub(super) fn control(&mut self, message: &Value) -> Done {
        if let Some(open) = message.path(&["request", "openLogicalChannel"]) {
            return self.opened(open);
        }
        if let Some(answer) = message.path(&["response", "openLogicalChannelAck"]) {
            return self.acknowledged(answer);
        }
        Ok(())
    }

    /// OpenLogicalChannel.
    pub(super) fn opened(&mut self, open: &Value) -> Done {
        let forward = open.get("forwardLogicalChannelParameters");
        let reverse = open.get("reverseLogicalChannelParameters");
        for side in [forward, reverse].into_iter().flatten() {
            if let Some(channel) = side.path(&["multiplexParameters", H2250]) {
                self.channel(channel)?;
            }
        }
        let protocol = forward.and_then(|forward| forward.path(&["dataType", "data", "application", "t120"]));
        if protocol.is_some_and(|protocol| protocol.chosen() == "separateLANStack")
            && let Some(address) = open.path(&["separateStack", "networkAddress", "localAreaAddress"])
        {
            self.conference(address)?;
        }
        Ok(())
    }

    /// OpenLogicalChannelAck.
    fn acknowledged(&mut self, answer: &Value) -> Done {
        let reverse = answer.path(&["reverseLogicalChannelParameters", "multiplexParameters", H2250]);
        let forward = answer.path(&["forwardMultiplexAckParameters", "h2250LogicalChannelAckParameters"]);
        for channel in [reverse, forward].into_iter().flatten() {
            self.channel(channel)?;
        }
        match answer.path(&["separateStack", "networkAddress", "localAreaAddress"]) {
            Some(address) => self.conference(address),
            None => Ok(()),
        }
    }

    fn channel(&mut self, channel: &Value) -> Done {
        for name in ["mediaChannel", "mediaControlChannel"] {
            if let Some(address) = channel.get(name) {
                self.medium(address)?;
            }
        }
        Ok(())
    }

    /// Expects RTP at an even port and RTCP at the one above it, if the address is the sender's.
    fn medium(&mut self, address: &Value) -> Done {
        let (Some((own, other)), Some(found)) = (self.tuples(), self.place(address)) else {
            return Ok(());
        };
        if found.address != own.source || found.port == 0 {
            return Ok(());
        }
        let (rtp, rtcp) = (found.port & !1, found.port | 1);
        let expected = |port| self.expectation(protocol::UDP, port);
        let (Some(first), Some(second)) = (expected(rtp), expected(rtcp)) else { return Ok(()) };
        if own.source != other.destination && self.writes() {
            let pair = [self.following(first, rtp), self.following(second, rtcp)];
            return self.translated_medium(pair, found.at, found.port);
        }
        let now = self.env.now.mono;
        let first = self.env.conntrack.expect(first, now).map_err(|_| Failed::Refused)?;
        if self.env.conntrack.expect(second, now).is_err() {
            self.env.conntrack.unexpect(first);
            return Err(Failed::Refused);
        }
        Ok(())
    }

    /// The same at ports that are free on the other side; nothing is expected if there are none, or too many media.
    fn translated_medium(&mut self, pair: [Expectation; 2], at: usize, port: u16) -> Done {
        let Some((_, other)) = self.tuples() else { return Ok(()) };
        let (side, far) = (self.side(), 1 - self.side());
        let known = pair[0].destination_port;
        let slots = self.memory().media;
        let slot =
            slots.iter().position(|ports| ports.get(side).is_some_and(|&own| own == known || own == 0));
        let Some(slot) = slot else { return Ok(()) };
        let now = self.env.now.mono;
        let Some((free, pair)) = self.env.conntrack.expect_neighbours(pair, false, now) else {
            return Ok(());
        };
        self.write(at, other.destination, free | (port & 1)).inspect_err(|_| {
            for id in pair {
                self.env.conntrack.unexpect(id);
            }
        })?;
        self.remember(|memory| {
            if let Some(ports) = memory.media.get_mut(slot) {
                for (place, value) in [(side, known), (far, free)] {
                    if let Some(port) = ports.get_mut(place) {
                        *port = value;
                    }
                }
            }
        });
        Ok(())
    }

    /// Expects T.120, as often as it comes.
    fn conference(&mut self, address: &Value) -> Done {
        let (Some((own, other)), Some(found)) = (self.tuples(), self.place(address)) else {
            return Ok(());
        };
        if found.address != own.source || found.port == 0 {
            return Ok(());
        }
        let Some(mut expectation) = self.expectation(protocol::TCP, found.port) else { return Ok(()) };
        expectation.flags = Flags::PERMANENT;
        if own.source == other.destination || !self.writes() {
            return self.expect(expectation);
        }
        let expectation = self.following(expectation, found.port);
        self.expect_written(expectation, found.port, found.at, other.destination).map(drop)
    }
}
