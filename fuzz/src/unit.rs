//! Commands of any bytes, one after another, to a drive behind its logical unit: whatever becomes of
//! the cartridge, the answers are those that the table of commands announces.
//!
//! The first byte chooses how it begins; then each command is sixteen bytes of CDB, one byte with the
//! length of the Data-Out, and the Data-Out.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use bytes::Bytes;
use cartridge::{Cartridge, CartridgeSpec, Codec, Form, MemoryStore, Settings};
use scsi::command::{DataDirection, Restriction};
use scsi::{
    AdditionalSense, Cdb, Command, CommandTable, DeviceType, InitiatorPort, Lun, Response, Status,
    TaskTag,
};
use tape_library::drive::{Drive, DriveConfig};
use tape_library::identity::DeviceIdentity;
use tape_library::profile::{DriveProfile, MediaAccess};
use tape_library::unit_attention::UnitAttentions;
use tape_library::{ClearedBy, CompletionSink, LogicalUnit, Nexus, Target};
use uuid::Uuid;

use crate::rig::Choices;

const TABLE: CommandTable = CommandTable::of(DeviceType::SequentialAccess);
const LUN: Lun = Lun::new(0);
/// The most commands of an input.
const COMMANDS_MAX: usize = 64;
const RESERVE: [u8; 6] = [0x16, 0, 0, 0, 0, 0];
const WRITE: [u8; 6] = [0x0a, 0, 0, 0x10, 0, 0];
const FILEMARK: [u8; 6] = [0x10, 0, 0, 0, 1, 0];
const REWIND: [u8; 6] = [0x01, 0, 0, 0, 0, 0];
const UNLOAD: [u8; 6] = [0x1b, 0, 0, 0, 0, 0];
/// RESERVE, RELEASE, PERSISTENT RESERVE IN and OUT, which the initiator's own reservation may stop.
const RESERVING: [u8; 6] = [0x16, 0x17, 0x56, 0x57, 0x5e, 0x5f];

/// Runs the target.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let start = choices.byte();
    let reserved = start & 0x80 != 0;
    let drive = drive(start);
    let one = drive.attach("one");
    drive.prepare(&one, start);
    let two = drive.attach("two");
    if reserved {
        drive.send(&two, &RESERVE, &[]);
    }
    for _ in 0..COMMANDS_MAX {
        if choices.is_empty() {
            break;
        }
        let mut cdb = [0; 16];
        let given = choices.bytes(16);
        cdb[..given.len()].copy_from_slice(given);
        let length = choices.byte();
        let data_out = choices.bytes(usize::from(length));
        drive.forget(&one);
        let response = drive.send(&one, &cdb, data_out);
        judge(&Cdb::new(&cdb), reserved, &response);
    }
}

fn judge(cdb: &Cdb, reserved: bool, response: &Response) {
    let is_check = response.status == Status::CheckCondition;
    assert_eq!(response.sense.is_some(), is_check);
    if let Some(sense) = response.sense {
        let bug = AdditionalSense::INTERNAL_TARGET_FAILURE;
        assert_ne!(sense.additional, bug, "{cdb:?}");
        assert!(sense.additional.text().is_some(), "{cdb:?}: {sense:?}");
        assert!(sense.to_descriptors().len() >= 8 && sense.to_fixed().len() == 18);
    }
    if cdb.operation_code() == REPORT_LUNS {
        return; // the target's
    }
    let Some(spec) = TABLE.find(cdb) else {
        let refusal = TABLE.refusal(cdb);
        let told = response.sense.map(|it| (it.additional, it.field));
        // Not the format: an earlier command may have set D_SENSE.
        assert_eq!(told, Some((refusal.additional, refusal.field)), "{cdb:?}");
        return;
    };
    if let Err(bit) = spec.check_reserved(cdb) {
        assert_eq!(
            response.sense.map(|it| it.field),
            Some(bit.field),
            "{cdb:?}"
        );
        return;
    }
    let conflict = response.status == Status::ReservationConflict;
    if !(conflict && RESERVING.contains(&spec.operation_code)) {
        let in_the_way = reserved && !spec.is_allowed_during(Restriction::Reserved, cdb);
        assert_eq!(conflict, in_the_way, "{cdb:?}");
    }
    if spec.direction != DataDirection::In {
        assert!(response.data_in.is_empty(), "{cdb:?}");
    }
    if spec.direction != DataDirection::Out {
        assert_eq!(response.data_out_length, 0, "{cdb:?}");
    }
}

const REPORT_LUNS: u8 = 0xa0;

/// A drive with its unit, and where the answers come.
struct Setup {
    unit: Arc<LogicalUnit>,
    target: Arc<Target>,
    sender: Sender<Response>,
    answers: Receiver<Response>,
}

/// Four bits of `start` choose what is in the drive.
fn drive(start: u8) -> Setup {
    let profile = DriveProfile::builtin("ibm-ult3580-td5").unwrap();
    let attentions = Arc::new(UnitAttentions::new());
    let config = DriveConfig {
        number: 0,
        identity: DeviceIdentity::drive(&profile, Uuid::from_u128(1), 0),
        profile,
        codec: Codec::Zstd,
    };
    let drive = Drive::new(config, Arc::clone(&attentions));
    if start & 0x01 != 0 {
        let worm = start & 0x02 != 0;
        let access = if start & 0x04 == 0 {
            MediaAccess::ReadWrite
        } else {
            MediaAccess::ReadOnly
        };
        drive.load(
            cartridge(if worm { Form::Worm } else { Form::Data }),
            access,
        );
    }
    let unit = LogicalUnit::start("fuzz", Arc::new(drive), attentions).unwrap();
    let unit = Arc::new(unit);
    let (sender, answers) = mpsc::channel();
    Setup {
        target: Target::new("iqn.t,t,0x0001", vec![(LUN, Arc::clone(&unit))]),
        unit,
        sender,
        answers,
    }
}

fn cartridge(form: Form) -> Cartridge {
    let store = MemoryStore::new();
    let spec = CartridgeSpec {
        uuid: Uuid::from_u128(2),
        barcode: "CAP001L5".into(),
        media: "LTO-5".into(),
        density: 0x58,
        capacity_bytes: 1 << 20,
        created_unix_ms: 1_800_000_000_000,
        write_protected: false,
        form,
        layout: None,
    };
    Cartridge::create(Box::new(store.clone()), &spec).unwrap();
    let settings = Settings {
        segment_size_bytes: 64 << 10,
        frame_size_bytes: 4 << 10,
        reserve_step_bytes: 4 << 10,
        ..Settings::default()
    };
    Cartridge::open(Box::new(store), settings).unwrap().0
}

impl Setup {
    fn attach(&self, name: &str) -> Nexus {
        let sink = Arc::new(Sink(self.sender.clone()));
        let nexus = self.target.attach(InitiatorPort(name.into()), sink);
        self.forget(&nexus);
        nexus
    }

    /// Takes all that waits to be told.
    fn forget(&self, nexus: &Nexus) {
        while self.unit.attentions().take(nexus.id()).is_some() {}
    }

    /// Two more bits: whether there are data, whether the cartridge was unloaded again.
    fn prepare(&self, nexus: &Nexus, start: u8) {
        if start & 0x08 != 0 {
            for _ in 0..3 {
                self.send(nexus, &WRITE, &[0x5a; 0x1000]);
                self.send(nexus, &FILEMARK, &[]);
            }
            if start & 0x10 != 0 {
                self.send(nexus, &REWIND, &[]);
            }
        }
        if start & 0x20 != 0 {
            self.send(nexus, &UNLOAD, &[]);
        }
    }

    fn send(&self, nexus: &Nexus, cdb: &[u8], data_out: &[u8]) -> Response {
        let command = Command {
            cdb: Cdb::new(cdb),
            data_out: Bytes::copy_from_slice(data_out),
        };
        let answer = nexus.submit(TaskTag(1), Some(LUN), command);
        answer.unwrap_or_else(|| self.answers.recv().unwrap())
    }
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
