//! `oxitables completions SHELL`: scripts for bash, zsh and fish, which ask `oxitables complete` at each Tab.
//!
//! Why they ask: what may stand behind `-m`, `-j` or `-A` depends on what stands before, and on the chains, interfaces
//! and users of the machine. The answer comes out of the parser's option tables ([`rules::syntax::completion`]) and
//! the texts of [`crate::manual`].
mod answer;
mod line;
mod machine;

use std::process::ExitCode;

use super::{link, print_only};
use answer::Answer;

/// Print a script that completes commands in your shell
///
/// For bash put it into a file that ~/.bashrc reads, or into /etc/bash_completion.d; for zsh into a file `_oxitables' in a
/// folder of fpath; for fish into ~/.config/fish/conf.d/oxitables.fish. `oxitables' must be in PATH.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// The shells.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// What may stand at the end of a command line, for the scripts of `completions`
#[derive(clap::Args, Debug)]
pub(crate) struct AskArguments {
    /// Which shell asks
    #[arg(value_enum)]
    shell: Shell,
    /// The characters that part words for bash
    #[arg(long, value_name = "CHARACTERS", default_value = "")]
    breaks: String,
    /// The words up to the cursor, the program first; for bash the line up to the cursor
    #[arg(value_name = "WORD", last = true)]
    words: Vec<String>,
}

/// Prints the script.
pub(crate) fn main(arguments: &Arguments) -> ExitCode {
    let script = match arguments.shell {
        Shell::Bash => include_str!("oxitables.bash"),
        Shell::Zsh => include_str!("oxitables.zsh"),
        Shell::Fish => include_str!("oxitables.fish"),
    };
    let names: Vec<String> = std::iter::once("oxitables".to_owned()).chain(link::names()).collect();
    print_only(&script.replace("@NAMES@", &names.join(" ")))
}

/// Prints the answer, one word a line; what begins with a tab is said to the script.
pub(crate) fn ask(arguments: &AskArguments) -> ExitCode {
    let words = match arguments.shell {
        Shell::Bash => line::words(arguments.words.first().map_or("", String::as_str)),
        _ => arguments.words.clone(),
    };
    let Some((current, before)) = words.split_last() else { return ExitCode::SUCCESS };
    let answer = answer::of(before, current);
    print_only(&render(&answer, arguments, current))
}

fn render(answer: &Answer, arguments: &AskArguments, current: &str) -> String {
    let mut out = String::new();
    // Why: bash replaces only what is behind the last character that parts words for it.
    let breaks = if arguments.shell == Shell::Bash { arguments.breaks.as_str() } else { "" };
    let start =
        current.rfind(|letter| "=:".contains(letter) && breaks.contains(letter)).map_or(0, |at| at + 1);
    for (word, text) in &answer.words {
        if !word.starts_with(current) {
            continue;
        }
        out.push_str(word.get(start..).unwrap_or(word));
        if arguments.shell != Shell::Bash && !text.is_empty() {
            out.push('\t');
            out.push_str(text);
        }
        out.push('\n');
    }
    for (said, word) in [(answer.files, "\tfiles\n"), (answer.more, "\tnospace\n")] {
        if said {
            out.push_str(word);
        }
    }
    out
}

#[cfg(test)]
mod tests;
