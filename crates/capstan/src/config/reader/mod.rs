//! Turns one file into a configuration; knows its text in order to say where something stands.

mod access;
mod encryption;
mod libraries;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tape_library::inject::Delays;
use toml::Spanned;

use super::file::{
    CartridgeSection, ConfigFile, DelaysSection, DiscoverySection, IscsiSection, StorageSection,
};
use super::load::{ConfigError, Loaded, Refusal, check_listen, check_log};
use super::{
    ByteSize, CartridgeConfig, Config, DELAY_SECONDS_MAX, IscsiConfig, MEMORY_MAX_MAX,
    MEMORY_MAX_MIN, Machine, Preset, SEGMENT_SIZE_MAX, SEGMENT_SIZE_MIN, StorageConfig,
};

/// Reads one file; knows its text in order to say where something stands.
pub(super) struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Self {
        Self {
            path,
            text,
            warnings: Vec::new(),
        }
    }

    pub(super) fn read(mut self) -> Result<Loaded, ConfigError> {
        let file: ConfigFile = toml::from_str(self.text).map_err(|error| {
            self.refuse(error.span().unwrap_or(0..0), error.message().to_owned())
        })?;
        let defaults = Config::default();
        if let Some(log) = &file.log {
            self.check(log, "log", |log| check_log(log))?;
        }
        let iscsi = self.iscsi(file.iscsi)?;
        self.one_of_preset_and_machine(file.preset, file.machine.as_ref())?;
        let config = Config {
            data: file.data.map_or(defaults.data, |data| self.beside(&data)),
            name: file.name,
            preset: file.preset.unwrap_or(defaults.preset),
            machine: file.machine.map(Spanned::into_inner),
            profiles: file.profiles.directory.map(|path| self.beside(&path)),
            log: file.log.map_or(defaults.log, Spanned::into_inner),
            libraries: self.libraries(file.library, iscsi.targets)?,
            iscsi,
            cartridge: self.cartridge(file.cartridge)?,
            storage: self.storage(file.storage)?,
            encryption: self.encryption(file.encryption)?,
            delays: self.delays(file.delays)?,
        };
        Ok(Loaded {
            config,
            warnings: self.warnings,
        })
    }

    fn iscsi(&mut self, section: IscsiSection) -> Result<IscsiConfig, ConfigError> {
        let defaults = IscsiConfig::default();
        if let Some(listen) = &section.listen {
            self.check(listen, "iscsi.listen", |listen| check_listen(listen))?;
        }
        if let Some(max) = &section.connections_max {
            self.check(max, "iscsi.connections_max", |max| {
                check_range(*max, 1, 65536)
            })?;
        }
        if let Some(seconds) = &section.login_timeout_seconds {
            let key = "iscsi.login_timeout_seconds";
            self.check(seconds, key, |seconds| check_range(*seconds, 1, 300))?;
        }
        if let Some(size) = &section.memory_max {
            self.check(size, "iscsi.memory_max", |size| {
                check_size(*size, MEMORY_MAX_MIN, MEMORY_MAX_MAX)
            })?;
        }
        let DiscoverySection { chap, mutual_chap } = section.discovery;
        let discovery = self.authentication("iscsi.discovery", chap, mutual_chap)?;
        let access: Result<_, _> = section
            .access
            .into_iter()
            .map(|section| self.rule(section))
            .collect();
        let redirect: Result<_, _> = section
            .redirect
            .into_iter()
            .map(|section| self.redirect(section))
            .collect();
        Ok(IscsiConfig {
            listen: section.listen.map_or(defaults.listen, Spanned::into_inner),
            targets: section.targets.unwrap_or(defaults.targets),
            iqn_prefix: section.iqn_prefix.unwrap_or(defaults.iqn_prefix),
            advertise: section.advertise.unwrap_or_default(),
            connections_max: section
                .connections_max
                .map_or(defaults.connections_max, |max| max.into_inner() as usize),
            login_timeout: section
                .login_timeout_seconds
                .map_or(defaults.login_timeout, |seconds| {
                    Duration::from_secs(u64::from(seconds.into_inner()))
                }),
            memory_max: section
                .memory_max
                .map_or(defaults.memory_max, Spanned::into_inner),
            access: access?,
            redirect: redirect?,
            discovery,
        })
    }

    fn cartridge(&self, section: CartridgeSection) -> Result<CartridgeConfig, ConfigError> {
        let defaults = CartridgeConfig::default();
        if let Some(size) = &section.segment_size {
            self.check(size, "cartridge.segment_size", |size| {
                check_size(*size, SEGMENT_SIZE_MIN, SEGMENT_SIZE_MAX)
            })?;
        }
        Ok(CartridgeConfig {
            compression: section.compression.unwrap_or(defaults.compression),
            segment_size: section
                .segment_size
                .map_or(defaults.segment_size, Spanned::into_inner),
        })
    }

    fn storage(&self, section: StorageSection) -> Result<StorageConfig, ConfigError> {
        let slow_below = section.slow_below;
        if let Some(stop_below) = &section.stop_below {
            self.check(stop_below, "storage.stop_below", |stop| {
                match slow_below.filter(|slow| slow.0 > 0 && stop > slow) {
                    Some(slow) => Err(format!(
                        "{stop} is more than slow_below, {slow}: nobody would ever be slowed; make it \
                         less, or set slow_below to 0"
                    )),
                    None => Ok(()),
                }
            })?;
        }
        Ok(StorageConfig {
            slow_below,
            stop_below: section.stop_below.map(Spanned::into_inner),
        })
    }

    fn delays(&self, section: DelaysSection) -> Result<Delays, ConfigError> {
        let defaults = Delays::default();
        let delay = |key: &str, seconds: Option<Spanned<u32>>, default: Duration| {
            let Some(seconds) = seconds else {
                return Ok(default);
            };
            self.check(&seconds, &format!("delays.{key}"), |seconds| {
                check_range(*seconds, 0, DELAY_SECONDS_MAX)
            })?;
            Ok(Duration::from_secs(u64::from(seconds.into_inner())))
        };
        Ok(Delays {
            load: delay("load_seconds", section.load_seconds, defaults.load)?,
            unload: delay("unload_seconds", section.unload_seconds, defaults.unload)?,
            rewind: delay("rewind_seconds", section.rewind_seconds, defaults.rewind)?,
            locate: delay("locate_seconds", section.locate_seconds, defaults.locate)?,
            transport: delay(
                "transport_seconds",
                section.transport_seconds,
                defaults.transport,
            )?,
            clean: delay("clean_seconds", section.clean_seconds, defaults.clean)?,
        })
    }

    fn one_of_preset_and_machine(
        &self,
        preset: Option<Preset>,
        machine: Option<&Spanned<Machine>>,
    ) -> Result<(), ConfigError> {
        if let (Some(_), Some(machine)) = (preset, machine) {
            let message = "machine: there is a preset, too; take one of them out".to_owned();
            return Err(self.refuse(machine.span(), message));
        }
        Ok(())
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
            source_line: without_secret(self.text[line_start..].lines().next().unwrap_or("")),
        })
    }
}

fn check_size(size: ByteSize, min: ByteSize, max: ByteSize) -> Result<(), String> {
    if (min..=max).contains(&size) {
        Ok(())
    } else {
        Err(format!("{size} is not between {min} and {max}"))
    }
}

/// Cuts off a line where a key that sounds like a secret gets its value: complaints go to logs.
fn without_secret(line: &str) -> String {
    for (equals, _) in line.match_indices('=') {
        let before = line[..equals].trim_end_matches([' ', '\t', '"', '\'']);
        let key_start = before
            .rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
            .map_or(0, |at| at + 1);
        let key = before.get(key_start..).unwrap_or("").to_lowercase();
        let sounds_secret = key.contains("secret") || key.contains("pass");
        if sounds_secret && key != "secret_file" {
            return format!("{}= …", &line[..equals]);
        }
    }
    line.to_owned()
}

fn check_range(value: u32, min: u32, max: u32) -> Result<(), String> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(format!("{value} is not between {min} and {max}"))
    }
}
