//! Makes the cartridge of `testdata/<version>/memory` (see the README there).
//!
//! `cargo run -p cartridge --example make_memory_fixture -- <new directory>`

use std::error::Error;
use std::sync::Arc;

use cartridge::{
    Attribute, Cartridge, DriveName, Environment as _, Form, Label, LocalStore, Memory,
    SeededEnvironment, Settings, Work,
};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args()
        .nth(1)
        .ok_or("usage: make_memory_fixture <new directory>")?;
    let store = || LocalStore::create(&directory).map(Box::new);
    let environment = Arc::new(SeededEnvironment::new(1));
    let label = Label {
        uuid: environment.new_uuid(),
        barcode: "CAP003L5".to_owned(),
        media: "LTO-5".to_owned(),
        density: 0x58,
        capacity_bytes: 1_500_000_000_000,
        created_unix_ms: environment.now_unix_ms(),
        write_protected: false,
        form: Form::Data,
        layout: None,
    };
    Cartridge::create(store()?, &label)?;
    let settings = Settings {
        environment,
        ..Settings::default()
    };
    let (mut cartridge, _) = Cartridge::open(store()?, settings)?;
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
