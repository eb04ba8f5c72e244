//! READ ATTRIBUTE, WRITE ATTRIBUTE and READ MEDIA SERIAL NUMBER (SPC-5 §6.17, §6.48, SSC-5).
//!
//! # Guarantees
//! When WRITE ATTRIBUTE answers GOOD, all attributes of its list are on stable storage; otherwise none
//! has changed. Host attributes stay with the cartridge in whatever drive or gateway.
//!
//! - [`of_the_drive`]: attributes that nobody writes: they are counted, or follow from the label and
//!   the medium.

mod date;
mod of_the_drive;

use cartridge::Memory;
use scsi::spc::attribute::read::{self, Service};
use scsi::spc::attribute::write::space;
use scsi::spc::attribute::{
    Attribute, Definition, Format, ReadAttribute, Scope, WriteAttribute, Written, definition,
};
use scsi::ssc::log_pages::TapeAlert;
use scsi::ssc::read_media_serial_number::{allocation_length, serial_number_data};
use scsi::{AdditionalSense, Cdb, Command, Response, Sense, SenseKey};

pub(super) use of_the_drive::{MADE_BY, serial_number};

use super::Machine;
use super::mounted::Mounted;

impl Machine {
    /// READ ATTRIBUTE.
    pub(super) fn read_attribute(&mut self, cdb: &Cdb) -> Result<Response, Sense> {
        let command = ReadAttribute::parse(cdb)?;
        let partitions = self.loaded()?.cartridge.partitions();
        if command.partition >= partitions {
            return Err(read::no_such_partition());
        }
        let data = match command.service {
            Service::Values => {
                let all = self.attributes(command.partition)?;
                read::values(command.select(&all)?)
            }
            Service::List => {
                let all = self.attributes(command.partition)?;
                read::list(command.select(&all)?)
            }
            Service::LogicalVolumes => read::count(1).to_vec(),
            Service::Partitions => read::count(partitions).to_vec(),
            Service::Supported => read::supported(command.first),
        };
        let length = command.allocation_length as usize;
        Ok(Response::allocated(data, length))
    }

    /// Returns the attributes of a partition that have a value, in ascending order.
    fn attributes(&mut self, partition: u8) -> Result<Vec<Attribute>, Sense> {
        let capacity = self.memory_capacity();
        let mut all = self.attributes_of_the_drive(partition)?;
        let mounted = self.loaded()?;
        let memory = mounted.memory();
        let left = capacity.saturating_sub(RESERVED_BYTES + used(&memory));
        all.push(Attribute::number(
            definition::MEMORY_SPACE_REMAINING,
            left,
            8,
        ));
        all.push(Attribute::number(definition::MEMORY_CAPACITY, capacity, 8));
        all.extend(host_attributes(mounted, &memory, partition));
        all.sort_by_key(|attribute| attribute.id);
        Ok(all)
    }

    /// WRITE ATTRIBUTE.
    pub(super) fn write_attribute(&mut self, command: &Command) -> Response {
        let write = match WriteAttribute::parse(&command.cdb) {
            Ok(write) => write,
            Err(sense) => return sense.into(),
        };
        let response = match self.write_attributes(write, &command.data_out) {
            Ok(()) => Response::good(),
            Err(sense) => sense.into(),
        };
        response.with_data_out_length(write.parameter_list_length)
    }

    fn write_attributes(&mut self, write: WriteAttribute, data: &[u8]) -> Result<(), Sense> {
        if write.partition >= self.loaded()?.cartridge.partitions() {
            return Err(read::no_such_partition());
        }
        let list = write.parse_list(data)?;
        if list.is_empty() {
            return Ok(());
        }
        let room = self.memory_capacity().saturating_sub(RESERVED_BYTES);
        let mounted = self.loaded()?;
        if mounted.write_protected {
            // The tab protects the memory too. Nobody is alarmed: no data were to be written.
            let protected = AdditionalSense::WRITE_PROTECTED;
            return Err(Sense::new(SenseKey::DataProtect, protected));
        }
        let mut memory = mounted.memory();
        for written in list {
            apply(&mut memory, write.partition, written);
        }
        if used(&memory) > room {
            let full = AdditionalSense::AUXILIARY_MEMORY_OUT_OF_SPACE;
            return Err(Sense::illegal_request(full));
        }
        let Err(error) = mounted.set_memory(memory) else {
            return Ok(());
        };
        let barcode = &mounted.cartridge.label().barcode;
        tracing::warn!(cartridge = barcode, %error, "attributes could not be written");
        self.alerts.raise(TapeAlert::MemoryChipInCartridgeFailure);
        let failed = AdditionalSense::AUXILIARY_MEMORY_WRITE_ERROR;
        Err(Sense::new(SenseKey::MediumError, failed))
    }

    /// READ MEDIA SERIAL NUMBER: as in attribute 0401h.
    pub(super) fn read_media_serial_number(&mut self, cdb: &Cdb) -> Result<Response, Sense> {
        let serial = serial_number(self.loaded()?.cartridge.label());
        let data = serial_number_data(&serial);
        Ok(Response::allocated(data, allocation_length(cdb)))
    }

    /// How large the memory of such a cartridge is: 4 KiB up to LTO-4, 8 KiB up to LTO-8, then 16 KiB.
    fn memory_capacity(&self) -> u64 {
        let generation = self.medium_loaded().map_or(0, |own| own.media.generation);
        match generation {
            0..=4 => 4 << 10,
            5..=8 => 8 << 10,
            _ => 16 << 10,
        }
    }
}

/// Of the memory, this much is for what the drive and the manufacturer keep there.
const RESERVED_BYTES: u64 = 1 << 10;

/// Returns how much the applications' attributes take.
fn used(memory: &Memory) -> u64 {
    let attributes = memory.attributes.iter();
    attributes.map(|(_, _, own)| space(own.value.len())).sum()
}

fn apply(memory: &mut Memory, partition: u8, written: Written) {
    let home = written.home(partition);
    let id = written.definition.id;
    match written.value {
        None => memory.attributes.remove(home, id),
        Some(value) => {
            let format = written.format as u8;
            let attribute = cartridge::Attribute { format, value };
            memory.attributes.set(home, id, attribute);
        }
    }
}

/// Returns what applications have written that a partition shows. As long as none has written the
/// barcode it is the one on the label.
fn host_attributes(mounted: &Mounted, memory: &Memory, partition: u8) -> Vec<Attribute> {
    let mut found = Vec::new();
    if memory.attributes.find(0, definition::BARCODE).is_none() {
        let barcode = &mounted.cartridge.label().barcode;
        found.push(Attribute::text(definition::BARCODE, barcode, 32));
    }
    for (home, id, own) in memory.attributes.iter() {
        let attribute = Attribute {
            id,
            read_only: false,
            format: Format::of(own.format).unwrap_or(Format::Binary),
            value: own.value.clone(),
        };
        let scope = Definition::find(id).map(|definition| definition.scope);
        let shown = match scope {
            Some(Scope::Volume) => home == 0,
            Some(Scope::Partition) => home == partition,
            // A later version has written it. It is kept, but not shown.
            None => false,
        };
        if shown {
            found.push(attribute);
        }
    }
    found
}
