//! TUN and TAP devices: network devices whose other end is this process.
//!
//! Why our own 100 lines and not a crate: one open, one ioctl, read and write are all that is needed; addresses and
//! routes are set by [`crate::netlink`] in any case.
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use crate::device::Device;

/// What a device carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// IP packets (TUN).
    Ip,
    /// Ethernet frames (TAP).
    Ethernet,
}

/// A TUN or TAP device that lives as long as this value, in the network namespace of the thread that opened it.
#[derive(Debug)]
pub struct Tun {
    file: File,
    name: String,
}

/// The longest name of a network device in bytes (Linux: `IFNAMSIZ` - 1).
pub const LONGEST_NAME: usize = libc::IFNAMSIZ - 1;

/// Where the kernel offers TUN.
pub const CLONE_DEVICE: &str = "/dev/net/tun";

impl Tun {
    /// Makes a device. It is down and has no address. The name must not be in use in this network namespace.
    ///
    /// # Errors
    /// `InvalidInput` for a name that no device can have; else what the kernel says: `ENOENT`, `EACCES` for
    /// [`CLONE_DEVICE`], `EBUSY` for a name in use, `EPERM` without `CAP_NET_ADMIN` in this network namespace.
    pub fn open(name: &str, layer: Layer) -> io::Result<Self> {
        let bytes = name.as_bytes();
        if bytes.is_empty() || bytes.len() > LONGEST_NAME || bytes.contains(&0) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a device name"));
        }
        let file =
            OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(CLONE_DEVICE)?;
        let kind = match layer {
            Layer::Ip => libc::IFF_TUN,
            Layer::Ethernet => libc::IFF_TAP,
        };
        // SAFETY: `ifreq` is a plain C structure for which all zeroes is a valid value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(bytes) {
            *to = libc::c_char::from_ne_bytes([*from]);
        }
        request.ifr_ifru.ifru_flags = (kind | libc::IFF_NO_PI) as libc::c_short;
        // SAFETY: TUNSETIFF reads and writes one `ifreq`, which `request` is; the descriptor is open.
        let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { file, name: name.into() })
    }
}

impl Device for Tun {
    fn name(&self) -> &str {
        &self.name
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.file.read(buffer) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn transmit(&mut self, packet: &[u8]) -> io::Result<bool> {
        match self.file.write(packet) {
            Ok(_) => Ok(true),
            // Linux: EINVAL is a packet that is neither IPv4 nor IPv6, EIO a device that is down, ENOBUFS and EAGAIN
            // a queue without room: in each case this packet is lost and the device is well.
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::EAGAIN | libc::EINVAL | libc::EIO | libc::ENOBUFS | libc::ENOMEM)
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }
}
