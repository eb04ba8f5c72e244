//! Whole directories: the fixtures, their files changed, cut, mixed, lost and signed again.

use cartridge::KeyRing;

use super::fixtures::{FIXTURES, File, Fixture, Name, keys, store_of};
use super::segment::{FRAME_HEADER_BYTES, sign_frame, sign_header};
use super::{HEADER_BYTES, chain, exercise, patch, signed_line};
use crate::rig::Choices;

/// A checksum finds so many flipped bits, wherever they are.
const FLIPS_MAX: usize = 3;

/// What was done to the files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// Damage that checksums find: bits were flipped, files cut, pieces put elsewhere.
    Damaged,
    /// Somebody who knows the format may have made it, or a file is gone.
    Forged,
}

/// Runs the target of whole directories.
pub fn directory(input: &[u8]) {
    let mut choices = Choices::new(input);
    let fixture = &FIXTURES[usize::from(choices.byte()) % FIXTURES.len()];
    let keys = if choices.byte().is_multiple_of(4) {
        KeyRing::default()
    } else {
        keys()
    };
    let mut files = fixture.files.clone();
    let (mut harm, mut flips) = (Harm::Damaged, 0);
    for _ in 0..choices.byte() % 6 {
        if files.is_empty() {
            break;
        }
        let (from, to) = (usize::from(choices.byte()), usize::from(choices.byte()));
        let (from, to) = (from % files.len(), to % files.len());
        let at = 8 * usize::from(choices.short());
        let done = match choices.byte() % 8 {
            0 => {
                files[to].bytes.truncate(at);
                Harm::Damaged
            }
            1 => {
                files.remove(to);
                Harm::Forged
            }
            2 => {
                put_piece(&mut files, from, to, at, &mut choices);
                Harm::Damaged
            }
            3 => {
                sign_first(&mut files[to], &mut choices);
                Harm::Forged
            }
            4 => {
                sign_at(&mut files[to], at, &mut choices);
                Harm::Forged
            }
            5 => {
                patch(&mut files[to].bytes, &mut choices);
                Harm::Forged
            }
            6 => {
                take_from_another(&mut files, to, &mut choices);
                Harm::Forged
            }
            _ => {
                flips += 1;
                let file = &mut files[to].bytes;
                let place = choices.word() as usize % (8 * file.len()).max(1);
                if let Some(byte) = file.get_mut(place / 8) {
                    *byte ^= 1 << (place % 8);
                }
                Harm::Damaged
            }
        };
        if done == Harm::Forged || flips > FLIPS_MAX {
            harm = Harm::Forged;
        }
    }
    if harm == Harm::Damaged {
        check_damaged(fixture, &files, &keys);
    }
    exercise(&store_of(&files), &keys);
}

fn check_damaged(fixture: &Fixture, files: &[File], keys: &KeyRing) {
    let served = fixture.check_served(&store_of(files), keys);
    // Pieces may have been put where they were, and bits flipped twice.
    let same = |(file, whole): (&File, &File)| file.bytes == whole.bytes;
    if files.iter().zip(&fixture.files).all(same) && keys.first().is_some() {
        assert_eq!(served, Some(fixture.counts()), "nothing was damaged");
    }
}

/// Puts a piece of one file in the place of a piece of another.
fn put_piece(files: &mut [File], from: usize, to: usize, at: usize, choices: &mut Choices<'_>) {
    let length = 8 * usize::from(choices.short() % 1024);
    let source = 8 * usize::from(choices.short());
    let piece = files[from].bytes.iter().skip(source).take(length).copied();
    let piece: Vec<u8> = piece.collect();
    let file = &mut files[to].bytes;
    let end = (at + piece.len()).min(file.len());
    if at < end {
        file[at..end].copy_from_slice(&piece[..end - at]);
    }
}

/// Changes fields of what a file begins with, and signs it: a line, the head of a chain file, or both copies of a
/// segment's header.
fn sign_first(file: &mut File, choices: &mut Choices<'_>) {
    let bytes = &mut file.bytes;
    match file.name {
        Name::Label | Name::Memory | Name::Key => {
            let mut lines = bytes.split(|byte| *byte == b'\n');
            let mut line = lines.next().unwrap_or_default().to_vec();
            patch(&mut line, choices);
            *bytes = signed_line(&line);
        }
        Name::Chain => {
            if let Some(head) = bytes.get_mut(..chain::HEAD_BYTES) {
                patch(head, choices);
            }
            chain::sign(bytes);
        }
        Name::Segment(_) if bytes.len() >= HEADER_BYTES => {
            let (header, rest) = bytes.split_at_mut(HEADER_BYTES);
            patch(header, choices);
            sign_header(header);
            rest.iter_mut()
                .zip(&*header)
                .for_each(|(to, from)| *to = *from);
        }
        Name::Segment(_) => {}
    }
}

/// Changes fields of a frame or of a row of a chain file, and signs it.
fn sign_at(file: &mut File, at: usize, choices: &mut Choices<'_>) {
    let bytes = &mut file.bytes;
    match file.name {
        Name::Segment(name) => {
            if let Some(frame) = bytes.get_mut(at..at + FRAME_HEADER_BYTES) {
                patch(frame, choices);
                sign_frame(bytes, at, name.uuid.as_bytes());
            }
        }
        Name::Chain => {
            let from = chain::HEAD_BYTES + at / 8 * chain::ROW_BYTES;
            if let Some(row) = bytes.get_mut(from..from + chain::ROW_BYTES) {
                patch(row, choices);
            }
            chain::sign(bytes);
        }
        Name::Label | Name::Memory | Name::Key => sign_first(file, choices),
    }
}

/// Puts a file of another fixture beside the others, or in the place of the one that is the same to it.
fn take_from_another(files: &mut Vec<File>, to: usize, choices: &mut Choices<'_>) {
    let other = &FIXTURES[usize::from(choices.byte()) % FIXTURES.len()].files;
    let file = &other[usize::from(choices.byte()) % other.len()];
    if let (Name::Segment(_), Name::Segment(_)) = (file.name, files[to].name) {
        // Another cartridge's segment under this one's name.
        files[to].bytes.clone_from(&file.bytes);
    } else {
        files.retain(|own| own.name != file.name);
        files.push(file.clone());
    }
}
