//! The small servers and clients that scenarios use, so that no `nc` is needed: hidden subcommands of the binary,
//! each a real process with real sockets.
//!
//! `oxitables lab-process serve tcp|udp ADDRESS:PORT TEXT` says `ready` when it listens.
//! `oxitables lab-process connect tcp|udp ADDRESS:PORT LOCAL|- hold|end MILLISECONDS` and
//! `oxitables lab-process ping ADDRESS MILLISECONDS` print one line: `text TEXT`, `refused`, `timeout`,
//! `unreachable` or `other TEXT`.
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use super::scenario::Outcome;

/// The hidden subcommand.
pub const NAME: &str = "lab-process";

/// How long a server waits for a client to go away, and for a datagram's way.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most that a client reads.
const MOST_TEXT: u64 = 64 * 1024;

/// Runs one of them; `None` if the arguments are not for us. The number is the exit code.
pub fn run(arguments: &[String]) -> Option<u8> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let milliseconds = |word: &str| word.parse().map(Duration::from_millis).ok();
    let outcome = match words.as_slice() {
        ["serve", transport, address, text] => {
            let address: SocketAddr = address.parse().ok()?;
            let served = match *transport {
                "tcp" => serve_tcp(address, text),
                "udp" => serve_udp(address, text),
                _ => return None,
            };
            return Some(match served {
                Ok(()) => 0,
                Err(error) => {
                    eprintln!("cannot serve {transport} {address}: {error}");
                    4
                }
            });
        }
        ["connect", transport, remote, local, hold, timeout] => {
            let (remote, timeout) = (remote.parse().ok()?, milliseconds(timeout)?);
            let local = if *local == "-" { None } else { Some(local.parse().ok()?) };
            match *transport {
                "tcp" => match connect(remote, local, timeout) {
                    Ok((stream, text)) => {
                        report(&Outcome::Text(text));
                        if *hold == "hold" {
                            // Why: until the lab ends this process, or the server the connection.
                            let _ = (&stream).read_exact(&mut [0]);
                        }
                        return Some(0);
                    }
                    Err(error) => outcome(&error),
                },
                "udp" => match sys::socket::ask(remote, local, b"hello", timeout) {
                    Ok(answer) => Outcome::Text(String::from_utf8_lossy(&answer).into_owned()),
                    Err(error) => outcome(&error),
                },
                _ => return None,
            }
        }
        ["ping", address, timeout] => {
            let address: IpAddr = address.parse().ok()?;
            match sys::socket::ping(address, milliseconds(timeout)?) {
                Ok(()) => Outcome::Text("reply".into()),
                Err(error) => outcome(&error),
            }
        }
        _ => return None,
    };
    report(&outcome);
    Some(0)
}

/// Prints an outcome on a line.
fn report(outcome: &Outcome) {
    let line = match outcome {
        Outcome::Text(text) => format!("text {}", text.escape_default()),
        Outcome::Other(text) => format!("other {}", text.escape_default()),
        outcome => outcome.to_string(),
    };
    println!("{line}");
    let _ = io::stdout().flush();
}

/// Reads the line that [`report`] printed.
pub fn read_report(output: &str) -> Option<Outcome> {
    let (line, _) = output.split_once('\n')?;
    Some(match line {
        "refused" => Outcome::Refused,
        "timeout" => Outcome::Timeout,
        "unreachable" => Outcome::Unreachable,
        _ => match line.split_once(' ') {
            Some(("text", text)) => Outcome::Text(unescape(text)),
            Some(("other", text)) => Outcome::Other(unescape(text)),
            _ => Outcome::Other(line.into()),
        },
    })
}

/// The inverse of `escape_default` for what servers say: backslash, quotes, newline, tab, `\u{…}`.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some('u') => {
                let digits: String =
                    characters.by_ref().skip_while(|&c| c == '{').take_while(|&c| c != '}').collect();
                plain.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            Some(c) => plain.push(c),
            None => {}
        }
    }
    plain
}

fn outcome(error: &io::Error) -> Outcome {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => Outcome::Refused,
        Kind::TimedOut | Kind::WouldBlock => Outcome::Timeout,
        // Linux: a packet that a rule drops in OUTPUT is EPERM to its sender (F32).
        _ if error.raw_os_error() == Some(1) => Outcome::Timeout,
        Kind::HostUnreachable | Kind::NetworkUnreachable => Outcome::Unreachable,
        // Linux: a `prohibit` route is EACCES; protocol unreachable is ENOPROTOOPT.
        Kind::PermissionDenied => Outcome::Unreachable,
        _ if error.raw_os_error() == Some(92) => Outcome::Unreachable,
        _ => Outcome::Other(error.to_string()),
    }
}

fn connect(
    remote: SocketAddr,
    local: Option<SocketAddr>,
    timeout: Duration,
) -> io::Result<(TcpStream, String)> {
    let stream = sys::socket::connect(remote, local, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    let mut text = Vec::new();
    let mut reader = (&stream).take(MOST_TEXT);
    loop {
        let mut byte = [0];
        match reader.read(&mut byte)? {
            0 => break,
            // Why: a server's text ends with a zero byte, so that a held connection need not be closed to end it.
            _ if byte == [0] => break,
            _ => text.extend_from_slice(&byte),
        }
    }
    Ok((stream, String::from_utf8_lossy(&text).into_owned()))
}

fn ready() {
    println!("ready");
    let _ = io::stdout().flush();
}

/// Every IPv4 address in the place of every address, on a machine without IPv6.
fn fallback(address: SocketAddr, error: io::Error) -> io::Result<SocketAddr> {
    if address.ip() == IpAddr::from(std::net::Ipv6Addr::UNSPECIFIED) && !crate::host::has_v6() {
        Ok((std::net::Ipv4Addr::UNSPECIFIED, address.port()).into())
    } else {
        Err(error)
    }
}

fn serve_tcp(address: SocketAddr, text: &str) -> io::Result<()> {
    let listener =
        TcpListener::bind(address).or_else(|error| TcpListener::bind(fallback(address, error)?))?;
    ready();
    loop {
        let (stream, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            // A client that went away before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(error),
        };
        let text = text.to_owned();
        std::thread::spawn(move || answer_tcp(stream, peer, &text));
    }
}

fn answer_tcp(mut stream: TcpStream, peer: SocketAddr, text: &str) {
    let original = || match sys::socket::original_destination(&stream) {
        Ok(address) => plain(address).to_string(),
        Err(error) => error.to_string(),
    };
    let local = stream.local_addr().map_or_else(|error| error.to_string(), |own| plain(own).to_string());
    let mut text = fill(text, peer, &local, original);
    text.push('\0');
    let _ = stream.set_read_timeout(Some(PATIENCE));
    if stream.write_all(text.as_bytes()).is_ok() {
        // Until the client closes.
        while stream.read(&mut [0; 64]).is_ok_and(|length| length > 0) {}
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn serve_udp(address: SocketAddr, text: &str) -> io::Result<()> {
    let socket = UdpSocket::bind(address).or_else(|error| UdpSocket::bind(fallback(address, error)?))?;
    ready();
    let local = address.to_string();
    let mut question = [0; 65_535];
    loop {
        // An ICMP error about an earlier answer is no end.
        let Ok((_, peer)) = socket.recv_from(&mut question) else { continue };
        let _ = socket.send_to(fill(text, peer, &local, || "none".into()).as_bytes(), peer);
    }
}

fn fill(text: &str, peer: SocketAddr, local: &str, original: impl FnOnce() -> String) -> String {
    let peer = plain(peer);
    let mut filled = text
        .replace("{peer}", &peer.to_string())
        .replace("{peer-address}", &peer.ip().to_string())
        .replace("{local}", local);
    if filled.contains("{original}") {
        filled = filled.replace("{original}", &original());
    }
    filled
}

/// An IPv4 address that an IPv6 socket shows (`::ffff:10.0.0.1`) as IPv4.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests;
