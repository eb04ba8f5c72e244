//! A blank cartridge with a memory.

use std::error::Error;

use cartridge::{Attribute, DriveName, Memory, Work};

use super::Fixture;

/// Counts, two drives, attributes of two partitions.
pub(super) fn counts(fixture: &Fixture) -> Result<(), Box<dyn Error>> {
    let mut cartridge = fixture.load()?;
    // `tests/it/fixtures.rs` knows the same.
    let mut memory = Memory {
        change_reference: 7,
        write_loads: 2,
        formats: 1,
        life: Work {
            written_bytes: 1 << 40,
            stored_bytes: 1 << 39,
            frames_written: 5,
            read_bytes: 4,
            fetched_bytes: 3,
            frames_read: 2,
            write_errors: 1,
            read_errors: 0,
        },
        ..Memory::default()
    };
    for serial in ["1", "2"] {
        memory.count_load(DriveName {
            vendor: "IBM".to_owned(),
            serial: serial.to_owned(),
        });
    }
    for (partition, id, format, value) in [(0, 0x0801, 1, &b"LTFS"[..]), (1, 0x080c, 0, &[0, 255])]
    {
        let value = value.to_vec();
        memory
            .attributes
            .set(partition, id, Attribute { format, value });
    }
    cartridge.set_memory(memory)?;
    cartridge.unload()?;
    Ok(())
}
