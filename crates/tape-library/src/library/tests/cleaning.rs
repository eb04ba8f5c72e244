//! Cleaning cartridges from the label to the last use.

use std::time::{Duration, Instant};

use scsi::{AdditionalSense, Response, SenseKey};

use super::super::{BarcodeSource, NewTapes};
use crate::drive::CLEANINGS_MAX;
use crate::inject::{DelayOverrides, Effect, NewFault, Subject};
use crate::profile::Preset;
use crate::testing::{Bench, Initiator};

const TEST_UNIT_READY: [u8; 6] = [0; 6];
const DRIVE_0: u16 = 1;
const PATIENCE: Duration = Duration::from_secs(20);

fn bench() -> (Bench, Initiator) {
    let bench = Bench::new(Preset::Default);
    let new = NewTapes {
        count: 1,
        barcodes: BarcodeSource::List(vec!["CLN001CU".into()]),
        media: Some("Cleaning".into()),
        form: None,
        capacity_bytes: None,
    };
    bench.library.create_cartridges(&new).unwrap();
    let host = bench.initiator("one");
    (bench, host)
}

fn cleaning_takes(bench: &Bench, time: Duration) {
    let delays = DelayOverrides {
        clean: Some(time),
        ..DelayOverrides::default()
    };
    let fault = NewFault::lasting(Subject::Drive(0), Effect::Delays(delays));
    bench.library.add_fault(fault).unwrap();
}

fn told(response: &Response) -> AdditionalSense {
    let sense = response.sense.unwrap();
    assert_eq!(sense.key, SenseKey::NotReady);
    sense.additional
}

fn state(host: &Initiator) -> AdditionalSense {
    told(&host.send(DRIVE_0, &TEST_UNIT_READY, &[]))
}

/// Waits for the end of a state and returns what comes after it.
fn after(host: &Initiator, now: AdditionalSense) -> AdditionalSense {
    let start = Instant::now();
    loop {
        let state = state(host);
        if state != now {
            return state;
        }
        assert!(start.elapsed() < PATIENCE, "{now:?} for ever");
        std::thread::yield_now();
    }
}

#[test]
fn drive_walks_through_the_states_and_is_clean_afterwards() {
    let (bench, host) = bench();
    let dirty = NewFault::lasting(Subject::Drive(0), Effect::NeedsCleaning);
    bench.library.add_fault(dirty).unwrap();
    cleaning_takes(&bench, Duration::from_millis(80));
    bench.try_move(&bench.place("CLN001CU"), "drive:0").unwrap();
    let installed = AdditionalSense::CLEANING_CARTRIDGE_INSTALLED;
    assert_eq!(state(&host), installed);
    assert_eq!(
        told(&host.send(DRIVE_0, &[0x08, 0, 0, 0, 1, 0], &[])),
        installed
    );
    assert_eq!(
        told(&host.send(DRIVE_0, &[0x0a, 0, 0, 0, 1, 0], &[0])),
        installed
    );
    let working = AdditionalSense::CAUSE_NOT_REPORTABLE;
    assert_eq!(after(&host, installed), working);
    assert!(bench.library.drives()[0].status().needs_cleaning);
    let done = AdditionalSense::INITIALIZING_COMMAND_REQUIRED;
    assert_eq!(after(&host, working), done);
    let status = bench.library.drives()[0].status();
    assert!(!status.needs_cleaning);
    assert_eq!(
        bench.library.faults().len(),
        1,
        "the fault is gone, the delays are not"
    );
    // UNLOAD: it is out, and the robot takes it.
    assert!(
        host.send(DRIVE_0, &[0x1b, 0, 0, 0, 0, 0], &[])
            .sense
            .is_none()
    );
    assert_eq!(state(&host), AdditionalSense::MEDIUM_NOT_PRESENT);
    bench.try_move("drive:0", "slot:22").unwrap();
    bench.try_move("slot:1", "drive:0").unwrap();
    let changed = host.send(DRIVE_0, &TEST_UNIT_READY, &[]).sense.unwrap();
    assert_eq!(
        changed.additional,
        AdditionalSense::NOT_READY_TO_READY_CHANGE
    );
    assert!(host.send(DRIVE_0, &TEST_UNIT_READY, &[]).sense.is_none());
}

#[test]
fn cleaning_cartridge_is_used_up_after_its_last_use_and_stays_so() {
    let (bench, host) = bench();
    cleaning_takes(&bench, Duration::ZERO);
    bench.try_move(&bench.place("CLN001CU"), "drive:0").unwrap();
    let done = AdditionalSense::INITIALIZING_COMMAND_REQUIRED;
    let load = [0x1b, 0, 0, 0, 1, 0];
    for _ in 1..CLEANINGS_MAX {
        assert_eq!(state(&host), done);
        assert!(host.send(DRIVE_0, &load, &[]).sense.is_none());
    }
    assert_eq!(state(&host), done, "the last one");
    assert!(host.send(DRIVE_0, &load, &[]).sense.is_none());
    assert_eq!(state(&host), AdditionalSense::CLEANING_FAILURE);
    // LOG SENSE, page 2Eh: flags 11 and 22.
    let page = host
        .send(DRIVE_0, &[0x4d, 0, 0x6e, 0, 0, 0, 0, 2, 0, 0], &[])
        .data_in;
    let flag = |number: usize| page[4 + (number - 1) * 5 + 4];
    assert_eq!((flag(11), flag(22)), (1, 1));
    drop(host);
    let bench = bench.reopen();
    let host = bench.initiator("one");
    assert_eq!(state(&host), AdditionalSense::CLEANING_FAILURE);
}
