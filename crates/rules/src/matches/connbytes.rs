//! How much a connection has carried (`-m connbytes`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, Value};

/// `-m connbytes`. Presence of such a rule switches `net.netfilter.nf_conntrack_acct` on (Linux: `connbytes_mt_check`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connbytes {
    /// Whether the amount has to lie outside of `from..=to`. Never set where both ends are the same.
    pub invert: bool,
    /// Least amount, in packets or bytes as `what` says.
    pub from: u64,
    /// Largest amount.
    pub to: u64,
    /// What is counted.
    pub what: Amount,
    /// The direction in which it is counted.
    pub direction: Counted,
}

/// What `--connbytes-mode` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// `packets`.
    Packets,
    /// `bytes`, IP headers included.
    Bytes,
    /// `avgpkt`: bytes divided by packets.
    AveragePacket,
}

impl Amount {
    const NAMES: [(&'static str, Amount); 3] =
        [("packets", Amount::Packets), ("bytes", Amount::Bytes), ("avgpkt", Amount::AveragePacket)];
}

/// Which packets `--connbytes-dir` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// `original`.
    Original,
    /// `reply`.
    Reply,
    /// `both`.
    Both,
}

impl Counted {
    const NAMES: [(&'static str, Counted); 3] =
        [("original", Counted::Original), ("reply", Counted::Reply), ("both", Counted::Both)];
}

fn name_of<T: PartialEq>(names: &[(&'static str, T)], wanted: &T) -> &'static str {
    names.iter().find(|(_, own)| own == wanted).map_or("", |&(name, _)| name)
}

fn read<T: Copy>(names: &[(&'static str, T)], text: &str) -> Option<T> {
    names.iter().find(|(name, _)| *name == text).map(|&(_, own)| own)
}

/// `-m connbytes` in the language.
pub const EXTENSION: Extension<Connbytes> = Extension {
    spec: Spec {
        name: "connbytes",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("connbytes", Kind::NumberRange { min: 0, max: u64::MAX })
                .invertible()
                .mandatory(),
            OptionSpec::new("connbytes-dir", Kind::Word).mandatory(),
            OptionSpec::new("connbytes-mode", Kind::Word).mandatory(),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Connbytes {
        invert: false,
        from: 0,
        to: u64::MAX,
        what: Amount::Packets,
        direction: Counted::Original,
    },
    parse: |own, call, _| {
        match (call.name, &call.value) {
            ("connbytes", &Value::Range(from, to)) => {
                own.from = from;
                own.to = if call.text().contains(':') { to } else { u64::MAX };
                // Linux: inversion is told to the kernel by exchanging the ends, which one number does not show.
                own.invert = call.invert && own.from != own.to;
            }
            ("connbytes-dir", _) => {
                own.direction = read(&Counted::NAMES, call.text()).ok_or_else(|| {
                    call.error(format!("Unknown --connbytes-dir `{}'", call.text()))
                        .suggest(call.text(), Counted::NAMES.map(|(name, _)| name))
                })?;
            }
            _ => {
                own.what = read(&Amount::NAMES, call.text()).ok_or_else(|| {
                    call.error(format!("Unknown --connbytes-mode `{}'", call.text()))
                        .suggest(call.text(), Amount::NAMES.map(|(name, _)| name))
                })?;
            }
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |own, out| own.push(out, "--", "--connbytes-mode", "--connbytes-dir"),
    list: |own, out, _| own.push(out, "", "connbytes mode", "connbytes direction"),
    check: check_nothing,
};

impl Connbytes {
    fn push(&self, out: &mut String, dashes: &str, mode: &str, direction: &str) {
        push_not(out, self.invert);
        put!(out, " {dashes}connbytes {}", self.from);
        if self.to != u64::MAX {
            put!(out, ":{}", self.to);
        }
        let (what, counted) =
            (name_of(&Amount::NAMES, &self.what), name_of(&Counted::NAMES, &self.direction));
        put!(out, " {mode} {what} {direction} {counted}");
    }
}

const HELP: &str = "connbytes match options:
 [!] --connbytes from:[to]
     --connbytes-dir [original, reply, both]
     --connbytes-mode [packets, bytes, avgpkt]
";
