//! A look at the file for names that may be typed: without the lock, without understanding it.
use std::fs::File;

use packet::Family;
use rules::Table;
use rules::syntax::lex;

use crate::whole;

use super::{Place, lines, mark};

/// Larger files are not looked at: whoever waits for a word at a Tab waits no longer.
const MOST_BYTES: u64 = 128 << 20;

impl Place {
    /// The chains of a table, as far as they can be read.
    pub(crate) fn glance_at_chains(&self, family: Family, table: Table) -> Vec<String> {
        let read = |file| whole::read(file, MOST_BYTES).ok();
        let text = File::open(&self.path).ok().and_then(read).and_then(|bytes| String::from_utf8(bytes).ok());
        let mut chains = Vec::new();
        let mut here = false;
        for line in lines(text.as_deref().unwrap_or("")) {
            if let Some(name) = line.strip_prefix('*') {
                here = name.trim() == table.name();
            }
            let own = line.strip_prefix(mark(family)).unwrap_or(line);
            let name = own.strip_prefix("-N ").or_else(|| own.strip_prefix(':'));
            if let (true, Some(name)) = (here, name) {
                chains.extend(lex::printed_words(name).into_iter().next().map(std::borrow::Cow::into_owned));
            }
        }
        chains
    }
}
