//! The pages, and where each gets its values from.

use cartridge::limits::{WRITE_BEHIND_BYTES_MAX, early_warning_distance_bytes};
use cartridge::{Codec, Work};
use scsi::NexusId;
use scsi::spc::log::{Logs, PageId, Parameter};
use scsi::ssc::log_pages::data_compression::{
    DATA_COMPRESSION, DATA_COMPRESSION_OF_LTO, DataCompression,
};
use scsi::ssc::log_pages::device_statistics::{DEVICE_STATISTICS, DeviceStatistics};
use scsi::ssc::log_pages::device_status::{DEVICE_STATUS, DeviceStatus};
use scsi::ssc::log_pages::dt_device_status::{
    Activity as DtActivity, DT_DEVICE_STATUS, DtDeviceStatus,
};
use scsi::ssc::log_pages::error_counters::{ErrorCounters, READ_ERRORS, WRITE_ERRORS};
use scsi::ssc::log_pages::error_details::{ErrorDetails, READ_FORWARD_ERRORS, WRITE_ERROR_DETAILS};
use scsi::ssc::log_pages::performance::{PERFORMANCE, Performance, Quality};
use scsi::ssc::log_pages::requested_recovery::{self, Procedure, REQUESTED_RECOVERY};
use scsi::ssc::log_pages::self_test_results::{self, SELF_TEST_RESULTS};
use scsi::ssc::log_pages::sequential_access::{Partition, SEQUENTIAL_ACCESS, SequentialAccess};
use scsi::ssc::log_pages::tape_capacity::PartitionCapacity;
use scsi::ssc::log_pages::tape_diagnostic_data::{self, TAPE_DIAGNOSTIC_DATA};
use scsi::ssc::log_pages::tape_usage::{self, TAPE_USAGE};
use scsi::ssc::log_pages::temperature::{TEMPERATURE, Temperature};
use scsi::ssc::log_pages::volume_statistics::{
    Direction, PartitionUse, VOLUME_STATISTICS, VolumeStatistics,
};
use scsi::ssc::log_pages::{
    TAPE_ALERT, TAPE_ALERT_RESPONSE, TAPE_CAPACITY, TapeAlert, TapeCapacity,
};

use crate::drive::attributes::{MADE_BY, serial_number};
use crate::drive::mounted::Mounted;
use crate::drive::{Activity, Machine, Medium};
use crate::profile::Form;

/// The drive's pages, as a nexus sees them.
pub(super) struct DriveLogs<'a> {
    pub(super) machine: &'a mut Machine,
    pub(super) nexus: NexusId,
}

/// The pages in ascending order.
const PAGES: [u8; 20] = [
    WRITE_ERRORS,
    READ_ERRORS,
    SEQUENTIAL_ACCESS,
    TEMPERATURE,
    SELF_TEST_RESULTS,
    DT_DEVICE_STATUS,
    TAPE_ALERT_RESPONSE,
    REQUESTED_RECOVERY,
    DEVICE_STATISTICS,
    TAPE_DIAGNOSTIC_DATA,
    VOLUME_STATISTICS,
    DATA_COMPRESSION,
    TAPE_ALERT,
    TAPE_USAGE,
    TAPE_CAPACITY,
    DATA_COMPRESSION_OF_LTO,
    WRITE_ERROR_DETAILS,
    READ_FORWARD_ERRORS,
    PERFORMANCE,
    DEVICE_STATUS,
];

impl Logs for DriveLogs<'_> {
    fn pages(&self) -> Vec<PageId> {
        PAGES.map(PageId::new).to_vec()
    }

    fn parameters(&mut self, page: PageId) -> Vec<Parameter> {
        let machine = &*self.machine;
        let history = &machine.log.history;
        match page.code {
            WRITE_ERRORS => machine.write_errors().parameters(),
            READ_ERRORS => machine.read_errors().parameters(),
            SEQUENTIAL_ACCESS => machine.sequential_access().parameters(),
            TEMPERATURE => Temperature::OF_A_VIRTUAL_DRIVE.parameters(),
            SELF_TEST_RESULTS => self_test_results::parameters(history.self_tests()),
            DT_DEVICE_STATUS => machine.dt_device_status(self.nexus).parameters(),
            TAPE_ALERT_RESPONSE => machine.alerts.raised().response_parameters(),
            REQUESTED_RECOVERY => requested_recovery::parameters(machine.requested_recovery()),
            DEVICE_STATISTICS => machine.device_statistics().parameters(),
            TAPE_DIAGNOSTIC_DATA => tape_diagnostic_data::parameters(history.errors()),
            VOLUME_STATISTICS => match machine.volume_statistics() {
                Some(volume) => volume.parameters(),
                None => VolumeStatistics::without_cartridge(),
            },
            DATA_COMPRESSION => machine.data_compression().parameters(),
            TAPE_ALERT => machine.alerts.seen_by(self.nexus).parameters(),
            TAPE_USAGE => {
                let volume = machine.volume_statistics().unwrap_or_default();
                tape_usage::parameters(&volume)
            }
            TAPE_CAPACITY => machine.tape_capacity().parameters(),
            DATA_COMPRESSION_OF_LTO => machine.data_compression().parameters_of_lto(),
            WRITE_ERROR_DETAILS => machine.error_details(|work| work.write_errors).parameters(),
            READ_FORWARD_ERRORS => machine.error_details(|work| work.read_errors).parameters(),
            PERFORMANCE => machine.performance().parameters(),
            DEVICE_STATUS => machine.device_status().parameters(),
            _ => Vec::new(),
        }
    }

    /// Reading page 2Eh lowers the flags for who reads (SSC-5 §8.2.3).
    fn were_told(&mut self, page: PageId, codes: &[u16]) {
        match page.code {
            TAPE_ALERT => self.machine.alerts.were_told(self.nexus, codes),
            TAPE_DIAGNOSTIC_DATA => self.machine.log.history.errors_were_told(),
            _ => {}
        }
    }

    /// What is the cartridge's or the drive's life is not reset: nobody could tell it again.
    fn reset(&mut self, page: PageId) {
        match page.code {
            WRITE_ERRORS => self.machine.log.write_base = self.machine.raw_write_errors(),
            READ_ERRORS => self.machine.log.read_base = self.machine.raw_read_errors(),
            TAPE_ALERT => self.machine.alerts.clear(),
            _ => {}
        }
    }

    fn set(&mut self, page: PageId, code: u16, value: u64) {
        let (mut raw, base) = match page.code {
            WRITE_ERRORS => (
                self.machine.raw_write_errors(),
                &mut self.machine.log.write_base,
            ),
            READ_ERRORS => (
                self.machine.raw_read_errors(),
                &mut self.machine.log.read_base,
            ),
            _ => return,
        };
        if let (Some(counted), Some(base)) = (raw.counter_mut(code), base.counter_mut(code)) {
            *base = counted.wrapping_sub(value);
        }
    }
}

impl Machine {
    fn raw_write_errors(&self) -> ErrorCounters {
        let work = self.work_of_load();
        ErrorCounters {
            corrected: [0; 5],
            bytes_processed: work.stored_bytes,
            uncorrected: work.write_errors,
        }
    }

    fn raw_read_errors(&self) -> ErrorCounters {
        let work = self.work_of_load();
        ErrorCounters {
            corrected: [0; 5],
            bytes_processed: work.fetched_bytes,
            uncorrected: work.read_errors,
        }
    }

    fn write_errors(&self) -> ErrorCounters {
        since(self.raw_write_errors(), self.log.write_base)
    }

    fn read_errors(&self) -> ErrorCounters {
        since(self.raw_read_errors(), self.log.read_base)
    }

    fn sequential_access(&self) -> SequentialAccess {
        let work = self.work_of_drive();
        let partition = match &self.medium {
            Medium::Loaded(mounted) => Some(partition(mounted)),
            Medium::Empty | Medium::Unloaded(_) => None,
        };
        SequentialAccess {
            from_initiators_bytes: work.written_bytes,
            to_medium_bytes: work.stored_bytes,
            from_medium_bytes: work.fetched_bytes,
            to_initiators_bytes: work.read_bytes,
            partition,
            buffer_bytes: WRITE_BEHIND_BYTES_MAX as u64,
            cleaning_requested: self.wants_cleaning(),
        }
    }

    fn wants_cleaning(&self) -> bool {
        let alerts = self.alerts.raised();
        self.mechanics.needs_cleaning
            || alerts.is_raised(TapeAlert::CleanNow)
            || alerts.is_raised(TapeAlert::CleanPeriodic)
    }

    fn dt_device_status(&self, nexus: NexusId) -> DtDeviceStatus {
        let alerts = self.alerts.raised();
        let mounted = match &self.medium {
            Medium::Loaded(mounted) => Some(mounted),
            Medium::Empty | Medium::Unloaded(_) => None,
        };
        let activity = match self.mechanics.activity() {
            None => DtActivity::None,
            Some(Activity::Loading) => DtActivity::Loading,
            Some(Activity::Unloading) => DtActivity::Unloading,
            Some(Activity::Rewinding) => DtActivity::Rewinding,
            Some(Activity::Locating) => DtActivity::Locating,
            Some(Activity::Cleaning) => DtActivity::Cleaning,
        };
        let still = activity == DtActivity::None;
        let removable = mounted.is_none() && self.preventing.is_empty();
        DtDeviceStatus {
            removal_prevented: !self.preventing.is_empty(),
            unloaded_by_host: matches!(self.medium, Medium::Unloaded(_))
                && !self.has_cleaning_cartridge(),
            memory_accessible: mounted.is_some(),
            compression: self.codec_in_force() != Codec::Stored,
            write_protected: mounted.is_some_and(|mounted| mounted.write_protected),
            cleaning_requested: alerts.is_raised(TapeAlert::CleanPeriodic),
            cleaning_required: self.mechanics.needs_cleaning
                || alerts.is_raised(TapeAlert::CleanNow),
            in_transition: !still,
            robot_allowed: removable && still,
            present: !matches!(self.medium, Medium::Empty),
            mounted: mounted.is_some(),
            activity,
            diagnostic_data: self.log.history.error_is_new(),
            encryption_parameters: self.has_key_for(nexus),
            alerts_changed: !self.alerts.seen_by(nexus).is_empty(),
        }
    }

    /// After a failure a new load finds out what the cartridge holds.
    fn requested_recovery(&self) -> Procedure {
        let alerts = self.alerts.raised();
        let failed = [TapeAlert::ReadFailure, TapeAlert::WriteFailure];
        let loaded = matches!(self.medium, Medium::Loaded(_));
        if loaded && failed.into_iter().any(|alert| alerts.is_raised(alert)) {
            return Procedure::Unload;
        }
        Procedure::None
    }

    fn device_statistics(&self) -> DeviceStatistics {
        let work = self.work_of_drive();
        DeviceStatistics {
            loads: self.log.history.loads(),
            cleanings: self.log.history.cleanings(),
            power_on_hours: self.log.history.power_on_hours(),
            power_cycles: 1,
            write_errors: work.write_errors,
            read_errors: work.read_errors,
            serial: self.name.serial.clone(),
            removal_prevented: !self.preventing.is_empty(),
        }
    }

    fn volume_statistics(&self) -> Option<VolumeStatistics> {
        let Medium::Loaded(mounted) = &self.medium else {
            return None;
        };
        let label = mounted.cartridge.label();
        let memory = mounted.memory();
        let previous = mounted.life.previous();
        let generation = self
            .medium_of(mounted)
            .map_or(0, |own| own.media.generation);
        Some(VolumeStatistics {
            loads: memory.loads,
            write_loads: memory.write_loads,
            written: written(memory.life),
            read: read(memory.life),
            written_this_load: written(memory.last_load),
            read_this_load: read(memory.last_load),
            previous_write_errors: previous.write_errors,
            previous_read_errors: previous.read_errors,
            serial: serial_number(label),
            barcode: label.barcode.clone(),
            manufacturer: MADE_BY.to_owned(),
            personality: format!("Ultrium-{generation}"),
            write_protected: mounted.write_protected,
            worm: label.form == Form::Worm,
            partitions: partitions(mounted),
            // Every load passes it once.
            beginning_passes: memory.loads,
        })
    }

    fn data_compression(&self) -> DataCompression {
        let work = self.work_of_load();
        DataCompression {
            read: read(work),
            written: written(work),
            enabled: self.codec_in_force() != Codec::Stored,
        }
    }

    /// Page 31h, live. Zeros without a cartridge.
    fn tape_capacity(&self) -> TapeCapacity {
        let partitions = match &self.medium {
            Medium::Loaded(mounted) => partitions(mounted),
            Medium::Empty | Medium::Unloaded(_) => Vec::new(),
        };
        let capacity = |own: PartitionUse| PartitionCapacity {
            remaining_bytes: own.capacity_bytes.saturating_sub(own.used_bytes),
            capacity_bytes: own.capacity_bytes,
        };
        TapeCapacity {
            partitions: partitions.into_iter().map(capacity).collect(),
        }
    }

    fn error_details(&self, errors: fn(Work) -> u64) -> ErrorDetails {
        let in_life = match &self.medium {
            Medium::Loaded(mounted) => mounted.memory().life,
            Medium::Empty | Medium::Unloaded(_) => Work::default(),
        };
        ErrorDetails {
            this_load: errors(self.work_of_load()),
            in_life: errors(in_life),
            of_the_drive: errors(self.work_of_drive()),
        }
    }

    fn performance(&self) -> Performance {
        let failures = |work: Work| work.write_errors.saturating_add(work.read_errors);
        let medium = match &self.medium {
            Medium::Loaded(mounted) => Quality::after_failures(failures(mounted.memory().life)),
            Medium::Empty | Medium::Unloaded(_) => Quality::default(),
        };
        Performance {
            drive: Quality::after_failures(failures(self.work_of_drive())),
            medium,
        }
    }

    fn device_status(&self) -> DeviceStatus {
        let work = self.work_of_drive();
        DeviceStatus {
            alerts: self.alerts.raised(),
            drive_loads: self.log.history.loads(),
            drive_written_bytes: work.stored_bytes,
            drive_read_bytes: work.fetched_bytes,
            cartridge_loads: match &self.medium {
                Medium::Loaded(mounted) => mounted.memory().loads,
                Medium::Empty | Medium::Unloaded(_) => 0,
            },
        }
    }
}

fn since(mut raw: ErrorCounters, mut base: ErrorCounters) -> ErrorCounters {
    for code in 0..7 {
        if let (Some(counted), Some(base)) = (raw.counter_mut(code), base.counter_mut(code)) {
            *counted = counted.wrapping_sub(*base);
        }
    }
    raw
}

fn written(work: Work) -> Direction {
    Direction {
        data_sets: work.frames_written,
        bytes: work.written_bytes,
        stored_bytes: work.stored_bytes,
        errors: work.write_errors,
    }
}

fn read(work: Work) -> Direction {
    Direction {
        data_sets: work.frames_read,
        bytes: work.read_bytes,
        stored_bytes: work.fetched_bytes,
        errors: work.read_errors,
    }
}

fn partitions(mounted: &Mounted) -> Vec<PartitionUse> {
    let numbers = 0..mounted.cartridge.partitions();
    let usages = numbers.filter_map(|partition| mounted.cartridge.usage_of(partition));
    usages
        .map(|usage| PartitionUse {
            capacity_bytes: usage.capacity_bytes,
            used_bytes: usage.stored_bytes,
        })
        .collect()
}

/// How much lies before the position is known at both ends only.
fn partition(mounted: &Mounted) -> Partition {
    let usage = mounted.cartridge.usage();
    let distance = early_warning_distance_bytes(usage.capacity_bytes);
    let position = mounted.cartridge.position().object;
    let to_position_bytes = if position == 0 {
        Some(0)
    } else if position == mounted.cartridge.end_of_data().object {
        Some(usage.stored_bytes)
    } else {
        None
    };
    Partition {
        to_end_of_data_bytes: usage.stored_bytes,
        to_early_warning_bytes: usage.capacity_bytes - distance,
        behind_early_warning_bytes: distance,
        to_position_bytes,
    }
}
