//! Cartridges that are encrypted under a key of their own: hosts see nothing of it while the key is there.

use bytes::Bytes;
use cartridge::{Cartridge, KeyEncryptionKey, KeyRing, MemoryStore, SegmentStore as _, Settings};

use super::harness::{
    BLANK_CHECK, DATA_PROTECT, ONE, PLENTY, Rig, assert_check, new_cartridge, read_bytes, sense,
    spec, write_bytes,
};

const LOCKED: [u8; 2] = [0x74, 0x6f];

fn open(store: &MemoryStore, key: u8) -> Cartridge {
    let settings = Settings {
        keys: KeyRing::new([KeyEncryptionKey::new(&[key; 32])]),
        ..Settings::default()
    };
    Cartridge::open(Box::new(store.clone()), settings)
        .unwrap()
        .0
}

/// What the drive tells of the cartridge: position, encryption status, status of the next block,
/// capacities, all attributes, the density.
fn told(rig: &Rig) -> Vec<Bytes> {
    let security = |page| [0xa2, 0x20, 0, page, 0, 0, 0, 0, 2, 0, 0, 0];
    let log = |page: u8| [0x4d, 0, 0x40 | page, 0, 0, 0, 0, 4, 0, 0];
    let read_attributes = [0x8c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0];
    vec![
        rig.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        rig.good(&[0x34, 6, 0, 0, 0, 0, 0, 0, 0, 0]),
        rig.good(&security(0x20)),
        rig.good(&security(0x21)),
        rig.good(&log(0x31)),
        rig.good(&log(0x17)),
        rig.good(&read_attributes),
        rig.good(&[0x44, 0, 0, 0, 0, 0, 0, 2, 0, 0]),
    ]
}

#[test]
fn a_host_sees_no_difference() {
    let answers = [true, false].map(|encrypted| {
        let store = MemoryStore::new();
        let spec = cartridge::CartridgeSpec {
            uuid: uuid::Uuid::from_u128(1),
            ..spec(PLENTY)
        };
        Cartridge::create(Box::new(store.clone()), &spec).unwrap();
        let rig = Rig::empty();
        let cartridge = if encrypted {
            open(&store, 1)
        } else {
            Cartridge::open(Box::new(store.clone()), Settings::default())
                .unwrap()
                .0
        };
        rig.insert(cartridge);
        rig.attention(ONE);
        rig.write(&b"a block that anybody may read"[..]);
        rig.filemarks(2);
        rig.write(vec![7; 300_000]);
        let written = told(&rig);
        rig.rewind();
        let rewound = told(&rig);
        let block = rig.run(&read_bytes(29));
        let sealed = store.segments().unwrap().len();
        (written, rewound, block.data_in, sealed)
    });
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn without_its_key_a_cartridge_moves_and_is_neither_read_nor_written() {
    let store = MemoryStore::new();
    drop(new_cartridge(store.clone(), PLENTY));
    let rig = Rig::empty();
    rig.insert(open(&store, 1));
    rig.attention(ONE);
    rig.write(&b"secret"[..]);
    rig.filemarks(1);
    rig.rewind();
    let rig = Rig::empty();
    rig.insert(open(&store, 2));
    rig.attention(ONE);
    let locked = sense(DATA_PROTECT, Some(6), LOCKED);
    let read = rig.run(&read_bytes(6));
    let sense_data = read.sense.expect("CHECK CONDITION").to_fixed();
    assert_eq!(
        (sense_data[2] & 0x0f, &sense_data[12..14]),
        (DATA_PROTECT, &LOCKED[..])
    );
    assert_check(&rig.run_with(&write_bytes(6), &b"second"[..]), locked);
    assert_eq!(rig.position(), 0);
    // SPACE over the filemark, and then there is nothing more.
    rig.good(&[0x11, 1, 0, 0, 1, 0]);
    assert_eq!(rig.position(), 2);
    let end = rig.run(&read_bytes(6)).sense.expect("CHECK CONDITION");
    assert_eq!(end.to_fixed()[2] & 0x0f, BLANK_CHECK);
    assert_check(&rig.run_with(&write_bytes(6), &b"second"[..]), locked);
    // A format makes it a new one.
    rig.rewind();
    rig.good(&[0x04, 0, 0, 0, 0, 0]);
    rig.write(&b"second"[..]);
    rig.rewind();
    assert_eq!(rig.run(&read_bytes(6)).data_in, b"second"[..]);
}
