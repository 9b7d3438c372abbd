//! What the types take, for those who describe them: man pages and completion.
use super::kind::{Kind, Syntax};
use super::option::Value;

/// What `create` and `add` take behind the name of a type or set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What must stand behind `create NAME TYPE` (`range FROM-TO`); may be empty.
    pub create: &'static str,
    /// The names of options of `create`.
    pub create_options: Vec<&'static str>,
    /// The form of an entry: `IP|IP/CIDR|FROM-TO`.
    pub entry: &'static str,
    /// The names of options behind an entry of `add`.
    pub entry_options: Vec<&'static str>,
}

impl Kind {
    /// What its sets take.
    pub fn usage(self) -> Usage {
        let spec = self.spec();
        Usage {
            create: spec.create.help,
            create_options: options(&spec.create),
            entry: spec.add.help,
            entry_options: options(&spec.add),
        }
    }
}

/// Those that do something, by their names in full.
fn options(syntax: &Syntax) -> Vec<&'static str> {
    let meant =
        syntax.arguments.iter().filter(|own| own.value != Value::Ignored && !own.name.starts_with('-'));
    meant.map(|own| own.name).collect()
}
