//! Adds addresses and ports of a packet to sets of ipset, removes them, or takes marks from there (`-j SET`).
use std::borrow::Cow;

use crate::Hook;
use crate::Table;
use crate::put;
use crate::set::SetReference;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Repeat, Site, Spec,
};
use crate::syntax::value::{Kind, number};

/// `-j SET`. At least one of `add`, `delete` and `map` is given; they act in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetTarget {
    /// `--add-set`.
    pub add: Option<SetReference>,
    /// `--exist`: what is there gets its timeout anew.
    pub exist: bool,
    /// `--timeout` in seconds, 0: for ever; `None`: that of the set.
    pub timeout: Option<u32>,
    /// `--del-set`.
    pub delete: Option<SetReference>,
    /// `--map-set`.
    pub map: Option<SetReference>,
    /// `--map-mark`: the packet gets the member's mark.
    pub map_mark: bool,
    /// `--map-prio`: and its priority.
    pub map_priority: bool,
    /// `--map-queue`: and its queue.
    pub map_queue: bool,
}

impl SetTarget {
    /// All sets in it.
    pub fn sets(&self) -> impl Iterator<Item = &SetReference> {
        [&self.add, &self.delete, &self.map].into_iter().flatten()
    }
}

// Linux: `!` is taken before all of them and means nothing.
const fn option(name: &'static str, kind: Kind) -> OptionSpec {
    OptionSpec::new(name, kind).invertible().repeat(Repeat::Allowed)
}

const fn set(name: &'static str, twice: &'static str) -> OptionSpec {
    OptionSpec::new(name, Kind::TwoWords).invertible().repeat(Repeat::ErrorText(twice))
}

/// `-j SET` in the language.
pub const EXTENSION: Extension<SetTarget> = Extension {
    spec: Spec {
        name: "SET",
        aliases: &[],
        families: Families::Both,
        options: &[
            set("add-set", "--add-set can be specified only once"),
            set("del-set", "--del-set can be specified only once"),
            option("exist", Kind::Flag),
            option("timeout", Kind::Word),
            set("map-set", "--map-set can be specified only once"),
            option("map-mark", Kind::Flag),
            option("map-prio", Kind::Flag),
            option("map-queue", Kind::Flag),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| SetTarget::default(),
    parse,
    finish,
    save: |own, out| push(own, out, "--"),
    list: |own, out, _| push(own, out, ""),
    check,
};

fn parse(own: &mut SetTarget, call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<(), Error> {
    match call.name {
        "add-set" => own.add = Some(SetReference::read(call, context)?),
        "del-set" => own.delete = Some(SetReference::read(call, context)?),
        "map-set" => own.map = Some(SetReference::read(call, context)?),
        "exist" => own.exist = true,
        "map-mark" => own.map_mark = true,
        "map-prio" => own.map_priority = true,
        "map-queue" => own.map_queue = true,
        _ => {
            let most = u64::from(u32::MAX) - 1;
            let seconds = number(call.text(), 0, most).and_then(|seconds| u32::try_from(seconds).ok());
            own.timeout = Some(seconds.ok_or_else(|| {
                call.error(format!("Invalid value for option --timeout or out of range 0-{most}"))
            })?);
        }
    }
    Ok(())
}

fn finish(own: &mut SetTarget, calls: &Calls, _: &mut Context<'_>) -> Result<(), Error> {
    if own.sets().next().is_none() {
        return Err(calls.error("You must specify either `--add-set' or `--del-set' or `--map-set'"));
    }
    if own.add.is_none() {
        if own.exist {
            return Err(calls.error("Flag `--exist' can be used with `--add-set' only"));
        }
        if own.timeout.is_some() {
            return Err(calls.error("Option `--timeout' can be used with `--add-set' only"));
        }
    }
    let flags = [
        (own.map_mark, "Flag `--map-mark' can be used with `--map-set' only"),
        (own.map_priority, "Flag `--map-prio' can be used with `--map-set' only"),
        (own.map_queue, "Flag `--map-queue' can be used with `--map-set' only"),
    ];
    match own.map {
        None => match flags.into_iter().find(|(given, _)| *given) {
            Some((_, text)) => Err(calls.error(text)),
            None => Ok(()),
        },
        Some(_) if flags.iter().any(|(given, _)| *given) => Ok(()),
        Some(_) => Err(calls.error("You must specify flags `--map-mark' or '--map-prio` or `--map-queue'")),
    }
}

/// Marks are for table mangle, priority and queue for where packets leave.
fn check(own: &SetTarget, site: &Site<'_>) -> Result<(), Refusal> {
    if own.map.is_none() {
        return Ok(());
    }
    if site.table != Table::Mangle {
        return Err(Refusal::invalid(format!(
            "`SET --map-set' may stand in table mangle only, not in {}",
            site.table
        )));
    }
    let leaving = [Hook::Forward, Hook::Output, Hook::Postrouting];
    if (own.map_priority || own.map_queue)
        && let Some(hook) = site.hooks.iter().find(|hook| !leaving.contains(hook))
    {
        return Err(Refusal::invalid(format!(
            "`--map-prio' and `--map-queue' cannot be used where {hook} leads to them"
        )));
    }
    Ok(())
}

/// Both forms differ in the dashes only.
fn push(own: &SetTarget, out: &mut String, dashes: &str) {
    let set = |out: &mut String, name: &str, set: &Option<SetReference>| {
        if let Some(set) = set {
            put!(out, " {dashes}{name} ");
            set.push(out);
        }
    };
    set(out, "add-set", &own.add);
    if own.exist {
        put!(out, " {dashes}exist");
    }
    if let Some(seconds) = own.timeout {
        put!(out, " {dashes}timeout {seconds}");
    }
    set(out, "del-set", &own.delete);
    set(out, "map-set", &own.map);
    for (given, name) in
        [(own.map_mark, "map-mark"), (own.map_priority, "map-prio"), (own.map_queue, "map-queue")]
    {
        if given {
            put!(out, " {dashes}{name}");
        }
    }
}

const HELP: &str = "SET target options:
 --add-set name flags [--exist] [--timeout n]
 --del-set name flags
 --map-set name flags [--map-mark] [--map-prio] [--map-queue]
\t\tadd/del src/dst IP/port from/to named sets,
\t\twhere flags are the comma separated list of
\t\t'src' and 'dst' specifications.
";
