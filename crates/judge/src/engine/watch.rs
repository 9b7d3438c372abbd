//! What the engine tells others, in the words of [`crate::told`].
use netfilter::Now;
use netfilter::conntrack::expect::Expectation;
use netfilter::conntrack::{Changes, Event, EventKind, ProtocolState, Status};
use netfilter::engine::Engine;
use netfilter::env::{Listener, Report};

use crate::case::Case;
use crate::told::{self, ConnectionEvent, ExpectationEvent, Numbers};

/// Most events and packets for listeners of one step.
pub(super) const MOST: usize = 10_000;

/// What of that which the engine tells is compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    log: bool,
    /// Lines of TRACE, too.
    pub(super) traces: bool,
    /// What connection tracking tells.
    pub(super) events: bool,
    groups: Vec<u16>,
    queues: Vec<u16>,
    numbers: Numbers,
    counted: bool,
}

impl Watched {
    /// What a case wants; `counted`: packets of connections are counted.
    pub(super) fn of(case: &Case, counted: bool) -> Self {
        let traces = case.watches("trace");
        Self {
            log: traces || case.watches("log"),
            traces,
            events: case.watches("events"),
            groups: case.listeners("nflog"),
            queues: case.listeners("nfqueue"),
            numbers: Numbers::default(),
            counted,
        }
    }

    /// What was told since the last call.
    pub(super) fn read(&mut self, engine: &mut Engine, now: Now) -> Vec<String> {
        let mut out = Vec::new();
        while let Some(line) = engine.poll_log() {
            let wanted = !line.text.starts_with("TRACE: ") || self.traces;
            if self.log && wanted && told::is_about_a_packet(&line.text) {
                out.push(told::log(u32::from(line.level), &line.text));
            }
        }
        let reports: Vec<Report> = std::iter::from_fn(|| engine.poll_report()).collect();
        // The kernel's listeners are read one after the other.
        let groups = self.groups.iter().map(|group| Listener::Group(*group));
        for listener in groups.chain(self.queues.iter().map(|queue| Listener::Queue(*queue))) {
            let own = reports.iter().filter(|report| report.to == listener);
            out.extend(own.map(|report| given(engine, report)));
        }
        while let Some(event) = engine.conntrack_mut().poll_event() {
            out.push(self.event(engine, &event, now));
        }
        out
    }

    fn event(&mut self, engine: &Engine, event: &Event, now: Now) -> String {
        let what = match event.kind {
            EventKind::New | EventKind::NewExpectation => "NEW",
            EventKind::Update => "UPDATE",
            EventKind::Destroy | EventKind::DestroyExpectation => "DESTROY",
        };
        let connection = &event.connection;
        if let Some(expectation) = &event.expectation {
            return expected(what, expectation, connection.original(), now);
        }
        let ends = event.kind == EventKind::Destroy;
        let changed = |changes: Changes| event.changes.any(changes);
        let large = u64::from(event.id.slot) << 32 | u64::from(event.id.generation);
        let seconds = u32::try_from(connection.remaining(now.mono).as_secs()).unwrap_or(u32::MAX);
        let state = match connection.protocol {
            ProtocolState::Tcp(tcp) => Some(tcp.state.name()),
            ProtocolState::Sctp(sctp) => Some(sctp.state.name()),
            _ => None,
        };
        let id = self.numbers.of(large);
        if ends {
            self.numbers.end(large);
        }
        let [original, reply] = connection.counters.map(|own| (own.packets, own.bytes));
        let master = connection.rare().master.and_then(|master| engine.conntrack().get(master));
        let zone = connection.zone;
        ConnectionEvent {
            what,
            id,
            original: connection.original().into(),
            reply: connection.reply().into(),
            status: u32::from(connection.status.0),
            seconds: Some(seconds).filter(|seconds| !ends || *seconds > 0),
            state: state.filter(|_| ends || changed(Changes::PROTOINFO)).map(str::to_owned),
            counters: (ends && self.counted).then_some((original, reply)),
            mark: Some(connection.mark).filter(|mark| *mark != 0 || changed(Changes::MARK)),
            zone: Some(zone.original).filter(|own| *own != 0 && *own == zone.reply),
            helper: connection.helper().filter(|_| !ends).map(|own| own.kind.name().to_owned()),
            labels: event.labels.filter(|_| changed(Changes::LABEL)),
            master: master.filter(|_| changed(Changes::RELATED)).map(|own| own.original().into()),
            adjusted: connection.status.has(Status::SEQ_ADJUST) && changed(Changes::SEQ_ADJUST),
        }
        .to_string()
    }
}

fn expected(what: &'static str, own: &Expectation, master: netfilter::Tuple, now: Now) -> String {
    let (tuple, mask) = own.listed();
    ExpectationEvent {
        what,
        expected: tuple.into(),
        mask: (Some(mask), if own.source_port.is_some() { u16::MAX } else { 0 }),
        master: master.into(),
        seconds: u32::try_from(own.timer.seconds(now.mono).max(0)).unwrap_or(u32::MAX),
        helper: own.helper.name().to_owned(),
        flags: u32::from(own.flags.0),
        class: u32::from(own.class),
    }
    .to_string()
}

/// What a listener to NFLOG or NFQUEUE gets.
fn given(engine: &Engine, report: &Report) -> String {
    let device = |id: Option<netfilter::DeviceId>| {
        let device = engine.network().devices.get(usize::try_from(id?.0).ok()?)?;
        Some(device.name.to_string())
    };
    let v6 = report.bytes.first().is_some_and(|first| first >> 4 == 6);
    let hooks = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
    let hook = hooks.iter().position(|name| *name == report.hook.name()).unwrap_or(9);
    told::Report {
        listener: match report.to {
            Listener::Group(number) => format!("nflog {number}"),
            Listener::Queue(number) => format!("nfqueue {number}"),
        },
        prefix: report.prefix.to_string(),
        family: told::number_of(if v6 { packet::Family::V6 } else { packet::Family::V4 }),
        protocol: if v6 { 0x86dd } else { 0x0800 },
        hook: u8::try_from(hook).unwrap_or(u8::MAX),
        input: device(report.input),
        output: device(report.output),
        mark: report.mark,
        owner: report.owner,
        bytes: report.bytes.clone(),
    }
    .to_string()
}
