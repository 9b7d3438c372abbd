//! Stand-in.
pub struct Problem {
    pub text: String,
    pub exit: u8,
}
pub fn read(family: packet::Family, _: &str, _: &str) -> Result<rules::Ruleset, Problem> {
    Ok(rules::Ruleset::new(family))
}
pub fn print_with_counters(_: &rules::Ruleset) -> String {
    String::new()
}
