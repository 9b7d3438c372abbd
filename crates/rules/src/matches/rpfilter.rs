//! Whether the way back to a packet's sender is the way it came (`-m rpfilter`).
use std::borrow::Cow;

use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;
use crate::{Hook, Table};

/// `-m rpfilter`. Only in PREROUTING of raw and mangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rpfilter {
    /// `--loose`: by any interface.
    pub loose: bool,
    /// `--validmark`: the packet's mark counts when the way is looked up.
    pub valid_mark: bool,
    /// `--accept-local`: senders that are addresses of this machine are accepted.
    pub accept_local: bool,
    /// `--invert`: packets that fail.
    pub invert: bool,
}

/// `-m rpfilter` in the language.
pub const EXTENSION: Extension<Rpfilter> = Extension {
    spec: Spec {
        name: "rpfilter",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("loose", Kind::Flag),
            OptionSpec::new("validmark", Kind::Flag),
            OptionSpec::new("accept-local", Kind::Flag),
            OptionSpec::new("invert", Kind::Flag),
        ],
        place: Place { tables: &[Table::Raw, Table::Mangle], hooks: &[Hook::Prerouting], protocol: None },
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Rpfilter::default(),
    parse: |own, call, _| {
        match call.name {
            "loose" => own.loose = true,
            "validmark" => own.valid_mark = true,
            "accept-local" => own.accept_local = true,
            _ => own.invert = true,
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |own, out| own.push(out, " --"),
    list: |own, out, _| {
        out.push_str(" rpfilter");
        own.push(out, " ");
    },
    check: check_nothing,
};

impl Rpfilter {
    fn push(&self, out: &mut String, before: &str) {
        let flags = [self.loose, self.valid_mark, self.accept_local, self.invert];
        for (is, option) in flags.into_iter().zip(EXTENSION.spec.options) {
            if is {
                out.push_str(before);
                out.push_str(option.name);
            }
        }
    }
}

const HELP: &str = "rpfilter match options:
    --loose          permit reverse path via any interface
    --validmark      use skb nfmark when performing route lookup
    --accept-local   do not reject packets with a local source address
    --invert         match packets that failed the reverse path test
";
