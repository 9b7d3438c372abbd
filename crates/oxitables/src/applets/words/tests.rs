use super::*;

const OPTIONS: &[Option_] =
    &[Option_::flag('c', "counters"), Option_::optional('w', "wait"), Option_::value('t', "table")];

type Found = Vec<(char, Option<String>)>;

fn read(line: &[&str]) -> (Found, Vec<String>, Option<Fault>) {
    let mut words = Words::new(line.iter().map(OsString::from).collect(), OPTIONS);
    let mut found = Vec::new();
    loop {
        match words.next() {
            Ok(Some(option)) => found.push(option),
            Ok(None) => return (found, words.operands().to_vec(), None),
            Err(fault) => return (found, words.operands().to_vec(), Some(fault)),
        }
    }
}

#[test]
fn options_in_all_forms() {
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(read(&["-cw5", "file"]).0, [('c', None), ('w', some("5"))]);
    assert_eq!(read(&["-cw5", "file"]).1, ["file"]);
    assert_eq!(
        read(&["-t", "nat", "--wait=3", "--tab=raw"]).0,
        [('t', some("nat")), ('w', some("3")), ('t', some("raw"))]
    );
    assert_eq!(read(&["--", "-c"]).1, ["-c"]);
    assert_eq!(read(&["-x"]).2, Some(Fault::Letter('x')));
    assert_eq!(read(&["--foo"]).2, Some(Fault::Long("foo".into())));
    assert_eq!(read(&["-t"]).2, Some(Fault::NeedsValue('t')));
}
