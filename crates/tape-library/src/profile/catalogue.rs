//! All profiles: those that are built in, and the user's own from a directory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use super::file::{Profile, ProfileFileError, Source};
use super::{ChangerProfile, DriveProfile, ProfileError};

/// Profiles by name.
#[derive(Clone, Debug)]
pub struct Profiles {
    changers: BTreeMap<String, Arc<ChangerProfile>>,
    drives: BTreeMap<String, Arc<DriveProfile>>,
    files: BTreeMap<String, PathBuf>,
}

static BUILTIN_SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    super::builtin::TEXTS
        .iter()
        .map(|text| Source::parse(*text, None).expect(VALID))
        .collect()
});

static BUILTIN: LazyLock<Arc<Profiles>> = LazyLock::new(|| {
    let mut profiles = Profiles {
        changers: BTreeMap::new(),
        drives: BTreeMap::new(),
        files: BTreeMap::new(),
    };
    for source in BUILTIN_SOURCES.iter() {
        let added = profiles.add(source, &[]);
        added.expect(VALID);
    }
    Arc::new(profiles)
});

const VALID: &str = "embedded profiles are valid: a test reads each of them";

impl Profiles {
    /// Returns those that are built in.
    pub fn builtin() -> &'static Arc<Self> {
        &BUILTIN
    }

    /// Returns those that are built in and those in the `*.toml` files of `directory`, which need not
    /// be there. A file may have the name of a built-in profile and then stands in its place. The
    /// error has one complaint for each file that is not in order.
    pub fn load(directory: &Path) -> Result<Arc<Self>, Vec<ProfileFileError>> {
        let files = match files(directory) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(vec![ProfileFileError::whole(directory, error.to_string())]),
        };
        Self::with_files(&files)
    }

    /// Returns those that are built in and those in `files`, otherwise as [`Profiles::load`].
    pub fn with_files(files: &[PathBuf]) -> Result<Arc<Self>, Vec<ProfileFileError>> {
        let mut profiles = Self::clone(&BUILTIN);
        let mut sources: Vec<Source> = Vec::new();
        let mut errors = Vec::new();
        for path in files {
            let read = std::fs::read_to_string(path)
                .map_err(|error| ProfileFileError::whole(path, error.to_string()))
                .and_then(|text| Source::parse(text, Some(path)));
            match read {
                Ok(source) => match sources.iter().find(|other| other.name == source.name) {
                    Some(other) => {
                        let other = other.path.as_deref().unwrap_or(Path::new("")).display();
                        let name = &source.name;
                        let message = format!("name: {name:?} is that of {other}, too");
                        errors.push(source.error(None, message));
                    }
                    None => sources.push(source),
                },
                Err(error) => errors.push(error),
            }
        }
        for source in &sources {
            if let Err(error) = profiles.add(source, &sources) {
                errors.push(error);
            }
        }
        if errors.is_empty() {
            Ok(Arc::new(profiles))
        } else {
            Err(errors)
        }
    }

    fn add(&mut self, source: &Source, others: &[Source]) -> Result<(), ProfileFileError> {
        let profile = source.read(&below(source, others)?)?;
        // A drive may take the place of a changer and the other way round.
        self.changers.remove(&source.name);
        self.drives.remove(&source.name);
        if let Some(path) = &source.path {
            self.files.insert(source.name.clone(), path.clone());
        }
        match profile {
            Profile::Changer(profile) => {
                self.changers.insert(source.name.clone(), profile);
            }
            Profile::Drive(profile) => {
                self.drives.insert(source.name.clone(), profile);
            }
        }
        Ok(())
    }

    /// Returns the changers, ordered by name.
    pub fn changers(&self) -> impl Iterator<Item = &Arc<ChangerProfile>> {
        self.changers.values()
    }

    /// Returns the drives, ordered by name.
    pub fn drives(&self) -> impl Iterator<Item = &Arc<DriveProfile>> {
        self.drives.values()
    }

    /// Returns the changer called `name`.
    pub fn changer(&self, name: &str) -> Result<Arc<ChangerProfile>, ProfileError> {
        let found = self.changers.get(name).cloned();
        found.ok_or_else(|| ProfileError::NoChanger(name.to_owned()))
    }

    /// Returns the drive called `name`.
    pub fn drive(&self, name: &str) -> Result<Arc<DriveProfile>, ProfileError> {
        let found = self.drives.get(name).cloned();
        found.ok_or_else(|| ProfileError::NoDrive(name.to_owned()))
    }

    /// Returns the file that a profile comes from; `None` for a built-in one.
    pub fn file(&self, name: &str) -> Option<&Path> {
        self.files.get(name).map(PathBuf::as_path)
    }
}

/// Returns what `source` is based on, the lowest first. The user's own profiles go before built-in
/// ones of the same name; a profile with the name of a built-in one may be based on that.
fn below<'s>(
    source: &'s Source,
    others: &'s [Source],
) -> Result<Vec<&'s Source>, ProfileFileError> {
    let mut chain: Vec<&Source> = Vec::new();
    let mut at = source;
    while let Some(name) = &at.based_on {
        let is_below = |other: &&Source| other.name == *name && !std::ptr::eq(*other, at);
        let own = others.iter().find(is_below);
        let found = own.or_else(|| BUILTIN_SOURCES.iter().find(is_below));
        let Some(next) = found else {
            let message = format!("based_on: there is no profile {name:?}");
            return Err(source.error(None, message));
        };
        if std::ptr::eq(next, source) || chain.iter().any(|it| std::ptr::eq(*it, next)) {
            let message = format!("based_on: {name:?} is based on this profile in turn");
            return Err(source.error(None, message));
        }
        chain.push(next);
        at = next;
    }
    chain.reverse();
    Ok(chain)
}

/// Returns the profiles in a directory, in the order of their names.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
