//! A host's state in one file: rules, sets, links, routes, connections, sockets, settings. docs/snapshot.md is its
//! description for people.
//!
//! ```text
//! oxitables-snapshot 1
//! == sysctl
//! net/ipv4/ip_forward = 1
//! == ip -j -4 rule
//! [{"priority":0,"src":"all","table":"local"}, …]
//! == iptables-legacy-save -c
//! !! Permission denied
//! ```
//!
//! A section is named by the command or file whose text it is, so that one can be made by hand. `!!` stands in a section
//! that could not be read, with the reason. A line that would begin with `==`, `!!` or a backslash has a backslash in
//! front.
mod foreign;
mod host;
mod sysctls;
mod take;

use std::fmt;

pub(crate) use foreign::Foreign;
pub(crate) use host::{Host, START_MILLISECONDS, read};
pub(crate) use sysctls::Settings;
pub(crate) use take::{GROUPS, take};

/// The first line of a snapshot.
const HEADING: &str = "oxitables-snapshot 1";

/// Most sections.
const MOST_SECTIONS: usize = 1000;

/// A part of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// The command or file.
    pub(crate) name: String,
    /// Its text, or why there is none.
    pub(crate) body: Result<String, String>,
    /// The line of the file on which the text begins, from 1.
    pub(crate) line: usize,
}

/// What is wrong with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Line, from 1; 0: the whole.
    pub(crate) line: usize,
    /// What.
    pub(crate) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.what),
            line => write!(f, "{line}: {}", self.what),
        }
    }
}

/// Reads the sections of a snapshot.
pub(crate) fn parse(text: &str) -> Result<Vec<Section>, Problem> {
    let mut lines = text.lines().enumerate();
    let heading = lines.next().map(|(_, line)| line.trim_end());
    if heading != Some(HEADING) {
        return Err(Problem { line: 1, what: format!("not a snapshot: its first line is `{HEADING}`") });
    }
    let mut sections: Vec<Section> = Vec::new();
    for (at, line) in lines {
        if let Some(name) = line.strip_prefix("== ") {
            if sections.len() >= MOST_SECTIONS {
                return Err(Problem { line: at + 1, what: "too many sections".to_owned() });
            }
            let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
            sections.push(Section { name, body: Ok(String::new()), line: at + 2 });
            continue;
        }
        let Some(section) = sections.last_mut() else {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            return Err(Problem { line: at + 1, what: "a section begins with `== NAME`".to_owned() });
        };
        if let Some(reason) = line.strip_prefix("!! ") {
            section.body = Err(reason.to_owned());
        } else if let Ok(body) = &mut section.body {
            body.push_str(line.strip_prefix('\\').unwrap_or(line));
            body.push('\n');
        }
    }
    Ok(sections)
}

/// The text of a snapshot.
pub(crate) fn print(sections: &[Section]) -> String {
    let mut out = format!("{HEADING}\n");
    for Section { name, body, .. } in sections {
        out.push_str(&format!("== {name}\n"));
        match body {
            Ok(body) => {
                for line in body.lines() {
                    if ["==", "!!", "\\"].iter().any(|start| line.starts_with(start)) {
                        out.push('\\');
                    }
                    out.push_str(line);
                    out.push('\n');
                }
            }
            Err(reason) => {
                let reason = reason.lines().next().unwrap_or("not read");
                out.push_str(&format!("!! {reason}\n"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
