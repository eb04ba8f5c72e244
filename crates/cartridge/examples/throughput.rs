//! Measures one cartridge on a local file system: append and synchronize, then read back.
//!
//! `cargo run --release -p cartridge --example throughput -- <directory> [MiB per run [at-rest]]`
//!
//! With `at-rest` each figure comes twice, from runs that alternate: in clear, and encrypted at rest.

use std::error::Error;
use std::time::Instant;

use bytes::Bytes;
use cartridge::{
    Cartridge, Codec, Environment as _, KeyEncryptionKey, KeyRing, Label, LocalStore, Read,
    Settings, SystemEnvironment, Writing,
};

const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments
        .next()
        .ok_or("usage: throughput <directory> [MiB]")?;
    let total = arguments
        .next()
        .map_or(Ok(512), |mib| mib.parse::<usize>())?
        << 20;
    let compared: &[bool] = match arguments.next().as_deref() {
        None => &[false],
        Some("at-rest") => &[false, true],
        Some(other) => return Err(format!("{other}: not known").into()),
    };
    println!("{total} bytes per run, median of {ROUNDS}; MB/s");
    println!(
        "{:>8} {:>6} {:>9} {:>8} {:>8} {:>6}  keys",
        "codec", "data", "block", "append", "read", "ratio"
    );
    for codec in Codec::ALL {
        for (name, data) in [("noise", noise()), ("text", text())] {
            for block_kib in [64, 256, 1024] {
                let blocks = slices(&data, block_kib << 10);
                let mut runs = [Vec::new(), Vec::new()];
                for _ in 0..ROUNDS {
                    for at_rest in compared {
                        let made = run(&directory, codec, *at_rest, &blocks, total)?;
                        runs[usize::from(*at_rest)].push(made);
                    }
                }
                for (runs, keys) in runs.iter().zip(["none", "at rest"]) {
                    if runs.is_empty() {
                        continue;
                    }
                    let median = |pick: fn(&Run) -> f64| {
                        let mut values: Vec<f64> = runs.iter().map(pick).collect();
                        values.sort_by(f64::total_cmp);
                        values[ROUNDS / 2]
                    };
                    println!(
                        "{:>8} {name:>6} {block_kib:>5} KiB {:>8.0} {:>8.0} {:>6.2}  {keys}",
                        format!("{codec:?}"),
                        median(|run| run.append),
                        median(|run| run.read),
                        median(|run| run.ratio),
                    );
                }
            }
        }
    }
    Ok(())
}

struct Run {
    append: f64,
    read: f64,
    ratio: f64,
}

fn run(
    directory: &str,
    codec: Codec,
    at_rest: bool,
    blocks: &[Bytes],
    total: usize,
) -> Result<Run, Box<dyn Error>> {
    let uuid = SystemEnvironment.new_uuid();
    let path = std::path::Path::new(directory).join(uuid.to_string());
    let label = Label {
        uuid,
        barcode: "BENCH1L5".to_owned(),
        media: "LTO-5".to_owned(),
        density: 0x58,
        capacity_bytes: 1_500_000_000_000,
        created_unix_ms: 0,
        write_protected: false,
        form: cartridge::Form::Data,
        layout: None,
    };
    let settings = Settings {
        codec,
        writing: Writing::Behind,
        keys: if at_rest {
            KeyRing::new([KeyEncryptionKey::new(&[1; 32])])
        } else {
            KeyRing::default()
        },
        ..Settings::default()
    };
    Cartridge::create(Box::new(LocalStore::create(&path)?), &label)?;
    let (mut cartridge, _) = Cartridge::open(Box::new(LocalStore::new(&path)), settings)?;
    let start = Instant::now();
    let mut written = 0;
    for block in blocks.iter().cycle() {
        if written >= total {
            break;
        }
        cartridge.append_block(block.clone())?;
        written += block.len();
    }
    cartridge.append_filemarks(1)?;
    cartridge.synchronize()?;
    let append = rate(written, start);
    let usage = cartridge.usage();
    cartridge.rewind()?;
    let start = Instant::now();
    let mut read = 0;
    while let Read::Block(block) = cartridge.read_block()? {
        read += block.len();
    }
    assert_eq!(read, written);
    let read = rate(read, start);
    cartridge.unload()?;
    std::fs::remove_dir_all(&path)?;
    #[allow(clippy::cast_precision_loss)] // For people to read.
    let ratio = usage.host_bytes as f64 / usage.stored_bytes as f64;
    Ok(Run {
        append,
        read,
        ratio,
    })
}

#[allow(clippy::cast_precision_loss)] // For people to read.
fn rate(bytes: usize, start: Instant) -> f64 {
    bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
}

fn slices(data: &Bytes, length: usize) -> Vec<Bytes> {
    (0..data.len() / length)
        .map(|n| data.slice(n * length..(n + 1) * length))
        .collect()
}

fn noise() -> Bytes {
    let ids = std::iter::repeat_with(|| SystemEnvironment.new_uuid().into_bytes());
    ids.flatten().take(16 << 20).collect()
}

/// Sources of this machine's toolchain registry would differ from machine to machine; words drawn
/// with a skew compress about as text does.
fn text() -> Bytes {
    const WORDS: [&str; 24] = [
        "the ",
        "of ",
        "and ",
        "tape ",
        "cartridge ",
        "segment ",
        "block ",
        "filemark ",
        "drive ",
        "library ",
        "changer ",
        "initiator ",
        "target ",
        "sense ",
        "position ",
        "partition ",
        "recovery ",
        "checksum ",
        "durable ",
        "append ",
        "overwrite ",
        "\n",
        "0x",
        "== ",
    ];
    let draws = std::iter::repeat_with(|| SystemEnvironment.new_uuid().into_bytes()).flatten();
    let words = draws.map(|draw| {
        let draw = usize::from(draw);
        WORDS[(draw * draw / 256) % WORDS.len()].as_bytes()
    });
    words.flatten().copied().take(16 << 20).collect()
}
