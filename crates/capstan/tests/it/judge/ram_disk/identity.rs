//! INQUIRY (SPC-4 §6.6, SBC-3).

use scsi::spc::inquiry::{Inquiry, StandardData, StandardFlags};
use scsi::spc::vpd::{DEVICE_IDENTIFICATION, Designator, SUPPORTED_PAGES, UNIT_SERIAL_NUMBER};
use scsi::{Cdb, DeviceType, Response, Sense};
use tape_library::nexus::ItNexus;

use super::RamDisk;
use super::write::COMPARE_AND_WRITE_BLOCKS_MAX;

/// Block limits (SBC-3).
const BLOCK_LIMITS: u8 = 0xb0;
/// Block device characteristics (SBC-3).
const BLOCK_DEVICE_CHARACTERISTICS: u8 = 0xb1;
/// PERIPHERAL DEVICE TYPE.
const DIRECT_ACCESS: u8 = 0x00;

/// SPC-4, the version that `VERSION` claims.
const SPC_4: u8 = 0x06;
/// SAM-5, SPC-4, SBC-3, iSCSI: no version of each.
const VERSION_DESCRIPTORS: [u16; 4] = [0x00a0, 0x0460, 0x04c0, 0x0960];

impl RamDisk {
    pub(super) fn inquiry(&self, nexus: &ItNexus, cdb: &Cdb) -> Result<Response, Sense> {
        let command = Inquiry::parse(cdb)?;
        let data = match command.page {
            None => standard_data(),
            Some(page) => {
                let body = self
                    .page(page, nexus)
                    .ok_or(Sense::invalid_field_in_cdb(2))?;
                let length = u8::try_from(body.len()).unwrap();
                [&[DIRECT_ACCESS, page, 0, length], body.as_slice()].concat()
            }
        };
        Ok(Response::allocated(
            data,
            usize::from(command.allocation_length),
        ))
    }

    fn page(&self, code: u8, nexus: &ItNexus) -> Option<Vec<u8>> {
        // SBC-3 fixes the length of its pages; a value of zero means "not told".
        const SBC_PAGE_LENGTH: usize = 0x3c;
        Some(match code {
            SUPPORTED_PAGES => vec![
                SUPPORTED_PAGES,
                UNIT_SERIAL_NUMBER,
                DEVICE_IDENTIFICATION,
                BLOCK_LIMITS,
                BLOCK_DEVICE_CHARACTERISTICS,
            ],
            UNIT_SERIAL_NUMBER => self.serial().into_bytes(),
            DEVICE_IDENTIFICATION => self.designators(nexus),
            BLOCK_LIMITS => {
                let mut body = vec![0; SBC_PAGE_LENGTH];
                body[1] = COMPARE_AND_WRITE_BLOCKS_MAX;
                body
            }
            BLOCK_DEVICE_CHARACTERISTICS => {
                let mut body = vec![0; SBC_PAGE_LENGTH];
                body[1] = 0x01; // MEDIUM ROTATION RATE: it does not rotate
                body
            }
            _ => return None,
        })
    }

    fn serial(&self) -> String {
        format!("RAMDISK{:03}", self.number)
    }

    fn designators(&self, nexus: &ItNexus) -> Vec<u8> {
        // NAA 3, locally assigned.
        let naa = [0x30, 0, 0, 0, 0, 0, 0, self.number];
        [
            Designator::T10VendorId {
                vendor: VENDOR.to_owned(),
                specific: self.serial(),
            },
            Designator::Naa(naa),
            Designator::RelativeTargetPort(nexus.target_port.relative),
            Designator::TargetPortName(nexus.target_port.name.to_string()),
        ]
        .iter()
        .flat_map(Designator::to_bytes)
        .collect()
    }
}

const VENDOR: &str = "CAPSTAN";

fn standard_data() -> Vec<u8> {
    let mut data = StandardData {
        device: DeviceType::SequentialAccess, // the crate knows no disks
        version: SPC_4,
        vendor: VENDOR,
        product: "RAM DISK",
        revision: "TEST",
        flags: StandardFlags::default(),
        length: StandardData::LENGTH,
        version_descriptors: &VERSION_DESCRIPTORS,
    }
    .to_bytes();
    data[0] = DIRECT_ACCESS;
    data
}
