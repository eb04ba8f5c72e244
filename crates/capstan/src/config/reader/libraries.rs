//! `[[library]]`: libraries beside the main one.

use toml::Spanned;

use super::Reader;
use crate::config::file::LibrarySection;
use crate::config::load::ConfigError;
use crate::config::{LIBRARIES_MAX, LibraryConfig, Preset, TargetLayout};

impl Reader<'_> {
    /// `targets` is what `iscsi.targets` says.
    pub(super) fn libraries(
        &self,
        sections: Vec<LibrarySection>,
        targets: TargetLayout,
    ) -> Result<Vec<LibraryConfig>, ConfigError> {
        let mut libraries: Vec<LibraryConfig> = Vec::new();
        for section in sections {
            let span = section.name.span();
            let name = section.name.into_inner();
            let refuse = |message: String| Err(self.refuse(span, message));
            if name.is_main() {
                return refuse("library.name: `main` is the library that every gateway has".into());
            }
            if libraries.iter().any(|library| library.name == name) {
                return refuse(format!(
                    "library.name: there is another library `{name}` above"
                ));
            }
            if libraries.len() + 1 >= LIBRARIES_MAX {
                return refuse(format!(
                    "library: {LIBRARIES_MAX} libraries are possible, the main one counted"
                ));
            }
            self.one_of_preset_and_machine(section.preset, section.machine.as_ref())?;
            libraries.push(LibraryConfig {
                name,
                machine: section.machine.map(Spanned::into_inner),
                preset: section.preset.unwrap_or(Preset::Default),
                targets: section.targets.unwrap_or(targets),
            });
        }
        Ok(libraries)
    }
}
