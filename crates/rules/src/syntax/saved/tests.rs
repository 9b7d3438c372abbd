use super::*;
use crate::matches;

fn shown(text: &str, name: &str) -> Vec<String> {
    let spec = matches::SPECS.iter().copied().find(|spec| spec.name == name);
    let show = |option: SavedOption<'_>| {
        format!("{}{} {:?}", if option.invert { "!" } else { "" }, option.name, option.values)
    };
    options(spec, text).into_iter().map(show).collect()
}

#[test]
fn options_take_the_words_that_their_table_says() {
    let wanted = [r#"tcp-flags ["SYN,RST", "SYN"]"#, r#"!dport ["22"]"#];
    assert_eq!(shown(" --tcp-flags SYN,RST SYN ! --dport 22", "tcp"), wanted);
    assert_eq!(shown(r#" --comment "--x ! \"y\"""#, "comment"), [r#"comment ["--x ! \"y\""]"#]);
    assert_eq!(shown(" --comment !", "comment"), [r#"comment ["!"]"#]);
    assert_eq!(shown(" --new a b ! --more", "of another time"), [r#"new ["a", "b"]"#, "!more []"]);
    assert_eq!(shown("", "tcp"), [""; 0]);
}
