//! The identity of a device: one record from which everything that names the device is made.
//!
//! Backup software matches drives to the bays of a library by comparing what the drive says in VPD
//! page 83h with the identifier that READ ELEMENT STATUS gives for its element. Both come from here,
//! so they cannot differ.
//!
//! # Names
//! The serial number has the gateway's short identifier (eight hexadecimal digits) and the device's
//! number in two decimal digits: 00 is the changer, 01 the first drive, the same number that stands
//! in its target's name. What stands around them the profile says. It never changes while the
//! gateway keeps its identifier.
//!
//! The NAA name is of format 5 with a company identifier that has the locally administered bit set
//! (IEEE 802c): it cannot be that of a real device. Format 3, "locally assigned", would say so more
//! plainly, but udev's `scsi_id` passes over it.

mod pages;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use scsi::spc::inquiry::Inquiry;
use scsi::spc::vpd::Designator;
use scsi::{Cdb, DeviceType, ElementAddress, Response, Sense};
use uuid::Uuid;

use self::pages::Pages;
use crate::nexus::ItNexus;
use crate::profile::{ChangerProfile, DeviceIdForm, DeviceIds, DriveProfile, Words};

/// The most drives of a library: a device's number has two digits.
pub const DRIVES_MAX: u16 = 99;

/// The company identifier in our NAA names; bit 1 of its first byte means "locally administered".
const COMPANY_ID: u64 = 0x02_ca_57;

/// What a device is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceIdentity {
    /// Tape drive or changer.
    pub device: DeviceType,
    /// T10 vendor identification, at most eight characters.
    pub vendor: String,
    /// Product identification, at most sixteen characters.
    pub product: String,
    /// Product revision level, at most four characters.
    pub revision: String,
    /// Unit serial number.
    pub serial: String,
    /// World wide name of the unit.
    pub naa: [u8; 8],
    /// A changer: READ ELEMENT STATUS names drives to initiators that did not ask for it, too.
    pub names_drives_unasked: bool,
    /// What INQUIRY tells.
    pages: Arc<Pages>,
}

impl DeviceIdentity {
    /// Returns the identity of the changer of gateway `gateway`.
    pub fn changer(profile: &ChangerProfile, gateway: Uuid) -> Self {
        let gateway_words = short_id(gateway).to_uppercase();
        let words = Words {
            vendor: &profile.vendor,
            product: &profile.product,
            revision: &profile.revision,
            serial: "",
            gateway: &gateway_words,
            number: 0,
            first_storage: Some(profile.elements.storage),
        };
        let serial = profile.serial.fill(words);
        let words = Words {
            serial: &serial,
            ..words
        };
        let naa = naa(gateway, 0);
        let device = DeviceType::MediaChanger;
        let pages = Pages::new(device, &profile.inquiry, &profile.vpd, words, naa);
        Self {
            device,
            vendor: profile.vendor.clone(),
            product: profile.product.clone(),
            revision: profile.revision.clone(),
            serial: serial.clone(),
            naa,
            names_drives_unasked: profile.device_id.unasked,
            pages: Arc::new(pages),
        }
    }

    /// Returns the identity of drive `number`, counted from 0, of gateway `gateway`.
    pub fn drive(profile: &DriveProfile, gateway: Uuid, number: u16) -> Self {
        let number = number.saturating_add(1);
        let gateway_words = short_id(gateway).to_uppercase();
        let words = Words {
            vendor: &profile.vendor,
            product: &profile.product,
            revision: &profile.revision,
            serial: "",
            gateway: &gateway_words,
            number,
            first_storage: None,
        };
        let serial = profile.serial.fill(words);
        let words = Words {
            serial: &serial,
            ..words
        };
        let naa = naa(gateway, number);
        let device = DeviceType::SequentialAccess;
        let mut pages = Pages::new(device, &profile.inquiry, &profile.vpd, words, naa);
        pages.add_capabilities(&profile.capabilities);
        Self {
            device,
            vendor: profile.vendor.clone(),
            product: profile.product.clone(),
            revision: profile.revision.clone(),
            serial: serial.clone(),
            naa,
            names_drives_unasked: false,
            pages: Arc::new(pages),
        }
    }

    /// Returns the identity of a drive that knows its place: in element `element` of the library whose
    /// changer is `changer`.
    #[must_use]
    pub fn in_bay(mut self, changer: &Self, element: ElementAddress) -> Self {
        let mut pages = Pages::clone(&self.pages);
        pages.add_bay(&changer.serial, element);
        self.pages = Arc::new(pages);
        self
    }

    /// Returns the T10 vendor identification designator: vendor, product, serial number. It stands
    /// in VPD page 83h and, for a drive, in READ ELEMENT STATUS (SMC-3, DVCID).
    pub fn t10_designator(&self) -> Designator {
        self.pages.t10()
    }

    /// Returns what names this drive in READ ELEMENT STATUS of a changer with these rules: an
    /// identification descriptor, `None` where drives are not named.
    pub fn device_id(&self, rules: DeviceIds) -> Option<Vec<u8>> {
        let length = usize::from(rules.length);
        let padded = |mut text: Vec<u8>| {
            text.resize(text.len().max(length), b' ');
            text
        };
        let designator = match rules.form {
            DeviceIdForm::T10 => match self.t10_designator() {
                Designator::Text { code_set, text } => Designator::Text {
                    code_set,
                    text: padded(text),
                },
                other => other,
            },
            DeviceIdForm::Serial => {
                Designator::VendorSpecific(padded(self.pages.unit_serial_number()))
            }
            DeviceIdForm::None => return None,
        };
        Some(designator.to_bytes())
    }

    /// Answers INQUIRY.
    pub fn inquiry(&self, nexus: &ItNexus, cdb: &Cdb) -> Response {
        let command = match Inquiry::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        let data = match command.page {
            None => self.pages.standard(),
            Some(page) => match self.pages.page(page, &nexus.target_port) {
                Some(data) => data,
                None => return Sense::invalid_field_in_cdb(2).into(),
            },
        };
        Response::allocated(data, usize::from(command.allocation_length))
    }
}

/// Returns the eight digits by which a gateway is known in serial numbers and target names.
pub fn short_id(gateway: Uuid) -> String {
    format!("{:08x}", gateway.as_fields().0)
}

/// NAA 5 (SPC-5 §7.8.6): 4 bits of format, 24 of company identifier, then 28 bits of the
/// gateway's identifier and 8 of the device's number.
fn naa(gateway: Uuid, device_number: u16) -> [u8; 8] {
    const FORMAT: u64 = 5;
    let (_, low) = gateway.as_u64_pair();
    let gateway = low & 0x0fff_ffff;
    let number = u64::from(device_number) & 0xff;
    (FORMAT << 60 | COMPANY_ID << 36 | gateway << 8 | number).to_be_bytes()
}
