//! What became of an import or an export, for people and for programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Serialize;

use super::digest::Digest;
use crate::cli::show::{count, size};
use crate::cli::table::Table;
use crate::cli::with_causes;

/// What became of one tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is in the library, and was read again and found to be the same.
    Imported,
    /// The same, but only what came before damage.
    ImportedInPart,
    /// It was imported before.
    ImportedBefore,
    /// A dry run: it was read to its end.
    Readable,
    /// A dry run: only what comes before damage can be read.
    ReadableInPart,
    /// It was copied to files.
    Exported,
    /// The same, without what is damaged.
    ExportedInPart,
    /// Nothing became of it.
    Failed,
    /// The run ended before its turn.
    NotTried,
}

/// One tape.
#[derive(Clone, Debug, Serialize)]
pub struct TapeReport {
    /// Its barcode.
    pub barcode: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The library, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// The file or directory that was read or written.
    pub path: PathBuf,
    /// The kind of medium.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What is on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The key that it is encrypted at rest under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<String>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl TapeReport {
    /// Returns the report of a tape of which nothing became.
    pub fn failed(barcode: &str, path: PathBuf, error: &anyhow::Error) -> Self {
        Self {
            outcome: Outcome::Failed,
            error: Some(with_causes(error)),
            ..Self::not_tried(barcode, path)
        }
    }

    /// Returns the report of a tape whose turn never came.
    pub fn not_tried(barcode: &str, path: PathBuf) -> Self {
        Self {
            barcode: barcode.to_owned(),
            outcome: Outcome::NotTried,
            library: None,
            path,
            media: None,
            place: None,
            digest: None,
            encryption_key: None,
            remarks: Vec::new(),
            error: None,
        }
    }

    /// Returns whether there is nothing of it where it was to go.
    pub fn is_absent(&self) -> bool {
        matches!(self.outcome, Outcome::Failed | Outcome::NotTried)
    }

    /// Returns whether everything went well.
    pub fn is_good(&self) -> bool {
        matches!(
            self.outcome,
            Outcome::Imported | Outcome::ImportedBefore | Outcome::Readable | Outcome::Exported
        )
    }
}

impl Outcome {
    const fn words(self) -> &'static str {
        match self {
            Self::Imported => "imported, verified",
            Self::ImportedInPart => "imported in part",
            Self::ImportedBefore => "imported before",
            Self::Readable => "readable",
            Self::ReadableInPart => "readable in part",
            Self::Exported => "exported",
            Self::ExportedInPart => "exported in part",
            Self::Failed => "failed",
            Self::NotTried => "not tried",
        }
    }
}

/// Returns a table, and under it what there is to say of single tapes.
pub fn text(tapes: &[TapeReport]) -> String {
    let headings = [
        "TAPE",
        "OUTCOME",
        "MEDIA",
        "BLOCKS",
        "FILEMARKS",
        "BYTES",
        "PLACE",
    ];
    let mut table = Table::new(headings).right([3, 4, 5]);
    for tape in tapes {
        let figure = |figure: fn(&Digest) -> String| {
            let digest = tape.digest.as_ref();
            digest.map_or_else(|| "—".to_owned(), figure)
        };
        table.row([
            tape.barcode.clone(),
            tape.outcome.words().to_owned(),
            tape.media.clone().unwrap_or_else(|| "—".to_owned()),
            figure(|digest| digest.blocks.to_string()),
            figure(|digest| digest.filemarks.to_string()),
            figure(|digest| size(digest.bytes)),
            match (&tape.library, &tape.place) {
                (Some(library), Some(place)) => format!("{library} {place}"),
                (None, Some(place)) => place.clone(),
                (_, None) => "—".to_owned(),
            },
        ]);
    }
    let mut text = table.to_string();
    let keys: BTreeSet<_> = tapes
        .iter()
        .filter_map(|it| it.encryption_key.as_ref())
        .collect();
    for key in keys {
        let under = |tape: &&TapeReport| tape.encryption_key.as_ref() == Some(key);
        let tapes = count(tapes.iter().filter(under).count(), "tape");
        let _ = writeln!(text, "{tapes} encrypted at rest under key {key}"); // a string takes everything
    }
    for tape in tapes {
        for line in tape.remarks.iter().chain(&tape.error) {
            let _ = writeln!(text, "{}: {line}", tape.barcode); // a string takes everything
        }
    }
    text
}
