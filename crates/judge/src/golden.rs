//! What the kernel did, frozen: so that the engine is judged without root (`fixtures/golden/*.json`, made by
//! `cargo xtask judge --freeze FILE`).
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::compare::Difference;
use crate::{EngineHalf, Outcome};

/// The outcomes of a file of cases.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Golden {
    /// Version of the kernel that gave them.
    pub kernel: String,
    /// By the name of the case.
    pub cases: BTreeMap<String, Outcome>,
}

impl Golden {
    /// Reads a golden file.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// As text: one line for each case, so that a change shows as one.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut out = format!("{{\"kernel\":{},\"cases\":{{\n", serde_json::to_string(&self.kernel)?);
        for (at, (name, outcome)) in self.cases.iter().enumerate() {
            let comma = if at + 1 < self.cases.len() { "," } else { "" };
            let (name, outcome) = (serde_json::to_string(name)?, serde_json::to_string(outcome)?);
            out.push_str(&format!("{name}:{outcome}{comma}\n"));
        }
        out.push_str("}}\n");
        Ok(out)
    }

    /// Runs a case on the engine and compares it with what the kernel did. `None`: the case is not in the file.
    pub fn judge(&self, case: &Case) -> Option<Vec<Difference>> {
        let kernel = self.cases.get(&case.name)?;
        Some(EngineHalf::default().differences(case, kernel))
    }
}
