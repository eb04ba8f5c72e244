//! With a chain file: a lost last segment is missed and lost headers are made up for; without one, or with
//! a damaged one, everything else goes on. On a cartridge with everything that there is on one.

use std::fs;
use std::path::{Path, PathBuf};

use cartridge::{Cartridge, Codec, Error, LocalStore, Settings};
use tempfile::TempDir;

use super::{KEY, by_crate, by_tapecat, python, segments, tapecat};
use crate::model::{at_rest_settings, block, encryption, label, small_settings};

/// Two partitions, each with blocks of many lengths and of one length under every codec, in clear and
/// sealed, and runs of filemarks; many segments, of which some were cut off. Unloaded, so that the chain
/// file knows all of it.
fn write_everything(directory: &Path, settings: &Settings) {
    let open = || Box::new(LocalStore::create(directory).unwrap());
    Cartridge::create(open(), &label(8)).unwrap();
    let (mut cartridge, _) = Cartridge::open(open(), settings.clone()).unwrap();
    cartridge.format(&[1 << 39; 2]).unwrap();
    for partition in [0, 1] {
        cartridge.change_partition(partition).unwrap();
        for key in [None, Some(encryption(1))] {
            cartridge.set_encryption(key).unwrap();
            for (number, codec) in (1..).zip(Codec::ALL) {
                cartridge.set_codec(codec);
                for length in [1, 700, 700, 2000, 9000, 90, 90, 90, 90] {
                    let seed = cartridge.position().object;
                    cartridge.append_block(block(length, seed)).unwrap();
                }
                cartridge.append_filemarks(number * number).unwrap();
                cartridge.synchronize().unwrap();
            }
        }
    }
    cartridge.unload().unwrap();
    let (mut cartridge, _) = Cartridge::open(open(), settings.clone()).unwrap();
    for partition in [0, 1] {
        cartridge.change_partition(partition).unwrap();
        cartridge.space_end_of_data().unwrap();
        // Into the middle of a frame.
        let end = cartridge.position().object;
        cartridge.locate_block(end - 20).unwrap();
        for seed in 0..7 {
            cartridge.append_block(block(3000, seed)).unwrap();
        }
    }
    cartridge.unload().unwrap();
    assert!(directory.join("chain").exists());
    assert!(segments(directory).len() > 8);
}

/// Something that befell a copy of the cartridge.
struct Accident {
    name: String,
    /// A part of what has to be printed.
    says: &'static str,
    happen: Box<dyn Fn(&Path)>,
}

fn accident(name: &str, says: &'static str, happen: impl Fn(&Path) + 'static) -> Accident {
    Accident {
        name: name.to_owned(),
        says,
        happen: Box::new(happen),
    }
}

/// Writes `with` over the bytes of a file from `at` on.
fn overwrite(path: &Path, at: usize, with: &[u8]) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at..at + with.len()].copy_from_slice(with);
    fs::write(path, bytes).unwrap();
}

/// The segment `number` of those of `partition`, from the end with a negative number.
fn segment(directory: &Path, partition: u8, number: isize) -> PathBuf {
    let prefix = format!("{partition}-");
    let mut own = segments(directory);
    own.retain(|path| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(&prefix)
    });
    let count = own.len().cast_signed();
    own.swap_remove(((number + count) % count).cast_unsigned())
}

fn accidents() -> Vec<Accident> {
    let lost = |partition: u8, numbers: &'static [isize]| {
        let name = format!("segments {numbers:?} of partition {partition} lost");
        accident(
            &name,
            "is missing; the chain file knows of it",
            move |directory| {
                let paths: Vec<_> = numbers
                    .iter()
                    .map(|it| segment(directory, partition, *it))
                    .collect();
                for path in paths {
                    fs::remove_file(path).unwrap();
                }
            },
        )
    };
    let damaged = |at: usize| {
        let name = format!("chain damaged at {at}");
        accident(&name, "chain: its ", move |directory| {
            overwrite(&directory.join("chain"), at, b"\xa5\xa5");
        })
    };
    let mut all = vec![
        accident("nothing", "", |_| {}),
        lost(0, &[-1]),
        lost(1, &[-1, -2]),
        lost(0, &[0]),
        lost(0, &[1, 2, -1]),
        damaged(20),
        damaged(256 + 160 + 40),
        accident("no chain", "", |directory| {
            fs::remove_file(directory.join("chain")).unwrap();
        }),
        accident("chain of no length", "chain: its head", |directory| {
            fs::write(directory.join("chain"), "").unwrap();
        }),
        accident(
            "a chain of another cartridge",
            "is of another cartridge",
            |directory| {
                let other = crate::fixtures::copy_of("v1/chain");
                fs::copy(other.path().join("chain"), directory.join("chain")).unwrap();
            },
        ),
        accident("a header lost", "", |directory| {
            overwrite(&segment(directory, 0, 1), 0, &[0; 8192]);
        }),
        accident("the last header lost", "", |directory| {
            overwrite(&segment(directory, 1, -1), 0, &[0; 8192]);
        }),
        accident(
            "the end of the last segment lost",
            "not there",
            |directory| {
                let path = segment(directory, 0, -1);
                let bytes = fs::read(&path).unwrap();
                fs::write(path, &bytes[..8192 + 100]).unwrap();
            },
        ),
        accident(
            "a frame in the middle damaged",
            "checksum mismatch",
            |directory| {
                overwrite(&segment(directory, 1, 1), 8192 + 100, &[0xa5; 30]);
            },
        ),
    ];
    all.push(accident(
        "a lost segment without a chain",
        " is missing",
        |directory| {
            fs::remove_file(directory.join("chain")).unwrap();
            fs::remove_file(segment(directory, 0, 1)).unwrap();
        },
    ));
    all
}

#[test]
fn it_agrees_on_whatever_happens_to_chain_segments_and_headers() {
    let Some(python) = python() else { return };
    for (settings, at_rest) in [(small_settings(8), false), (at_rest_settings(8), true)] {
        let (_folder, whole) = everything(&settings);
        // Seals concern only what is lost.
        let all = accidents().into_iter();
        for accident in all.filter(|it| !at_rest || it.name.contains("lost")) {
            let folder = tempfile::tempdir().unwrap();
            for entry in fs::read_dir(&whole).unwrap() {
                let path = entry.unwrap().path();
                fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
            }
            (accident.happen)(folder.path());
            let (found, said) = by_tapecat(python, folder.path(), &[KEY]);
            assert!(said.contains(accident.says), "{}: {said}", accident.name);
            assert_eq!(
                said.is_empty(),
                accident.says.is_empty(),
                "{}: {said}",
                accident.name
            );
            match by_crate(folder.path(), &[KEY]) {
                Ok(expected) => assert_eq!(found, expected, "{}", accident.name),
                // What was sealed at rest a drive reads only behind a header that it can prove.
                Err(Error::SegmentHeaderDamaged { .. })
                    if accident.name.ends_with("header lost") =>
                {
                    assert!(found.damaged.is_empty());
                }
                Err(error) => panic!("{}: {error}", accident.name),
            }
        }
    }
}

fn everything(settings: &Settings) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cartridge");
    write_everything(&path, settings);
    (folder, path)
}

/// The same without keys: what is damaged is told, what is sealed is no damage.
#[test]
fn without_keys_it_verifies_all_that_has_a_checksum() {
    let Some(python) = python() else { return };
    for settings in [small_settings(8), at_rest_settings(8)] {
        let (_folder, path) = everything(&settings);
        let verify = || {
            let output = tapecat(python, &[path.to_str().unwrap(), "--verify"]);
            let texts = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
            (texts.concat(), output.status.code())
        };
        let (said, status) = verify();
        assert!(
            said.contains("blocks encrypted under keys that were not given"),
            "{said}"
        );
        assert_eq!(status, Some(0), "{said}");
        overwrite(&segment(&path, 0, 2), 8192 + 70, &[0x5a; 4]);
        let (said, status) = verify();
        assert!(said.contains("checksum mismatch"), "{said}");
        assert_eq!(status, Some(1));
    }
}
