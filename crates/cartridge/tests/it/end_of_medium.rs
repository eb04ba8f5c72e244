//! The zones before the end of a partition and the end itself lie where they do whether threads write or not, and
//! who is told that he need not wait does not.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use cartridge::limits::early_warning_distance_bytes;
use cartridge::{Cartridge, Codec, Error, LyingStore, MemoryStore, Settings, Usage, Writing};

use crate::machine::operation::Random;
use crate::model::{at_rest_settings, block, label, small_settings};

/// What is written to the end of the capacity.
#[derive(Clone, Copy, Debug)]
enum Data {
    Text,
    Noise,
    Both,
}

/// What a host was told of an append, and what is used since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    partition: u8,
    object: u64,
    early_warning: bool,
    /// Behind the border of a zone of the drive.
    zone: bool,
    full: bool,
}

/// A cartridge that is filled.
#[derive(Clone, Copy, Debug)]
struct Case {
    seed: u64,
    data: Data,
    codec: Codec,
    partitions: u8,
    capacity_bytes: u64,
    /// How far before early warning the zone of the drive begins.
    zone_bytes: u64,
    at_rest: bool,
}

impl Case {
    fn new(seed: u64) -> Self {
        let random = Random::new(seed);
        let one_in = |count| random.below(count) == 0;
        Self {
            seed,
            data: [Data::Text, Data::Noise, Data::Both][usize::try_from(seed % 3).unwrap()],
            codec: Codec::ALL[usize::try_from(seed / 3 % 4).unwrap()],
            partitions: [1, 1, 2, 3][usize::try_from(random.below(4)).unwrap()],
            capacity_bytes: 100_000 + random.below(100_000),
            zone_bytes: random.below(40_000),
            at_rest: one_in(4),
        }
    }

    fn load(self, writing: Writing) -> Cartridge {
        let store = MemoryStore::new();
        let mut label = label(self.seed);
        label.capacity_bytes = self.capacity_bytes * u64::from(self.partitions);
        Cartridge::create(Box::new(store.clone()), &label).unwrap();
        let settings = if self.at_rest {
            at_rest_settings(self.seed)
        } else {
            small_settings(self.seed)
        };
        let settings = Settings {
            writing,
            codec: self.codec,
            // Many frames on their way before a segment is full.
            segment_size_bytes: 120 << 10,
            ..settings
        };
        let (mut cartridge, _) = Cartridge::open(Box::new(store), settings).unwrap();
        if self.partitions > 1 {
            let sizes = vec![self.capacity_bytes; self.partitions.into()];
            cartridge.format(&sizes).unwrap();
        }
        cartridge
    }

    /// Fills all partitions. Returns what the host was told, and what was used when all was written; and how
    /// often it was not known at once how much that was.
    fn fill(self, writing: Writing) -> (Vec<Told>, Vec<Usage>, usize) {
        let mut cartridge = self.load(writing);
        let random = Random::new(self.seed);
        let (mut told, mut used, mut unsure) = (Vec::new(), Vec::new(), 0);
        let border = self.capacity_bytes
            - early_warning_distance_bytes(self.capacity_bytes)
            - self.zone_bytes;
        for partition in 0..self.partitions {
            cartridge.change_partition(partition).unwrap();
            let (mut refused, mut warned) = (0, false);
            while refused < 3 || !warned {
                let object = cartridge.position().object;
                let appended = match random.below(40) {
                    0 => cartridge.append_filemarks(1),
                    1 => {
                        cartridge.synchronize().unwrap();
                        continue;
                    }
                    _ => cartridge.append_block(self.block(&random)),
                };
                unsure +=
                    usize::from(!cartridge.settles_at_once(0, cartridge.usage().stored_bytes));
                cartridge.settle_usage(border);
                let full = matches!(appended, Err(Error::VolumeFull));
                refused += u32::from(full);
                assert!(full || appended.is_ok(), "{appended:?}");
                let early_warning = appended.is_ok_and(|appended| appended.early_warning);
                warned |= early_warning;
                told.push(Told {
                    partition,
                    object,
                    early_warning,
                    zone: cartridge.usage().stored_bytes >= border,
                    full,
                });
            }
            cartridge.append_filemarks(2).unwrap();
            cartridge.synchronize().unwrap();
            used.push(cartridge.usage());
        }
        cartridge.unload().unwrap();
        (told, used, unsure)
    }

    fn block(self, random: &Random) -> bytes::Bytes {
        let length = [60, 700, 1999, 5000, 24_000][usize::try_from(random.below(5)).unwrap()];
        let length = length + usize::try_from(random.below(90)).unwrap();
        let number = 4 * random.below(1000);
        let noise = match self.data {
            Data::Text => false,
            Data::Noise => true,
            Data::Both => random.below(3) == 0,
        };
        if noise {
            return block(length, number);
        }
        // Text that shrinks to about a fifth.
        let parts = [
            block(length / 5, number),
            block(length - length / 5, number + 1),
        ];
        parts.concat().into()
    }
}

#[test]
fn early_warning_zones_and_the_end_lie_where_they_do_without_threads() {
    let (mut unsure, mut zones) = (0, 0);
    for seed in 0..48 {
        let case = Case::new(seed);
        let (told, used, none) = case.fill(Writing::AtOnce);
        assert_eq!(none, 0, "{case:?}: what was written at once is known");
        let (behind, used_behind, some) = case.fill(Writing::Behind);
        let differs = told.iter().zip(&behind).find(|(a, b)| a != b);
        assert_eq!(differs, None, "{case:?}");
        assert_eq!(told.len(), behind.len(), "{case:?}");
        assert_eq!(used, used_behind, "{case:?}");
        let first = |of: fn(&Told) -> bool| told.iter().position(of).unwrap();
        let (early, zone) = (first(|it| it.early_warning), first(|it| it.zone));
        assert!(zone <= early, "{case:?}");
        zones += usize::from(zone < early);
        unsure += some;
    }
    assert!(unsure > 100 && zones > 10, "{unsure} {zones}");
}

/// Near the end what is on its way counts in full, until it is written. That must not end a frame earlier than it
/// would have ended: the same data would take another room each time.
#[test]
fn a_frame_does_not_end_early_because_the_disk_is_slow() {
    let fill = |writing: Writing| {
        let store = LyingStore::new();
        let mut label = label(73);
        label.capacity_bytes = 1_000_000;
        Cartridge::create(Box::new(store.clone()), &label).unwrap();
        let settings = Settings {
            writing,
            ..Settings::default()
        };
        let (mut cartridge, _) = Cartridge::open(Box::new(store.clone()), settings).unwrap();
        cartridge.append_filemarks(1).unwrap();
        store.stall(writing == Writing::Behind);
        // Three frames on their way, and one in progress.
        for (seed, length) in (1..).zip([280_000, 280_000, 280_000, 10_000, 10_000]) {
            cartridge.append_block(block(length, 4 * seed + 1)).unwrap();
        }
        let disk = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            store.stall(false);
        });
        cartridge.append_block(block(200_000, 29)).unwrap();
        disk.join().unwrap();
        cartridge.synchronize().unwrap();
        (cartridge.usage(), cartridge.work().frames_written)
    };
    assert_eq!(fill(Writing::Behind), fill(Writing::AtOnce));
}

/// What the disk does not write stays on its way, so that nobody knows how well it was compressed.
#[test]
fn who_need_not_wait_does_not_while_the_disk_stalls() {
    let capacity_bytes = 16 << 20;
    let early = capacity_bytes - early_warning_distance_bytes(capacity_bytes);
    let mut label = label(72);
    label.capacity_bytes = capacity_bytes;
    // A border of the drive's own, the border of early warning, and what is behind it.
    for (border, filled) in [
        (Some(early - 3_000_000), early - 4_000_000),
        (None, early - 1_000_000),
        (None, early + 200_000),
    ] {
        let store = LyingStore::new();
        Cartridge::create(Box::new(store.clone()), &label).unwrap();
        let settings = Settings {
            codec: Codec::Zstd,
            writing: Writing::Behind,
            reserve_step_bytes: 32 << 20,
            ..Settings::default()
        };
        let opened = Cartridge::open(Box::new(store.clone()), settings);
        let (mut cartridge, _) = opened.unwrap();
        // Few long ones: after many that did not shrink only some frames are tried.
        loop {
            let left = usize::try_from(filled - cartridge.usage().stored_bytes).unwrap();
            if left == 0 {
                break;
            }
            let seed = 4 * cartridge.position().object;
            let noise = block(left.min(500_000), seed);
            cartridge.append_block(noise).unwrap();
        }
        cartridge.synchronize().unwrap();
        store.stall(true);
        let (sender, receiver) = mpsc::channel();
        let host = thread::spawn(move || {
            // Text, which leaves nearly everything free that it is counted for.
            let mut taken = 0;
            let ready = |it: &Cartridge| {
                let of_drive = border.is_none_or(|border| it.settles_at_once(30_000, border));
                it.is_ready_for(30_000) && of_drive
            };
            while ready(&cartridge) {
                let text = block(30_000, 4 * taken + 1);
                cartridge.append_block(text).unwrap();
                if let Some(border) = border {
                    cartridge.settle_usage(border);
                }
                taken += 1;
            }
            let usage = cartridge.usage();
            sender.send((taken, usage.stored_bytes)).unwrap();
            cartridge
        });
        let held = receiver.recv_timeout(Duration::from_mins(1));
        store.stall(false);
        let (taken, counted) = held.expect("it waited for a disk that stalls");
        let limit = border.unwrap_or(if filled < early {
            early
        } else {
            capacity_bytes
        });
        // It comes as near to the border as it can be sure of, and no nearer.
        assert!(taken > 5, "{taken}");
        assert!(
            (limit - 30_000..=limit).contains(&counted),
            "{counted} of {limit}"
        );
        // With the disk, it turns out that there was room.
        let mut cartridge = host.join().unwrap();
        cartridge.synchronize().unwrap();
        assert!(cartridge.usage().stored_bytes < filled + 100_000);
    }
}
