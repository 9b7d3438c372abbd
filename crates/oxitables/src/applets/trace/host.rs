//! A snapshot for a trace: what of it becomes the state of the engine.
use std::path::Path;

use netfilter::engine::Engine;

use super::input::{Failure, text_of};
use crate::snapshot::{self, Foreign, Host, Settings};

/// What a host has besides rules, routes and facts.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Settings.
    pub(super) settings: Option<Settings>,
    /// Connections and expectations.
    pub(super) connections: Vec<Lines>,
    /// What nft has besides.
    foreign: Vec<Foreign>,
    /// The time of the snapshot in nanoseconds since 1970.
    pub(super) wall: Option<u64>,
}

/// Lines of a connection table.
#[derive(Debug)]
pub(super) struct Lines {
    /// The file that they stand in.
    pub(super) name: String,
    /// The number of the first one.
    pub(super) first: usize,
    /// The lines.
    pub(super) text: String,
}

impl From<Host> for State {
    fn from(host: Host) -> Self {
        Self {
            settings: Some(host.settings),
            connections: host
                .connections
                .into_iter()
                .map(|(text, first)| Lines { name: host.name.clone(), first, text })
                .collect(),
            foreign: host.foreign,
            wall: host.wall,
        }
    }
}

/// Reads a snapshot; says what it lacks.
pub(super) fn read(path: &Path) -> Result<Host, Failure> {
    let text = text_of(path)?;
    let name = path.display().to_string();
    let sections = snapshot::parse(&text).map_err(|problem| Failure::usage(format!("{name}:{problem}")))?;
    let host = snapshot::read(&name, &sections)
        .map_err(|failure| Failure { text: failure.text, exit: failure.exit })?;
    for note in &host.notes {
        eprintln!("{name}: {note}");
    }
    Ok(host)
}

impl State {
    /// Puts what stands for nft's own chains into an engine.
    pub(super) fn put_into(&self, engine: &mut Engine) {
        for foreign in &self.foreign {
            for &family in &foreign.families {
                let module = foreign.module(engine.network());
                engine.register_module(family, foreign.hook, foreign.priority, module);
            }
        }
    }
}
