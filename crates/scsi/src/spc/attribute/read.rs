//! READ ATTRIBUTE (SPC-5 §6.17).

use super::Attribute;
use super::definition::DEFINITIONS;
use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed READ ATTRIBUTE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAttribute {
    /// What is asked.
    pub service: Service,
    /// The partition.
    pub partition: u8,
    /// The first attribute wanted; smaller identifiers are left out.
    pub first: u16,
    /// The most bytes that the initiator takes.
    pub allocation_length: u32,
}

/// A service action (SPC-5 table 204).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Attributes and their values.
    Values,
    /// The identifiers of the attributes that have a value.
    List,
    /// The logical volumes: one.
    LogicalVolumes,
    /// The partitions.
    Partitions,
    /// The identifiers of the attributes that could have a value.
    Supported,
}

impl ReadAttribute {
    /// Parses the CDB. CACHE only permits an answer from a copy; ours is always the truth.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let service = match cdb.service_action() {
            0x00 => Service::Values,
            0x01 => Service::List,
            0x02 => Service::LogicalVolumes,
            0x03 => Service::Partitions,
            0x05 => Service::Supported,
            // 04h is for the changers of SMC-2.
            _ => return Err(Sense::invalid_field_in_cdb(1).at_bit(4)),
        };
        check_logical_volume(cdb)?;
        Ok(Self {
            service,
            partition: cdb.byte(7),
            first: cdb.u16(8),
            allocation_length: cdb.u32(10),
        })
    }

    /// Returns the attributes from the first one wanted on. `all` has those of the partition, in
    /// ascending order. "If the attribute specified in the FIRST ATTRIBUTE IDENTIFIER field is not
    /// available …, the command shall be terminated with … INVALID FIELD IN CDB".
    pub fn select<'a>(&self, all: &'a [Attribute]) -> Result<&'a [Attribute], Sense> {
        let at = all.iter().position(|attribute| attribute.id == self.first);
        match at {
            Some(at) => Ok(&all[at..]),
            None => Err(Sense::invalid_field_in_cdb(8)),
        }
    }
}

/// There is one logical volume, number 0.
pub(super) fn check_logical_volume(cdb: &Cdb) -> Result<(), Sense> {
    if cdb.byte(5) != 0 {
        return Err(Sense::invalid_field_in_cdb(5));
    }
    Ok(())
}

/// Returns the sense for a partition that the cartridge does not have.
pub const fn no_such_partition() -> Sense {
    Sense::invalid_field_in_cdb(7)
}

/// Returns the answer of [`Service::Values`]: how long the rest is, then the attributes.
pub fn values(attributes: &[Attribute]) -> Vec<u8> {
    let mut list = Vec::new();
    for attribute in attributes {
        attribute.put(&mut list);
    }
    with_length(list)
}

/// Returns the answer of [`Service::List`]: how long the rest is, then the identifiers.
pub fn list(attributes: &[Attribute]) -> Vec<u8> {
    let ids = attributes.iter().flat_map(|own| own.id.to_be_bytes());
    with_length(ids.collect())
}

/// Returns the answer of [`Service::Supported`] from identifier `first` on.
pub fn supported(first: u16) -> Vec<u8> {
    let ids = DEFINITIONS.iter().map(|definition| definition.id);
    let ids = ids.filter(|id| *id >= first);
    with_length(ids.flat_map(u16::to_be_bytes).collect())
}

/// Returns the answer of [`Service::LogicalVolumes`] and [`Service::Partitions`]: the number of the
/// first, which is 0, and how many there are.
pub const fn count(count: u8) -> [u8; 4] {
    [0, 2, 0, count]
}

fn with_length(rest: Vec<u8>) -> Vec<u8> {
    #[allow(clippy::cast_possible_truncation)] // a memory has some KiB
    let mut data = (rest.len() as u32).to_be_bytes().to_vec();
    data.extend(rest);
    data
}
