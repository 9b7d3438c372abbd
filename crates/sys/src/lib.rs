//! How does one talk to this operating system? TUN devices, namespaces, netlink, sysctls, children, signals.
//!
//! The only crate with `unsafe`; every block says why it is sound. Nothing here knows rules or packets' meaning: bytes
//! come in and go out. Everything is for one thread that polls ([`poll::Poller`]): namespaces are a property of the
//! thread that enters them, so a program that uses [`namespace`] keeps to one thread or knows which one it is in.
//!
//! Read first: `namespaces(7)`, `user_namespaces(7)`, `rtnetlink(7)`, `seccomp_unotify(2)`.

pub mod child;
pub mod clock;
pub mod device;
pub mod judge;
pub mod namespace;
pub mod netlink;
pub mod packet_socket;
pub mod poll;
pub mod seccomp;
pub mod signal;
pub mod sock_diag;
pub mod socket;
pub mod sysctl;
pub mod terminal;
pub mod tun;
