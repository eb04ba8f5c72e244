//! The bytes of the pages that have more than numbers in a row.

use super::data_compression::DataCompression;
use super::dt_device_status::{Activity, DtDeviceStatus};
use super::error_counters::ErrorCounters;
use super::performance::Quality;
use super::self_test_results::{self, SelfTest};
use super::sequential_access::{Partition, SequentialAccess};
use super::tape_diagnostic_data::{self, DiagnosticEntry};
use super::volume_statistics::{Direction, PartitionUse, VolumeStatistics};
use crate::sense::{AdditionalSense, Sense, SenseKey};
use crate::spc::log::Parameter;

fn value(parameters: &[Parameter], code: u16) -> Vec<u8> {
    let found = parameters.iter().find(|own| own.code == code);
    found.expect("the parameter is there").value.clone()
}

#[test]
fn partitions_of_a_volume_are_records() {
    let mut volume = VolumeStatistics {
        partitions: vec![
            PartitionUse {
                capacity_bytes: 1_425_000_000_000,
                used_bytes: 2_999_999,
            },
            PartitionUse {
                capacity_bytes: 37_000_000,
                used_bytes: 0,
            },
        ],
        ..VolumeStatistics::default()
    };
    let parameters = volume.parameters();
    assert!(parameters.is_sorted_by(|one, next| one.code < next.code));
    // LTFS wants sixteen bytes for two partitions.
    let used = value(&parameters, 0x0203);
    assert_eq!(used, [7, 0, 0, 0, 0, 0, 0, 2, 7, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(
        value(&parameters, 0x0204)[4..8],
        1_424_997_u32.to_be_bytes()
    );
    assert_eq!(value(&parameters, 0x0202)[12..], [0, 0, 0, 37]);
    assert_eq!(value(&parameters, 0x0000), [1]);
    assert_eq!(value(&VolumeStatistics::without_cartridge(), 0), [0]);
    // FFFFFFFFh would say that the end of data is missing.
    volume.partitions[0].capacity_bytes = u64::MAX;
    assert_eq!(
        value(&volume.parameters(), 0x0202)[4..8],
        [0xff, 0xff, 0xff, 0xfd]
    );
}

#[test]
fn compression_in_percent_and_in_pairs() {
    let page = DataCompression {
        read: Direction::default(),
        written: Direction {
            bytes: 5_000_003,
            stored_bytes: 2_500_000,
            ..Direction::default()
        },
        enabled: true,
    };
    let parameters = page.parameters();
    assert_eq!(value(&parameters, 0), 100_u16.to_be_bytes());
    assert_eq!(value(&parameters, 1), 200_u16.to_be_bytes());
    assert_eq!(
        value(&parameters, 6),
        [0, 0, 0, 5],
        "megabytes from the host"
    );
    assert_eq!(value(&parameters, 7), [0, 0, 0, 3], "and the rest");
    assert_eq!(value(&parameters, 8), [0, 0, 0, 2]);
    assert_eq!(value(&parameters, 9), 500_000_u32.to_be_bytes());
    assert_eq!(value(&parameters, 0x100), [1]);
    assert_eq!(page.parameters_of_lto().len(), parameters.len() - 1);
}

#[test]
fn what_nobody_knows_is_all_ones() {
    let mut page = SequentialAccess::default();
    for code in 4..8 {
        assert_eq!(value(&page.parameters(), code), [0xff; 8]);
    }
    page.partition = Some(Partition {
        to_early_warning_bytes: 3_000_000,
        ..Partition::default()
    });
    assert_eq!(value(&page.parameters(), 5), 3_u64.to_be_bytes());
    assert_eq!(value(&page.parameters(), 7), [0xff; 8]);
}

#[test]
fn bits_of_the_very_high_frequency_data() {
    let mut status = DtDeviceStatus {
        removal_prevented: true,
        memory_accessible: true,
        present: true,
        mounted: true,
        alerts_changed: true,
        ..DtDeviceStatus::default()
    };
    let data = |status: &DtDeviceStatus| value(&status.parameters(), 0);
    assert_eq!(data(&status), [0xa1, 0x17, 0x00, 0x01]);
    status = DtDeviceStatus {
        unloaded_by_host: true,
        robot_allowed: true,
        present: true,
        activity: Activity::Unloading,
        ..DtDeviceStatus::default()
    };
    assert_eq!(data(&status), [0x41, 0x30, 0x03, 0x00]);
}

#[test]
fn an_error_with_what_was_being_done() {
    let sense = Sense::new(SenseKey::MediumError, AdditionalSense::WRITE_ERROR);
    let entry = DiagnosticEntry {
        density: 0x58,
        medium_type: 0x58,
        repeat: true,
        sense,
        revision: *b"D8D4",
        operation_code: 0x0a,
        service_action: 0,
        medium_serial: "SERIAL".to_owned(),
        unix_ms: 0x0102_0304_0506,
    };
    let parameters = tape_diagnostic_data::parameters([&entry]);
    let bytes = value(&parameters, 0);
    assert_eq!(bytes.len(), 68);
    assert_eq!(bytes[2..4], [0x58, 0x58]);
    assert_eq!(bytes[9..12], [0x83, 0x0c, 0x00]);
    assert_eq!(&bytes[16..20], b"D8D4");
    assert_eq!(bytes[24], 0x0a);
    assert_eq!(&bytes[28..34], b"SERIAL");
    assert_eq!(bytes[60..], [2, 0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn twenty_self_tests() {
    let sense = Sense::new(
        SenseKey::HardwareError,
        AdditionalSense::INTERNAL_TARGET_FAILURE,
    );
    let failed = SelfTest {
        power_on_hours: 3,
        result: Err(sense),
    };
    let parameters = self_test_results::parameters([&failed]);
    assert_eq!(parameters.len(), 20);
    let bytes = value(&parameters, 1);
    assert_eq!(bytes[..4], [7, 0, 0, 3]);
    assert_eq!(bytes[12..], [4, 0x44, 0, 0]);
    assert_eq!(value(&parameters, 20), [0; 16]);
}

#[test]
fn error_counters_are_set_one_by_one() {
    let mut counters = ErrorCounters::default();
    for code in 0..7 {
        *counters.counter_mut(code).unwrap() = u64::from(code) + 10;
    }
    assert_eq!(counters.counter_mut(7), None);
    for (code, parameter) in counters.parameters().iter().enumerate() {
        assert!(parameter.changeable);
        assert_eq!(usize::from(*parameter.value.last().unwrap()), code + 10);
    }
}

#[test]
fn quality_falls_with_every_failure() {
    assert_eq!(Quality::after_failures(0), Quality(1));
    assert_eq!(Quality::after_failures(1), Quality(33));
    assert_eq!(Quality::after_failures(1000), Quality(0xfe));
}
