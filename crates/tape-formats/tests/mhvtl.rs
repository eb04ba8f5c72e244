//! Cartridges that mhvtl's own tools have made: see testdata/README.md.

#![allow(clippy::unwrap_used, clippy::panic)] // a test says what it expects by failing

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use tape_formats::mhvtl::{
    Attribute, AttributeFormat, Kind, Memory, Partition, SingleFile, content_of, filemark_count,
};
use tape_formats::{Error, Item, TapeReader};

fn fixture(barcode: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/mhvtl")
        .join(barcode)
}

fn read(barcode: &str, name: &str) -> Vec<u8> {
    fs::read(fixture(barcode).join(name)).unwrap()
}

/// Reads a partition to its end.
fn items_of(index: &[u8], data: &[u8], filemarks: Option<u64>) -> Result<Vec<Item>, Error> {
    let names = ["indx.0".to_owned(), "data.0".to_owned()];
    let mut partition = Partition::new(Cursor::new(index), Cursor::new(data), names, filemarks);
    let items = drain(&mut partition)?;
    assert_eq!(partition.remarks(), Vec::<String>::new());
    Ok(items)
}

fn drain(reader: &mut dyn TapeReader) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    while let Some(item) = reader.next_item()? {
        items.push(item);
    }
    assert!(reader.next_item()?.is_none(), "the end stays the end");
    Ok(items)
}

fn partition(barcode: &str, number: u8) -> Vec<Item> {
    let name = |kind: &str| format!("{kind}.{number}");
    let meta = filemark_count(&read(barcode, &name("meta")), false);
    items_of(
        &read(barcode, &name("indx")),
        &read(barcode, &name("data")),
        meta,
    )
    .unwrap()
}

fn blocks(items: &[Item]) -> Vec<&[u8]> {
    let blocks = items.iter().filter_map(|item| match item {
        Item::Block(block) => Some(&*block.bytes),
        Item::Filemark => None,
    });
    blocks.collect()
}

/// `b` for a block, `f` for a filemark.
fn shape(items: &[Item]) -> String {
    let letter = |item: &Item| {
        if matches!(item, Item::Filemark) {
            'f'
        } else {
            'b'
        }
    };
    items.iter().map(letter).collect()
}

#[test]
fn lzo_zlib_and_stored_blocks_are_what_was_preloaded() {
    let text = fs::read(fixture("text")).unwrap();
    let noise = fs::read(fixture("rand")).unwrap();
    for (barcode, source) in [
        ("LZO001L5", &text),
        ("ZLB001L6", &text),
        ("RAW001L4", &noise),
    ] {
        let items = partition(barcode, 0);
        assert_eq!(items.last(), Some(&Item::Filemark), "{barcode}");
        assert_eq!(blocks(&items).concat(), *source, "{barcode}");
    }
    let memory = Memory::parse(&read("RAW001L4", "mam"), &read("RAW001L4", "mhvtl_data")).unwrap();
    assert!(memory.is_write_protected, "edit_tape -w on");
    assert_eq!((memory.tape_format, memory.density), (6, 0x46));
    assert!(memory.description.starts_with("Ultrium 4"), "{memory:?}");
    assert_eq!(content_of(&*read("RAW001L4", "indx.0")), (9000, 1));
    assert_eq!(memory.capacity_bytes, 50 << 20);
}

#[test]
fn older_formats_hold_the_same() {
    let text = fs::read(fixture("text")).unwrap();
    for (barcode, density) in [("OLD001L5", 0x58), ("V40001L6", 0x5a), ("V50001L6", 0x5a)] {
        let meta = read(barcode, "meta");
        let in_meta = Memory::tape_format(&meta) == Some(3);
        let memory = if in_meta {
            Memory::parse_packed(&meta)
        } else if barcode == "V40001L6" {
            Memory::parse_packed(&read(barcode, "mam"))
        } else {
            Memory::parse(&read(barcode, "mam"), &read(barcode, "mhvtl_data"))
        };
        let memory = memory.unwrap();
        assert_eq!(memory.density, density, "{barcode}");
        assert_eq!(memory.capacity_bytes, 50 << 20, "{barcode}");
        assert!(memory.description.starts_with("Ultrium"), "{memory:?}");
        assert_eq!(memory.kind, Kind::Data, "{barcode}");
        assert!(!memory.is_write_protected, "{barcode}");
        let filemarks = filemark_count(&meta, in_meta);
        assert_eq!(filemarks, Some(1), "{barcode}");
        let items = items_of(&read(barcode, "indx"), &read(barcode, "data"), filemarks).unwrap();
        assert_eq!(blocks(&items).concat(), text, "{barcode}");
    }
    let format = |barcode, name| Memory::tape_format(&read(barcode, name));
    assert_eq!(format("OLD001L5", "meta"), Some(3));
    assert_eq!(format("V40001L6", "mam"), Some(4));
    assert_eq!(format("V50001L6", "mam"), Some(5));
}

#[test]
fn keys_and_runs_of_filemarks_are_told() {
    let items = partition("MIX001L5", 0);
    assert_eq!(shape(&items), "bbfbbbffbbfbb");
    let blocks = blocks(&items);
    assert_eq!(blocks[0], b"VOL1");
    assert_eq!(blocks[1], vec![b'z'; 65536]);
    assert_eq!(
        blocks[2], blocks[3],
        "LZO and zlib, both longer than the block"
    );
    assert_eq!(blocks[2].len(), 3000);
    assert_eq!(blocks[7], b"plain again");
    assert_eq!(blocks[8], vec![b'z'; 70000]);
    let keys: Vec<bool> = items
        .iter()
        .map(|item| matches!(item, Item::Block(block) if block.key.is_some()))
        .collect();
    let written = [8, 9];
    assert!(
        (0..13).all(|at| keys[at] == written.contains(&at)),
        "{keys:?}"
    );
    let Item::Block(block) = &items[8] else {
        panic!("a block")
    };
    let key = block.key.as_ref().unwrap();
    assert!(key.key.iter().copied().eq(0..32));
    assert_eq!(key.unauthenticated, b"ukad!");
    assert_eq!(key.authenticated, b"key-one");
    assert_eq!(format!("{key:?}"), "Key { .. }");
}

#[test]
fn partitions_and_attributes_are_read() {
    assert_eq!(blocks(&partition("PRT001L5", 0))[0], b"data in 0");
    assert_eq!(shape(&partition("PRT001L5", 0)), "bfb");
    assert_eq!(blocks(&partition("PRT001L5", 1)), [b"index in 1"]);
    let memory = Memory::parse(&read("PRT001L5", "mam"), &read("PRT001L5", "mhvtl_data")).unwrap();
    assert_eq!(memory.partition_bytes, [30 << 20, 20 << 20, 0, 0]);
    let find = |id| memory.attributes.iter().find(|it| it.id == id).unwrap();
    assert_eq!(find(0x0800).value, b"CAPSTAN ");
    assert_eq!(find(0x0801).value, b"Capstan test                    ");
    let label = find(0x0803);
    assert_eq!(label.format, AttributeFormat::Text);
    assert!(label.value.starts_with("Kunde Müller".as_bytes()));
    assert!(
        memory.attributes.iter().all(|it| it.id != 0x080c),
        "never written"
    );
}

#[test]
fn worm_and_cleaning_are_told_apart() {
    let kind = |barcode| {
        let memory = Memory::parse(&read(barcode, "mam"), &read(barcode, "mhvtl_data"));
        memory.unwrap().kind
    };
    assert_eq!(kind("LAW001LU"), Kind::Worm);
    assert_eq!(kind("CLN001L5"), Kind::Cleaning);
    assert_eq!(kind("LZO001L5"), Kind::Data);
}

#[test]
fn a_single_file_of_2009_is_read() {
    // The beginning of tape and the memory are of mktape; blocks were appended by the generator.
    let text = fs::read(fixture("text")).unwrap();
    let file = fs::read(fixture("ONE001L4")).unwrap();
    let mut reader = SingleFile::new(Cursor::new(&file)).unwrap();
    assert_eq!(reader.capacity_mb(), 50);
    let items = drain(&mut reader).unwrap();
    assert_eq!(shape(&items), "bfbbff");
    assert_eq!(
        blocks(&items),
        [&text[..4096], &text[..100], &text[4096..12288]]
    );
}

/// What generate.py puts on each of its cartridges.
fn generated() -> Vec<Vec<u8>> {
    let text = fs::read(fixture("text")).unwrap();
    vec![
        text[..1000].to_vec(),
        text[1000..4000].to_vec(),
        text[..99].to_vec(),
    ]
}

#[test]
fn format_2_is_a_single_file_in_four_shapes() {
    for (barcode, kind) in [
        ("SF15X64", Kind::Data),
        ("SF15X32", Kind::Worm),
        ("SF16X64", Kind::Worm),
        ("SF16X32", Kind::Data),
    ] {
        let file = fs::read(fixture(barcode)).unwrap();
        let mut reader = SingleFile::new(Cursor::new(&file)).unwrap();
        assert_eq!(reader.capacity_mb(), 50, "{barcode}");
        let memory = reader.memory().unwrap();
        check_generated(barcode, memory, 2);
        assert_eq!(memory.kind, kind, "{barcode}");
        let items = drain(&mut reader).unwrap();
        assert_eq!(shape(&items), "bfbffb", "{barcode}");
        assert_eq!(blocks(&items), generated(), "{barcode}");

        // Any byte of a block by zlib that changes is noticed, and any end of the file before its own.
        let at = file.windows(2).position(|it| it == [0x78, 0x9c]).unwrap();
        let mut damaged = file.clone();
        damaged[at + 40] ^= 1;
        let mut reader = SingleFile::new(Cursor::new(&damaged)).unwrap();
        let said = drain(&mut reader).unwrap_err().to_string();
        assert!(said.starts_with(&format!("offset {at}: zlib")), "{said}");
        for end in 0..file.len() {
            let reader = SingleFile::new(Cursor::new(&file[..end]));
            assert!(reader.and_then(|mut it| drain(&mut it)).is_err(), "{end}");
        }
    }
    // Of the end of 2009: the same shape, called 3.
    let file = fs::read(fixture("ONE001L4")).unwrap();
    let reader = SingleFile::new(Cursor::new(&file)).unwrap();
    let memory = reader.memory().unwrap();
    assert_eq!((memory.tape_format, memory.density), (3, 0x46));
    assert_eq!(memory.description, "Ultrium 4/8T");
    let is_vendor = |it: &&Attribute| matches!(it.id, 0x0800 | 0x0802);
    let vendor = memory.attributes.iter().find(is_vendor);
    assert_eq!(vendor, None, "mhvtl is no application");
}

fn check_generated(barcode: &str, memory: &Memory, format: u32) {
    assert_eq!((memory.tape_format, memory.density), (format, 0x44));
    assert_eq!((memory.capacity_bytes, memory.loads), (50 << 20, 7));
    assert_eq!(memory.description, "Ultrium 3/8T", "{barcode}");
    assert!(!memory.is_write_protected);
    let of_host = |id| {
        let mut found = memory.attributes.iter().filter(|it| it.id == id);
        String::from_utf8(found.next().unwrap().value.clone()).unwrap()
    };
    assert_eq!(of_host(0x0800), "Capstan ");
    assert_eq!(of_host(0x0801).trim_end(), "Generator");
    assert_eq!(of_host(0x0803).trim_end_matches('\0'), "a label");
    assert!(of_host(0x0806).starts_with(&format!("{barcode} ")));
}

#[test]
fn the_first_directories_had_a_memory_that_was_not_packed() {
    let barcode = "DIR18X64";
    let meta = read(barcode, "meta");
    check_generated(barcode, &Memory::parse_packed(&meta).unwrap(), 3);
    let marks = filemark_count(&meta, true);
    let items = items_of(&read(barcode, "indx"), &read(barcode, "data"), marks).unwrap();
    assert_eq!(shape(&items), "bfbffb");
    assert_eq!(blocks(&items), generated());
}

#[test]
fn a_directory_of_format_2_is_refused_by_name() {
    let mut meta = read("DIR18X64", "meta");
    meta[0] = 2;
    let said = Memory::parse_packed(&meta).unwrap_err().to_string();
    assert!(
        said.contains("tape format 2") && said.contains("single file"),
        "{said}"
    );
    assert_eq!(Memory::tape_format(&meta), None);
    let said = Memory::parse(&meta, &[]).unwrap_err().to_string();
    assert!(said.contains("tape format 2"), "{said}");
}

#[test]
fn any_damage_is_told_with_its_file_and_place() {
    let (index, data) = (read("LZO001L5", "indx.0"), read("LZO001L5", "data.0"));
    let mut damaged = data.clone();
    damaged[2000] ^= 1; // in the second block
    let said = items_of(&index, &damaged, None).unwrap_err().to_string();
    assert!(said.starts_with("data.0: offset 1674: "), "{said}");
    let said = items_of(&index, &data[..5000], None)
        .unwrap_err()
        .to_string();
    assert!(
        said.starts_with("data.0: offset ") && said.contains("ends within a block"),
        "{said}"
    );
    let said = items_of(&index[..700], &data, None)
        .unwrap_err()
        .to_string();
    assert_eq!(said, "indx.0: offset 512: the file ends within an entry");
    let mut huge = index.clone();
    huge[8 + 12..8 + 16].fill(0xff);
    let said = items_of(&huge, &data, None).unwrap_err().to_string();
    assert!(said.contains("a block of 4294967295 bytes"), "{said}");
    let mut partition = Partition::new(
        Cursor::new(&index),
        Cursor::new(&data),
        ["indx".to_owned(), "data".to_owned()],
        Some(7),
    );
    drain(&mut partition).unwrap();
    assert_eq!(
        partition.remarks().len(),
        1,
        "filemarks that do not match are told"
    );
}
