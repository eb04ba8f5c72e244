//! What was measured so far, a line for each step, so that a run that was broken off can go on.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::cell::Figure;

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The step's name, which begins with its round.
    pub(crate) step: String,
    /// The round.
    pub(crate) round: u32,
    /// The load average before it.
    pub(crate) load_average: f64,
    /// How long it took.
    pub(crate) seconds: f64,
    /// What was measured.
    pub(crate) figures: Vec<Figure>,
    /// Why not, if it was not.
    pub(crate) left_out: Option<String>,
}

/// The entries, in memory and perhaps in a file.
pub(crate) struct Journal {
    entries: Vec<Entry>,
    file: Option<(PathBuf, File)>,
}

impl Journal {
    /// Returns a journal in a file at `path` if there is one, with what it holds already if `resume`.
    pub(crate) fn open(path: Option<PathBuf>, resume: bool) -> Result<Self> {
        let mut entries = Vec::new();
        let Some(path) = path else {
            let file = None;
            return Ok(Self { entries, file });
        };
        if resume && path.exists() {
            let text = std::fs::read_to_string(&path)?;
            // The last line of a run that was killed may be half a line.
            let lines = text.lines().map(serde_json::from_str);
            entries = lines.map_while(Result::ok).collect();
        }
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .open(&path)
            .with_context(|| path.display().to_string())?;
        let mut journal = Self {
            entries: Vec::new(),
            file: Some((path, file)),
        };
        for entry in entries {
            journal.add(entry)?;
        }
        Ok(journal)
    }

    /// Returns whether the step `name` has an entry.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.step == name)
    }

    /// Adds an entry.
    pub(crate) fn add(&mut self, entry: Entry) -> Result<()> {
        if let Some((_, file)) = &mut self.file {
            writeln!(file, "{}", serde_json::to_string(&entry)?)?;
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Returns the entries.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Removes the file: the report has everything.
    pub(crate) fn remove(self) -> Result<()> {
        if let Some((path, _)) = self.file {
            std::fs::remove_file(path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{Cell, Measure, Subject, Work};

    #[test]
    fn a_run_goes_on_behind_the_last_whole_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let entry = |step: &str| Entry {
            step: step.to_owned(),
            round: 1,
            load_average: 0.5,
            seconds: 1.0,
            figures: vec![Figure {
                cell: Cell::new(Subject::Exchange, Work::Write, 64),
                measure: Measure::MegabytesPerSecond,
                value: 1.0,
            }],
            left_out: None,
        };
        let mut journal = Journal::open(Some(path.clone()), false).unwrap();
        journal.add(entry("1/a")).unwrap();
        journal.add(entry("1/b")).unwrap();
        drop(journal);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 7]).unwrap();

        let journal = Journal::open(Some(path.clone()), true).unwrap();
        assert_eq!(journal.entries(), [entry("1/a")]);
        assert!(journal.has("1/a") && !journal.has("1/b"));
        drop(journal);
        let journal = Journal::open(Some(path.clone()), false).unwrap();
        assert_eq!(journal.entries(), [], "unless it is to begin anew");
        journal.remove().unwrap();
        assert!(!path.exists());
    }
}
