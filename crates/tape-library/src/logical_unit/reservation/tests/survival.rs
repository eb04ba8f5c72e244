//! APTPL: what is kept over a restart, and that it is kept before it counts.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use scsi::{AdditionalSense, Sense, SenseKey, Status};

use super::out::*;
use super::*;
use crate::error::Error;
use crate::logical_unit::reservation::{Persistent, ReservationStore};

/// A disk that can be made to fail.
#[derive(Debug, Default)]
struct Disk {
    kept: Mutex<Persistent>,
    broken: AtomicBool,
    writes: Mutex<u32>,
}

impl ReservationStore for Disk {
    fn load(&self) -> Result<Persistent, Error> {
        let kept = self.kept.lock().unwrap().clone();
        Ok(Persistent::restored(kept.registrations, kept.held))
    }

    fn save(&self, persistent: &Persistent) -> Result<(), Error> {
        *self.writes.lock().unwrap() += 1;
        if self.broken.load(Ordering::Relaxed) {
            return Err(Error::CatalogueDamaged {
                reason: "test".into(),
            });
        }
        *self.kept.lock().unwrap() = if persistent.survives_power_loss {
            persistent.clone()
        } else {
            Persistent::default()
        };
        Ok(())
    }
}

fn bench_with(disk: &Arc<Disk>) -> Bench {
    let bench = Bench::new();
    bench.reservations.keep_in(disk.clone()).unwrap();
    bench
}

#[test]
fn without_a_store_nothing_can_survive() {
    let bench = Bench::new();
    let refused = bench.register_to_survive(0, 10).sense;
    assert_eq!(
        refused,
        Some(Sense::invalid_field_in_parameter_list(20).at_bit(0))
    );
    let capabilities = bench.read(0, 2).data_in;
    assert_eq!(
        (capabilities[2] & 1, capabilities[3] & 1),
        (0, 0),
        "PTPL_C, PTPL_A"
    );
}

#[test]
fn with_aptpl_everything_survives_and_the_generation_begins_again() {
    let disk = Arc::new(Disk::default());
    let bench = bench_with(&disk);
    assert_eq!(bench.register_to_survive(0, 10).status, Status::Good);
    assert_eq!(bench.register_to_survive(1, 11).status, Status::Good);
    bench.good(0, RESERVE, 6, 10, 0);
    let capabilities = bench.read(0, 2).data_in;
    assert_eq!(
        (capabilities[2] & 1, capabilities[3] & 1),
        (1, 1),
        "PTPL_C, PTPL_A"
    );
    let again = bench_with(&disk);
    assert_eq!(again.keys(), (0, vec![10, 11]));
    assert_eq!(again.reservation().unwrap().0, 10);
    assert!(again.may(1, &WRITE) && !again.may(2, &READ));
}

#[test]
fn without_aptpl_nothing_survives_and_nothing_is_written() {
    let disk = Arc::new(Disk::default());
    let bench = bench_with(&disk);
    bench.good(0, REGISTER, 0, 0, 10);
    bench.good(0, RESERVE, 3, 10, 0);
    assert_eq!(*disk.writes.lock().unwrap(), 0);
    // The last APTPL counts for all.
    assert_eq!(bench.register_to_survive(1, 11).status, Status::Good);
    assert_eq!(bench_with(&disk).keys().1, [10, 11]);
    bench.good(1, REGISTER_AND_IGNORE, 0, 0, 11);
    let again = bench_with(&disk);
    assert_eq!(again.keys(), (0, vec![]));
    assert!(again.may(1, &WRITE));
}

#[test]
fn what_cannot_be_kept_does_not_happen() {
    let disk = Arc::new(Disk::default());
    let bench = bench_with(&disk);
    assert_eq!(bench.register_to_survive(0, 10).status, Status::Good);
    disk.broken.store(true, Ordering::Relaxed);
    let failed = bench.response(0, RESERVE, 3, 10, 0).sense.unwrap();
    assert_eq!(failed.key, SenseKey::HardwareError);
    assert_eq!(failed.additional, AdditionalSense::INTERNAL_TARGET_FAILURE);
    assert_eq!(bench.reservation(), None);
    assert!(bench.may(1, &WRITE));
    assert!(bench.reservations.clear().is_err());
    assert_eq!(bench.keys().1, [10]);
    disk.broken.store(false, Ordering::Relaxed);
    bench.reservations.clear().unwrap();
    assert_eq!(bench_with(&disk).keys().1, [0_u64; 0]);
}

#[test]
fn what_survives_a_loss_of_power_survives_being_switched_on() {
    let disk = Arc::new(Disk::default());
    let bench = bench_with(&disk);
    assert_eq!(bench.register_to_survive(0, 10).status, Status::Good);
    bench.good(0, RESERVE, 3, 10, 0);
    bench.reservations.switched_on();
    assert_eq!(bench.keys().1, [10]);
    assert!(!bench.may(1, &READ));
    bench.good(0, REGISTER_AND_IGNORE, 0, 0, 10); // without APTPL
    bench.reservations.switched_on();
    assert_eq!(bench.keys(), (0, vec![]));
    assert!(bench.may(1, &READ));
}
