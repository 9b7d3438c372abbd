//! The packet to a program that decides about it (`-j NFQUEUE`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::value::{Kind, Value};

/// `-j NFQUEUE` (F73).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nfqueue {
    /// `--queue-num`, or the first of `--queue-balance`.
    pub first: u16,
    /// The last of `--queue-balance`; `None` with `--queue-num`.
    pub last: Option<u16>,
    /// `--queue-bypass`: without a listener the packet goes on.
    pub bypass: bool,
    /// `--queue-cpu-fanout`: the processor chooses among the queues.
    pub cpu_fanout: bool,
}

/// `-j NFQUEUE` in the language.
pub const EXTENSION: Extension<Nfqueue> = Extension {
    spec: Spec {
        name: "NFQUEUE",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("queue-num", Kind::U16).excludes(&["queue-balance"]),
            OptionSpec::new("queue-balance", Kind::NumberRange { min: 0, max: LAST })
                .excludes(&["queue-num"]),
            OptionSpec::new("queue-bypass", Kind::Flag),
            OptionSpec::new("queue-cpu-fanout", Kind::Flag).needs(&["queue-balance"]),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Nfqueue { first: 0, last: None, bypass: false, cpu_fanout: false },
    parse: parse_option,
    finish: finish_nothing,
    save: |own, out| {
        match own.last {
            None => put!(out, " --queue-num {}", own.first),
            Some(last) => put!(out, " --queue-balance {}:{last}", own.first),
        }
        own.push_flags(out, "--queue-");
    },
    list: |own, out, _| {
        match own.last {
            None => put!(out, " NFQUEUE num {}", own.first),
            Some(last) => put!(out, " NFQUEUE balance {}:{last}", own.first),
        }
        own.push_flags(out, "");
    },
    check: check_nothing,
};

/// The last queue of a balance: the count of queues has 16 bits.
const LAST: u64 = 65_534;

fn parse_option(own: &mut Nfqueue, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let short = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
    match (call.name, &call.value) {
        ("queue-balance", &Value::Range(first, last)) => {
            if !call.text().contains(':') {
                return Err(call.error(format!("Bad range \"{}\"", call.text())));
            }
            if first >= last {
                return Err(call.error(format!("{first} should be less than {last}")));
            }
            own.first = short(first);
            own.last = Some(short(last));
        }
        ("queue-num", value) => own.first = short(value.number()),
        ("queue-bypass", _) => own.bypass = true,
        _ => own.cpu_fanout = true,
    }
    Ok(())
}

impl Nfqueue {
    fn push_flags(&self, out: &mut String, dashes: &str) {
        if self.bypass {
            put!(out, " {dashes}bypass");
        }
        if self.cpu_fanout {
            put!(out, " {dashes}cpu-fanout");
        }
    }
}

const HELP: &str = "NFQUEUE target options
  --queue-num value            Send packet to QUEUE number <value>.
                               Valid queue numbers are 0-65535
  --queue-balance first:last   Balance flows between queues <value> to <value>.
  --queue-bypass               Bypass Queueing if no queue instance exists.
  --queue-cpu-fanout\tUse current CPU (no hashing)
";
