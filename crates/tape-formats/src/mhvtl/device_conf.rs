//! `device.conf`: the libraries and drives of an mhvtl.
//!
//! Records are separated by blank lines. The first line of a record says what it is, the others, which
//! begin with a space, say more. `#` begins a comment. Of versions 2 to 5 the lines that a migration
//! needs are the same; unknown ones are passed over, as mhvtl does.
//!
//! ```text
//! VERSION: 5
//!
//! Library: 10 CHANNEL: 00 TARGET: 00 LUN: 00
//!  Vendor identification: STK
//!  Home directory: /opt/mhvtl
//!
//! Drive: 11 CHANNEL: 00 TARGET: 01 LUN: 00
//!  Library ID: 10 Slot: 01
//!  Product identification: ULT3580-TD5
//! ```

use crate::Error;

/// Everything in the file that a migration needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceConf {
    /// The version; 0 when the file does not say.
    pub version: u32,
    /// The libraries, in the order of the file.
    pub libraries: Vec<Library>,
    /// The drives, in the order of the file.
    pub drives: Vec<Drive>,
}

/// A library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Library {
    /// Its number.
    pub id: u32,
    /// What it says that it is.
    pub vendor: String,
    /// What it says that it is.
    pub product: String,
    /// What it says that it is.
    pub revision: String,
    /// Its serial number.
    pub serial: String,
    /// Where its cartridges are; none for the place that all have.
    pub home: Option<String>,
    /// Whether it writes `library_contents.N.persist` when it ends.
    pub persist: bool,
}

/// A drive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drive {
    /// Its number.
    pub id: u32,
    /// The library that it is in, and in which bay, counted from 1; none for one that stands alone.
    pub bay: Option<(u32, u32)>,
    /// What it says that it is.
    pub vendor: String,
    /// What it says that it is.
    pub product: String,
    /// What it says that it is.
    pub revision: String,
    /// Its serial number.
    pub serial: String,
}

/// What a line with a space before it is about.
enum Record<'a> {
    None,
    Library(&'a mut Library),
    Drive(&'a mut Drive),
}

impl DeviceConf {
    /// Reads the text of the file. The error names the line.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut conf = Self::default();
        let mut is_in_library = None;
        for (number, line) in text.lines().enumerate() {
            let refused = |reason: String| Error::Text {
                line: number + 1,
                reason,
            };
            let content = line.split('#').next().unwrap_or("").trim_end();
            if line.trim().is_empty() {
                is_in_library = None; // a blank line ends a record
            }
            let Some((key, value)) = content.split_once(':') else {
                continue; // mhvtl passes over what it does not know, too
            };
            let value = value.trim();
            let is_new = !key.starts_with([' ', '\t']);
            match (is_new, key.trim()) {
                (true, "VERSION") => {
                    conf.version = leading_number(value).map_err(refused)?;
                }
                (true, "Library") => {
                    let id = leading_number(value).map_err(refused)?;
                    conf.check_id(id).map_err(refused)?;
                    conf.libraries.push(Library {
                        id,
                        ..Library::default()
                    });
                    is_in_library = Some(true);
                }
                (true, "Drive") => {
                    let id = leading_number(value).map_err(refused)?;
                    conf.check_id(id).map_err(refused)?;
                    conf.drives.push(Drive {
                        id,
                        ..Drive::default()
                    });
                    is_in_library = Some(false);
                }
                (true, _) => {}
                (false, key) => {
                    let record = match is_in_library {
                        Some(true) => conf.libraries.last_mut().map(Record::Library),
                        Some(false) => conf.drives.last_mut().map(Record::Drive),
                        None => None,
                    };
                    set(record.unwrap_or(Record::None), key, value).map_err(refused)?;
                }
            }
        }
        Ok(conf)
    }

    /// Returns the drives of a library in the order of their bays.
    pub fn drives_of(&self, library: u32) -> Vec<&Drive> {
        let mut drives: Vec<_> = self
            .drives
            .iter()
            .filter(|drive| drive.bay.is_some_and(|(of, _)| of == library))
            .collect();
        drives.sort_by_key(|drive| drive.bay);
        drives
    }

    fn check_id(&self, id: u32) -> Result<(), String> {
        let mut ids = self.libraries.iter().map(|it| it.id);
        let mut drives = self.drives.iter().map(|it| it.id);
        if ids.any(|other| other == id) || drives.any(|other| other == id) {
            return Err(format!("the number {id} is used twice"));
        }
        if self.libraries.len() + self.drives.len() >= DEVICES_MAX {
            return Err(format!("more than {DEVICES_MAX} devices"));
        }
        Ok(())
    }
}

/// What mhvtl's kernel module has numbers for.
const DEVICES_MAX: usize = 1024;

fn set(record: Record<'_>, key: &str, value: &str) -> Result<(), String> {
    let text = value.to_owned();
    match (record, key) {
        (Record::Library(it), "Vendor identification") => it.vendor = text,
        (Record::Library(it), "Product identification") => it.product = text,
        (Record::Library(it), "Product revision level") => it.revision = text,
        (Record::Library(it), "Unit serial number") => it.serial = text,
        (Record::Library(it), "Home directory") => it.home = Some(text),
        (Record::Library(it), "PERSIST") => it.persist = text.eq_ignore_ascii_case("true"),
        (Record::Drive(it), "Vendor identification") => it.vendor = text,
        (Record::Drive(it), "Product identification") => it.product = text,
        (Record::Drive(it), "Product revision level") => it.revision = text,
        (Record::Drive(it), "Unit serial number") => it.serial = text,
        (Record::Drive(it), "Library ID") => {
            // ` Library ID: 10 Slot: 01`
            let library = leading_number(value)?;
            let slot = value
                .split_once(':')
                .filter(|(before, _)| before.ends_with("Slot"));
            let (_, slot) = slot.ok_or("a drive in a library without `Slot: N`")?;
            let slot = leading_number(slot.trim())?;
            if slot == 0 {
                return Err("slots of drives count from 1".to_owned());
            }
            it.bay = Some((library, slot));
        }
        _ => {}
    }
    Ok(())
}

/// Returns the number that a text begins with, as `scanf` would.
fn leading_number(text: &str) -> Result<u32, String> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse()
        .map_err(|_| format!("a number is expected instead of {text:?}"))
}
