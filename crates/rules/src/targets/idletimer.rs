//! Tells programs that a rule has not been hit for a while (`-j IDLETIMER`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec, finish_nothing,
};
use crate::syntax::text::push_word;
use crate::syntax::value::Kind;

/// `-j IDLETIMER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idletimer {
    /// `--timeout` in seconds: 1 to 2,147,482.
    pub timeout: u32,
    /// `--label`: the timer's name in /sys, 1 to 27 bytes. Rules with one name share one timer.
    pub label: Box<str>,
    /// `--alarm`: the timer counts while the machine sleeps.
    pub alarm: bool,
}

/// `-j IDLETIMER` in the language.
pub const EXTENSION: Extension<Idletimer> = Extension {
    spec: Spec {
        name: "IDLETIMER",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("timeout", Kind::U32).mandatory(),
            OptionSpec::new("label", Kind::Text { min: 0, max: 0, cut: 27 }).mandatory(),
            OptionSpec::new("alarm", Kind::Flag),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Idletimer { timeout: 0, label: "".into(), alarm: false },
    parse: parse_option,
    finish: finish_nothing,
    save: |own, out| {
        put!(out, " --timeout {} --label ", own.timeout);
        push_word(out, &own.label);
        if own.alarm {
            out.push_str(" --alarm");
        }
    },
    list: |own, out, _| {
        put!(out, " timeout:{} label:{}", own.timeout, own.label);
        if own.alarm {
            out.push_str(" alarm");
        }
    },
    check,
};

fn parse_option(own: &mut Idletimer, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    match call.name {
        "timeout" => own.timeout = call.value.number_u32(),
        "label" => own.label = call.value.text().into(),
        _ => own.alarm = true,
    }
    Ok(())
}

/// Names that cannot be files of the timers in /sys.
const RESERVED: [&str; 5] = [".", "..", "power", "subsystem", "uevent"];

/// Linux: `idletimer_tg_helper` and `idletimer_check_sysfs_name` in xt_IDLETIMER.c.
fn check(own: &Idletimer, _: &Site<'_>) -> Result<(), Refusal> {
    const LONGEST: u32 = i32::MAX.unsigned_abs() / 1000;
    if own.timeout == 0 || own.timeout >= LONGEST {
        return Err(Refusal::invalid(format!("`--timeout' is a number from 1 to {}", LONGEST - 1)));
    }
    if own.label.is_empty() || own.label.contains('/') || RESERVED.contains(&&*own.label) {
        return Err(Refusal::invalid("`--label' must be a name that a file in /sys can have"));
    }
    Ok(())
}

const HELP: &str = "IDLETIMER target options:
 --timeout time\tTimeout until the notification is sent (in seconds)
 --label string\tUnique rule identifier
 --alarm\tUse alarm instead of default timer

";
