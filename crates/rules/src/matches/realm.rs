//! The realm of a packet's route (`-m realm`).
use std::borrow::Cow;

use super::named::NamedValue;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;
use crate::{Hook, Negatable};

/// `-m realm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    /// `--realm`. Names: /etc/iproute2/rt_realms.
    pub realm: Negatable<NamedValue>,
}

/// `-m realm` in the language.
pub const EXTENSION: Extension<Realm> = Extension {
    spec: Spec {
        name: "realm",
        aliases: &[],
        families: Families::V4,
        options: &[OptionSpec::new("realm", Kind::Word).invertible().mandatory()],
        place: Place::hooks(&[Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Realm { realm: Negatable { invert: false, value: NamedValue::new(0, u32::MAX) } },
    parse: |realm, call, context| {
        let names = context.names;
        let value = NamedValue::read(call, |name| names.realm(name), |id| names.realm_name(id))?;
        realm.realm = Negatable { invert: call.invert, value };
        Ok(())
    },
    finish: finish_nothing,
    save: |realm, out| {
        push_not(out, realm.realm.invert);
        out.push_str(" --realm");
        realm.realm.value.push(out, true);
    },
    list: |realm, out, listing| {
        push_not(out, realm.realm.invert);
        out.push_str(" realm");
        realm.realm.value.push(out, !listing.numeric);
    },
    check: check_nothing,
};

const HELP: &str = "realm match options:
[!] --realm value[/mask]
\t\t\t\tMatch realm
";
