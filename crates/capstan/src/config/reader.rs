//! Turns one file into a configuration; knows its text in order to say where something stands.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use super::access::{AccessRule, Authentication, all_networks};
use super::chap::{ChapAccount, read_secret};
use super::file::{
    AccessSection, CartridgeSection, ChapSection, ConfigFile, DiscoverySection, IscsiSection,
};
use super::load::{ConfigError, Loaded, Refusal, check_listen, check_log};
use super::{CartridgeConfig, Config, IscsiConfig, Pattern, SEGMENT_SIZE_MAX, SEGMENT_SIZE_MIN};

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
        let config = Config {
            data: file.data.map_or(defaults.data, |data| self.beside(&data)),
            name: file.name,
            preset: file.preset.unwrap_or(defaults.preset),
            log: file.log.map_or(defaults.log, Spanned::into_inner),
            iscsi: self.iscsi(file.iscsi)?,
            cartridge: self.cartridge(file.cartridge)?,
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
        let DiscoverySection { chap, mutual_chap } = section.discovery;
        let discovery = self.authentication("iscsi.discovery", chap, mutual_chap)?;
        let access: Result<_, _> = section
            .access
            .into_iter()
            .map(|section| self.rule(section))
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
            access: access?,
            discovery,
        })
    }

    fn cartridge(&self, section: CartridgeSection) -> Result<CartridgeConfig, ConfigError> {
        let defaults = CartridgeConfig::default();
        if let Some(size) = &section.segment_size {
            self.check(size, "cartridge.segment_size", |size| {
                if (SEGMENT_SIZE_MIN..=SEGMENT_SIZE_MAX).contains(size) {
                    Ok(())
                } else {
                    Err(format!(
                        "{size} is not between {SEGMENT_SIZE_MIN} and {SEGMENT_SIZE_MAX}"
                    ))
                }
            })?;
        }
        Ok(CartridgeConfig {
            compression: section.compression.unwrap_or(defaults.compression),
            segment_size: section
                .segment_size
                .map_or(defaults.segment_size, Spanned::into_inner),
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

fn check_range(value: u32, min: u32, max: u32) -> Result<(), String> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(format!("{value} is not between {min} and {max}"))
    }
}

/// RFC 1994 leaves it open; 255 is what initiators can send in one key (RFC 7143 §6.1).
const USER_LENGTH_MAX: usize = 255;
