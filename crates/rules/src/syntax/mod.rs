//! iptables' language: words with spans, option tables, commands, save files, listings, errors.
//!
//! Read in this order: [`lex`] (words), [`extension`] (an option table and its functions: what a file of
//! [`crate::matches`] or [`crate::targets`] provides), [`value`] (the generic kinds of values), [`error`].
pub(crate) mod address;
pub(crate) mod advice;
pub mod apply;
pub mod command;
pub mod completion;
pub mod error;
pub mod extension;
pub mod help;
pub mod inventory;
pub mod lex;
pub mod list;
pub mod objects;
pub mod options;
pub mod parse;
pub mod print;
pub(crate) mod registry;
pub mod restore;
pub mod saved;
pub mod text;
pub mod validity;
pub mod value;

pub use command::Command;
pub use error::{Error, ErrorKind, Exit};
pub use lex::{Span, Word};
pub use parse::{Mode, Parsed};
pub use restore::load;

/// What the language asks from outside, so that the parser itself does no I/O. What is not answered, nobody knows.
pub trait Names {
    /// The port of a service (`ssh`), for a protocol name (`tcp`) or for any. Source: /etc/services.
    fn service(&self, _name: &str, _protocol: Option<&str>) -> Option<u16> {
        None
    }
    /// The service at a port, for listings without `-n`.
    fn service_name(&self, _port: u16, _protocol: Option<&str>) -> Option<String> {
        None
    }
    /// The number of a protocol. Source: /etc/protocols.
    fn protocol(&self, _name: &str) -> Option<u8> {
        None
    }
    /// The name of a protocol.
    fn protocol_name(&self, _number: u8) -> Option<String> {
        None
    }
    /// All addresses of a host in a family, in the resolver's order.
    fn host(&self, _name: &str, _family: packet::Family) -> Vec<std::net::IpAddr> {
        Vec::new()
    }
    /// The name of an address, for listings without `-n`.
    fn host_name(&self, _address: std::net::IpAddr) -> Option<String> {
        None
    }
    /// The network of a name. Source: /etc/networks.
    fn network(&self, _name: &str) -> Option<std::net::Ipv4Addr> {
        None
    }
    /// The id of a user. Source: /etc/passwd.
    fn user(&self, _name: &str) -> Option<u32> {
        None
    }
    /// The name of a user id.
    fn user_name(&self, _id: u32) -> Option<String> {
        None
    }
    /// The id of a group. Source: /etc/group.
    fn group(&self, _name: &str) -> Option<u32> {
        None
    }
    /// The name of a group id.
    fn group_name(&self, _id: u32) -> Option<String> {
        None
    }
    /// The number of a routing realm. Source: /etc/iproute2/rt_realms; nobody knows any where there is no such file.
    fn realm(&self, _name: &str) -> Option<u32> {
        None
    }
    /// The name of a routing realm.
    fn realm_name(&self, _id: u32) -> Option<String> {
        None
    }
    /// The number of a group of devices. Source: /etc/iproute2/group; nobody knows any where there is no such file.
    fn device_group(&self, _name: &str) -> Option<u32> {
        None
    }
    /// The name of a group of devices.
    fn device_group_name(&self, _id: u32) -> Option<String> {
        None
    }
    /// The number of a label of connections. Source: /etc/xtables/connlabel.conf; nobody knows any where there is no
    /// such file.
    fn connection_label(&self, _name: &str) -> Option<u16> {
        None
    }
    /// The name of a label of connections.
    fn connection_label_name(&self, _label: u16) -> Option<String> {
        None
    }
    /// A set of ipset. Without sets to ask, none is missing.
    fn set(&self, _name: &str) -> KnownSet {
        KnownSet::NotAsked
    }
}

/// What is known of a set that a rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownSet {
    /// Nobody can be asked: the rule is taken.
    NotAsked,
    /// There is no such set.
    Missing,
    /// There is one, of this family or of none.
    Present(Option<packet::Family>),
}

/// Names where there is nobody to ask: numbers only. For tests and embedding code.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNames;

impl Names for NoNames {}
