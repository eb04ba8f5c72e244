//! Round trips: what is on a cartridge comes back the same through every format that is written.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bytes::Bytes;
use cartridge::{Cartridge, Codec, KeyEncryptionKey, KeyRing, LocalStore, Read, Settings};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tape_formats::{Item, TapeReader, simh};
use tape_library::profile::Media;
use tape_library::room::{Marks, Room};
use tape_library::{IncomingSpec, Library, NewLibrary, OfflineLibrary, Preset};
use tempfile::TempDir;

use super::brake::Brake;
use super::export::{ExportFormat, ExportOptions, export};
use super::import::{ImportContext, ImportOptions, Importer, Tape};
use super::journal::Journal;
use super::mhvtl::open_tape;
use super::report::Outcome;
use super::source::{self, MhvtlTape, PartitionSource};

/// One object of a tape: a block, or a filemark.
type Object = Option<Vec<u8>>;

/// A library without cartridges, and a directory for what goes out.
struct Bench {
    data: Rc<TempDir>,
    out: Rc<TempDir>,
    settings: Settings,
}

impl Bench {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut new = NewLibrary::of_preset(Preset::TapeGateway); // thousands of slots
        new.cartridges.count = 0;
        Library::create(data.path(), new).unwrap();
        let out = tempfile::tempdir().unwrap();
        Self {
            data: Rc::new(data),
            out: Rc::new(out),
            settings: Settings::default(),
        }
    }

    /// Returns the same library for cartridges that are written in another way.
    fn with(&self, settings: Settings) -> Self {
        Self {
            data: Rc::clone(&self.data),
            out: Rc::clone(&self.out),
            settings,
        }
    }

    /// Puts a cartridge with `objects` into the library, past all formats.
    fn write(&self, barcode: &str, objects: &[Object]) {
        let mut library = OfflineLibrary::open(self.data.path()).unwrap();
        let spec = IncomingSpec {
            barcode: barcode.to_owned(),
            media: media(),
            capacity_bytes: 1 << 40,
            element: None,
        };
        let incoming = library.begin(spec, &*self.settings.environment).unwrap();
        let store = Box::new(incoming.store());
        let (mut tape, _) = Cartridge::open(store, self.settings.clone()).unwrap();
        for object in objects {
            match object {
                Some(block) => tape.append_block(Bytes::copy_from_slice(block)),
                None => tape.append_filemarks(1),
            }
            .unwrap();
        }
        tape.unload().unwrap();
        library.take_in(incoming, false).unwrap();
        library.close().unwrap();
    }

    /// Returns what is on a cartridge, past all formats.
    fn read(&self, barcode: &str) -> Vec<Object> {
        let library = OfflineLibrary::open(self.data.path()).unwrap();
        let record = library.cartridge(barcode).unwrap();
        let store = Box::new(LocalStore::new(library.directory(record.uuid)));
        let (mut tape, _) = Cartridge::open(store, self.settings.clone()).unwrap();
        let mut objects = Vec::new();
        loop {
            match tape.read_block().unwrap() {
                Read::Block(block) => objects.push(Some(block.to_vec())),
                Read::Filemark => objects.push(None),
                Read::EndOfData => return objects,
            }
        }
    }

    fn import(&self, barcode: &str, path: &Path, open: impl FnOnce() -> anyhow::Result<Tape>) {
        let data = self.data.path();
        let context = ImportContext {
            settings: self.settings.clone(),
            room: Room::of_directory(data, Marks::default()),
            brake: Brake::default(),
            options: ImportOptions {
                decrypt: true,
                ..ImportOptions::default()
            },
        };
        let library = OfflineLibrary::open(data).unwrap();
        let mut importer = Importer::new(library, Journal::open(data).unwrap(), context);
        let report = importer.import(barcode, path.to_owned(), open);
        assert_eq!(report.outcome, Outcome::Imported, "{report:?}");
        importer.close().unwrap();
    }

    /// Imports what has one partition.
    fn import_partition(
        &self,
        barcode: &str,
        path: &Path,
        open: impl FnOnce(&Path) -> anyhow::Result<PartitionSource>,
    ) {
        self.import(barcode, path, || {
            let name = barcode.to_owned();
            Ok(Tape::new(name, path.to_owned(), media(), open(path)?))
        });
    }

    /// Exports a partition, and returns what became of it.
    fn export(&self, barcode: &str, format: ExportFormat, partition: u8) -> PathBuf {
        let library = OfflineLibrary::open(self.data.path()).unwrap();
        let options = ExportOptions {
            format,
            output: self.out.path().join(partition.to_string()),
            partition,
            keep_going: false,
        };
        let brake = Brake::default();
        let report = export(&library, &self.settings, &options, barcode, &brake);
        assert_eq!(report.outcome, Outcome::Exported, "{report:?}");
        report.path
    }
}

fn media() -> &'static Media {
    Media::find("LTO-5").unwrap()
}

/// The image as SIMH's description has it; shares nothing with the writer.
fn image_of(objects: &[Object]) -> Vec<u8> {
    let mut image = Vec::new();
    for object in objects {
        let length = u32::try_from(object.as_ref().map_or(0, Vec::len)).unwrap();
        image.extend(length.to_le_bytes());
        if let Some(block) = object {
            image.extend(block);
            image.resize(image.len() + block.len() % 2, 0);
            image.extend(length.to_le_bytes());
        }
    }
    image
}

/// The files of a tape: the bytes between its filemarks.
fn files_of(objects: &[Object]) -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = objects
        .split(Option::is_none)
        .map(|file| file.iter().flatten().flatten().copied().collect())
        .collect();
    // After the last filemark comes a file only if there is something in it.
    files.pop_if(|last| last.is_empty());
    files
}

/// Sends a tape on all its ways, and compares at every stop. `name` is one that no other has.
fn round_trips(bench: &Bench, name: &str, objects: &[Object]) {
    let [one, two, three] = ["A", "B", "C"].map(|letter| format!("{letter}{name}L5"));
    bench.write(&one, objects);
    assert_eq!(bench.read(&one), objects);

    let image = bench.export(&one, ExportFormat::Simh, 0);
    assert_eq!(fs::read(&image).unwrap(), image_of(objects));
    bench.import_partition(&two, &image, source::simh_image);
    assert_eq!(bench.read(&two), objects);

    let directory = bench.export(&two, ExportFormat::Files, 0);
    for (number, file) in files_of(objects).iter().enumerate() {
        let found = fs::read(directory.join(format!("file{number:06}"))).unwrap();
        assert_eq!(found, *file, "file {number}");
    }
    let count = fs::read_dir(&directory).unwrap().count();
    assert_eq!(count, files_of(objects).len() + 1, "and the manifest");
    bench.import_partition(&three, &directory, |path| {
        Ok(source::exported_files(path)?.1)
    });
    assert_eq!(bench.read(&three), objects);
    let again = bench.export(&three, ExportFormat::Simh, 0);
    assert_eq!(fs::read(again).unwrap(), image_of(objects));
}

fn block(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let byte = |_| {
        // Half of all blocks can be compressed.
        if seed.is_multiple_of(2) {
            return b'x';
        }
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..length).map(byte).collect()
}

fn objects() -> impl Strategy<Value = Vec<Object>> {
    let special =
        proptest::sample::select(vec![1_usize, 2, 3, 511, 65_535, 65_536, 65_537, 300_001]);
    let length = prop_oneof![4 => 1_usize..5000, 1 => special];
    let blocks = (length, any::<u64>(), 1_usize..4)
        .prop_map(|(length, seed, count)| vec![Some(block(length, seed)); count]);
    let filemarks = (1_usize..6).prop_map(|count| vec![None; count]);
    let runs = proptest::collection::vec(prop_oneof![2 => blocks, 1 => filemarks], 0..14);
    runs.prop_map(|runs| runs.concat())
}

fn settings() -> impl Strategy<Value = Settings> {
    let codec = proptest::sample::select(vec![
        Codec::Stored,
        Codec::Lz4,
        Codec::Lzo,
        Codec::default(),
    ]);
    (codec, any::<bool>()).prop_map(|(codec, at_rest)| Settings {
        codec,
        keys: KeyRing::new(Vec::from_iter(
            at_rest.then(|| KeyEncryptionKey::new(&[7; 32])),
        )),
        ..Settings::default()
    })
}

#[test]
fn any_tape_comes_back_the_same() {
    let config = ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    // One library for all: to make one takes longer than a case.
    let bench = Bench::new();
    let number = Cell::new(0);
    let done = TestRunner::new(config).run(&(settings(), objects()), |(settings, objects)| {
        number.set(number.get() + 1);
        let name = format!("{:05}", number.get());
        round_trips(&bench.with(settings), &name, &objects);
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_longest_blocks_come_back_the_same() {
    let longest = tape_formats::BLOCK_BYTES_MAX as usize;
    let blocks = [block(longest, 1), block(longest - 1, 2), block(1, 3)];
    let [one, two, three] = blocks.map(Some);
    let mut bench = Bench::new();
    bench.settings.codec = Codec::Lz4;
    round_trips(&bench, "00001", &[one, None, two, three]);
}

/// Returns what a source has, without a cartridge.
fn drain(reader: &mut dyn TapeReader) -> Vec<Object> {
    let mut objects = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        objects.push(match item {
            Item::Block(block) => Some(block.bytes),
            Item::Filemark => None,
        });
    }
    objects
}

#[test]
fn tapes_of_others_go_out_as_they_came_in() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tape-formats/testdata");
    let bench = Bench::new();
    for barcode in [
        "LZO001L5", "ZLB001L6", "RAW001L4", "MIX001L5", "PRT001L5", "OLD001L5", "V40001L6",
        "V50001L6", "ONE001L4", "SF15X64", "SF15X32", "SF16X64", "SF16X32", "DIR18X64",
    ] {
        let path = testdata.join("mhvtl").join(barcode);
        bench.import(barcode, &path, || open_tape(barcode, &path, media()));
        let source = MhvtlTape::open(&path).unwrap();
        for (number, mut partition) in (0_u8..).zip(source.partitions) {
            let objects = drain(&mut *partition.reader);
            assert!(!objects.is_empty(), "{barcode}");
            let image = bench.export(barcode, ExportFormat::Simh, number);
            assert_eq!(fs::read(image).unwrap(), image_of(&objects), "{barcode}");
        }
    }
    let path = testdata.join("tgt/TGT001L5.img");
    bench.import_partition("TGT001L5", &path, source::tgt_image);
    let objects = drain(&mut *source::tgt_image(&path).unwrap().reader);
    let image = bench.export("TGT001L5", ExportFormat::Simh, 0);
    assert_eq!(fs::read(&image).unwrap(), image_of(&objects));
    let file = fs::File::open(&image).unwrap();
    assert_eq!(drain(&mut simh::Reader::new(file)), objects);
}
