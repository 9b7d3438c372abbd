use super::*;

/// What is planted for a larger expression stands around what is planted for its parts, though the parts of a condition
/// are planted first.
#[test]
fn a_larger_expression_stands_around_its_parts() {
    let source = "fn f(a: bool, b: bool, c: bool) -> u8 { if a && b && c { 7 } else { 8 } }";
    let mut next = 1;
    let planted = plant("f.rs", source, &mut next, &|_| true).unwrap();
    syn::parse_file(&planted.text).unwrap();
    let at = |text: &str| planted.text.find(text).unwrap_or_else(|| panic!("{text} in {}", planted.text));
    assert!(at("{ (a && b) || (c) }") < at("{ (a) || (b) }"));
    assert!(at("{ (a) || (b) }") < at("{ !(a) }"));
    let changes: Vec<&str> = planted.mutants.iter().map(|own| own.change.as_str()).collect();
    assert_eq!(changes.iter().filter(|change| **change == "replace && with ||").count(), 2);
    assert!(planted.mutants.iter().all(|own| own.text == source));
}
