//! Measures how long it takes to load a cartridge of many segments, and how much memory: the case of a full
//! cartridge of 12 TB, with 48,000 segments of 256 MiB. The files are sparse and hold one small block each,
//! which makes no difference to loading: no frame is read.
//!
//! `cargo run --release -p cartridge --example load_many_segments -- DIRECTORY [SEGMENTS]`

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use cartridge::{Cartridge, CartridgeSpec, Codec, Form, LocalStore, Settings};
use uuid::Uuid;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("name a directory")?;
    let segments: u64 = arguments.next().map_or(Ok(48_000), |text| text.parse())?;
    let directory = Path::new(&directory);
    if !directory.join("label").exists() {
        make(directory, segments)?;
    }
    for chain_file in [true, true, true, false] {
        if !chain_file {
            fs::remove_file(directory.join("chain"))?;
        }
        let before = peak_kib()?;
        let begun = Instant::now();
        let store = LocalStore::new(directory);
        let (cartridge, report) = Cartridge::open(Box::new(store), Settings::default())?;
        let elapsed = begun.elapsed();
        assert_eq!(cartridge.end_of_data().object, segments);
        assert!(report.missing.is_empty() && report.damaged.is_empty() && !report.unsealed);
        println!(
            "{segments} segments, {}: {:.1} ms, peak of memory {} KiB more",
            if chain_file {
                "chain file"
            } else {
                "every header"
            },
            elapsed.as_secs_f64() * 1e3,
            peak_kib()? - before,
        );
        cartridge.unload()?;
    }
    Ok(())
}

/// Makes a cartridge with one block in each segment.
fn make(directory: &Path, segments: u64) -> Result<(), Box<dyn Error>> {
    let spec = CartridgeSpec {
        uuid: Uuid::new_v4(),
        barcode: "CAP001L8".to_owned(),
        media: "LTO-8".to_owned(),
        density: 0x5e,
        capacity_bytes: 12_000_000_000_000,
        created_unix_ms: 1_800_000_000_000,
        write_protected: false,
        form: Form::Data,
        layout: None,
    };
    Cartridge::create(Box::new(LocalStore::create(directory)?), &spec)?;
    let settings = Settings {
        segment_size_bytes: 16 << 10,
        reserve_step_bytes: 4096,
        codec: Codec::Stored,
        ..Settings::default()
    };
    let store = LocalStore::new(directory);
    let (mut cartridge, _) = Cartridge::open(Box::new(store), settings)?;
    let block = Bytes::from_static(&[0xaa; 6000]);
    for _ in 0..segments {
        cartridge.append_block(block.clone())?;
    }
    cartridge.unload()?;
    Ok(())
}

/// Returns the most memory that this process has had so far.
fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no VmHWM")?.parse()?)
}
