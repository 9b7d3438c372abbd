//! A device: packets in, packets out, never waiting.
//!
//! [`Pair`] is one in memory, for tests and for engines that sit back to back.
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;

/// The largest packet that any device gives: 65,535 bytes of IP, and an Ethernet header with a VLAN tag.
pub const MOST_BYTES: usize = 65_535 + 18;

/// Something that carries packets.
pub trait Device {
    /// The name that rules see (`eth0`).
    fn name(&self) -> &str;

    /// Takes the next packet into `buffer` and says its length; `None` if there is none now. A packet longer than the
    /// buffer is cut off.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>>;

    /// Sends a packet; `false` if the device has no room for it now and it is lost.
    fn transmit(&mut self, packet: &[u8]) -> io::Result<bool>;

    /// The descriptor that becomes readable when a packet is there, if the device has one.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;
}

/// Most packets that one direction of a [`Pair`] holds; more are lost (as a TUN queue does: 500).
pub const PAIR_QUEUE: usize = 500;

type Queue = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end of a cable in memory: what one end sends the other receives.
#[derive(Debug)]
pub struct Pair {
    name: String,
    incoming: Queue,
    outgoing: Queue,
}

impl Pair {
    /// The two ends, under the names that each side gives its own.
    pub fn new(left: &str, right: &str) -> (Self, Self) {
        let (there, back) = (Queue::default(), Queue::default());
        (
            Self { name: left.into(), incoming: Rc::clone(&back), outgoing: Rc::clone(&there) },
            Self { name: right.into(), incoming: there, outgoing: back },
        )
    }
}

impl Device for Pair {
    fn name(&self) -> &str {
        &self.name
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        Ok(self.incoming.borrow_mut().pop_front().map(|packet| {
            let length = packet.len().min(buffer.len());
            for (to, from) in buffer.iter_mut().zip(&packet) {
                *to = *from;
            }
            length
        }))
    }

    fn transmit(&mut self, packet: &[u8]) -> io::Result<bool> {
        let mut queue = self.outgoing.borrow_mut();
        let room = queue.len() < PAIR_QUEUE;
        if room {
            queue.push_back(packet.to_vec());
        }
        Ok(room)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

#[cfg(test)]
mod tests;
