//! Invariant 20: a disk that stalls holds the host up; it does not make us hold more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cartridge::limits::{FRAME_BODY_BYTES_MAX, PIPELINE_BYTES_MAX};
use cartridge::{Cartridge, Codec, LyingStore, Settings, Writing};

use crate::model::label;

const BLOCK_BYTES: usize = 1 << 20;
/// More than may be on its way.
const BLOCKS: usize = 3 * PIPELINE_BYTES_MAX / BLOCK_BYTES;

#[test]
fn invariant_20_a_stalled_disk_holds_the_host_up() {
    let store = LyingStore::new();
    Cartridge::create(Box::new(store.clone()), &label(20)).unwrap();
    let settings = Settings {
        codec: Codec::Stored,
        writing: Writing::Behind,
        // A stalled disk reserves nothing either: not before there is enough on its way.
        reserve_step_bytes: 128 << 20,
        ..Settings::default()
    };
    let opened = Cartridge::open(Box::new(store.clone()), settings);
    let (mut cartridge, _) = opened.unwrap();
    // The segment is there before the disk stalls.
    cartridge
        .append_block(Bytes::from_static(b"first"))
        .unwrap();
    cartridge.synchronize().unwrap();
    store.stall(true);
    let accepted = Arc::new(AtomicUsize::new(0));
    let host = thread::spawn({
        let accepted = Arc::clone(&accepted);
        move || {
            for number in 0..BLOCKS {
                let fill = u8::try_from(number % 251).unwrap();
                cartridge
                    .append_block(Bytes::from(vec![fill; BLOCK_BYTES]))
                    .unwrap();
                accepted.fetch_add(BLOCK_BYTES, Ordering::SeqCst);
            }
            cartridge.unload().unwrap();
        }
    });
    // It accepts something, and then, however long the disk stalls, no more than has a limit with a name.
    let begun = Instant::now();
    while accepted.load(Ordering::SeqCst) < PIPELINE_BYTES_MAX / 2 {
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "nothing is accepted"
        );
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(Duration::from_millis(300));
    let held = accepted.load(Ordering::SeqCst);
    assert!(
        held <= PIPELINE_BYTES_MAX + FRAME_BODY_BYTES_MAX,
        "{held} bytes"
    );
    assert!(!host.is_finished());
    store.stall(false);
    host.join().unwrap();
    let (cartridge, _) = Cartridge::open(Box::new(store), Settings::default()).unwrap();
    assert_eq!(cartridge.end_of_data().object, 1 + BLOCKS as u64);
}
