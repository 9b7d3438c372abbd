use super::*;

/// Both refuse it, and so would compare nothing: that has to be meant.
#[test]
fn a_case_that_is_refused_says_so() {
    let refused = Outcome { refused: Some("line 3 failed".to_owned()), ..Outcome::default() };
    let accepted = Outcome::default();
    for (said, kernel, engine, equal) in [
        (true, &refused, &refused, true),
        (false, &refused, &refused, false),
        (true, &accepted, &accepted, false),
        (false, &accepted, &accepted, true),
        (true, &refused, &accepted, false),
        (false, &accepted, &refused, false),
    ] {
        let case = Case { refused: said, ..Case::default() };
        let differences = compare(&case, kernel, engine);
        assert_eq!(differences.is_empty(), equal, "{differences:?}");
        assert!(differences.iter().all(|difference| difference.what == "refused"));
    }
}
