//! The files of a cartridge, whoever wrote them: labels, memories, keys, chain files, headers, frames, indexes,
//! and whole directories. What checksums cover is signed after it was changed, so that it is read.
//!
//! Files are opened, inspected, read, moved over, written on, unloaded and opened again. Nothing panics,
//! counts go together, and what was written on is there afterwards. Where nothing was signed, whatever is served
//! is what was written.

mod chain;
mod directory;
mod exercise;
mod fixtures;
mod segment;

use cartridge::{KeyRing, MemoryStore, SegmentName, SegmentStore};
use uuid::Uuid;

use crate::rig::Choices;
use crate::wire::crc32c;

pub use chain::chain;
pub use directory::directory;
use exercise::exercise;
pub use segment::{frames, segment};

const HEADER_BYTES: usize = 4096;

const OWNER: Uuid = Uuid::from_u128(0x67ec_8e65);

/// A line of JSON and its checksum.
fn signed_line(line: &[u8]) -> Vec<u8> {
    let mut text = line.to_vec();
    text.extend_from_slice(
        format!("\ncrc32c {:08x}\n", u32::from_le_bytes(crc32c(line))).as_bytes(),
    );
    text
}

fn label() -> Vec<u8> {
    let line = format!(
        "{{\"capstan_cartridge\":1,\"uuid\":\"{OWNER}\",\"barcode\":\"CAP001L5\",\"media\":\"LTO-5\",\
         \"density\":88,\"capacity_bytes\":1500000000000,\"created_unix_ms\":1,\"write_protected\":false}}"
    );
    signed_line(line.as_bytes())
}

/// Runs the target of labels, memories and keys.
pub fn lines(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (which, signs) = (choices.byte() % 3, !choices.byte().is_multiple_of(4));
    let line = choices.bytes(usize::from(u16::MAX));
    let text = if signs {
        signed_line(line)
    } else {
        line.to_vec()
    };
    let mut store = MemoryStore::new();
    let kept = match which {
        0 => store.replace_label(&text),
        1 => store
            .replace_label(&label())
            .and_then(|()| store.replace_memory(&text)),
        _ => store
            .replace_label(&label())
            .and_then(|()| store.replace_key(&text)),
    };
    kept.unwrap();
    exercise(&store, &KeyRing::default());
}

/// Changes fields of `bytes` as chosen.
fn patch(bytes: &mut [u8], choices: &mut Choices<'_>) {
    if bytes.is_empty() {
        return;
    }
    for _ in 0..choices.byte() % 8 {
        let at = usize::from(choices.short()) % bytes.len();
        let length = usize::from(choices.byte() % 9);
        let new = choices.bytes(length);
        let to = (at + new.len()).min(bytes.len());
        bytes[at..to].copy_from_slice(&new[..to - at]);
    }
}

fn store_with(file: &[u8], name: SegmentName) -> MemoryStore {
    let mut store = MemoryStore::new();
    store.replace_label(&label()).unwrap();
    put(&mut store, name, file);
    store
}

fn put(store: &mut MemoryStore, name: SegmentName, bytes: &[u8]) {
    if let Ok(file) = store.create_segment(name) {
        file.write_at(&[bytes], 0).unwrap();
        store.publish_segment(name).unwrap();
    }
}
