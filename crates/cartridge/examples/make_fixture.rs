//! Makes the cartridges of `testdata/<version>` (see the README there).
//!
//! `cargo run -p cartridge --example make_fixture -- mixed|partitions|chain <new directory>`

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use cartridge::{
    Cartridge, Codec, Environment as _, Label, LocalStore, SeededEnvironment, Settings,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(kind), Some(directory)) = (arguments.next(), arguments.next()) else {
        return Err("usage: make_fixture mixed|partitions|chain <new directory>".into());
    };
    let store = || LocalStore::create(&directory).map(Box::new);
    let (seed, barcode) = match &*kind {
        "chain" => (5, "CAP005L5"),
        _ => (1, "CAP001L5"),
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
        form: cartridge::Form::Data,
        layout: None,
    };
    Cartridge::create(store()?, &label)?;
    let settings = Settings {
        segment_size_bytes: 24 << 10,
        frame_size_bytes: 4 << 10,
        reserve_step_bytes: 4 << 10,
        environment,
        ..Settings::default()
    };
    if kind == "partitions" {
        return partitions(&store, &settings);
    }
    if kind == "chain" {
        return chain(&store, &settings);
    }

    // Objects 0 to 27: each codec writes six blocks and a filemark; the segments roll.
    let (mut cartridge, _) = Cartridge::open(store()?, settings.clone())?;
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
    let (mut cartridge, _) = Cartridge::open(store()?, settings)?;
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
fn partitions(
    store: &impl Fn() -> std::io::Result<Box<LocalStore>>,
    settings: &Settings,
) -> Result<(), Box<dyn Error>> {
    let (mut cartridge, _) = Cartridge::open(store()?, settings.clone())?;
    cartridge.append_block(text(0, 1000))?;
    cartridge.format(&[1 << 20, 1 << 21, 1 << 22])?;
    cartridge.change_partition(2)?;
    cartridge.append_block(text(1, 1000))?;
    cartridge.format(&[37_500_000_000, 1_462_500_000_000])?;
    cartridge.append_block(text(2, 1000))?;
    cartridge.append_filemarks(1)?;
    cartridge.unload()?;
    let (mut cartridge, _) = Cartridge::open(store()?, settings.clone())?;
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
fn chain(
    store: &impl Fn() -> std::io::Result<Box<LocalStore>>,
    settings: &Settings,
) -> Result<(), Box<dyn Error>> {
    let (mut cartridge, _) = Cartridge::open(store()?, settings.clone())?;
    cartridge.set_codec(Codec::Stored);
    for block in 0..20 {
        cartridge.append_block(text(block, 2000))?;
    }
    cartridge.append_filemarks(1)?;
    cartridge.unload()?;
    let (mut cartridge, _) = Cartridge::open(store()?, settings.clone())?;
    cartridge.locate_block(15)?;
    cartridge.append_block(text(100, 3000))?;
    cartridge.append_filemarks(2)?;
    cartridge.unload()?;
    let (mut cartridge, _) = Cartridge::open(store()?, settings.clone())?;
    cartridge.space_end_of_data()?;
    cartridge.append_block(text(200, 4000))?;
    cartridge.synchronize()?;
    drop(cartridge);
    Ok(())
}

/// The block `number`; `tests/it/fixtures.rs` knows the same rule.
fn text(number: usize, length: usize) -> Bytes {
    let line = format!("This is block {number} of the fixture. ");
    line.bytes().cycle().take(length).collect()
}
