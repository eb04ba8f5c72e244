//! Attributes that no application writes (SPC-5 §7.4.2.2, §7.4.2.3).

use cartridge::{Label, Memory};
use scsi::Sense;
use scsi::spc::attribute::Attribute;
use scsi::spc::attribute::definition::{
    ASSIGNING_ORGANIZATION, DEVICE_AT_LAST_LOAD, FORMATTED_DENSITY, INITIALIZATION_COUNT,
    LOAD_COUNT, MANUFACTURE_DATE, MANUFACTURER, MAXIMUM_CAPACITY, MEDIUM_DENSITY, MEDIUM_LENGTH,
    MEDIUM_ORGANIZATION, MEDIUM_TYPE, MEDIUM_TYPE_INFORMATION, MEDIUM_WIDTH, READ_IN_LIFE,
    READ_IN_LOAD, REMAINING_CAPACITY, SERIAL_NUMBER, TAPE_ALERT_FLAGS, VOLUME_CHANGE_REFERENCE,
    VOLUME_IDENTIFIER, WRITTEN_IN_LIFE, WRITTEN_IN_LOAD,
};

use super::date::date;
use crate::drive::Machine;
use crate::profile::Form;

impl Machine {
    /// Returns the attributes of the device and of the medium, but for those about the memory itself.
    pub(super) fn attributes_of_the_drive(
        &mut self,
        partition: u8,
    ) -> Result<Vec<Attribute>, Sense> {
        let alerts = self.alerts.raised().to_bytes();
        let media = self.medium_loaded().map(|own| own.media.clone());
        let memory = self.loaded()?.memory();
        let cartridge = &self.loaded()?.cartridge;
        let label = cartridge.label();
        let usage = cartridge.usage_of(partition);
        let capacity = usage.map_or(0, |usage| usage.capacity_bytes);
        let used = usage.map_or(0, |usage| usage.stored_bytes);
        let organization = media.as_ref().map_or("", |media| &*media.organization);
        let (generation, width) = media
            .as_ref()
            .map_or((0, 0), |media| (media.generation, media.width_tenth_mm));
        let mut all = vec![
            Attribute::number(
                REMAINING_CAPACITY,
                mebibytes(capacity.saturating_sub(used)),
                8,
            ),
            Attribute::number(MAXIMUM_CAPACITY, mebibytes(capacity), 8),
            Attribute::bytes(TAPE_ALERT_FLAGS, alerts),
            Attribute::number(LOAD_COUNT, memory.loads, 8),
            Attribute::text(ASSIGNING_ORGANIZATION, organization, 8),
            Attribute::number(FORMATTED_DENSITY, label.density.into(), 1),
            Attribute::number(INITIALIZATION_COUNT, memory.formats.min(0xffff), 2),
            Attribute::text(VOLUME_IDENTIFIER, &label.barcode, 32),
            Attribute::number(VOLUME_CHANGE_REFERENCE, memory.change_reference.into(), 4),
            Attribute::text(MANUFACTURER, MADE_BY, 8),
            Attribute::text(SERIAL_NUMBER, &serial_number(label), 32),
            Attribute::number(MEDIUM_LENGTH, length_m(generation), 4),
            Attribute::number(MEDIUM_WIDTH, width.into(), 4),
            Attribute::text(MEDIUM_ORGANIZATION, organization, 8),
            Attribute::number(MEDIUM_DENSITY, label.density.into(), 1),
            Attribute::text(MANUFACTURE_DATE, &date(label.created_unix_ms), 8),
            Attribute::number(MEDIUM_TYPE, medium_type(label.form), 1),
            Attribute::number(MEDIUM_TYPE_INFORMATION, 0, 2),
        ];
        all.extend(of_the_life(&memory));
        Ok(all)
    }
}

/// What was counted over the cartridge's life.
fn of_the_life(memory: &Memory) -> Vec<Attribute> {
    let drives = (DEVICE_AT_LAST_LOAD..).zip(&memory.drives);
    let mut all: Vec<_> = drives
        .map(|(id, drive)| {
            let text = format!("{:<8.8}{}", drive.vendor, drive.serial);
            Attribute::text(id, &text, 40)
        })
        .collect();
    let sums = [
        (WRITTEN_IN_LIFE, memory.life.written_bytes),
        (READ_IN_LIFE, memory.life.read_bytes),
        (WRITTEN_IN_LOAD, memory.last_load.written_bytes),
        (READ_IN_LOAD, memory.last_load.read_bytes),
    ];
    all.extend(sums.map(|(id, bytes)| Attribute::number(id, mebibytes(bytes), 8)));
    all
}

/// Returns the serial number of a cartridge: the 32 hexadecimal digits of its uuid.
pub(in crate::drive) fn serial_number(label: &Label) -> String {
    label.uuid.simple().to_string().to_uppercase()
}

/// Who makes our cartridges.
pub(in crate::drive) const MADE_BY: &str = "CAPSTAN";

/// How long the tape of a real cartridge is, in metres. Ours has none.
const fn length_m(generation: u8) -> u64 {
    match generation {
        0 => 0,
        1 | 2 => 609,
        3 => 680,
        4 => 820,
        5 | 6 => 846,
        7 | 8 => 960,
        _ => 1035,
    }
}

/// MEDIUM TYPE (SPC-5 table 310).
const fn medium_type(form: Form) -> u64 {
    match form {
        Form::Data => 0x00,
        Form::Cleaning => 0x01,
        Form::Worm => 0x80,
    }
}

const fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}
