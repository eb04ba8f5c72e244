//! A disk in memory, so that a judge made for disks can judge the target in front of it: SBC-3 (r36)
//! over the same portals, sessions and logical units as the tapes. It exists in tests only.
//!
//! One removable medium of 512-byte blocks. State lives in one lock; the logical unit runs one
//! command at a time anyway.

mod blocks;
mod commands;
mod gate;
mod identity;
mod medium;
mod mode;
mod transfer;
mod write;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};

use scsi::{AdditionalSense, Command, CommandTable, NexusId, Response, Sense, SenseKey};
use tape_library::DeviceServer;
use tape_library::nexus::ItNexus;
use tape_library::unit_attention::UnitAttentions;

use self::commands::{
    COMMANDS, COMPARE_AND_WRITE, INQUIRY, LOG_SENSE, MODE_SELECT_6, MODE_SELECT_10, MODE_SENSE_6,
    MODE_SENSE_10, OR_WRITE_16, PRE_FETCH_10, PRE_FETCH_16, PREVENT_ALLOW_MEDIUM_REMOVAL, READ_6,
    READ_10, READ_12, READ_16, READ_CAPACITY_10, SERVICE_ACTION_IN_16, START_STOP_UNIT,
    SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16, TEST_UNIT_READY, VERIFY_10, VERIFY_12, VERIFY_16,
    WRITE_6, WRITE_10, WRITE_12, WRITE_16, WRITE_AND_VERIFY_10, WRITE_AND_VERIFY_12,
    WRITE_AND_VERIFY_16, WRITE_SAME_10, WRITE_SAME_16,
};

use self::gate::Gate;

/// Bytes in a block.
const BLOCK_LENGTH: usize = 512;
/// Blocks of the medium: 8 MiB.
const BLOCKS: u64 = 16384;

/// What the slider on the medium says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    ReadWrite,
    ReadOnly,
}

/// The device server.
pub(super) struct RamDisk {
    /// Tells it from the other disks of a test.
    number: u8,
    access: Access,
    attentions: Arc<UnitAttentions>,
    state: Mutex<State>,
    /// What writes go through.
    gate: Gate,
}

struct State {
    loaded: bool,
    /// The nexuses that prevent the removal of the medium.
    preventing: HashSet<NexusId>,
    /// SWP in the Control mode page.
    software_write_protect: bool,
    data: Vec<u8>,
}

impl RamDisk {
    /// Returns a disk full of zeros. `attentions` are its unit's.
    pub(super) fn new(number: u8, access: Access, attentions: Arc<UnitAttentions>) -> Self {
        let length = usize::try_from(BLOCKS).unwrap() * BLOCK_LENGTH;
        Self {
            number,
            access,
            attentions,
            state: Mutex::new(State {
                loaded: true,
                preventing: HashSet::new(),
                software_write_protect: false,
                data: vec![0; length],
            }),
            gate: Gate::default(),
        }
    }

    /// Lets no WRITE end before [`RamDisk::release_writes`].
    pub(super) fn hold_writes(&self) {
        self.gate.close();
    }

    /// Lets what was held go on.
    pub(super) fn release_writes(&self) {
        self.gate.open();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn run(&self, nexus: &ItNexus, command: &Command) -> Result<Response, Sense> {
        let cdb = &command.cdb;
        match cdb.operation_code() {
            INQUIRY => return self.inquiry(nexus, cdb),
            MODE_SENSE_6 | MODE_SENSE_10 => return self.mode_sense(cdb),
            MODE_SELECT_6 | MODE_SELECT_10 => return Ok(self.mode_select(nexus.id, command)),
            LOG_SENSE => return Self::log_sense(cdb),
            START_STOP_UNIT => return self.start_stop_unit(nexus.id, cdb),
            PREVENT_ALLOW_MEDIUM_REMOVAL => return self.prevent_allow(nexus.id, cdb),
            _ => {}
        }
        if !self.lock().loaded {
            let not_present = AdditionalSense::MEDIUM_NOT_PRESENT;
            return Err(Sense::new(SenseKey::NotReady, not_present));
        }
        match cdb.operation_code() {
            TEST_UNIT_READY => Ok(Response::good()),
            READ_CAPACITY_10 => Ok(Self::read_capacity_10()),
            SERVICE_ACTION_IN_16 => Ok(Self::read_capacity_16(cdb)),
            READ_6 | READ_10 | READ_12 | READ_16 => self.read(cdb),
            WRITE_6 | WRITE_10 | WRITE_12 | WRITE_16 => {
                self.gate.pass();
                Ok(self.write(command))
            }
            WRITE_AND_VERIFY_10 | WRITE_AND_VERIFY_12 | WRITE_AND_VERIFY_16 => {
                Ok(self.write_and_verify(command))
            }
            OR_WRITE_16 => Ok(self.or_write(command)),
            COMPARE_AND_WRITE => Ok(self.compare_and_write(command)),
            WRITE_SAME_10 | WRITE_SAME_16 => Ok(self.write_same(command)),
            VERIFY_10 | VERIFY_12 | VERIFY_16 => Ok(self.verify(command)),
            SYNCHRONIZE_CACHE_10 | SYNCHRONIZE_CACHE_16 | PRE_FETCH_10 | PRE_FETCH_16 => {
                Self::look_at_cache(cdb)
            }
            _ => Err(Sense::illegal_request(
                AdditionalSense::INVALID_COMMAND_OPERATION_CODE,
            )),
        }
    }
}

impl DeviceServer for RamDisk {
    fn commands(&self) -> CommandTable {
        CommandTable::with(COMMANDS)
    }

    fn execute(&self, nexus: &ItNexus, command: &Command) -> Response {
        self.run(nexus, command).unwrap_or_else(Response::from)
    }

    fn ends_at_once(&self, _: &Command) -> bool {
        !self.gate.is_closed()
    }

    fn nexus_lost(&self, nexus: NexusId) {
        self.lock().preventing.remove(&nexus);
    }

    fn reset(&self) {
        let mut state = self.lock();
        state.preventing.clear();
        state.software_write_protect = false;
    }
}
