//! Groups of devices (`-m devgroup`).
use std::borrow::Cow;

use super::named::NamedValue;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Refusal, Site, Spec};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;
use crate::{Hook, Negatable, put};

/// `-m devgroup`: at least one of the two. Names: /etc/iproute2/group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devgroup {
    /// `--src-group`: the group of the device by which the packet came.
    pub source: Option<Negatable<NamedValue>>,
    /// `--dst-group`: the group of the device by which it leaves.
    pub destination: Option<Negatable<NamedValue>>,
}

/// `-m devgroup` in the language.
pub const EXTENSION: Extension<Devgroup> = Extension {
    spec: Spec {
        name: "devgroup",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("src-group", Kind::Word).invertible(),
            OptionSpec::new("dst-group", Kind::Word).invertible(),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Devgroup::default(),
    parse: |devgroup, call, context| {
        let names = context.names;
        let value =
            NamedValue::read(call, |name| names.device_group(name), |id| names.device_group_name(id))?;
        let group = Some(Negatable { invert: call.invert, value });
        if call.name == "src-group" {
            devgroup.source = group;
        } else {
            devgroup.destination = group;
        }
        Ok(())
    },
    finish: |_, calls, _| {
        if calls.is_empty() {
            let text = "devgroup match: You must specify either '--src-group' or '--dst-group'";
            return Err(calls.error(text));
        }
        Ok(())
    },
    save: |devgroup, out| devgroup.push(out, "--", true),
    list: |devgroup, out, listing| devgroup.push(out, "", !listing.numeric),
    check,
};

impl Devgroup {
    fn push(&self, out: &mut String, prefix: &str, with_names: bool) {
        for (group, option) in [(&self.source, "src-group"), (&self.destination, "dst-group")] {
            if let Some(group) = group {
                push_not(out, group.invert);
                put!(out, " {prefix}{option}");
                group.value.push(out, with_names);
            }
        }
    }
}

/// Linux: `devgroup_mt_checkentry`.
fn check(devgroup: &Devgroup, site: &Site<'_>) -> Result<(), Refusal> {
    let elsewhere = |allowed: [Hook; 3]| site.hooks.iter().find(|hook| !allowed.contains(hook));
    if devgroup.source.is_some()
        && let Some(hook) = elsewhere([Hook::Prerouting, Hook::Input, Hook::Forward])
    {
        let why = format!("`--src-group' cannot be used where {hook} leads to it: no device it came by");
        return Err(Refusal::invalid(why));
    }
    if devgroup.destination.is_some()
        && let Some(hook) = elsewhere([Hook::Forward, Hook::Output, Hook::Postrouting])
    {
        let why =
            format!("`--dst-group' cannot be used where {hook} leads to it: no device it leaves by yet");
        return Err(Refusal::invalid(why));
    }
    Ok(())
}

const HELP: &str = "devgroup match options:
[!] --src-group value[/mask]\tMatch device group of incoming device
[!] --dst-group value[/mask]\tMatch device group of outgoing device
";
