//! An image that tgt itself has written: see testdata/README.md.

#![allow(clippy::unwrap_used, clippy::panic)] // a test says what it expects by failing

use std::io::Cursor;
use std::path::Path;

use tape_formats::tgt::Reader;
use tape_formats::{Error, Item, TapeReader};

fn image() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tgt/TGT001L5.img");
    std::fs::read(path).unwrap()
}

fn read(image: &[u8]) -> Result<Vec<Item>, Error> {
    let mut reader = Reader::new(Cursor::new(image))?;
    let mut items = Vec::new();
    while let Some(item) = reader.next_item()? {
        items.push(item);
    }
    Ok(items)
}

#[test]
fn what_tgt_wrote_is_read() {
    let image = image();
    assert_eq!(Reader::new(Cursor::new(&image)).unwrap().capacity_mb(), 10);
    let items = read(&image).unwrap();
    let lengths: Vec<usize> = items
        .iter()
        .map(|item| match item {
            Item::Block(block) => block.bytes.len(),
            Item::Filemark => 0,
        })
        .collect();
    assert_eq!(lengths, [10, 2048, 0, 999, 4096, 0, 0, 4]);
    let bytes = |at: usize| match &items[at] {
        Item::Block(block) => block.bytes.clone(),
        Item::Filemark => panic!("a filemark"),
    };
    assert_eq!(bytes(0), b"VOL1TGT001");
    assert_eq!(bytes(4), [b'x'; 4096]);
    assert_eq!(bytes(7), b"last");
}

#[test]
fn damage_is_told_with_its_place() {
    let image = image();
    let said = |image: &[u8]| read(image).unwrap_err().to_string();
    assert!(said(b"no tape at all, but long enough to be one header").contains("checksum"));
    let mut flipped = image.clone();
    flipped[1152 + 10] ^= 1;
    assert_eq!(
        said(&flipped),
        "offset 1152: the checksum of a header is wrong"
    );
    assert_eq!(
        said(&image[..1205]),
        "offset 1200: the file ends within a block"
    );
    let last = image.len() - 48;
    assert_eq!(
        said(&image[..last]),
        format!("offset {last}: the file ends within a header")
    );
}

#[test]
fn a_circle_of_headers_is_refused() {
    let mut image = image();
    let first = 1152;
    image[first + 40..first + 48].copy_from_slice(&(first as u64).to_be_bytes());
    let crc = crc_fast::crc32_iscsi(&image[first + 4..first + 48]);
    image[first..first + 4].copy_from_slice(&crc.to_le_bytes());
    let said = read(&image).unwrap_err().to_string();
    assert_eq!(said, "offset 1152: the next header is said to be at 1152");
}
