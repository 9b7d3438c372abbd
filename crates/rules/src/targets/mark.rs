//! Sets the packet mark (`-j MARK`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing};
use crate::syntax::value::{Kind, Value};

/// `-j MARK`: mark = (mark & !mask) ^ value (F33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The bits that are set or toggled.
    pub value: u32,
    /// The bits that are cleared first.
    pub mask: u32,
}

const ALL: &[&str] = &["set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark"];

/// `-j MARK` in the language: five ways to write one operation, saved as `--set-xmark value/mask`.
pub const EXTENSION: Extension<Mark> = Extension {
    spec: Spec {
        name: "MARK",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("set-xmark", Kind::Mark).excludes(ALL),
            OptionSpec::new("set-mark", Kind::Mark).excludes(ALL),
            OptionSpec::new("and-mark", Kind::U32).excludes(ALL),
            OptionSpec::new("or-mark", Kind::U32).excludes(ALL),
            OptionSpec::new("xor-mark", Kind::U32).excludes(ALL),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Mark { value: 0, mask: 0 },
    parse: |mark, call, _| {
        let bits = call.value.number_u32();
        *mark = match (call.name, &call.value) {
            ("set-xmark", &Value::Mark { value, mask }) => Mark { value, mask },
            ("set-mark", &Value::Mark { value, mask }) => Mark { value, mask: value | mask },
            ("and-mark", _) => Mark { value: 0, mask: !bits },
            ("or-mark", _) => Mark { value: bits, mask: bits },
            _ => Mark { value: bits, mask: 0 },
        };
        Ok(())
    },
    finish: |_, calls, _| {
        if calls.is_empty() {
            return Err(
                calls.error("MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required")
            );
        }
        Ok(())
    },
    save: |mark, out| put!(out, " --set-xmark 0x{:x}/0x{:x}", mark.value, mark.mask),
    list: |mark, out, _| {
        let Mark { value, mask } = *mark;
        // Linux: the shortest form that says the same, tried in this order.
        if value == 0 {
            put!(out, " MARK and 0x{:x}", !mask);
        } else if value == mask {
            put!(out, " MARK or 0x{value:x}");
        } else if mask == 0 {
            put!(out, " MARK xor 0x{value:x}");
        } else if mask == u32::MAX {
            put!(out, " MARK set 0x{value:x}");
        } else {
            put!(out, " MARK xset 0x{value:x}/0x{mask:x}");
        }
    },
    check: check_nothing,
};

const HELP: &str = "MARK target options:
  --set-xmark value[/mask]  Clear bits in mask and XOR value into nfmark
  --set-mark value[/mask]   Clear bits in mask and OR value into nfmark
  --and-mark bits           Binary AND the nfmark with bits
  --or-mark bits            Binary OR the nfmark with bits
  --xor-mark bits           Binary XOR the nfmark with bits
";
