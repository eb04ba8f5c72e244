//! `[encryption]`: where keys come from.

use toml::Spanned;

use super::Reader;
use crate::config::file::{EncryptionSection, KeySection};
use crate::config::load::ConfigError;
use crate::config::{KeyKind, KeyPlace, KeySource};

impl Reader<'_> {
    pub(super) fn encryption(
        &self,
        section: EncryptionSection,
    ) -> Result<Vec<KeySource>, ConfigError> {
        let keys = section.key.into_iter();
        keys.map(|section| self.key_source(section)).collect()
    }

    fn key_source(&self, section: Spanned<KeySection>) -> Result<KeySource, ConfigError> {
        let span = section.span();
        let section = section.into_inner();
        let file =
            |path: Option<std::path::PathBuf>| path.map(|it| KeyPlace::File(self.beside(&it)));
        let environment = |name: Option<String>| name.map(KeyPlace::Environment);
        let credential = |name: Option<String>| name.map(KeyPlace::Credential);
        let found = [
            (KeyKind::Key, file(section.file)),
            (KeyKind::Key, environment(section.environment)),
            (KeyKind::Key, credential(section.credential)),
            (KeyKind::Passphrase, file(section.passphrase_file)),
            (
                KeyKind::Passphrase,
                environment(section.passphrase_environment),
            ),
            (
                KeyKind::Passphrase,
                credential(section.passphrase_credential),
            ),
        ];
        let mut sources = found.into_iter().filter_map(|(kind, place)| {
            Some(KeySource {
                kind,
                place: place?,
            })
        });
        let (Some(source), None) = (sources.next(), sources.next()) else {
            let message = "encryption.key: needs one of file, environment, credential, \
                           passphrase_file, passphrase_environment, passphrase_credential, \
                           and only one; a table for each key";
            return Err(self.refuse(span, message.to_owned()));
        };
        match &source.place {
            KeyPlace::Credential(name) if name.is_empty() || name.contains('/') => {
                let message = "encryption.key: a credential has a name, not a path".to_owned();
                Err(self.refuse(span, message))
            }
            _ => Ok(source),
        }
    }
}
