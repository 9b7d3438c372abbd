//! The one place where extensions are listed: from a list of lines `Variant: module::EXTENSION` come lookup by name and
//! the dispatch over the closed enums [`crate::Match`] and [`crate::Target`]. No trait objects.

/// Makes the functions of a registry. `data` lines are variants that carry the extension's type, plain or boxed;
/// `unit` lines are variants without data, whose extension is an `Extension<()>`.
macro_rules! registry {
    (
        $kind:ident, $inventory:path;
        data { $($variant:ident: $extension:path),* $(,)? }
        unit { $($unit:ident: $unit_extension:path),* $(,)? }
    ) => {
        /// The extensions that are modelled.
        pub const SPECS: &[&$crate::syntax::extension::Spec] =
            &[$(&$extension.spec,)* $(&$unit_extension.spec,)*];

        /// The extension of a name in a family, with its start value.
        pub fn lookup(name: &str, family: packet::Family) -> $crate::syntax::extension::Lookup<$kind> {
            use $crate::syntax::extension::{Lookup, Spec};
            type Start = fn(packet::Family) -> $kind;
            // Why: a restore of a million lines asks for names a few million times.
            static BY_NAME: std::sync::LazyLock<std::collections::HashMap<&str, Vec<(&Spec, Start)>>> =
                std::sync::LazyLock::new(|| {
                    let all: &[(&'static Spec, Start)] = &[
                        $((&$extension.spec, |family| $kind::$variant(($extension.start)(family).into())),)*
                        $((&$unit_extension.spec, |_| $kind::$unit),)*
                    ];
                    let mut by_name = std::collections::HashMap::<&str, Vec<_>>::new();
                    for &(spec, start) in all {
                        for name in std::iter::once(&spec.name).chain(spec.aliases) {
                            by_name.entry(name).or_default().push((spec, start));
                        }
                    }
                    by_name
                });
            let named = BY_NAME.get(name).map_or(&[][..], Vec::as_slice);
            if let Some((_, start)) = named.iter().find(|(spec, _)| spec.families.has(family)) {
                return Lookup::Found(start(family));
            }
            if $crate::syntax::inventory::exists($inventory, name, family) {
                Lookup::NotModelled
            } else {
                Lookup::Unknown
            }
        }

        #[allow(unreachable_patterns)]
        impl $kind {
            /// The extension's table; `None` for what is no extension.
            pub fn spec(&self) -> Option<&'static $crate::syntax::extension::Spec> {
                match self {
                    $(Self::$variant(_) => Some(&$extension.spec),)*
                    $(Self::$unit => Some(&$unit_extension.spec),)*
                    _ => None,
                }
            }

            /// Reads one option.
            pub fn parse(
                &mut self,
                call: &$crate::syntax::extension::OptionCall<'_>,
                context: &mut $crate::syntax::extension::Context<'_>,
            ) -> Result<(), $crate::syntax::Error> {
                match self {
                    $(Self::$variant(data) => ($extension.parse)(data, call, context),)*
                    $(Self::$unit => ($unit_extension.parse)(&mut (), call, context),)*
                    _ => Ok(()),
                }
            }

            /// The extension's own check at the end of the rule.
            pub fn finish(
                &mut self,
                calls: &$crate::syntax::extension::Calls,
                context: &mut $crate::syntax::extension::Context<'_>,
            ) -> Result<(), $crate::syntax::Error> {
                match self {
                    $(Self::$variant(data) => ($extension.finish)(data, calls, context),)*
                    $(Self::$unit => ($unit_extension.finish)(&mut (), calls, context),)*
                    _ => Ok(()),
                }
            }

            /// Prints the options as `-S` does.
            pub fn save(&self, out: &mut String) {
                match self {
                    $(Self::$variant(data) => ($extension.save)(data, out),)*
                    $(Self::$unit => ($unit_extension.save)(&(), out),)*
                    _ => {}
                }
            }

            /// Prints the text of `-L`.
            pub fn list(&self, out: &mut String, listing: &$crate::syntax::extension::Listing<'_>) {
                match self {
                    $(Self::$variant(data) => ($extension.list)(data, out, listing),)*
                    $(Self::$unit => ($unit_extension.list)(&(), out, listing),)*
                    _ => {}
                }
            }

            /// The kernel's check: table, hooks, protocol, then the extension's own.
            pub fn check(
                &self,
                site: &$crate::syntax::extension::Site<'_>,
            ) -> Result<(), $crate::syntax::extension::Refusal> {
                if let Some(spec) = self.spec() {
                    if $crate::syntax::inventory::missing(spec.name).is_some() {
                        let cause = format!("the kernel has no `{}'", spec.name);
                        return Err($crate::syntax::extension::Refusal::no_entry(cause));
                    }
                    spec.place.check(spec.name, site)?;
                }
                match self {
                    $(Self::$variant(data) => ($extension.check)(data, site),)*
                    $(Self::$unit => ($unit_extension.check)(&(), site),)*
                    _ => Ok(()),
                }
            }
        }
    };
}
pub(crate) use registry;
