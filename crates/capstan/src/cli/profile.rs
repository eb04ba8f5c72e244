//! `capstan profile`: list, show, check.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde::Serialize;
use tape_library::profile::{
    ChangerProfile, DeviceIdForm, DriveProfile, MediaAccess, ProfileFileError, Profiles,
};

use super::Global;
use super::show::{Format, count, say};
use super::table::Table;
use crate::config::Overrides;

/// `capstan profile`
#[derive(Debug, Subcommand)]
pub enum Profile {
    /// List the models that drives and changers can be
    List {
        /// How to print
        #[command(flatten)]
        format: Format,
    },
    /// Show everything that a profile says
    #[command(after_help = "Example of a profile of your own:
  capstan profile show ibm-ult3580-td5 --toml > profiles/lab-drive.toml
or only what differs:
  based_on = \"ibm-ult3580-td5\"
  revision = \"TEST\"")]
    Show {
        /// Its name
        name: String,
        /// Print the complete profile as a file
        #[arg(long, conflicts_with = "json")]
        toml: bool,
        /// How to print
        #[command(flatten)]
        format: Format,
    },
    /// Check profile files; starts nothing
    Check {
        /// The files, which may be based on each other [default: all in the profiles directory]
        files: Vec<PathBuf>,
    },
}

/// A row of the list.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    kind: &'static str,
    vendor: &'a str,
    product: &'a str,
    revision: &'a str,
    generation: Option<u8>,
    /// The file; none for a built-in profile.
    file: Option<String>,
    notes: &'a str,
}

impl Profile {
    /// Reads the profiles and prints.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::List { format } => {
                let profiles = profiles(global)?;
                format.print(&rows(&profiles), |rows| list(rows))
            }
            Self::Show { name, toml, format } => show(&*profiles(global)?, &name, toml, format),
            Self::Check { files } => check(global, &files),
        }
    }
}

/// Returns the built-in profiles and those of the profiles directory.
fn profiles(global: &Global) -> anyhow::Result<Arc<Profiles>> {
    let config = global.load(Overrides::default())?.config;
    Ok(config.load_profiles()?)
}

/// Returns all complaints as one error.
fn complaint(errors: &[ProfileFileError]) -> anyhow::Error {
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("{}", lines.join("\n"))
}

fn rows(profiles: &Profiles) -> Vec<Row<'_>> {
    let file = |name: &str| profiles.file(name).map(|path| path.display().to_string());
    let changers = profiles.changers().map(|profile| Row {
        name: &profile.name,
        kind: "changer",
        vendor: &profile.vendor,
        product: &profile.product,
        revision: &profile.revision,
        generation: None,
        file: file(&profile.name),
        notes: &profile.notes,
    });
    let drives = profiles.drives().map(|profile| Row {
        name: &profile.name,
        kind: "drive",
        vendor: &profile.vendor,
        product: &profile.product,
        revision: &profile.revision,
        generation: Some(profile.generation),
        file: file(&profile.name),
        notes: &profile.notes,
    });
    changers.chain(drives).collect()
}

fn list(rows: &[Row<'_>]) -> Table {
    let mut table = Table::new(["PROFILE", "KIND", "VENDOR", "PRODUCT", "REVISION", "FROM"]);
    for row in rows {
        table.row([
            row.name.to_owned(),
            match row.generation {
                Some(generation) => format!("LTO-{generation} drive"),
                None => row.kind.to_owned(),
            },
            row.vendor.to_owned(),
            row.product.to_owned(),
            row.revision.to_owned(),
            row.file.clone().unwrap_or_else(|| "built in".to_owned()),
        ]);
    }
    table
}

fn show(profiles: &Profiles, name: &str, toml: bool, format: Format) -> anyhow::Result<()> {
    if let Ok(profile) = profiles.changer(name) {
        if toml {
            return say(profile.to_toml());
        }
        return format.print(&*profile, changer_text);
    }
    let Ok(profile) = profiles.drive(name) else {
        bail!("profile {name:?}: there is none of this name; see `capstan profile list`");
    };
    if toml {
        return say(profile.to_toml());
    }
    format.print(&*profile, drive_text)
}

fn changer_text(profile: &ChangerProfile) -> String {
    let elements = profile.elements;
    let drives_are = match profile.device_id.form {
        DeviceIdForm::T10 => "vendor, product and serial number",
        DeviceIdForm::Serial => "serial number",
        DeviceIdForm::None => "nothing",
    };
    let unasked = if profile.device_id.unasked {
        ", also to those who do not ask"
    } else {
        ""
    };
    lines(&[
        ("profile", format!("{} (changer)", profile.name)),
        ("notes", profile.notes.clone()),
        (
            "tells",
            format!(
                "{} {} {}",
                profile.vendor, profile.product, profile.revision
            ),
        ),
        ("serial number", String::from(profile.serial.clone())),
        (
            "page 80h",
            String::from(profile.vpd.unit_serial_number.clone()),
        ),
        ("pages", pages(&profile.vpd.pages, &profile.vpd.extra)),
        (
            "first elements",
            format!(
                "picker {}, slot {}, import/export {}, drive {}",
                elements.picker, elements.storage, elements.import_export, elements.drives
            ),
        ),
        ("names drives by", format!("{drives_are}{unasked}")),
    ])
}

fn drive_text(profile: &DriveProfile) -> String {
    let media = |access: MediaAccess| {
        let media = profile.media.iter().filter(|it| it.access == access);
        let names: Vec<_> = media.map(|it| it.media.name.as_str()).collect();
        names.join(", ")
    };
    let capabilities = &profile.capabilities;
    let able = [
        (capabilities.worm, "WORM"),
        (capabilities.encryption, "encryption"),
        (capabilities.append_only, "append-only mode"),
        (
            capabilities.programmable_early_warning,
            "programmable early warning",
        ),
        (
            !capabilities.logical_block_protection.is_empty(),
            "logical block protection",
        ),
    ];
    let mut able: Vec<_> = able
        .into_iter()
        .filter(|(able, _)| *able)
        .map(|(_, what)| what.to_owned())
        .collect();
    able.push(count(usize::from(capabilities.partitions_max), "partition"));
    let blocks = match profile.block_length_default {
        0 => "variable".to_owned(),
        length => format!("fixed {length}"),
    };
    lines(&[
        (
            "profile",
            format!("{} (LTO-{} drive)", profile.name, profile.generation),
        ),
        ("notes", profile.notes.clone()),
        (
            "tells",
            format!(
                "{} {} {}",
                profile.vendor, profile.product, profile.revision
            ),
        ),
        ("serial number", String::from(profile.serial.clone())),
        ("pages", pages(&profile.vpd.pages, &profile.vpd.extra)),
        (
            "blocks",
            format!("{blocks}, up to {} bytes", profile.block_length_max),
        ),
        ("writes", media(MediaAccess::ReadWrite)),
        ("reads only", media(MediaAccess::ReadOnly)),
        ("can do", able.join(", ")),
    ])
}

fn pages(standard: &[u8], extra: &[tape_library::profile::ExtraPage]) -> String {
    let mut all: Vec<u8> = standard.to_vec();
    all.extend(extra.iter().map(|page| page.page));
    all.push(0);
    all.sort_unstable();
    let all: Vec<_> = all.iter().map(|page| format!("{page:02X}h")).collect();
    all.join(" ")
}

fn lines(rows: &[(&str, String)]) -> String {
    let rows = rows.iter().filter(|(_, value)| !value.is_empty());
    let rows: Vec<_> = rows
        .map(|(name, value)| format!("{name:16}{value}"))
        .collect();
    rows.join("\n")
}

fn check(global: &Global, files: &[PathBuf]) -> anyhow::Result<()> {
    let profiles = if files.is_empty() {
        profiles(global)?
    } else {
        Profiles::with_files(files).map_err(|errors| complaint(&errors))?
    };
    let own = rows(&profiles);
    let mut own = own.iter().filter(|row| row.file.is_some()).peekable();
    if own.peek().is_none() {
        return say("there are no profiles of your own");
    }
    for row in own {
        let file = row.file.as_deref().context("it has a file")?;
        say(format!("{file} is good: {} profile {}", row.kind, row.name))?;
    }
    Ok(())
}
