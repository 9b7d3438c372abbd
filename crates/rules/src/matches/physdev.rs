//! The port of a bridge by which a packet came or leaves (`-m physdev`).
use std::borrow::Cow;

use packet::InterfaceName;

use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec,
};
use crate::syntax::text::{push_not, push_quoted};
use crate::syntax::value::Kind;
use crate::{Hook, InterfacePattern, Negatable};

/// `-m physdev`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Physdev {
    /// `--physdev-in`.
    pub input: Option<Negatable<InterfacePattern>>,
    /// `--physdev-out`.
    pub output: Option<Negatable<InterfacePattern>>,
    /// `--physdev-is-in`; the value is the inversion.
    pub is_in: Option<bool>,
    /// `--physdev-is-out`; the value is the inversion.
    pub is_out: Option<bool>,
    /// `--physdev-is-bridged`; the value is the inversion.
    pub is_bridged: Option<bool>,
}

/// `-m physdev` in the language.
pub const EXTENSION: Extension<Physdev> = Extension {
    spec: Spec {
        name: "physdev",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("physdev-in", Kind::Word).invertible(),
            OptionSpec::new("physdev-out", Kind::Word).invertible(),
            OptionSpec::new("physdev-is-in", Kind::Flag).invertible(),
            OptionSpec::new("physdev-is-out", Kind::Flag).invertible(),
            OptionSpec::new("physdev-is-bridged", Kind::Flag).invertible(),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Physdev::default(),
    parse: |physdev, call, context| {
        match call.name {
            "physdev-in" => {
                physdev.input = Some(Negatable { invert: call.invert, value: interface(call, context)? });
            }
            "physdev-out" => {
                physdev.output = Some(Negatable { invert: call.invert, value: interface(call, context)? });
            }
            "physdev-is-in" => physdev.is_in = Some(call.invert),
            "physdev-is-out" => physdev.is_out = Some(call.invert),
            _ => physdev.is_bridged = Some(call.invert),
        }
        Ok(())
    },
    finish: |_, calls: &Calls, _| {
        if calls.is_empty() {
            return Err(calls.error("PHYSDEV: no physdev option specified"));
        }
        Ok(())
    },
    save: |physdev, out| physdev.push(out, true),
    list: |physdev, out, _| {
        out.push_str(" PHYSDEV match");
        physdev.push(out, false);
    },
    check,
};

impl Physdev {
    fn push(&self, out: &mut String, quote: bool) {
        push_flag(out, self.is_in, " --physdev-is-in");
        push_interface(out, self.input, " --physdev-in", quote);
        push_flag(out, self.is_out, " --physdev-is-out");
        push_interface(out, self.output, " --physdev-out", quote);
        push_flag(out, self.is_bridged, " --physdev-is-bridged");
    }
}

fn push_flag(out: &mut String, flag: Option<bool>, name: &str) {
    if let Some(invert) = flag {
        push_not(out, invert);
        out.push_str(name);
    }
}

fn push_interface(out: &mut String, pattern: Option<Negatable<InterfacePattern>>, name: &str, quote: bool) {
    let Some(pattern) = pattern else { return };
    push_not(out, pattern.invert);
    out.push_str(name);
    let text = match pattern.value {
        InterfacePattern::Any => "+".to_owned(),
        InterfacePattern::Exact(name) => name.as_str().to_owned(),
        InterfacePattern::Prefix(name) => format!("{name}+"),
    };
    // Why: iptables prints names bare, so that it cannot read back a name with a blank. Quoted, it can be read.
    if quote && text.contains([' ', '\t', '"', '\\']) {
        push_quoted(out, &text);
    } else {
        out.push(' ');
        out.push_str(&text);
    }
}

fn interface(call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<InterfacePattern, Error> {
    let text = call.text();
    if text.len() > InterfaceName::MAX {
        return Err(call.error(format!("interface name `{text}' must be shorter than 16 characters")));
    }
    if text.contains(['/', ' ', '\t']) {
        context.warnings.push(format!(
            "Warning: weird character in interface `{text}' ('/' and ' ' are not allowed by the kernel)."
        ));
    }
    // Linux: an empty name compares no byte at all, as `+` does.
    Ok(match text.strip_suffix('+') {
        Some(prefix) => InterfaceName::new(prefix).map_or(InterfacePattern::Any, InterfacePattern::Prefix),
        None => InterfaceName::new(text).map_or(InterfacePattern::Any, InterfacePattern::Exact),
    })
}

/// Linux: `physdev_mt_check` in xt_physdev.c. What the machine itself sends leaves by a bridge port only after the
/// bridge has chosen it, behind OUTPUT.
fn check(physdev: &Physdev, site: &Site<'_>) -> Result<(), Refusal> {
    let out = physdev.output.is_some() || physdev.is_out.is_some();
    if out && physdev.is_bridged != Some(false) && site.hooks.has(Hook::Output) {
        return Err(Refusal::invalid(
            "`--physdev-out' cannot be used where OUTPUT leads to it, unless `--physdev-is-bridged' stands beside it",
        ));
    }
    Ok(())
}

const HELP: &str = "physdev match options:
 [!] --physdev-in inputname[+]\t\tbridge port name ([+] for wildcard)
 [!] --physdev-out outputname[+]\tbridge port name ([+] for wildcard)
 [!] --physdev-is-in\t\t\tarrived on a bridge device
 [!] --physdev-is-out\t\t\twill leave on a bridge device
 [!] --physdev-is-bridged\t\tit's a bridged packet
";
