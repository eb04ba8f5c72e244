//! Blocks and filemarks in clear.

use std::error::Error;

use cartridge::Codec;

use super::{Fixture, text};

/// Every codec, an overwrite in the middle, an end that was never sealed.
pub(super) fn mixed(fixture: &Fixture) -> Result<(), Box<dyn Error>> {
    // Objects 0 to 27: each codec writes six blocks and a filemark; the segments roll.
    let mut cartridge = fixture.load()?;
    for (number, codec) in Codec::ALL.into_iter().enumerate() {
        cartridge.set_codec(codec);
        for block in 0..6 {
            cartridge.append_block(text(100 * number + block, 500 * (block + 1)))?;
        }
        cartridge.append_filemarks(1)?;
    }
    cartridge.append_block(text(900, 10_000))?;
    // An overwrite in the middle, inside a frame: objects 10 and on are new.
    cartridge.locate_block(10)?;
    cartridge.append_block(text(1000, 700))?;
    cartridge.append_filemarks(3)?;
    for block in 0..4 {
        // Blocks of one length share a frame without a table.
        cartridge.append_block(text(1001 + block, 1000))?;
    }
    cartridge.unload()?;

    // A second session that never unloads.
    let mut cartridge = fixture.load()?;
    cartridge.space_end_of_data()?;
    cartridge.append_block(text(2000, 12_345))?;
    cartridge.append_filemarks(1)?;
    cartridge.synchronize()?;
    cartridge.append_block(text(2001, 1))?;
    cartridge.synchronize()?;
    drop(cartridge);
    Ok(())
}

/// Formatted twice; two partitions, of which the second was never sealed.
pub(super) fn partitions(fixture: &Fixture) -> Result<(), Box<dyn Error>> {
    let mut cartridge = fixture.load()?;
    cartridge.append_block(text(0, 1000))?;
    cartridge.format(&[1 << 20, 1 << 21, 1 << 22])?;
    cartridge.change_partition(2)?;
    cartridge.append_block(text(1, 1000))?;
    cartridge.format(&[37_500_000_000, 1_462_500_000_000])?;
    cartridge.append_block(text(2, 1000))?;
    cartridge.append_filemarks(1)?;
    cartridge.unload()?;
    let mut cartridge = fixture.load()?;
    cartridge.change_partition(1)?;
    for block in 0..4 {
        cartridge.append_block(text(100 + block, 5000))?;
    }
    cartridge.synchronize()?;
    drop(cartridge);
    Ok(())
}

/// Two sessions that unload, of which the second cuts inside a frame, and one that does not: the chain file
/// knows of two, and each footer names the one before it.
pub(super) fn chain(fixture: &Fixture) -> Result<(), Box<dyn Error>> {
    let mut cartridge = fixture.load()?;
    cartridge.set_codec(Codec::Stored);
    for block in 0..20 {
        cartridge.append_block(text(block, 2000))?;
    }
    cartridge.append_filemarks(1)?;
    cartridge.unload()?;
    let mut cartridge = fixture.load()?;
    cartridge.locate_block(15)?;
    cartridge.append_block(text(100, 3000))?;
    cartridge.append_filemarks(2)?;
    cartridge.unload()?;
    let mut cartridge = fixture.load()?;
    cartridge.space_end_of_data()?;
    cartridge.append_block(text(200, 4000))?;
    cartridge.synchronize()?;
    drop(cartridge);
    Ok(())
}
