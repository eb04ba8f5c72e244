//! Access rules, redirections, and the accounts that they name.

use ipnet::IpNet;
use toml::Spanned;

use super::Reader;
use crate::config::access::{AccessRule, Authentication, all_networks};
use crate::config::chap::{ChapAccount, read_secret};
use crate::config::file::{AccessSection, ChapSection, Network, RedirectSection};
use crate::config::load::ConfigError;
use crate::config::redirect::{RedirectRule, check_address};
use crate::config::{Pattern, Permanence};

impl Reader<'_> {
    pub(super) fn rule(&mut self, section: AccessSection) -> Result<AccessRule, ConfigError> {
        const KEY: &str = "iscsi.access";
        Ok(AccessRule {
            initiators: self.names(section.initiators, &format!("{KEY}.initiators"))?,
            networks: self.networks(section.networks, &format!("{KEY}.networks"))?,
            targets: self.names(section.targets, &format!("{KEY}.targets"))?,
            authentication: self.authentication(KEY, section.chap, section.mutual_chap)?,
        })
    }

    pub(super) fn redirect(&self, section: RedirectSection) -> Result<RedirectRule, ConfigError> {
        const KEY: &str = "iscsi.redirect";
        self.check(&section.address, &format!("{KEY}.address"), check_address)?;
        Ok(RedirectRule {
            initiators: self.names(section.initiators, &format!("{KEY}.initiators"))?,
            networks: self.networks(section.networks, &format!("{KEY}.networks"))?,
            targets: self.names(section.targets, &format!("{KEY}.targets"))?,
            address: section.address.into_inner(),
            permanence: section.permanence.unwrap_or(Permanence::Temporary),
        })
    }

    fn names(
        &self,
        list: Option<Spanned<Vec<Pattern>>>,
        key: &str,
    ) -> Result<Vec<Pattern>, ConfigError> {
        self.some(list, key, || vec![Pattern::any()])
    }

    fn networks(
        &self,
        list: Option<Spanned<Vec<Network>>>,
        key: &str,
    ) -> Result<Vec<IpNet>, ConfigError> {
        let all = || all_networks().into_iter().map(Network).collect();
        let networks = self.some(list, key, all)?;
        Ok(networks.into_iter().map(|network| network.0).collect())
    }

    /// An empty list would fit nothing; whoever writes one means something else.
    fn some<T>(
        &self,
        list: Option<Spanned<Vec<T>>>,
        key: &str,
        all: impl FnOnce() -> Vec<T>,
    ) -> Result<Vec<T>, ConfigError> {
        let Some(list) = list else {
            return Ok(all());
        };
        self.check(&list, key, |list| {
            if list.is_empty() {
                Err("an empty list fits nothing; leave the key out to mean all".to_owned())
            } else {
                Ok(())
            }
        })?;
        Ok(list.into_inner())
    }

    pub(super) fn authentication(
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
}

/// RFC 1994 leaves it open; 255 is what initiators can send in one key (RFC 7143 §6.1).
const USER_LENGTH_MAX: usize = 255;
