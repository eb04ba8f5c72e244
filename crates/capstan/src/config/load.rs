//! File and command line become a [`Config`], or an error that says where and what is allowed.

use std::fmt;
use std::path::{Path, PathBuf};

use super::names::{GatewayName, ListenAddress};
use super::reader::Reader;
use super::{Config, KeyKind, KeyPlace, KeySource, Preset};

/// What the command line and the environment say; it wins over the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--data`, `CAPSTAN_DATA`.
    pub data: Option<PathBuf>,
    /// `--name`.
    pub name: Option<GatewayName>,
    /// `--preset`.
    pub preset: Option<Preset>,
    /// `--listen`, each of them.
    pub listen: Vec<ListenAddress>,
    /// `--log`.
    pub log: Option<String>,
    /// `--encryption-key`, each of them.
    pub encryption_keys: Vec<PathBuf>,
}

/// A checked configuration, and what a person should know about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Nothing wrong, but unwise.
    pub warnings: Vec<String>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read configuration file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file says something that cannot be.
    #[error("{0}")]
    Refused(Refusal),
    /// Profiles are not in order.
    #[error("{0}")]
    Profiles(String),
    /// The command line says something that cannot be.
    #[error("{0}")]
    CommandLine(String),
}

/// A complaint about one place in the file.
#[derive(Debug)]
pub struct Refusal {
    pub(super) path: PathBuf,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
    pub(super) source_line: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, .. } = self;
        writeln!(
            f,
            "{}:{line}:{column}: {}",
            self.path.display(),
            self.message
        )?;
        let number = line.to_string();
        writeln!(f, "  {number} | {}", self.source_line)?;
        let (gutter, indent) = (number.len(), column - 1);
        write!(f, "  {0:gutter$} | {0:indent$}^", "")
    }
}

/// Reads `file` if there is one, lets `overrides` win, and checks everything.
pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Loaded, ConfigError> {
    let mut loaded = match file {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
                path: path.to_owned(),
                source,
            })?;
            Reader::new(path, &text).read()?
        }
        None => Loaded {
            config: Config::default(),
            warnings: Vec::new(),
        },
    };
    apply(&mut loaded.config, overrides)?;
    Ok(loaded)
}

fn apply(config: &mut Config, overrides: Overrides) -> Result<(), ConfigError> {
    let Overrides {
        data,
        name,
        preset,
        listen,
        log,
        encryption_keys,
    } = overrides;
    if let Some(data) = data {
        config.data = data;
    }
    if name.is_some() {
        config.name = name;
    }
    if let Some(preset) = preset {
        config.preset = preset;
        config.machine = None;
    }
    if !listen.is_empty() {
        check_listen(&listen)
            .map_err(|message| ConfigError::CommandLine(format!("--listen: {message}")))?;
        config.iscsi.listen = listen;
    }
    if !encryption_keys.is_empty() {
        let source = |path| KeySource {
            kind: KeyKind::Key,
            place: KeyPlace::File(path),
        };
        config.encryption = encryption_keys.into_iter().map(source).collect();
    }
    if let Some(log) = log {
        check_log(&log).map_err(|message| ConfigError::CommandLine(format!("--log: {message}")))?;
        config.log = log;
    }
    Ok(())
}

pub(super) fn check_listen(listen: &[ListenAddress]) -> Result<(), String> {
    if listen.is_empty() {
        return Err("at least one address is needed, for example [\"127.0.0.1:3260\"]".to_owned());
    }
    for (index, address) in listen.iter().enumerate() {
        if address.0.port() != 0 && listen[..index].contains(address) {
            return Err(format!("{address} is listed twice"));
        }
    }
    Ok(())
}

pub(super) fn check_log(log: &str) -> Result<(), String> {
    // A bare word that is no level would name a module, and silence everything else.
    let named = |directive: &str| {
        directive.contains('=')
            || directive
                .trim()
                .parse::<tracing::level_filters::LevelFilter>()
                .is_ok()
    };
    match tracing_subscriber::EnvFilter::builder().parse(log) {
        Ok(_) if log.split(',').all(named) => Ok(()),
        _ => Err(format!(
            "`{log}` is not a log level; write error, warn, info, debug or trace, or directives \
             such as info,capstan::portal=debug"
        )),
    }
}
