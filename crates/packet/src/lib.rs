//! What do these bytes say, and how are they changed?
//!
//! One parse ([`layout::parse`]) gives a [`Layout`]: a few offsets, `Copy`, without a borrow. A [`View`] reads the
//! fields of a packet through its layout; [`rewrite`] changes them in place and keeps the checksums. The wire order of
//! bytes is known here and nowhere else.
//!
//! Panic contract: no function of this crate panics for any bytes. Accessors that need bytes which are not there
//! return `None`.
#![forbid(unsafe_code)]

pub mod addr;
pub mod build;
pub mod checksum;
pub mod extension;
pub mod icmp;
pub mod ifname;
pub mod layout;
pub mod protocol;
pub mod quote;
pub mod rewrite;
pub mod show;
pub mod tcp_option;
pub mod transport;
pub mod verify;
pub mod view;

pub use addr::{AddrMask, Family};
pub use ifname::InterfaceName;
pub use layout::{Fragment, Layout, Malformed};
pub use view::View;
