//! Blocks under keys of a host, and a cartridge under a key of its own.

use std::error::Error;

use cartridge::{Codec, KeyEncryptionKey, KeyRing, Settings};

use super::{Fixture, key_of, text};

/// For each codec blocks in clear and under two keys.
pub(super) fn by_host(fixture: &Fixture) -> Result<(), Box<dyn Error>> {
    // Objects 0 to 19: for each codec a block in clear, three under one key and one under another.
    let mut cartridge = fixture.load()?;
    for (number, codec) in Codec::ALL.into_iter().enumerate() {
        cartridge.set_codec(codec);
        cartridge.set_encryption(None)?;
        cartridge.append_block(text(100 * number, 400))?;
        cartridge.set_encryption(Some(key_of(1)))?;
        for block in 1..4 {
            cartridge.append_block(text(100 * number + block, 500 * block))?;
        }
        cartridge.set_encryption(Some(key_of(2)))?;
        cartridge.append_block(text(100 * number + 4, 3000))?;
    }
    cartridge.append_filemarks(1)?;
    cartridge.unload()?;
    Ok(())
}

/// Everything is sealed; the end was never unloaded.
pub(super) fn at_rest(fixture: &Fixture) -> Result<(), Box<dyn Error>> {
    let fixture = Fixture {
        directory: fixture.directory.clone(),
        settings: Settings {
            keys: KeyRing::new([KeyEncryptionKey::new(&[0x4b; 32])]),
            ..fixture.settings.clone()
        },
    };
    // Four times: a block, two filemarks, three blocks; for each codec, and in the last a block of a host.
    let mut cartridge = fixture.load()?;
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
    let mut cartridge = fixture.load()?;
    cartridge.space_end_of_data()?;
    cartridge.set_encryption(Some(key_of(1)))?;
    cartridge.append_block(text(400, 600))?;
    cartridge.append_filemarks(1)?;
    cartridge.synchronize()?;
    Ok(())
}
