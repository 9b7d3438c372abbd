//! The text form of a scenario: hosts, links, rules, and what is tried in which order.
//!
//! A line is a directive; words are separated by blanks, a word with blanks stands in double quotes (`\"`, `\\`,
//! `\n` inside), `#` starts a comment.
//!
//! ```text
//! title TEXT
//! host NAME [engine]                             engine: its netfilter is ours (or, with --kernel, the kernel's)
//! link HOST:DEVICE=ADDRESS/LEN[,…] HOST:DEVICE=… …     two or more ends, one subnet
//! route HOST DESTINATION via ADDRESS             DESTINATION: ADDRESS/LEN, default, default6
//! sysctl HOST KEY=VALUE
//! rules HOST [v6] FILE                           save format, beside the scenario
//! rules HOST [v6] <<  …lines…  end               the same, here
//! sets HOST FILE                                 sets of ipset in the form of `ipset save`; before the rules that name them
//! sets HOST <<  …lines…  end                     the same, here
//! serve HOST tcp|udp [ADDRESS:]PORT TEXT [as UID]
//! start HOST COMMAND…                            in the background
//! say TEXT
//! try HOST tcp|udp ADDRESS:PORT [from ADDRESS:PORT] [hold] [as UID] expect OUTCOME
//! try HOST ping ADDRESS expect OUTCOME
//! try HOST run COMMAND… expect OUTCOME
//! ```
//!
//! `TEXT` of `serve` is what each client is sent; `{peer}`, `{peer-address}`, `{local}` and `{original}` (the
//! destination by `SO_ORIGINAL_DST`) are filled in. `OUTCOME` is a text in quotes (what came back, or what the command
//! printed), `answer` (anything came back), `refused`, `timeout`, `unreachable`, or for `run` `exit N`. Rules, servers
//! and tries take effect in the order of the file.
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use packet::Family;
use sys::netlink::Prefix;

/// A scenario, valid: every name in it is known, every host has at most one device of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    /// What it shows.
    pub title: String,
    /// The hosts.
    pub hosts: Vec<HostSpec>,
    /// The links.
    pub links: Vec<LinkSpec>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// A host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSpec {
    /// Its name.
    pub name: String,
    /// Whether its netfilter is under test.
    pub engine: bool,
    /// Routes: destination and gateway.
    pub routes: Vec<(Prefix, IpAddr)>,
    /// Settings.
    pub sysctls: Vec<(String, String)>,
}

/// A link of two or more ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkSpec {
    /// The ends.
    pub ends: Vec<EndSpec>,
}

/// One end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndSpec {
    /// Place of the host in [`Scenario::hosts`].
    pub host: usize,
    /// The name of the device.
    pub device: String,
    /// Its addresses.
    pub addresses: Vec<Prefix>,
}

/// TCP or UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Transport {
    /// `tcp` or `udp`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Where rules stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulesText {
    /// In a file, relative to the scenario.
    File(String),
    /// In the scenario, with the number of the first line.
    Inline(String, usize),
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Rules are loaded, all tables of the text at once.
    Rules {
        /// Host.
        host: usize,
        /// Family.
        family: Family,
        /// The rules.
        text: RulesText,
    },
    /// Sets of ipset are made, or members added.
    Sets {
        /// Host.
        host: usize,
        /// The lines of `ipset restore`.
        text: RulesText,
    },
    /// A server starts.
    Serve {
        /// Host.
        host: usize,
        /// Protocol.
        transport: Transport,
        /// Where it listens.
        address: SocketAddr,
        /// What it says.
        text: String,
        /// As which user.
        user: Option<u32>,
    },
    /// A command starts and runs on.
    Start {
        /// Host.
        host: usize,
        /// Program and arguments.
        command: Vec<String>,
    },
    /// A remark.
    Say(String),
    /// Something is tried.
    Try {
        /// Line in the scenario.
        line: usize,
        /// Host.
        host: usize,
        /// What.
        attempt: Attempt,
        /// As which user.
        user: Option<u32>,
        /// What must come of it.
        expected: Outcome,
    },
}

/// What is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// A connection, or a datagram and its answer.
    Connect {
        /// Protocol.
        transport: Transport,
        /// To where.
        remote: SocketAddr,
        /// From where.
        local: Option<SocketAddr>,
        /// Whether the connection stays open to the end of the scenario.
        hold: bool,
    },
    /// An echo request.
    Ping(IpAddr),
    /// A command.
    Run(Vec<String>),
}

/// What came of something that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This text came back or was printed.
    Text(String),
    /// Anything came back.
    Answer,
    /// Refused: a RST or port unreachable.
    Refused,
    /// Nothing came back in time. A local sender that the kernel tells EPERM counts as well.
    Timeout,
    /// Network, host or protocol unreachable, or prohibited.
    Unreachable,
    /// The command's exit code.
    Exit(i32),
    /// Something else, in words.
    Other(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Answer => f.write_str("answer"),
            Self::Refused => f.write_str("refused"),
            Self::Timeout => f.write_str("timeout"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Exit(code) => write!(f, "exit {code}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl Outcome {
    /// Whether this is what was expected.
    pub fn satisfies(&self, expected: &Outcome) -> bool {
        match (self, expected) {
            (Self::Text(_), Self::Answer) => true,
            _ => self == expected,
        }
    }
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No such directive.
    UnknownDirective(String),
    /// A word is missing.
    Missing(&'static str),
    /// Too many words.
    Extra(String),
    /// No such host.
    UnknownHost(String),
    /// A second host or device of this name.
    Twice(String),
    /// Not what it should be.
    NotA(&'static str, String),
    /// A quotation mark without its partner.
    OpenQuote,
    /// `<<` without `end`.
    OpenRules,
    /// No host, or no step.
    Empty,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownDirective(word) => write!(
                f,
                "unknown directive {word:?} (there are title, host, link, route, sysctl, rules, sets, serve, start, say, try)"
            ),
            Self::Missing(what) => write!(f, "{what} is missing"),
            Self::Extra(word) => write!(f, "{word:?} is too much"),
            Self::UnknownHost(name) => write!(f, "no host is called {name:?}"),
            Self::Twice(name) => write!(f, "{name:?} is there already"),
            Self::NotA(what, word) => write!(f, "{word:?} is not {what}"),
            Self::OpenQuote => f.write_str("a quotation mark has no partner"),
            Self::OpenRules => f.write_str("rules and sets that begin with << need a line \"end\""),
            Self::Empty => f.write_str("a scenario needs a host and something to try"),
        }
    }
}

/// A problem and its line, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line.
    pub line: usize,
    /// The problem.
    pub problem: Problem,
}

/// The words of a line.
fn words(line: &str) -> Result<Vec<String>, Problem> {
    let mut all = Vec::new();
    let mut characters = line.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        match characters.peek() {
            None | Some('#') => return Ok(all),
            Some(_) => {}
        }
        let mut word = String::new();
        let mut quoted = false;
        while let Some(c) = characters.next_if(|&c| quoted || !c.is_whitespace()) {
            match c {
                '"' => quoted = !quoted,
                '\\' if quoted => match characters.next() {
                    Some('n') => word.push('\n'),
                    Some(c) => word.push(c),
                    None => return Err(Problem::OpenQuote),
                },
                c => word.push(c),
            }
        }
        if quoted {
            return Err(Problem::OpenQuote);
        }
        all.push(word);
    }
}

/// The words of a line, one after the other.
struct Words(std::iter::Peekable<std::vec::IntoIter<String>>);

impl Words {
    fn next(&mut self, what: &'static str) -> Result<String, Problem> {
        self.0.next().ok_or(Problem::Missing(what))
    }

    fn take(&mut self, word: &str) -> bool {
        self.0.next_if(|next| next == word).is_some()
    }

    fn end(mut self) -> Result<(), Problem> {
        self.0.next().map_or(Ok(()), |word| Err(Problem::Extra(word)))
    }
}

fn prefix(word: &str) -> Result<Prefix, Problem> {
    match word {
        "default" => return Ok(Prefix { address: Ipv4Addr::UNSPECIFIED.into(), length: 0 }),
        "default6" => return Ok(Prefix { address: Ipv6Addr::UNSPECIFIED.into(), length: 0 }),
        _ => {}
    }
    let read = || {
        let (address, length) = word.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let length: u8 = length.parse().ok()?;
        (length <= if address.is_ipv4() { 32 } else { 128 }).then_some(Prefix { address, length })
    };
    read().ok_or_else(|| Problem::NotA("an address with a length (10.0.0.1/24)", word.into()))
}

fn parsed<T: std::str::FromStr>(word: String, what: &'static str) -> Result<T, Problem> {
    word.parse().map_err(|_| Problem::NotA(what, word))
}

/// `PORT`, `ADDRESS:PORT` or `[ADDRESS]:PORT`; a port alone means every address of both families.
fn listening(word: String) -> Result<SocketAddr, Problem> {
    match word.parse::<u16>() {
        Ok(port) => Ok((Ipv6Addr::UNSPECIFIED, port).into()),
        Err(_) => parsed(word, "a port, or an address and a port"),
    }
}

impl Scenario {
    /// Reads a scenario.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut scenario = Self::default();
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let mut last = 1;
        while let Some((line, text)) = lines.next() {
            last = line;
            let fault = |problem| Fault { line, problem };
            let mut words = Words(words(text).map_err(fault)?.into_iter().peekable());
            let Some(directive) = words.0.next() else { continue };
            if matches!(&*directive, "rules" | "sets") {
                scenario.rules(directive == "sets", &mut lines, line, words).map_err(fault)?;
            } else {
                scenario.directive(&directive, line, words).map_err(fault)?;
            }
        }
        let tries = scenario.steps.iter().any(|step| matches!(step, Step::Try { .. }));
        if scenario.hosts.is_empty() || !tries {
            return Err(Fault { line: last, problem: Problem::Empty });
        }
        Ok(scenario)
    }

    fn host(&self, words: &mut Words) -> Result<usize, Problem> {
        let name = words.next("the name of a host")?;
        self.find(&name)
    }

    fn find(&self, name: &str) -> Result<usize, Problem> {
        let found = self.hosts.iter().position(|host| host.name == name);
        found.ok_or_else(|| Problem::UnknownHost(name.into()))
    }

    fn rules<'a>(
        &mut self,
        sets: bool,
        lines: &mut impl Iterator<Item = (usize, &'a str)>,
        line: usize,
        mut words: Words,
    ) -> Result<(), Problem> {
        let host = self.host(&mut words)?;
        let family = if !sets && words.take("v6") { Family::V6 } else { Family::V4 };
        let text = if words.take("<<") {
            let mut all = String::new();
            loop {
                let (_, text) = lines.next().ok_or(Problem::OpenRules)?;
                if text.trim() == "end" {
                    break;
                }
                all.push_str(text.trim_start());
                all.push('\n');
            }
            RulesText::Inline(all, line + 1)
        } else {
            RulesText::File(words.next("a file, or <<")?)
        };
        self.steps.push(if sets { Step::Sets { host, text } } else { Step::Rules { host, family, text } });
        words.end()
    }

    fn directive(&mut self, directive: &str, line: usize, mut words: Words) -> Result<(), Problem> {
        match directive {
            "title" => self.title = words.0.by_ref().collect::<Vec<_>>().join(" "),
            "say" => {
                let text = words.0.by_ref().collect::<Vec<_>>().join(" ");
                self.steps.push(Step::Say(text));
            }
            "host" => {
                let name = words.next("the name of the host")?;
                if self.find(&name).is_ok() {
                    return Err(Problem::Twice(name));
                }
                let engine = words.take("engine");
                self.hosts.push(HostSpec { name, engine, ..HostSpec::default() });
            }
            "link" => self.link(&mut words)?,
            "route" => {
                let host = self.host(&mut words)?;
                let destination = prefix(&words.next("a destination")?)?;
                if !words.take("via") {
                    return Err(Problem::Missing("via"));
                }
                let via: IpAddr = parsed(words.next("a gateway")?, "an address")?;
                if via.is_ipv4() != destination.address.is_ipv4() {
                    return Err(Problem::NotA("a gateway of the same family", via.to_string()));
                }
                if let Some(host) = self.hosts.get_mut(host) {
                    host.routes.push((destination, via));
                }
            }
            "sysctl" => {
                let host = self.host(&mut words)?;
                let word = words.next("KEY=VALUE")?;
                let Some((key, value)) = word.split_once('=') else {
                    return Err(Problem::NotA("KEY=VALUE", word));
                };
                if let Some(host) = self.hosts.get_mut(host) {
                    host.sysctls.push((key.into(), value.into()));
                }
            }
            "serve" => {
                let host = self.host(&mut words)?;
                let transport = transport(&words.next("tcp or udp")?)?;
                let address = listening(words.next("a port")?)?;
                let text = words.next("the text to serve")?;
                let user = user(&mut words)?;
                self.steps.push(Step::Serve { host, transport, address, text, user });
            }
            "start" => {
                let host = self.host(&mut words)?;
                let command: Vec<String> = words.0.by_ref().collect();
                if command.is_empty() {
                    return Err(Problem::Missing("a command"));
                }
                self.steps.push(Step::Start { host, command });
            }
            "try" => self.attempt(line, &mut words)?,
            word => return Err(Problem::UnknownDirective(word.into())),
        }
        words.end()
    }

    fn link(&mut self, words: &mut Words) -> Result<(), Problem> {
        const FORM: &str = "an end (HOST:DEVICE=ADDRESS/LEN)";
        let mut link = LinkSpec::default();
        for word in words.0.by_ref() {
            let Some(((host, device), addresses)) =
                word.split_once('=').and_then(|(end, rest)| Some((end.split_once(':')?, rest)))
            else {
                return Err(Problem::NotA(FORM, word));
            };
            let host = self.find(host)?;
            if packet::InterfaceName::new(device).is_none() {
                return Err(Problem::NotA("the name of a device (1 to 15 bytes)", device.into()));
            }
            let others = self.links.iter().chain([&link]).flat_map(|link| &link.ends);
            if device == "lo" || others.into_iter().any(|end| end.host == host && end.device == device) {
                return Err(Problem::Twice(device.into()));
            }
            let addresses = addresses.split(',').map(prefix).collect::<Result<_, _>>()?;
            link.ends.push(EndSpec { host, device: device.into(), addresses });
        }
        if link.ends.len() < 2 {
            return Err(Problem::Missing(FORM));
        }
        self.links.push(link);
        Ok(())
    }

    fn attempt(&mut self, line: usize, words: &mut Words) -> Result<(), Problem> {
        let host = self.host(words)?;
        let kind = words.next("tcp, udp, ping or run")?;
        let mut as_user = None;
        let attempt = match kind.as_str() {
            "ping" => {
                let address = parsed(words.next("an address")?, "an address")?;
                as_user = user(words)?;
                Attempt::Ping(address)
            }
            "run" => {
                as_user = user(words)?;
                let mut command = Vec::new();
                while words.0.peek().is_some_and(|word| word != "expect") {
                    command.extend(words.0.next());
                }
                if command.is_empty() {
                    return Err(Problem::Missing("a command"));
                }
                Attempt::Run(command)
            }
            _ => {
                let transport = transport(&kind)?;
                let remote = parsed(words.next("ADDRESS:PORT")?, "an address and a port")?;
                let (mut local, mut hold) = (None, false);
                loop {
                    if words.take("from") {
                        local = Some(parsed(words.next("ADDRESS:PORT")?, "an address and a port")?);
                    } else if words.take("hold") {
                        hold = true;
                    } else if let Some(user) = user(words)? {
                        as_user = Some(user);
                    } else {
                        break;
                    }
                }
                Attempt::Connect { transport, remote, local, hold }
            }
        };
        if !words.take("expect") {
            return Err(Problem::Missing("expect"));
        }
        let word = words.next("what is expected")?;
        let expected = match word.as_str() {
            "answer" => Outcome::Answer,
            "refused" => Outcome::Refused,
            "timeout" => Outcome::Timeout,
            "unreachable" => Outcome::Unreachable,
            "exit" => Outcome::Exit(parsed(words.next("an exit code")?, "an exit code")?),
            _ => Outcome::Text(word),
        };
        self.steps.push(Step::Try { line, host, attempt, user: as_user, expected });
        Ok(())
    }
}

fn transport(word: &str) -> Result<Transport, Problem> {
    match word {
        "tcp" => Ok(Transport::Tcp),
        "udp" => Ok(Transport::Udp),
        _ => Err(Problem::NotA("tcp, udp, ping or run", word.into())),
    }
}

fn user(words: &mut Words) -> Result<Option<u32>, Problem> {
    if words.take("as") { parsed(words.next("a user id")?, "a user id").map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests;
