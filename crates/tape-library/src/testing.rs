//! What tests of the whole library share: a library in a temporary directory, and an initiator that
//! sends one command after another and waits for each.

pub(crate) mod answers;
mod support_document;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use bytes::Bytes;
use cartridge::{SeededEnvironment, Settings};
use scsi::{
    AdditionalSense, Cdb, Command, ElementAddress, InitiatorPort, Lun, Response, SenseKey, Status,
    TaskManagementFunction, TaskTag,
};
use tempfile::TempDir;

use crate::logical_unit::{ClearedBy, CompletionSink};
use crate::profile::{MachineSpec, Preset, Profiles};
use crate::target::{Nexus, Target};
use crate::{Library, NewLibrary, OpenOptions};

/// The changer's LUN in [`Bench::initiator`]; the drives follow.
pub(crate) const CHANGER: u16 = 0;

/// A library in a directory of its own.
pub(crate) struct Bench {
    pub(crate) data: TempDir,
    pub(crate) library: Arc<Library>,
}

impl Bench {
    pub(crate) fn new(preset: Preset) -> Self {
        Self::with_machine(preset, preset.machine())
    }

    pub(crate) fn with_machine(preset: Preset, machine: MachineSpec) -> Self {
        let data = tempfile::tempdir().unwrap();
        let new = NewLibrary {
            preset,
            name: None,
            machine: Some(machine),
            cartridges: preset.initial_cartridges(),
            profiles: Arc::clone(Profiles::builtin()),
            environment: Arc::new(SeededEnvironment::new(1)),
        };
        Library::create(data.path(), new).unwrap();
        let library = open(data.path());
        Self { data, library }
    }

    /// Closes the library and opens it again, as after a crash: nothing is told beforehand.
    pub(crate) fn reopen(self) -> Self {
        let Self { data, library } = self;
        drop(library);
        let library = open(data.path());
        Self { data, library }
    }

    pub(crate) fn address(&self, name: &str) -> ElementAddress {
        let name = name.parse().unwrap();
        self.library.layout().address(name).unwrap()
    }

    /// An initiator without pending attentions, at a target with the changer and all drives.
    pub(crate) fn initiator(&self, name: &str) -> Initiator {
        let drives = self.library.drives().iter().map(crate::DriveBay::unit);
        let units: Vec<_> = std::iter::once(self.library.changer())
            .chain(drives)
            .enumerate()
            .map(|(lun, unit)| (Lun::new(u16::try_from(lun).unwrap()), unit))
            .collect();
        Initiator::new(&Target::new("iqn.test,t,0x0001", units), name)
    }

    /// The element of the cartridge with `barcode`, by name.
    pub(crate) fn place(&self, barcode: &str) -> String {
        let element = self.library.cartridge(barcode).unwrap().element.unwrap();
        self.library.layout().name(element).unwrap().to_string()
    }

    pub(crate) fn try_move(&self, from: &str, to: &str) -> Result<(), crate::MoveError> {
        self.library
            .move_cartridge(self.address(from), self.address(to))
    }
}

pub(crate) fn open(data: &Path) -> Arc<Library> {
    let settings = Settings {
        environment: Arc::new(SeededEnvironment::new(2)),
        ..Settings::default()
    };
    Library::open(
        data,
        OpenOptions {
            settings,
            ..OpenOptions::default()
        },
    )
    .unwrap()
}

struct Sink(Sender<Response>);

impl CompletionSink for Sink {
    fn complete(&self, _: TaskTag, response: Response) {
        let _ = self.0.send(response);
    }

    fn aborted(&self, _: TaskTag) {}

    fn cleared(&self, _: Lun, _: ClearedBy) {}

    fn units_changed(&self) {}
}

/// Sends commands one after another.
pub(crate) struct Initiator {
    nexus: Nexus,
    completed: Receiver<Response>,
}

impl Initiator {
    /// An initiator without pending attentions.
    pub(crate) fn new(target: &Arc<Target>, name: &str) -> Self {
        let (sender, completed) = mpsc::channel();
        let nexus = target.attach(InitiatorPort(name.into()), Arc::new(Sink(sender)));
        let initiator = Self { nexus, completed };
        initiator.forget_attentions(target);
        initiator
    }

    /// Takes all that waits to be told.
    pub(crate) fn forget_attentions(&self, target: &Target) {
        for (_, unit) in target.units_now() {
            while unit.attentions().take(self.nexus.id()).is_some() {}
        }
    }

    pub(crate) fn id(&self) -> scsi::NexusId {
        self.nexus.id()
    }

    pub(crate) fn send(&self, lun: u16, cdb: &[u8], data_out: &[u8]) -> Response {
        let command = Command {
            cdb: Cdb::new(cdb),
            data_out: Bytes::copy_from_slice(data_out),
        };
        self.nexus
            .submit(TaskTag(1), Some(Lun::new(lun)), command)
            .unwrap_or_else(|| self.completed.recv().unwrap())
    }

    /// Submits a command that will be aborted: nobody waits for its end.
    pub(crate) fn start(&self, lun: u16, cdb: &[u8]) {
        let command = Command {
            cdb: Cdb::new(cdb),
            data_out: Bytes::new(),
        };
        let ended = self.nexus.submit(TaskTag(2), Some(Lun::new(lun)), command);
        assert_eq!(ended, None);
    }

    /// Takes the changer's attentions: what the test did by the API.
    pub(crate) fn take_attentions(&self) {
        while self.changer(&[0; 6]).sense.is_some() {}
    }

    /// Sends LOGICAL UNIT RESET and takes the attention that follows.
    pub(crate) fn reset(&self, lun: u16) {
        let reset = TaskManagementFunction::LogicalUnitReset;
        self.nexus.manage(Some(Lun::new(lun)), reset);
        let sense = self.send(lun, &[0; 6], &[]).sense.unwrap();
        assert_eq!(sense.additional, AdditionalSense::BUS_DEVICE_RESET_OCCURRED);
    }

    /// Sends a command to the changer.
    pub(crate) fn changer(&self, cdb: &[u8]) -> Response {
        self.send(CHANGER, cdb, &[])
    }

    /// Sends MOVE MEDIUM; `Err` with key, code and qualifier.
    pub(crate) fn move_medium(
        &self,
        from: ElementAddress,
        to: ElementAddress,
    ) -> Result<(), (SenseKey, AdditionalSense)> {
        let [from_high, from_low] = from.0.to_be_bytes();
        let [to_high, to_low] = to.0.to_be_bytes();
        let cdb = [
            0xa5, 0, 0, 0, from_high, from_low, to_high, to_low, 0, 0, 0, 0,
        ];
        result(&self.changer(&cdb))
    }
}

/// Returns the end of a command without its data.
pub(crate) fn result(response: &Response) -> Result<(), (SenseKey, AdditionalSense)> {
    match response.sense {
        None => {
            assert_eq!(response.status, Status::Good);
            Ok(())
        }
        Some(sense) => Err((sense.key, sense.additional)),
    }
}
