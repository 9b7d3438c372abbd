//! A command line up to the cursor, cut as a shell cuts it.

/// Its words; the last one, which may be empty, is the cursor's.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut escaped = false;
    let mut blank = true;
    for letter in line.chars() {
        let Some(word) = words.last_mut() else { break };
        match (letter, quote) {
            _ if escaped => {
                word.push(letter);
                escaped = false;
            }
            ('\\', None | Some('"')) => escaped = true,
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => quote = Some(letter),
            (' ' | '\t' | '\n', None) => {
                if !blank {
                    words.push(String::new());
                }
                blank = true;
                continue;
            }
            _ => word.push(letter),
        }
        blank = false;
    }
    words
}
