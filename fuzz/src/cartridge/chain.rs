//! The chain file: its head and rows changed, doubled, left out, made up and signed again, and segments that it
//! knows lost.
//!
//! It decides nothing. Where it is damaged, everything is there as without it; where it is whole, nothing that is
//! lost beside it shortens the cartridge or is served.

use cartridge::KeyRing;

use super::fixtures::{File, Name, UNLOADED, keys, store_of};
use super::{exercise, patch};
use crate::rig::Choices;
use crate::wire::crc32c;

pub(super) const HEAD_BYTES: usize = 256;
pub(super) const ROW_BYTES: usize = 160;
const CHECKSUM_BYTES: usize = 4;

/// Where the fields of a row begin that decide most.
const FIELDS: &[usize] = &[0, 16, 32, 36, 37, 38, 40, 48, 56, 64, 72, 80];

/// Puts the checksums of head and rows right.
pub(super) fn sign(chain: &mut [u8]) {
    if chain.len() < HEAD_BYTES + CHECKSUM_BYTES {
        return;
    }
    let (head, rest) = chain.split_at_mut(HEAD_BYTES);
    let (rows, checksum) = rest.split_at_mut(rest.len() - CHECKSUM_BYTES);
    checksum.copy_from_slice(&crc32c(rows));
    head[44..48].copy_from_slice(checksum);
    let checksum = crc32c(&head[..HEAD_BYTES - CHECKSUM_BYTES]);
    head[HEAD_BYTES - CHECKSUM_BYTES..].copy_from_slice(&checksum);
}

/// Returns whether both checksums are good, by a reader of its own.
fn is_signed(chain: &[u8]) -> bool {
    let Some((head, rest)) = chain.split_at_checked(HEAD_BYTES) else {
        return false;
    };
    let rows = u32::from_le_bytes([head[40], head[41], head[42], head[43]]) as usize;
    let Some((rows, rest)) = rest.split_at_checked(rows.saturating_mul(ROW_BYTES)) else {
        return false;
    };
    let of_rows = crc32c(rows);
    head[HEAD_BYTES - CHECKSUM_BYTES..] == crc32c(&head[..HEAD_BYTES - CHECKSUM_BYTES])
        && rest.get(..CHECKSUM_BYTES) == Some(&of_rows)
        && (head[44..48] == of_rows || head[44..48] == [0; 4])
}

/// Runs the target of chain files.
pub fn chain(input: &[u8]) {
    let mut choices = Choices::new(input);
    let fixture = &UNLOADED[usize::from(choices.byte()) % UNLOADED.len()];
    let keys = if choices.byte().is_multiple_of(4) {
        KeyRing::default()
    } else {
        keys()
    };
    let mut files = fixture.files.clone();
    let Some(at) = files.iter().position(|file| file.name == Name::Chain) else {
        return;
    };
    let whole = files[at].bytes.clone();
    let changed = change(&whole, &mut files, &mut choices);
    let intact = files.len() == fixture.files.len();
    files[at].bytes = changed;
    let chain = &files[at].bytes;
    let store = store_of(&files);
    if *chain == whole {
        // What is gone is damage, and the end stays where it was.
        let served = fixture.check_served(&store, &keys);
        if keys.first().is_some() {
            let ends = |counts: Vec<(usize, usize)>| counts.into_iter().map(|(end, _)| end);
            let served = served.map(|counts| ends(counts).collect::<Vec<_>>());
            assert_eq!(served, Some(ends(fixture.counts()).collect()));
        }
    } else if !is_signed(chain) && intact {
        let served = fixture.check_served(&store, &keys);
        if keys.first().is_some() {
            assert_eq!(
                served,
                Some(fixture.counts()),
                "a checkpoint took something away"
            );
        }
    }
    exercise(&store_of(&files), &keys);
}

/// Returns the changed chain file; segments may go as well.
fn change(whole: &[u8], files: &mut Vec<File>, choices: &mut Choices<'_>) -> Vec<u8> {
    let (head, rest) = whole.split_at(HEAD_BYTES);
    let (rows, checksum) = rest.split_at(rest.len() - CHECKSUM_BYTES);
    let (mut head, mut checksum) = (head.to_vec(), checksum.to_vec());
    let mut rows: Vec<Vec<u8>> = rows.chunks(ROW_BYTES).map(<[u8]>::to_vec).collect();
    let mut signs = false;
    for _ in 0..choices.byte() % 8 {
        let (from, to) = (usize::from(choices.byte()), usize::from(choices.byte()));
        let count = rows.len().max(1);
        let (from, to) = (from % count, to % count);
        let what = choices.byte() % 8;
        signs |= what < 6;
        match what {
            0 => patch(&mut head, choices),
            1 if to < rows.len() => drop(rows.remove(to)),
            2 if to < rows.len() => rows.insert(to, rows[from].clone()),
            3 if to < rows.len() => patch(&mut rows[to], choices),
            4 if to < rows.len() => set_field(&mut rows, from, to, choices),
            5 => {
                let mut row = vec![0; ROW_BYTES];
                patch(&mut row, choices);
                rows.insert(to.min(rows.len()), row);
            }
            6 => {
                let segments = files.iter().enumerate();
                let segments = segments.filter(|(_, it)| matches!(it.name, Name::Segment(_)));
                let places: Vec<usize> = segments.map(|(place, _)| place).collect();
                // They come last, so that the place of the chain file stays.
                if !places.is_empty() {
                    files.remove(places[to % places.len()]);
                }
            }
            _ => {
                let bytes = usize::from(choices.byte() % 8);
                checksum.extend_from_slice(choices.bytes(bytes));
            }
        }
    }
    let how = choices.byte();
    if signs && !how.is_multiple_of(4) {
        // In the order of the names: the partition, the number, the uuid.
        rows.sort_by_key(|row| {
            let number = u32::from_le_bytes([row[32], row[33], row[34], row[35]]);
            (row[36], number, row[..16].to_vec())
        });
    }
    if signs && how % 8 != 1 {
        head[40..44].copy_from_slice(&(rows.len() as u32).to_le_bytes());
    }
    let mut chain = head;
    chain.extend(rows.concat());
    chain.extend(checksum);
    if signs && how % 8 != 2 {
        let end = HEAD_BYTES + rows.len() * ROW_BYTES + CHECKSUM_BYTES;
        sign(&mut chain[..end]);
    }
    if how / 8 % 8 == 7 {
        chain.truncate(usize::from(choices.short()));
    }
    chain
}

/// Sets a field of a row to what another row says there, to a small number, or to the largest.
fn set_field(rows: &mut [Vec<u8>], from: usize, to: usize, choices: &mut Choices<'_>) {
    let at = choices.one_of(FIELDS);
    let length = usize::from(choices.byte() % 17);
    let end = (at + length).min(ROW_BYTES);
    let new: Vec<u8> = match choices.byte() % 4 {
        0 => rows[from][at..end].to_vec(),
        1 => vec![0xff; end - at],
        _ => {
            let mut small = vec![0; end - at];
            if let Some(first) = small.first_mut() {
                *first = choices.byte();
            }
            small
        }
    };
    rows[to][at..end].copy_from_slice(&new);
}
