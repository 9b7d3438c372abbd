use super::*;

fn words(line: &str) -> Vec<(String, u32, u32)> {
    let mut words = Vec::new();
    restore_line(line, 0, &mut words).unwrap();
    words.into_iter().map(|word| (word.text.into_owned(), word.span.start, word.span.end)).collect()
}

fn texts(line: &str) -> Vec<String> {
    words(line).into_iter().map(|word| word.0).collect()
}

#[test]
fn quotes_group_and_end_a_word() {
    assert_eq!(texts("-A  INPUT\t-j ACCEPT\n"), ["-A", "INPUT", "-j", "ACCEPT"]);
    assert_eq!(texts(r#"--comment "a b" x"#), ["--comment", "a b", "x"]);
    assert_eq!(texts(r#"--comment "a \"b\" \\ \'" x"#), ["--comment", r#"a "b" \ '"#, "x"]);
    assert_eq!(texts(r#"ab"c d"e"#), ["abc d", "e"]);
    assert_eq!(texts(r#""" x"#), ["", "x"]);
    assert_eq!(texts("it's 'a b'"), ["it's", "'a", "b'"]);
    assert_eq!(texts(r#""open quote"#), ["open quote"]);
}

#[test]
fn spans_cover_the_quotes() {
    assert_eq!(words(r#"-m "a b" c"#)[1], ("a b".into(), 3, 8));
    let arguments_ = ["-j".to_string(), "a b".to_string()];
    let (text, words) = arguments(&arguments_);
    assert_eq!(text, "-j 'a b'");
    assert_eq!(words[1].span, Span::new(3, 8));
}

#[test]
fn limits_of_xtables() {
    let long = "x".repeat(1024);
    assert!(matches!(restore_line(&long, 0, &mut Vec::new()), Err(LexError::WordTooLong(_))));
    let many = "x ".repeat(254);
    assert!(matches!(restore_line(&many, 0, &mut Vec::new()), Err(LexError::TooManyWords(_))));
}
