//! iptables' language: words with spans, option tables, commands, save files, listings, errors.

/// What the language asks from outside, so that the parser itself does no I/O.
pub trait Names {
    /// The port of a service (`ssh`), for a protocol name (`tcp`) or for any. Source: /etc/services.
    fn service(&self, name: &str, protocol: Option<&str>) -> Option<u16>;
    /// The service at a port, for listings without `-n`.
    fn service_name(&self, port: u16, protocol: Option<&str>) -> Option<String>;
    /// The number of a protocol. Source: /etc/protocols.
    fn protocol(&self, name: &str) -> Option<u8>;
    /// The name of a protocol.
    fn protocol_name(&self, number: u8) -> Option<String>;
    /// All addresses of a host in a family, in the resolver's order.
    fn host(&self, name: &str, family: packet::Family) -> Vec<std::net::IpAddr>;
    /// The name of an address, for listings without `-n`.
    fn host_name(&self, address: std::net::IpAddr) -> Option<String>;
    /// The network of a name. Source: /etc/networks.
    fn network(&self, name: &str) -> Option<std::net::Ipv4Addr>;
    /// The id of a user. Source: /etc/passwd.
    fn user(&self, name: &str) -> Option<u32>;
    /// The name of a user id.
    fn user_name(&self, id: u32) -> Option<String>;
    /// The id of a group. Source: /etc/group.
    fn group(&self, name: &str) -> Option<u32>;
    /// The name of a group id.
    fn group_name(&self, id: u32) -> Option<String>;
}
