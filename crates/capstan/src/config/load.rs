//! File and command line become a [`Config`], or an error that says where and what is allowed.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use super::access::{AccessRule, Authentication, all_networks};
use super::chap::{ChapAccount, read_secret};
use super::file::{AccessSection, ChapSection, ConfigFile, DiscoverySection};
use super::names::{GatewayName, ListenAddress};
use super::{Config, Pattern, Preset, SEGMENT_SIZE_MAX, SEGMENT_SIZE_MIN};

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
    /// The command line says something that cannot be.
    #[error("{0}")]
    CommandLine(String),
}

/// A complaint about one place in the file.
#[derive(Debug)]
pub struct Refusal {
    path: PathBuf,
    line: usize,
    column: usize,
    message: String,
    source_line: String,
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
            Reader {
                path,
                text: &text,
                warnings: Vec::new(),
            }
            .read()?
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
    } = overrides;
    if let Some(data) = data {
        config.data = data;
    }
    if name.is_some() {
        config.name = name;
    }
    if let Some(preset) = preset {
        config.preset = preset;
    }
    if !listen.is_empty() {
        check_listen(&listen)
            .map_err(|message| ConfigError::CommandLine(format!("--listen: {message}")))?;
        config.iscsi.listen = listen;
    }
    if let Some(log) = log {
        check_log(&log).map_err(|message| ConfigError::CommandLine(format!("--log: {message}")))?;
        config.log = log;
    }
    Ok(())
}

/// Reads one file; knows its text in order to say where something stands.
struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    warnings: Vec<String>,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Loaded, ConfigError> {
        let file: ConfigFile = toml::from_str(self.text).map_err(|error| {
            self.refuse(error.span().unwrap_or(0..0), error.message().to_owned())
        })?;
        let mut config = Config::default();
        let iscsi = file.iscsi;
        if let Some(data) = file.data {
            config.data = self.beside(&data);
        }
        config.name = file.name;
        config.preset = file.preset.unwrap_or(config.preset);
        if let Some(log) = file.log {
            self.check(&log, "log", |log| check_log(log))?;
            config.log = log.into_inner();
        }
        if let Some(listen) = iscsi.listen {
            self.check(&listen, "iscsi.listen", |listen| check_listen(listen))?;
            config.iscsi.listen = listen.into_inner();
        }
        config.iscsi.targets = iscsi.targets.unwrap_or(config.iscsi.targets);
        config.iscsi.iqn_prefix = iscsi.iqn_prefix.unwrap_or(config.iscsi.iqn_prefix);
        config.iscsi.advertise = iscsi.advertise.unwrap_or_default();
        if let Some(max) = iscsi.connections_max {
            self.check(&max, "iscsi.connections_max", |max| {
                check_range(*max, 1, 65536)
            })?;
            config.iscsi.connections_max = *max.get_ref() as usize;
        }
        if let Some(seconds) = iscsi.login_timeout_seconds {
            self.check(&seconds, "iscsi.login_timeout_seconds", |s| {
                check_range(*s, 1, 300)
            })?;
            config.iscsi.login_timeout = Duration::from_secs(u64::from(*seconds.get_ref()));
        }
        let DiscoverySection { chap, mutual_chap } = iscsi.discovery;
        config.iscsi.discovery = self.authentication("iscsi.discovery", chap, mutual_chap)?;
        for section in iscsi.access {
            let rule = self.rule(section)?;
            config.iscsi.access.push(rule);
        }
        let cartridge = file.cartridge;
        config.cartridge.compression = cartridge
            .compression
            .unwrap_or(config.cartridge.compression);
        if let Some(size) = cartridge.segment_size {
            self.check(&size, "cartridge.segment_size", |size| {
                if (SEGMENT_SIZE_MIN..=SEGMENT_SIZE_MAX).contains(size) {
                    Ok(())
                } else {
                    Err(format!(
                        "{size} is not between {SEGMENT_SIZE_MIN} and {SEGMENT_SIZE_MAX}"
                    ))
                }
            })?;
            config.cartridge.segment_size = size.into_inner();
        }
        Ok(Loaded {
            config,
            warnings: self.warnings,
        })
    }

    fn rule(&mut self, section: AccessSection) -> Result<AccessRule, ConfigError> {
        let initiators = self.some(section.initiators, "initiators", vec![Pattern::any()])?;
        let targets = self.some(section.targets, "targets", vec![Pattern::any()])?;
        let networks = section.networks.map(|networks| {
            let span = networks.span();
            let networks = networks
                .into_inner()
                .into_iter()
                .map(|network| network.0)
                .collect();
            Spanned::new(span, networks)
        });
        let networks = self.some(networks, "networks", all_networks())?;
        let authentication =
            self.authentication("iscsi.access", section.chap, section.mutual_chap)?;
        Ok(AccessRule {
            initiators,
            networks,
            targets,
            authentication,
        })
    }

    /// An empty list would fit nothing; whoever writes one means something else.
    fn some<T>(
        &self,
        list: Option<Spanned<Vec<T>>>,
        key: &str,
        all: Vec<T>,
    ) -> Result<Vec<T>, ConfigError> {
        let Some(list) = list else {
            return Ok(all);
        };
        self.check(&list, &format!("iscsi.access.{key}"), |list| {
            if list.is_empty() {
                Err("an empty list fits nothing; leave the key out to mean all".to_owned())
            } else {
                Ok(())
            }
        })?;
        Ok(list.into_inner())
    }

    fn authentication(
        &mut self,
        section: &str,
        chap: Option<Spanned<ChapSection>>,
        mutual: Option<Spanned<ChapSection>>,
    ) -> Result<Option<Authentication>, ConfigError> {
        let Some(chap) = chap else {
            return match mutual {
                None => Ok(None),
                Some(mutual) => Err(self.refuse(
                    mutual.span(),
                    format!("{section}.mutual_chap: needs `chap` beside it: the initiator proves itself first"),
                )),
            };
        };
        let initiator = self.account(&format!("{section}.chap"), chap.into_inner())?;
        let Some(mutual) = mutual else {
            return Ok(Some(Authentication {
                initiator,
                target: None,
            }));
        };
        let span = mutual.span();
        let target = self.account(&format!("{section}.mutual_chap"), mutual.into_inner())?;
        if target.secret == initiator.secret {
            return Err(self.refuse(
                span,
                format!("{section}.mutual_chap: both sides have the same secret; RFC 7143 §9.2.1 forbids it"),
            ));
        }
        Ok(Some(Authentication {
            initiator,
            target: Some(target),
        }))
    }

    fn account(&mut self, section: &str, chap: ChapSection) -> Result<ChapAccount, ConfigError> {
        self.check(&chap.user, &format!("{section}.user"), |user| {
            if user.is_empty() || user.len() > USER_LENGTH_MAX || user.contains('\0') {
                Err(format!("a CHAP name has 1 to {USER_LENGTH_MAX} bytes"))
            } else {
                Ok(())
            }
        })?;
        let path = self.beside(chap.secret_file.get_ref());
        let (secret, warning) = read_secret(&path).map_err(|message| {
            self.refuse(
                chap.secret_file.span(),
                format!("{section}.secret_file: {message}"),
            )
        })?;
        self.warnings.extend(warning);
        Ok(ChapAccount {
            user: chap.user.into_inner(),
            secret_file: path,
            secret,
        })
    }

    fn check<T>(
        &self,
        value: &Spanned<T>,
        key: &str,
        check: impl FnOnce(&T) -> Result<(), String>,
    ) -> Result<(), ConfigError> {
        check(value.get_ref())
            .map_err(|message| self.refuse(value.span(), format!("{key}: {message}")))
    }

    /// Returns `path` as seen from the folder of the configuration file.
    fn beside(&self, path: &Path) -> PathBuf {
        self.path
            .parent()
            .map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    fn refuse(&self, span: Range<usize>, message: String) -> ConfigError {
        let before = self.text.get(..span.start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ConfigError::Refused(Refusal {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
            source_line: self.text[line_start..]
                .lines()
                .next()
                .unwrap_or("")
                .to_owned(),
        })
    }
}

fn check_listen(listen: &[ListenAddress]) -> Result<(), String> {
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

fn check_log(log: &str) -> Result<(), String> {
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

fn check_range(value: u32, min: u32, max: u32) -> Result<(), String> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(format!("{value} is not between {min} and {max}"))
    }
}

/// RFC 1994 leaves it open; 255 is what initiators can send in one key (RFC 7143 §6.1).
const USER_LENGTH_MAX: usize = 255;
