//! Connections and expectations as lines of text, both ways.
//!
//! Two forms are written to the byte: that of `/proc/net/nf_conntrack` and `/proc/net/nf_conntrack_expect` (Linux:
//! `ct_seq_show`, `exp_seq_show`), and that of `conntrack -L -o extended` and `conntrack -L expect` (conntrack-tools 1.4.7),
//! both without the newline; and that of `conntrack -L -o save`, for `conntrack -R`, is written. [`Entry::parse`] and [`Expected::parse`] read either, and `conntrack -L` without the family in
//! front. [`super::Conntrack::load`] makes connections of them.
//!
//! ```text
//! ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.1.5 dst=8.8.8.8 sport=40000 dport=443 packets=3 bytes=180
//!   src=8.8.8.8 dst=203.0.113.1 sport=443 dport=40000 packets=2 bytes=120 [ASSURED] mark=0 zone=0 use=2
//! ```
//!
//! Invariant: parsing what was printed gives the same [`Entry`], and printing what was parsed the same text, if it was in
//! one of the forms.
use super::{Connection, ConnectionId, Conntrack, ProtocolState, Status};
use crate::time::Now;

mod error;
mod print;
mod read;

pub use error::{Error, ErrorKind};
pub(super) use print::DCCP;
pub use print::{DCCP_STATES, Entry, Expected, Flow, Offload, State, Style};
pub(super) use read::{Line, error_at, lines};

impl Conntrack {
    /// What a line of a form says of a connection; `None` if there is no such connection.
    pub fn entry(&self, id: ConnectionId, style: Style, now: Now) -> Option<Entry> {
        self.get(id).map(|connection| entry_of(connection, style, now))
    }

    /// The line of a connection as in `/proc/net/nf_conntrack`; empty if there is no such connection.
    pub fn line(&self, id: ConnectionId, now: Now) -> String {
        let mut out = String::new();
        if let Some(connection) = self.get(id) {
            entry_of(connection, Style::Proc, now).print(Style::Proc, &mut out);
        }
        out
    }

    /// The lines of all confirmed connections that have not expired, in the order of [`Conntrack::iter`], as in
    /// `/proc/net/nf_conntrack`.
    pub fn lines(&self, now: Now) -> impl Iterator<Item = String> {
        self.iter()
            .filter(move |(_, connection)| !connection.is_expired(now.mono))
            .map(move |(id, _)| self.line(id, now))
    }

    /// Appends the whole table to a text: connections, then expectations, a line for each.
    pub fn dump(&self, style: Style, now: Now, out: &mut String) {
        for (_, connection) in self.iter().filter(|(_, connection)| !connection.is_expired(now.mono)) {
            entry_of(connection, style, now).print(style, out);
            out.push('\n');
        }
        let expectations =
            self.expectations().filter(|item| !item.has_run_out(now.mono) && style != Style::Save);
        for item in expectations {
            self.expected(item, now).print(style, out);
            out.push('\n');
        }
    }

    /// The lines of all expectations as in `/proc/net/nf_conntrack_expect`; what expired connections expected is gone.
    pub fn expectation_lines(&self, now: Now) -> impl Iterator<Item = String> {
        let lives = move |id| self.get(id).is_some_and(|master| !master.is_expired(now.mono));
        self.expectations().filter(move |item| !item.has_run_out(now.mono) && lives(item.master)).map(
            move |item| {
                let mut out = String::new();
                self.expected(item, now).print(Style::Proc, &mut out);
                out
            },
        )
    }

    fn expected(&self, item: &super::expect::Expectation, now: Now) -> Expected {
        let policy = item.helper.policy(item.class);
        Expected {
            seconds: item.timer.seconds(now.mono),
            tuple: item.tuple(),
            source_mask: item.mask(),
            any_port: item.source_port.is_none(),
            master: self.get(item.master).map(Connection::original),
            zone: item.zone,
            flags: item.flags,
            class: Some(u32::from(item.class)),
            class_name: (!policy.name.is_empty()).then(|| policy.name.into()),
            helper: item.helper.name().into(),
        }
    }
}

fn entry_of(connection: &Connection, style: Style, now: Now) -> Entry {
    let [original, reply] = connection.counters;
    let counters = |own| connection.is_counted().then_some(own);
    let mut gre_timeouts = None;
    let state = match connection.protocol {
        ProtocolState::Tcp(tcp) => Some(State::Tcp(tcp.state)),
        ProtocolState::Sctp(sctp) => Some(State::Sctp(sctp.state)),
        ProtocolState::Gre(gre) => {
            gre_timeouts = Some(({ gre.timeout }.as_secs(), { gre.stream_timeout }.as_secs()));
            None
        }
        ProtocolState::Udp(_) | ProtocolState::Plain => None,
    };
    Entry {
        seconds: Some(connection.remaining(now.mono).as_secs()),
        state,
        gre_timeouts,
        original: Flow { tuple: connection.original(), counters: counters(original) },
        reply: Flow { tuple: connection.reply(), counters: counters(reply) },
        zone: connection.zone,
        zero_zone: connection.rare().zero_zone,
        unreplied: !connection.status.has(Status::SEEN_REPLY),
        assured: connection.status.has(Status::ASSURED),
        mark: Some(connection.mark),
        // Linux: `ct_show_delta_time`.
        delta_time: connection.rare().started.map(|began| now.wall.saturating_sub(began) / 1_000_000_000),
        helper: connection.helper().map(|helper| helper.kind.name().into()),
        // Linux: one reference of the table and one of each connection that this one expected; /proc counts its
        // reader, too.
        uses: Some(connection.rare().children.saturating_add(1 + u32::from(style == Style::Proc))),
        ..Entry::new(connection.original(), connection.reply())
    }
}

#[cfg(test)]
mod tests;
