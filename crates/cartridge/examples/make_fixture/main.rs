//! Makes the cartridges of `testdata/<version>` (see the README there).
//!
//! `cargo run -p cartridge --example make_fixture -- KIND <new directory>`

mod blocks;
mod encryption;
mod memory;

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use cartridge::{
    Cartridge, Encryption, EncryptionKey, Environment as _, Form, KeyAssociatedData, Label,
    LocalStore, SeededEnvironment, Settings,
};

/// What a fixture is made with.
struct Fixture {
    directory: String,
    settings: Settings,
}

/// Writes a fixture.
type Make = fn(&Fixture) -> Result<(), Box<dyn Error>>;

/// Each fixture with its seed, its barcode, and who writes it.
const KINDS: [(&str, u64, &str, Make); 6] = [
    ("mixed", 1, "CAP001L5", blocks::mixed),
    ("partitions", 1, "CAP001L5", blocks::partitions),
    ("chain", 5, "CAP005L5", blocks::chain),
    ("encrypted", 2, "CAP002L5", encryption::by_host),
    ("at_rest", 4, "CAP004L5", encryption::at_rest),
    ("memory", 1, "CAP003L5", memory::counts),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_default();
    let found = KINDS.into_iter().find(|(name, ..)| *name == kind);
    let (Some((_, seed, barcode, make)), Some(directory)) = (found, arguments.next()) else {
        let names = KINDS.map(|(name, ..)| name).join("|");
        return Err(format!("usage: make_fixture {names} <new directory>").into());
    };
    let environment = Arc::new(SeededEnvironment::new(seed));
    let label = Label {
        uuid: environment.new_uuid(),
        barcode: barcode.to_owned(),
        media: "LTO-5".to_owned(),
        density: 0x58,
        capacity_bytes: 1_500_000_000_000,
        created_unix_ms: environment.now_unix_ms(),
        write_protected: false,
        form: Form::Data,
        layout: None,
    };
    let fixture = Fixture {
        directory,
        settings: Settings {
            segment_size_bytes: 24 << 10,
            frame_size_bytes: 4 << 10,
            reserve_step_bytes: 4 << 10,
            environment,
            ..Settings::default()
        },
    };
    Cartridge::create(Box::new(LocalStore::create(&fixture.directory)?), &label)?;
    make(&fixture)
}

impl Fixture {
    /// Loads the cartridge: a new session.
    fn load(&self) -> Result<Cartridge, Box<dyn Error>> {
        let store = Box::new(LocalStore::create(&self.directory)?);
        Ok(Cartridge::open(store, self.settings.clone())?.0)
    }
}

/// The block `number`; `tests/it/fixtures.rs` knows the same rule.
fn text(number: usize, length: usize) -> Bytes {
    let line = format!("This is block {number} of the fixture. ");
    line.bytes().cycle().take(length).collect()
}

/// The key of 32 equal bytes with its name beside it; `tests/it/fixtures.rs` knows the same rule.
fn key_of(byte: u8) -> Encryption {
    Encryption {
        key: EncryptionKey::new(&[byte; 32]),
        data: KeyAssociatedData {
            unauthenticated: format!("fixture key {byte}").into_bytes(),
            authenticated: vec![byte; 12],
            metadata: Vec::new(),
            format: 2,
        },
        forbid_raw_reading: byte == 2,
    }
}
