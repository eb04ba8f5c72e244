//! What can be wrong with a foreign tape.

use std::io;

/// A fault of a foreign file, and where it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("{}offset {offset}: {source}", prefix(file))]
    Io {
        /// Which of several files; empty where there is one.
        file: String,
        /// Where in it.
        offset: u64,
        /// What the system says.
        source: io::Error,
    },
    /// The file ends where more was to come.
    #[error("{}offset {offset}: the file ends within {what}", prefix(file))]
    Truncated {
        /// Which of several files; empty where there is one.
        file: String,
        /// Where what was being read begins.
        offset: u64,
        /// What was being read.
        what: &'static str,
    },
    /// The file says what cannot be.
    #[error("{}offset {offset}: {reason}", prefix(file))]
    Damaged {
        /// Which of several files; empty where there is one.
        file: String,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A line of a text cannot be understood.
    #[error("line {line}: {reason}")]
    Text {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    /// Returns the error for damage at `offset` of the only file.
    pub(crate) fn damaged(offset: u64, reason: impl Into<String>) -> Self {
        Self::Damaged {
            file: String::new(),
            offset,
            reason: reason.into(),
        }
    }

    /// Says which of several files it is about.
    #[must_use]
    pub(crate) fn of(mut self, name: &str) -> Self {
        match &mut self {
            Self::Io { file, .. } | Self::Truncated { file, .. } | Self::Damaged { file, .. } => {
                name.clone_into(file);
            }
            Self::Text { .. } => {}
        }
        self
    }
}

fn prefix(file: &str) -> String {
    if file.is_empty() {
        String::new()
    } else {
        format!("{file}: ")
    }
}
