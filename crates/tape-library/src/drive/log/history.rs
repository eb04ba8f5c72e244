//! What a drive remembers of its own life, since the gateway was started.

use std::collections::VecDeque;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cartridge::Work;
use scsi::ssc::log_pages::self_test_results::{RESULTS_MAX, SelfTest};
use scsi::ssc::log_pages::tape_diagnostic_data::{DiagnosticEntry, ENTRIES_MAX};
use scsi::{Cdb, Response, Sense, SenseKey};

use crate::drive::attributes::serial_number;
use crate::drive::mounted::Mounted;
use crate::drive::{Machine, Medium};

/// The drive's life.
pub(in crate::drive) struct History {
    /// When it was switched on.
    since: Instant,
    /// How often a cartridge was loaded.
    loads: u64,
    /// How often it was cleaned.
    cleanings: u64,
    /// What was done with the cartridges before the one in it.
    done: Work,
    /// What was done with the last cartridge, when it is out.
    last_load: Work,
    /// The last errors, the last one first.
    errors: VecDeque<DiagnosticEntry>,
    /// Whether an error has come since page 16h was read.
    error_is_new: bool,
    /// The last self-tests, the last one first.
    self_tests: VecDeque<SelfTest>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            loads: 0,
            cleanings: 0,
            done: Work::default(),
            last_load: Work::default(),
            errors: VecDeque::new(),
            error_is_new: false,
            self_tests: VecDeque::new(),
        }
    }
}

impl History {
    pub(super) fn begin_load(&mut self) {
        self.loads += 1;
        self.last_load = Work::default();
    }

    /// The cartridge was unthreaded, with which that was done.
    pub(in crate::drive) fn end_load(&mut self, work: Work) {
        self.done = self.done.plus(work);
        self.last_load = work;
    }

    pub(in crate::drive) fn loads(&self) -> u64 {
        self.loads
    }

    /// It was cleaned.
    pub(in crate::drive) fn note_cleaning(&mut self) {
        self.cleanings += 1;
    }

    pub(super) fn cleanings(&self) -> u64 {
        self.cleanings
    }

    pub(super) fn power_on_hours(&self) -> u64 {
        self.since.elapsed().as_secs() / 3600
    }

    pub(super) fn errors(&self) -> impl Iterator<Item = &DiagnosticEntry> {
        self.errors.iter()
    }

    pub(super) fn error_is_new(&self) -> bool {
        self.error_is_new
    }

    /// Page 16h was read.
    pub(super) fn errors_were_told(&mut self) {
        self.error_is_new = false;
    }

    pub(super) fn self_tests(&self) -> impl Iterator<Item = &SelfTest> {
        self.self_tests.iter()
    }

    /// A self-test was done.
    pub(in crate::drive) fn note_self_test(&mut self, result: Result<(), Sense>) {
        let power_on_hours = u16::try_from(self.power_on_hours()).unwrap_or(u16::MAX);
        self.self_tests.push_front(SelfTest {
            power_on_hours,
            result,
        });
        self.self_tests.truncate(RESULTS_MAX);
    }

    fn note_error(&mut self, mut entry: DiagnosticEntry) {
        if let Some(last) = self.errors.front() {
            let unix_ms = last.unix_ms;
            let repeat = last.repeat;
            let same = DiagnosticEntry {
                unix_ms,
                repeat,
                ..entry.clone()
            };
            entry.repeat = *last == same;
        }
        self.errors.push_front(entry);
        self.errors.truncate(ENTRIES_MAX);
        self.error_is_new = true;
    }
}

impl Machine {
    /// Returns what was done with the cartridge in the drive, or with the last one.
    pub(super) fn work_of_load(&self) -> Work {
        match &self.medium {
            Medium::Loaded(mounted) => mounted.work(),
            Medium::Empty | Medium::Unloaded(_) => self.log.history.last_load,
        }
    }

    /// Returns what the drive has done with all cartridges.
    pub(in crate::drive) fn work_of_drive(&self) -> Work {
        match &self.medium {
            Medium::Loaded(mounted) => self.log.history.done.plus(mounted.work()),
            Medium::Empty | Medium::Unloaded(_) => self.log.history.done,
        }
    }

    /// Remembers what went wrong with a command, if something did: errors of the medium and of the
    /// hardware, not what the initiator is to blame for.
    pub(in crate::drive) fn note_outcome(&mut self, cdb: &Cdb, response: &Response) {
        let Some(sense) = response.sense else {
            return;
        };
        if !matches!(sense.key, SenseKey::MediumError | SenseKey::HardwareError) {
            return;
        }
        let (density, medium_type, medium_serial) = match &self.medium {
            Medium::Loaded(mounted) => (
                mounted.cartridge.label().density,
                self.medium_type_of(mounted),
                serial_number(mounted.cartridge.label()),
            ),
            Medium::Empty | Medium::Unloaded(_) => (0, 0, String::new()),
        };
        let revision = self.profile.revision.bytes();
        let mut four = [b' '; 4];
        for (to, from) in four.iter_mut().zip(revision) {
            *to = from;
        }
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let unix_ms = since_1970.map_or(0, |since| since.as_millis());
        self.log.history.note_error(DiagnosticEntry {
            density,
            medium_type,
            repeat: false,
            sense,
            revision: four,
            operation_code: cdb.operation_code(),
            service_action: cdb.service_action(),
            medium_serial,
            unix_ms: u64::try_from(unix_ms).unwrap_or(u64::MAX),
        });
    }

    fn medium_type_of(&self, mounted: &Mounted) -> u8 {
        let medium = self.medium_of(mounted);
        medium.map_or(0, |medium| self.profile.medium_type(&medium.media))
    }
}
