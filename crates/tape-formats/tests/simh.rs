//! SIMH images. Those that are read were put together byte by byte here or, under testdata, by a
//! generator in Python; what is written is compared with bytes, not with what our reader makes of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)] // a test says what it expects by failing

use std::io::Cursor;
use std::path::Path;

use proptest::prelude::*;
use tape_formats::simh::{Reader, Writer};
use tape_formats::{Block, Error, Item, TapeReader};

fn read(image: &[u8]) -> Result<(Vec<Item>, Vec<String>), Error> {
    let mut reader = Reader::new(Cursor::new(image));
    let mut items = Vec::new();
    while let Some(item) = reader.next_item()? {
        items.push(item);
    }
    assert!(reader.next_item()?.is_none());
    Ok((items, reader.remarks()))
}

fn block(bytes: &[u8]) -> Item {
    Item::Block(Block::plain(bytes.to_vec()))
}

fn write(items: &[Item]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for item in items {
        match item {
            Item::Block(block) => writer.block(&block.bytes).unwrap(),
            Item::Filemark => writer.filemark().unwrap(),
        }
    }
    writer.into_inner()
}

const PADDED: &[u8] = &[
    3, 0, 0, 0, b'a', b'b', b'c', 0, 3, 0, 0, 0, // a block of odd length, padded
    0, 0, 0, 0, // a filemark
    2, 0, 0, 0, b'd', b'e', 2, 0, 0, 0, //
    0, 0, 0, 0, 0, 0, 0, 0,
];

#[test]
fn blocks_filemarks_and_padding_are_as_the_description_has_them() {
    let items = [
        block(b"abc"),
        Item::Filemark,
        block(b"de"),
        Item::Filemark,
        Item::Filemark,
    ];
    assert_eq!(write(&items), PADDED);
    assert_eq!(read(PADDED).unwrap(), (items.to_vec(), vec![]));
}

#[test]
fn odd_blocks_without_padding_are_read_too() {
    let image = [
        3, 0, 0, 0, b'a', b'b', b'c', 3, 0, 0, 0, //
        1, 0, 0, 0, b'd', 1, 0, 0, 0, 0, 0, 0, 0,
    ];
    let items = vec![block(b"abc"), block(b"d"), Item::Filemark];
    assert_eq!(read(&image).unwrap().0, items);
}

#[test]
fn gaps_are_passed_over_and_the_end_of_medium_ends() {
    let image = [
        0xfe, 0xff, 0xff, 0xff, // a gap
        1, 0, 0, 0, b'x', 0, 1, 0, 0, 0, //
        0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, // half a gap, then a whole one
        0, 0, 0, 0, // a filemark
        0xff, 0xff, 0xff, 0xff, // end of medium
        9, 9, 9, 9, 9, // nobody looks at it
    ];
    let (items, remarks) = read(&image).unwrap();
    assert_eq!(items, [block(b"x"), Item::Filemark]);
    assert_eq!(remarks, ["2 erase gaps were left out"]);
}

#[test]
fn errors_and_private_records_are_told_by_their_class() {
    let image = [
        2, 0, 0, 0x80, b'?', b'!', 2, 0, 0, 0x80, // read with an error
        0, 0, 0, 0x80, // lost altogether
        2, 0, 0, 0x30, 1, 2, 2, 0, 0, 0x30, // private
        2, 0, 0, 0xe0, 1, 2, 2, 0, 0, 0xe0, // describes the tape
        5, 0, 0, 0x70, // a private marker
        1, 0, 0, 0, b'x', 0, 1, 0, 0, 0,
    ];
    let (items, remarks) = read(&image).unwrap();
    let bad = Item::Block(Block {
        bytes: b"?!".to_vec(),
        is_bad: true,
        key: None,
    });
    assert_eq!(items, [bad, block(b"x")]);
    assert_eq!(remarks.len(), 3, "{remarks:?}");
    let said = read(&[1, 0, 0, 0x90, 0, 0, 1, 0, 0, 0x90]).unwrap_err();
    assert_eq!(said.to_string(), "offset 0: record class 9 is reserved");
}

#[test]
fn damage_is_told_with_its_place() {
    let said = |image: &[u8]| read(image).unwrap_err().to_string();
    assert_eq!(
        said(&PADDED[..2]),
        "offset 0: the file ends within a length"
    );
    assert_eq!(said(&PADDED[..6]), "offset 4: the file ends within a block");
    assert_eq!(
        said(&PADDED[..9]),
        "offset 7: the file ends within the second length of a block"
    );
    assert_eq!(
        said(&[0, 0, 0, 0, 2, 0, 0, 0, 1, 2, 3, 0, 0, 0]),
        "offset 4: the lengths before and after a block differ: 0x2 and 0x3"
    );
    assert_eq!(
        said(&[0, 0, 0, 1, 1, 2]),
        "offset 0: a block of 16777216 bytes; 16777215 are possible"
    );
    // A length that lies costs no memory: it is as long as it may be, and nothing follows.
    assert!(said(&[0xff, 0xff, 0xff, 0, 1, 2]).contains("ends within a block"));
}

#[test]
fn an_image_of_an_independent_generator_is_read_and_written_the_same() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/simh/generated.tap");
    let image = std::fs::read(path).unwrap();
    let (items, remarks) = read(&image).unwrap();
    assert!(remarks.is_empty());
    let blocks = items.iter().filter(|item| **item != Item::Filemark);
    assert_eq!((items.len(), blocks.count()), (61, 49));
    for (number, item) in items.iter().enumerate() {
        if let Item::Block(block) = item {
            let expected = (0..block.bytes.len()).map(|at| (at * 7 + number) as u8);
            assert!(block.bytes.iter().copied().eq(expected), "item {number}");
        }
    }
    assert_eq!(write(&items), image);
}

proptest! {
    #[test]
    fn what_is_written_is_read(lengths in proptest::collection::vec(0_usize..300, 0..40)) {
        let items: Vec<Item> = lengths
            .iter()
            .map(|length| match length {
                0 => Item::Filemark,
                length => block(&vec![*length as u8; *length]),
            })
            .collect();
        prop_assert_eq!(read(&write(&items)).unwrap().0, items);
    }

    #[test]
    fn any_bytes_end_in_items_or_an_error(image in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut reader = Reader::new(Cursor::new(&image));
        for _ in 0..=image.len() {
            match reader.next_item() {
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return Ok(()),
            }
        }
        prop_assert!(false, "more items than bytes");
    }
}
