//! Makes the cartridge of `testdata/<version>/at_rest` (see the README there).
//!
//! `cargo run -p cartridge --example make_at_rest_fixture -- <new directory>`

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use cartridge::{
    Cartridge, Codec, Encryption, EncryptionKey, Environment as _, Form, KeyAssociatedData,
    KeyEncryptionKey, KeyRing, Label, LocalStore, SeededEnvironment, Settings,
};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args()
        .nth(1)
        .ok_or("usage: make_at_rest_fixture <new directory>")?;
    let store = || LocalStore::create(&directory).map(Box::new);
    let environment = Arc::new(SeededEnvironment::new(4));
    let label = Label {
        uuid: environment.new_uuid(),
        barcode: "CAP004L5".to_owned(),
        media: "LTO-5".to_owned(),
        density: 0x58,
        form: Form::Data,
        layout: None,
        capacity_bytes: 1_500_000_000_000,
        created_unix_ms: environment.now_unix_ms(),
        write_protected: false,
    };
    Cartridge::create(store()?, &label)?;
    let settings = Settings {
        segment_size_bytes: 24 << 10,
        frame_size_bytes: 4 << 10,
        reserve_step_bytes: 4 << 10,
        keys: KeyRing::new([KeyEncryptionKey::new(&[0x4b; 32])]),
        environment,
        ..Settings::default()
    };

    // Four times: a block, two filemarks, three blocks; for each codec, and in the last a block of a host.
    let (mut cartridge, _) = Cartridge::open(store()?, settings.clone())?;
    for (number, codec) in Codec::ALL.into_iter().enumerate() {
        cartridge.set_codec(codec);
        cartridge.append_block(text(100 * number, 400))?;
        cartridge.append_filemarks(2)?;
        for block in 1..4 {
            cartridge.append_block(text(100 * number + block, 2500 * block))?;
        }
    }
    cartridge.unload()?;
    // The end: a block under a key of the host's own, and no unload.
    let (mut cartridge, _) = Cartridge::open(store()?, settings)?;
    cartridge.space_end_of_data()?;
    cartridge.set_encryption(Some(encryption(1)))?;
    cartridge.append_block(text(400, 600))?;
    cartridge.append_filemarks(1)?;
    cartridge.synchronize()?;
    Ok(())
}

/// The key of 32 equal bytes with its name beside it; `tests/it/fixtures.rs` knows the same rule.
fn encryption(byte: u8) -> Encryption {
    Encryption {
        key: EncryptionKey::new(&[byte; 32]),
        data: KeyAssociatedData {
            unauthenticated: format!("fixture key {byte}").into_bytes(),
            authenticated: vec![byte; 12],
            metadata: Vec::new(),
            format: 2,
        },
        forbid_raw_reading: false,
    }
}

/// The block `number`; `tests/it/fixtures.rs` knows the same rule.
fn text(number: usize, length: usize) -> Bytes {
    let line = format!("This is block {number} of the fixture. ");
    line.bytes().cycle().take(length).collect()
}
