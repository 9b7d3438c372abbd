//! Our part of an error message, behind iptables' own: the place, the cause, a name that is near.
use std::io::IsTerminal as _;

use annotate_snippets::{AnnotationKind, Level, Patch, Renderer, Snippet};
use rules::syntax::Error;

/// The text that an error's span points into.
pub(crate) struct Source<'a> {
    /// The file, or none for a command line.
    pub(crate) path: Option<&'a str>,
    /// The number of the line.
    pub(crate) line: usize,
    /// The line.
    pub(crate) text: &'a str,
    /// What is shown in front of a command line: the program's name.
    pub(crate) before: &'a str,
}

/// Writes the diagnosis to the error stream.
pub(crate) fn print(error: &Error, source: &Source<'_>) {
    eprintln!("{}", render(error, source, colored()));
}

/// Whether the error stream wants colours: `OXITABLES_COLOR` (`always`, `never`), `NO_COLOR`, else a terminal.
pub(crate) fn colored() -> bool {
    match std::env::var("OXITABLES_COLOR").as_deref() {
        Ok("always") => true,
        Ok("never") => false,
        _ => {
            std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && std::io::stderr().is_terminal()
        }
    }
}

/// The diagnosis as text.
pub(crate) fn render(error: &Error, source: &Source<'_>, colored: bool) -> String {
    let mut text = String::from(source.before);
    if !text.is_empty() {
        text.push(' ');
    }
    let shift = text.len();
    text.push_str(source.text);
    let inside = |at: u32| text.floor_char_boundary((shift + at as usize).min(text.len()));
    let start = inside(error.span.start);
    let end = inside(error.span.end).max(start);
    let mut annotation = AnnotationKind::Primary.span(start..end);
    if let Some(cause) = &error.cause {
        annotation = annotation.label(cause.as_ref());
    }
    let mut snippet = Snippet::source(text.as_str()).line_start(source.line).annotation(annotation);
    if let Some(path) = source.path {
        snippet = snippet.path(path);
    }
    let words = error.kind.to_string();
    let title = words.trim().to_owned();
    let mut report = vec![Level::ERROR.primary_title(title).element(snippet)];
    if let Some(near) = &error.suggestion {
        let patch = Snippet::source(text.as_str())
            .line_start(source.line)
            .patch(Patch::new(start..end, near.as_ref()));
        report.push(Level::HELP.secondary_title(format!("did you mean `{near}'?")).element(patch));
    }
    let renderer = if colored { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&report)
}
