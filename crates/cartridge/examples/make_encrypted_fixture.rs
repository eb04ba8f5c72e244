//! Makes the cartridge of `testdata/<version>/encrypted` (see the README there).
//!
//! `cargo run -p cartridge --example make_encrypted_fixture -- <new directory>`

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use cartridge::{
    Cartridge, Codec, Encryption, EncryptionKey, Environment as _, Form, KeyAssociatedData, Label,
    LocalStore, SeededEnvironment, Settings,
};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args()
        .nth(1)
        .ok_or("usage: make_encrypted_fixture <new directory>")?;
    let store = || LocalStore::create(&directory).map(Box::new);
    let environment = Arc::new(SeededEnvironment::new(2));
    let label = Label {
        uuid: environment.new_uuid(),
        barcode: "CAP002L5".to_owned(),
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
        environment,
        ..Settings::default()
    };

    // Objects 0 to 19: for each codec a block in clear, three under one key and one under another.
    let (mut cartridge, _) = Cartridge::open(store()?, settings)?;
    for (number, codec) in Codec::ALL.into_iter().enumerate() {
        cartridge.set_codec(codec);
        cartridge.set_encryption(None)?;
        cartridge.append_block(text(100 * number, 400))?;
        cartridge.set_encryption(Some(encryption(1)))?;
        for block in 1..4 {
            cartridge.append_block(text(100 * number + block, 500 * block))?;
        }
        cartridge.set_encryption(Some(encryption(2)))?;
        cartridge.append_block(text(100 * number + 4, 3000))?;
    }
    cartridge.append_filemarks(1)?;
    cartridge.unload()?;
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
        forbid_raw_reading: byte == 2,
    }
}

/// The block `number`; `tests/it/fixtures.rs` knows the same rule.
fn text(number: usize, length: usize) -> Bytes {
    let line = format!("This is block {number} of the fixture. ");
    line.bytes().cycle().take(length).collect()
}
