//! `ipset restore`: lines of commands, as `ipset save` writes them.
//!
//! Each line is carried out as it comes; the first fault ends it, what stands before it has been done.
use super::Sets;
use super::fault::Fault;
use super::run::{self, Next, Options, Output, Session};

/// The most words of a line.
const WORDS_MAX: usize = 254;

/// One line, carried out. Empty lines, remarks and `COMMIT` are nothing.
pub fn line(
    line: &str,
    options: &mut Options,
    sets: &mut Sets,
    session: &mut Session<'_>,
    output: &mut Output,
) -> Result<Next, Fault> {
    let text = line.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    if text.is_empty() || text.starts_with('#') || matches!(text.trim_end_matches(['\n', '\r']), "COMMIT") {
        return Ok(Next::Done);
    }
    let words = words(text)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    run::run(&words, options, true, sets, session, output)
}

/// The words of a line: blanks part them, double quotes hide blanks and are dropped. Words of nothing are none.
fn words(text: &str) -> Result<Vec<String>, Fault> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for letter in text.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' | '\r' | '\n' | '\t' if !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            letter => word.push(letter),
        }
        if words.len() > WORDS_MAX {
            return Err(Fault::parameter("Line is too long to parse."));
        }
    }
    match (quoted, word.ends_with([' ', '\r', '\n', '\t'])) {
        // Linux: a quote that is open at the end of a line takes the word with it.
        (true, true) => {}
        (true, false) => return Err(Fault::parameter("Missing close quote!")),
        (false, _) if !word.is_empty() => words.push(word),
        _ => {}
    }
    Ok(words)
}

/// A whole text into new sets, as the ruleset's own file has it; a fault with its line. Nothing is random in it.
pub fn load(text: &str, now: u64) -> Result<Sets, (usize, Fault)> {
    load_with(text, now, &crate::syntax::NoNames, &mut || 0)
}

/// The same with names of hosts, services and protocols, and a start for the hash of each set that has none.
pub fn load_with(
    text: &str,
    now: u64,
    names: &dyn crate::syntax::Names,
    seed: &mut dyn FnMut() -> u32,
) -> Result<Sets, (usize, Fault)> {
    let mut sets = Sets::new();
    // Why: a set may have more than `maxelem` members, which come in another order here.
    sets.restoring = true;
    let mut options = Options::default();
    let mut session = Session { names, now, seed, references: &|_| 0 };
    for (at, text) in text.lines().enumerate() {
        let mut output = Output::default();
        match line(text, &mut options, &mut sets, &mut session, &mut output) {
            Ok(Next::Quit) => break,
            Ok(_) => {}
            Err(fault) => return Err((at + 1, fault)),
        }
    }
    sets.restoring = false;
    Ok(sets)
}
