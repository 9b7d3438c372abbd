use super::GENERIC;
use crate::{matches, targets};

#[test]
fn no_extension_has_the_name_of_a_generic_option() {
    for spec in matches::SPECS.iter().chain(targets::SPECS) {
        for option in spec.options {
            for name in std::iter::once(option.name).chain(option.aliases.iter().copied()) {
                let generic = GENERIC.iter().any(|own| own.long.contains(&name));
                assert!(!generic, "--{name} of {}", spec.name);
            }
        }
    }
}
