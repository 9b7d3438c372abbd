//! Which socket it is, and when that cannot be said.
use super::*;
use crate::machine::text;

fn sought(line: &str, device: &str) -> Sought {
    let words: Vec<&str> = line.split(' ').collect();
    let end = |text: &str| {
        let at: std::net::SocketAddr = text.parse().unwrap();
        (at.ip(), at.port())
    };
    let transport = if words[0] == "tcp" { Transport::Tcp } else { Transport::Udp };
    Sought {
        transport,
        source: end(words[1]),
        destination: end(words[2]),
        device: InterfaceName::new(device),
    }
}

/// The socket, as the text form writes it.
fn found(machine: &Machine, line: &str, among: Among) -> Result<Option<String>, Unknown> {
    let found = machine.socket_of(&sought(line, "eth0"), among)?;
    let socket = found.map(|socket| machine.sockets.get(socket).unwrap());
    Ok(socket.map(|socket| format!("{} {}", socket.local, socket.device.flatten().is_some())))
}

fn all(machine: &Machine, line: &str) -> Result<Option<String>, Unknown> {
    found(machine, line, Among::All)
}

fn is(text: &str) -> Result<Option<String>, Unknown> {
    Ok(Some(text.to_owned()))
}

#[test]
fn a_connection_counts_before_a_listener_and_an_address_before_all() {
    let machine = text::parse(
        "socket tcp 0.0.0.0:80\nsocket tcp 10.0.0.1:80\nsocket tcp 10.0.0.1:80 10.0.0.9:1000\n\
         socket tcp [::]:80\nsocket tcp [fd00::1]:80\n",
    )
    .unwrap();
    assert_eq!(all(&machine, "tcp 10.0.0.9:1001 10.0.0.1:80"), is("10.0.0.1:80 false"));
    assert_eq!(
        all(&machine, "tcp 10.0.0.9:1001 10.0.0.2:80"),
        is("0.0.0.0:80 false"),
        "IPv4's own before [::]"
    );
    assert_eq!(all(&machine, "tcp [fd00::9]:1 [fd00::1]:80"), is("[fd00::1]:80 false"));
    assert_eq!(all(&machine, "tcp [fd00::9]:1 [fd00::2]:80"), is("[::]:80 false"));
    assert_eq!(all(&machine, "tcp 10.0.0.9:1001 10.0.0.2:81"), Ok(None));
    assert_eq!(all(&machine, "udp 10.0.0.9:1001 10.0.0.1:80"), Ok(None));
    let connection = "tcp 10.0.0.9:1000 10.0.0.1:80";
    assert_eq!(found(&machine, connection, Among::Connections), is("10.0.0.1:80 false"));
    assert_eq!(found(&machine, "tcp 10.0.0.9:1001 10.0.0.1:80", Among::Connections), Ok(None));
    assert!(machine.socket_of(&sought(connection, "eth0"), Among::All).unwrap().is_some());
    assert_ne!(
        machine.socket_of(&sought(connection, "eth0"), Among::All),
        machine.socket_of(&sought(connection, "eth0"), Among::Listeners)
    );
}

#[test]
fn sockets_of_ipv6_take_ipv4_unless_they_say_otherwise() {
    let both = text::parse("socket tcp [::]:80\nsocket udp [::]:53 v6only\n").unwrap();
    assert_eq!(all(&both, "tcp 10.0.0.9:1 10.0.0.1:80"), is("[::]:80 false"));
    assert_eq!(all(&both, "udp 10.0.0.9:1 10.0.0.1:53"), Ok(None));
    assert_eq!(all(&both, "udp [fd00::9]:1 [fd00::1]:53"), is("[::]:53 false"));
    let mapped = text::parse("socket tcp [::ffff:10.0.0.1]:22 [::ffff:10.0.0.9]:7\n").unwrap();
    assert_eq!(all(&mapped, "tcp 10.0.0.9:7 10.0.0.1:22"), is("10.0.0.1:22 false"));
    let unsaid = text::parse("socket tcp [::]:80 v6only ?\n").unwrap();
    assert_eq!(all(&unsaid, "tcp 10.0.0.9:1 10.0.0.1:80"), Err(Unknown::V6Only));
    assert_eq!(all(&unsaid, "tcp [fd00::9]:1 [fd00::1]:80"), is("[::]:80 false"));
}

#[test]
fn a_device_and_a_peer_say_more() {
    let machine = text::parse(
        "socket udp 0.0.0.0:53\nsocket udp 0.0.0.0:53 dev eth0\nsocket udp 0.0.0.0:53 dev eth1\n\
         socket udp 10.0.0.1:53\nsocket udp 10.0.0.1:53 10.0.0.9:1000\nsocket tcp 10.0.0.1:80 dev eth1\n",
    )
    .unwrap();
    assert_eq!(all(&machine, "udp 10.0.0.9:1 10.0.0.2:53"), is("0.0.0.0:53 true"));
    assert_eq!(
        machine.socket_of(&sought("udp 10.0.0.9:1000 10.0.0.1:53", "eth0"), Among::All),
        Ok(Some(SocketId(4)))
    );
    assert_eq!(
        machine.socket_of(&sought("udp 10.0.0.9:1001 10.0.0.1:53", "eth0"), Among::All),
        Ok(Some(SocketId(3)))
    );
    assert_eq!(all(&machine, "tcp 10.0.0.9:1 10.0.0.1:80"), Ok(None), "it is bound to another device");
}

#[test]
fn what_is_not_said_is_not_known() {
    let nothing = Machine::default();
    assert_eq!(all(&nothing, "tcp 10.0.0.9:1 10.0.0.1:80"), Err(Unknown::Sockets));
    let none = text::parse("sockets none").unwrap();
    assert_eq!(all(&none, "tcp 10.0.0.9:1 10.0.0.1:80"), Ok(None));
    let half = text::parse("sockets tcp4\nsocket tcp 10.0.0.1:80 10.0.0.9:1\n").unwrap();
    assert_eq!(
        all(&half, "tcp 10.0.0.9:1 10.0.0.1:80"),
        is("10.0.0.1:80 false"),
        "a connection is there once"
    );
    assert_eq!(
        all(&half, "tcp 10.0.0.9:2 10.0.0.1:80"),
        Err(Unknown::Sockets),
        "a socket of IPv6 might take it"
    );
    assert_eq!(all(&half, "udp 10.0.0.9:2 10.0.0.1:80"), Err(Unknown::Sockets));
    let six = text::parse("sockets tcp6").unwrap();
    assert_eq!(all(&six, "tcp [fd00::9]:2 [fd00::1]:80"), Ok(None));
    let device = text::parse("socket tcp 10.0.0.1:80 dev ?").unwrap();
    assert_eq!(all(&device, "tcp 10.0.0.9:1 10.0.0.1:80"), Err(Unknown::Device));
    assert_eq!(all(&device, "tcp 10.0.0.9:1 10.0.0.1:81"), Ok(None), "whatever it is bound to");
}

#[test]
fn sockets_that_share_a_port_may_be_told_apart_by_nothing() {
    let alike = text::parse("socket udp 0.0.0.0:53 uid 1\nsocket udp 0.0.0.0:53 uid 1\n").unwrap();
    assert_eq!(all(&alike, "udp 10.0.0.9:1 10.0.0.1:53"), is("0.0.0.0:53 false"));
    let other = text::parse("socket udp 0.0.0.0:53 uid 1\nsocket udp 0.0.0.0:53 uid 2\n").unwrap();
    assert_eq!(all(&other, "udp 10.0.0.9:1 10.0.0.1:53"), Err(Unknown::Shared));
    let better =
        text::parse("socket udp 0.0.0.0:53 uid 1\nsocket udp 0.0.0.0:53 uid 2\nsocket udp 10.0.0.1:53\n")
            .unwrap();
    assert_eq!(all(&better, "udp 10.0.0.9:1 10.0.0.1:53"), is("10.0.0.1:53 false"));
}

#[test]
fn the_sender_is_the_socket_whose_own_end_is_the_source() {
    let machine = text::parse(
        "socket tcp 10.0.0.1:40000 8.8.8.8:443 uid 7 gid 8\nsocket udp 0.0.0.0:68\nsocket tcp 10.0.0.1:80\n",
    )
    .unwrap();
    let of = |line| machine.sockets.sender(&sought(line, "eth0")).map(|socket| socket.uid);
    assert_eq!(of("tcp 10.0.0.1:40000 8.8.8.8:443"), Some(Some(7)));
    assert_eq!(of("udp 10.0.0.1:68 8.8.8.8:67"), Some(None));
    assert_eq!(of("tcp 10.0.0.1:80 8.8.8.8:443"), None, "a listener sends nothing");
    assert_eq!(of("tcp 10.0.0.1:40000 8.8.8.8:444"), None);
}
