//! Profile files: one text laid over what it is based on, and complaints that name file and line.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{ChangerProfile, DriveProfile, layers};

/// A profile as a text.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) kind: Option<Kind>,
    pub(super) based_on: Option<String>,
    /// `None` for a built-in profile.
    pub(super) path: Option<PathBuf>,
    pub(super) text: Cow<'static, str>,
}

/// What a profile describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Changer,
    Drive,
}

/// A profile that was read.
pub(super) enum Profile {
    Changer(Arc<ChangerProfile>),
    Drive(Arc<DriveProfile>),
}

/// A complaint about a profile's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileFileError {
    /// The file.
    pub path: PathBuf,
    /// Line and column, from 1, where they are known.
    pub place: Option<(usize, usize)>,
    /// What is wrong and what to do.
    pub message: String,
    /// The line itself.
    source_line: String,
}

impl std::error::Error for ProfileFileError {}

impl fmt::Display for ProfileFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let Some((line, column)) = self.place else {
            return write!(f, "{path}: {}", self.message);
        };
        writeln!(f, "{path}:{line}:{column}: {}", self.message)?;
        let number = line.to_string();
        writeln!(f, "  {number} | {}", self.source_line)?;
        let (gutter, indent) = (number.len(), column - 1);
        write!(f, "  {0:gutter$} | {0:indent$}^", "")
    }
}

impl ProfileFileError {
    /// A complaint about a file as a whole.
    pub(super) fn whole(path: &Path, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            place: None,
            message: message.into(),
            source_line: String::new(),
        }
    }
}

impl Source {
    /// Reads what decides how the text is read. Without a name it is called as its file.
    pub(super) fn parse(
        text: impl Into<Cow<'static, str>>,
        path: Option<&Path>,
    ) -> Result<Self, ProfileFileError> {
        let mut source = Self {
            name: String::new(),
            kind: None,
            based_on: None,
            path: path.map(Path::to_owned),
            text: text.into(),
        };
        let table = layers::parse(&source.text).map_err(|error| source.toml_error(&error))?;
        let text_of = |key: &str| -> Result<Option<String>, ProfileFileError> {
            let Some(value) = table.get_ref().get(key) else {
                return Ok(None);
            };
            match value.get_ref().as_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(source.error(Some(value.span()), format!("{key}: write a text"))),
            }
        };
        let kind = match text_of("kind")?.as_deref() {
            None => None,
            Some("changer") => Some(Kind::Changer),
            Some("drive") => Some(Kind::Drive),
            Some(other) => {
                let span = table.get_ref().get("kind").map(Spanned::span);
                let message = format!("kind: {other:?}; write \"drive\" or \"changer\"");
                return Err(source.error(span, message));
            }
        };
        let stem = path
            .and_then(Path::file_stem)
            .map(|stem| stem.to_string_lossy());
        let name = text_of("name")?
            .or(stem.map(Cow::into_owned))
            .unwrap_or_default();
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
        if name.is_empty() || !name.bytes().all(fits) {
            let span = table.get_ref().get("name").map(Spanned::span);
            let message = format!("name: {name:?}; write a-z, 0-9, hyphen, dot and underscore");
            return Err(source.error(span, message));
        }
        let based_on = text_of("based_on")?;
        source.name = name;
        source.kind = kind;
        source.based_on = based_on;
        Ok(source)
    }

    /// Reads the profile on top of `below`, the lowest first.
    pub(super) fn read(&self, below: &[&Self]) -> Result<Profile, ProfileFileError> {
        let chain = || below.iter().copied().chain([self]);
        let kind = chain().filter_map(|source| source.kind).next_back();
        let kind = kind.ok_or_else(|| {
            self.error(
                None,
                "write kind = \"drive\" or kind = \"changer\", or based_on".into(),
            )
        })?;
        match kind {
            Kind::Changer => {
                let profile: ChangerProfile = self.lay(chain(), "changer", None)?;
                self.complain(profile.check())?;
                Ok(Profile::Changer(Arc::new(profile)))
            }
            Kind::Drive => {
                let generation = chain().filter_map(Self::generation).next_back();
                let profile: DriveProfile = self.lay(chain(), "drive", generation)?;
                self.complain(profile.check())?;
                Ok(Profile::Drive(Arc::new(profile)))
            }
        }
    }

    fn generation(&self) -> Option<String> {
        let table = layers::parse(&self.text).ok()?;
        let generation = table.get_ref().get("generation")?;
        Some(generation.get_ref().as_integer()?.as_str().to_owned())
    }

    fn lay<'s, T: DeserializeOwned>(
        &'s self,
        chain: impl Iterator<Item = &'s Self>,
        kind: &str,
        generation: Option<String>,
    ) -> Result<T, ProfileFileError> {
        let mut all = part(COMMON, kind);
        if let Some(generation) = generation {
            layers::lay(&mut all, part(GENERATIONS, &generation));
        }
        for source in chain {
            let table = layers::parse(&source.text).map_err(|error| source.toml_error(&error))?;
            layers::lay(&mut all, table.into_inner());
        }
        for key in ["kind", "based_on", "name"] {
            all.remove(key);
        }
        all.insert(
            Spanned::new(0..0, Cow::Borrowed("name")),
            Spanned::new(0..0, DeValue::String(Cow::Owned(self.name.clone()))),
        );
        layers::read(Spanned::new(0..0, all)).map_err(|error| self.toml_error(&error))
    }

    fn complain(&self, check: Result<(), (&'static str, String)>) -> Result<(), ProfileFileError> {
        check.map_err(|(key, why)| self.error(self.find(key), format!("{key}: {why}")))
    }

    /// Returns where the value of `key`, `inquiry.length`, stands in the text.
    fn find(&self, key: &str) -> Option<Range<usize>> {
        let table = layers::parse(&self.text).ok()?;
        let mut value: Option<Spanned<DeValue<'_>>> = None;
        for key in key.split('.') {
            let table = match &value {
                None => table.get_ref(),
                Some(value) => value.get_ref().as_table()?,
            };
            value = Some(table.get(key)?.clone());
        }
        value.map(|value| value.span())
    }

    fn toml_error(&self, error: &toml::de::Error) -> ProfileFileError {
        // That is where the whole stands, in which something is missing.
        let span = error.span().filter(|span| *span != (0..0));
        self.error(span, error.message().to_owned())
    }

    pub(super) fn error(&self, span: Option<Range<usize>>, message: String) -> ProfileFileError {
        let path = self.path.as_deref().unwrap_or(Path::new("built in"));
        let mut error = ProfileFileError::whole(path, message);
        let before = span.and_then(|span| self.text.get(..span.start));
        if let Some(before) = before {
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            let line = before.matches('\n').count() + 1;
            let column = before[line_start..].chars().count() + 1;
            error.place = Some((line, column));
            let source_line = self.text[line_start..].lines().next();
            source_line.unwrap_or("").clone_into(&mut error.source_line);
        }
        error
    }
}

/// Returns the table called `key` of a text of ours; an empty one if there is none.
fn part(text: &'static str, key: &str) -> DeTable<'static> {
    let table = layers::parse(text).expect("embedded tables are valid: a test reads them");
    match table.into_inner().remove(key).map(Spanned::into_inner) {
        Some(DeValue::Table(table)) => table,
        _ => DeTable::new(),
    }
}

const COMMON: &str = include_str!("data/common.toml");
const GENERATIONS: &str = include_str!("data/generations.toml");
