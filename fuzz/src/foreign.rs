//! Tapes of other programs: whatever a file says, its reader ends in items or an error, each block is one that a
//! tape can have, and what an image of SIMH gave is written as an image that gives the same.

use std::io::Cursor;

use tape_formats::manifest::Manifest;
use tape_formats::mhvtl::{
    DeviceConf, LibraryContents, Memory, Partition, SingleFile, content_of, filemark_count,
};
use tape_formats::{BLOCK_BYTES_MAX, Error, Item, TapeReader, simh, tgt};

use crate::rig::Choices;

/// Runs the target.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let format = choices.byte() % 8;
    match format {
        0 => image_of_simh(choices.bytes(usize::MAX)),
        1 => {
            if let Ok(reader) = tgt::Reader::new(Cursor::new(choices.bytes(usize::MAX))) {
                let _ = drain(reader, input.len());
            }
        }
        2 => {
            if let Ok(reader) = SingleFile::new(Cursor::new(choices.bytes(usize::MAX))) {
                let _ = drain(reader, input.len());
            }
        }
        3 => {
            let length = usize::from(choices.short());
            let index = choices.bytes(length);
            let data = choices.bytes(usize::MAX);
            let (bytes, filemarks) = content_of(index);
            let names = ["indx".to_owned(), "data".to_owned()];
            let reader = Partition::new(Cursor::new(index), Cursor::new(data), names, None);
            if let (items, Ok(())) = drain(reader, index.len()) {
                let count = items.iter().filter(|item| **item == Item::Filemark).count();
                assert_eq!(count as u64, filemarks);
                assert_eq!(bytes_in(&items), bytes);
            }
        }
        4 => {
            let length = usize::from(choices.short());
            let mam = choices.bytes(length);
            let rest = choices.bytes(usize::MAX);
            let memory = Memory::parse(mam, rest).or_else(|_| Memory::parse_packed(mam));
            if let Ok(memory) = memory {
                let held: usize = memory.attributes.iter().map(|it| it.value.len()).sum();
                assert!(held <= input.len() && memory.tape_format <= 6);
            }
            let _ = filemark_count(mam, length % 2 == 0);
        }
        5 => {
            if let Ok(conf) = DeviceConf::parse(&String::from_utf8_lossy(choices.bytes(usize::MAX)))
            {
                let drives = conf.libraries.iter().map(|it| conf.drives_of(it.id).len());
                assert!(drives.sum::<usize>() <= conf.drives.len());
            }
        }
        6 => {
            let text = String::from_utf8_lossy(choices.bytes(usize::MAX)).into_owned();
            if let Ok(contents) = LibraryContents::parse(&text) {
                let barcodes = contents.cartridges.values();
                assert!(
                    barcodes
                        .into_iter()
                        .all(|it| !it.contains('/') && it != "..")
                );
            }
        }
        _ => {
            if let Ok(manifest) = Manifest::parse(choices.bytes(usize::MAX)) {
                let text = manifest.emit();
                assert_eq!(Manifest::parse(text.as_bytes()).unwrap(), manifest);
                let plain = |name: &str| !name.contains('/') && !name.starts_with("..");
                assert!(manifest.files.iter().all(|file| plain(&file.name)));
            }
        }
    }
}

/// Reads to the end. Each item takes at least a byte of what there is.
fn drain(mut reader: impl TapeReader, length: usize) -> (Vec<Item>, Result<(), Error>) {
    let mut items = Vec::new();
    loop {
        match reader.next_item() {
            Ok(Some(item)) => {
                if let Item::Block(block) = &item {
                    assert!((1..=BLOCK_BYTES_MAX as usize).contains(&block.bytes.len()));
                }
                items.push(item);
                assert!(items.len() <= length, "more items than bytes");
            }
            Ok(None) => {
                assert!(
                    matches!(reader.next_item(), Ok(None)),
                    "the end stays the end"
                );
                return (items, Ok(()));
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert!(
                    matches!(reader.next_item(), Ok(None)),
                    "nothing follows an error"
                );
                return (items, Err(error));
            }
        }
    }
}

fn bytes_in(items: &[Item]) -> u64 {
    let lengths = items.iter().map(|item| match item {
        Item::Block(block) => block.bytes.len() as u64,
        Item::Filemark => 0,
    });
    lengths.sum()
}

fn image_of_simh(image: &[u8]) {
    let (items, _) = drain(simh::Reader::new(Cursor::new(image)), image.len());
    let items: Vec<Item> = items
        .into_iter()
        .filter(|item| match item {
            Item::Block(block) => !block.is_bad,
            Item::Filemark => true,
        })
        .collect();
    let mut writer = simh::Writer::new(Vec::new());
    for item in &items {
        match item {
            Item::Block(block) => writer.block(&block.bytes).unwrap(),
            Item::Filemark => writer.filemark().unwrap(),
        }
    }
    let written = writer.into_inner();
    let (again, ended) = drain(simh::Reader::new(Cursor::new(&written)), written.len());
    ended.unwrap();
    assert_eq!(again, items);
}
