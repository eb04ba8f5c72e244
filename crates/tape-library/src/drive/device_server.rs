//! From a command to its handler.

use std::sync::TryLockError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use scsi::ssc::mode_header::BufferedMode;
use scsi::ssc::read_write::{Address, Read};
use scsi::{
    AdditionalSense, Command, CommandTable, DeviceType, NexusId, Response, Sense, SenseFormat,
};

use super::{Drive, DriveState, Machine, Medium};
use crate::inject::Injector;
use crate::logical_unit::DeviceServer;
use crate::logical_unit::trace::TapePosition;
use crate::nexus::{ItNexus, NexusName};
use crate::profile::Capabilities;

impl DeviceServer for Drive {
    fn commands(&self) -> CommandTable {
        self.commands
    }

    fn execute(&self, nexus: &ItNexus, command: &Command) -> Response {
        if command.cdb.operation_code() == INQUIRY {
            return self.identity.inquiry(nexus, &command.cdb);
        }
        self.unwanted.store(false, Ordering::Relaxed);
        // What a command owed that nobody could hold up is not for this one to pay.
        self.owed_us.store(0, Ordering::Release);
        self.with_machine(|machine| machine.execute(nexus, command))
    }

    /// Of all commands only VERIFY may take hours.
    fn give_up(&self) {
        self.unwanted.store(true, Ordering::Relaxed);
    }

    /// The library has the drive while it brings data to the disk, for seconds perhaps; and a READ or
    /// WRITE may have to do so itself.
    fn ends_at_once(&self, command: &Command) -> bool {
        match self.machine.try_lock() {
            Ok(mut machine) => machine.ends_at_once(command),
            Err(TryLockError::Poisoned(machine)) => machine.into_inner().ends_at_once(command),
            Err(TryLockError::WouldBlock) => false,
        }
    }

    fn use_idle_time(&self) {
        // Whoever has the drive is not idle.
        if let Ok(mut machine) = self.machine.try_lock()
            && let Medium::Loaded(mounted) = &mut machine.medium
        {
            mounted.cartridge.use_idle_time();
        }
    }

    /// What the drive consists of is a cartridge on a disk: whatever was accepted is brought there.
    fn self_test(&self) -> Result<(), Sense> {
        self.with_machine(|machine| {
            let result = match machine.medium {
                Medium::Loaded(_) => machine.synchronize(),
                Medium::Empty | Medium::Unloaded(_) => Ok(()),
            };
            machine.log.history.note_self_test(result);
            result
        })
    }

    fn sense_format(&self) -> SenseFormat {
        if self.descriptor_sense.load(Ordering::Acquire) {
            SenseFormat::Descriptor
        } else {
            SenseFormat::Fixed
        }
    }

    fn take_deferred(&self) -> Option<Sense> {
        self.with_machine(|machine| machine.deferred.take())
    }

    fn catch_up(&self) {
        self.catch_up_unless_busy();
    }

    fn owes(&self) -> Duration {
        Duration::from_micros(self.owed_us.swap(0, Ordering::AcqRel))
    }

    fn condition(&self) -> Option<Sense> {
        if !self.is_astir() {
            return None;
        }
        self.with_machine(|machine| machine.mechanics.condition())
    }

    fn injector(&self) -> Option<&Injector> {
        Some(&self.injector)
    }

    fn cartridge(&self) -> Option<String> {
        self.lock_snapshot().status.barcode.clone()
    }

    fn position(&self) -> Option<TapePosition> {
        let snapshot = self.lock_snapshot();
        let status = &snapshot.status;
        (status.state == DriveState::Loaded).then_some(TapePosition {
            partition: status.partition,
            block: status.object,
            file: status.file,
        })
    }

    fn preventing_removal(&self) -> Vec<NexusId> {
        self.lock_snapshot().preventing.iter().copied().collect()
    }

    fn nexus_lost(&self, nexus: NexusId) {
        self.with_machine(|machine| {
            machine.preventing.remove(&nexus);
            machine.protections.remove(&nexus);
            machine.forget_encryption_of(nexus);
            machine.alerts.forget(nexus);
        });
    }

    fn reservation_changed(&self, holders: Vec<NexusName>, preempted: bool) {
        self.with_machine(|machine| machine.reservation_changed(holders, preempted));
    }

    fn reset(&self) {
        self.with_machine(Machine::reset);
    }
}

/// Returns the commands of a drive that can do `capabilities`.
pub(super) fn commands_of(capabilities: &Capabilities) -> CommandTable {
    let mut table = CommandTable::of(DeviceType::SequentialAccess);
    if !capabilities.encryption {
        table = table.without(&[SECURITY_PROTOCOL_IN, SECURITY_PROTOCOL_OUT]);
    }
    if !capabilities.append_only {
        table = table.without(&[ALLOW_OVERWRITE]);
    }
    if capabilities.partitions_max <= 1 {
        table = table.without(&[FORMAT_MEDIUM]);
    }
    table
}

impl Machine {
    fn ends_at_once(&mut self, command: &Command) -> bool {
        let cdb = &command.cdb;
        let one_block = match cdb.operation_code() {
            READ_6 | READ_16 => Read::parse(cdb)
                .and_then(|read| self.run(cdb, read.transfer))
                .is_ok_and(|run| run.blocks == 1),
            _ => false,
        };
        let synchronizes_early = self
            .mode
            .parameters
            .device_configuration
            .synchronize_at_early_warning;
        let Medium::Loaded(mounted) = &mut self.medium else {
            return true;
        };
        // Another key may mean another segment, and blocks that are to be written first.
        let key = self.encryption.are_all(self.encryption_in_force);
        let here = || {
            let at = mounted.cartridge.position();
            let at = Address {
                partition: at.partition,
                object: at.object,
            };
            Address::parse(cdb).is_none_or(|address| address == at)
        };
        match cdb.operation_code() {
            // Several blocks may lie in several frames, of which only the first is looked for.
            READ_6 | READ_16 => key && one_block && here() && mounted.cartridge.is_ready_to_read(),
            WRITE_6 | WRITE_16 => {
                self.mode.buffering == BufferedMode::Buffered
                    && key
                    && here()
                    && mounted.takes_at_once(command.data_out.len(), synchronizes_early)
                    && self.room.as_ref().is_none_or(|room| room.is_ample())
            }
            _ => true,
        }
    }

    fn execute(&mut self, it_nexus: &ItNexus, command: &Command) -> Response {
        let nexus = it_nexus.id;
        if let Some(sense) = self.deferred.take() {
            return sense.into();
        }
        self.take_up_protection(nexus);
        let cdb = &command.cdb;
        let result = match cdb.operation_code() {
            TEST_UNIT_READY => self.loaded().map(|_| Response::good()),
            REWIND => self.rewind(),
            FORMAT_MEDIUM => self.format_medium(nexus, cdb),
            SET_CAPACITY => self.set_capacity(nexus, cdb),
            ALLOW_OVERWRITE => self.allow_overwrite(cdb),
            READ_BLOCK_LIMITS => Ok(self.read_block_limits(cdb)),
            READ_6 | READ_16 | READ_REVERSE_6 | READ_REVERSE_16 => {
                self.take_up_encryption(nexus).and_then(|()| self.read(cdb))
            }
            WRITE_6 | WRITE_16 => match self.take_up_encryption_for_writing(nexus) {
                Ok(()) => Ok(self.write(nexus, command)),
                Err(sense) => Err(sense),
            },
            WRITE_FILEMARKS_6 | WRITE_FILEMARKS_16 => self.write_filemarks(nexus, cdb),
            SPACE_6 | SPACE_16 => self.space(cdb),
            MODE_SELECT_6 | MODE_SELECT_10 => Ok(self.mode_select(nexus, command)),
            VERIFY_6 | VERIFY_16 => match self.take_up_encryption(nexus) {
                Ok(()) => Ok(self.verify(command)),
                Err(sense) => Err(sense),
            },
            ERASE_6 | ERASE_16 => self.erase(cdb),
            MODE_SENSE_6 | MODE_SENSE_10 => self.mode_sense(cdb),
            LOAD_UNLOAD => self.load_unload(nexus, cdb),
            PREVENT_ALLOW_MEDIUM_REMOVAL => self.prevent_allow(nexus, cdb),
            LOCATE_10 | LOCATE_16 => self.locate(cdb),
            READ_POSITION => self.read_position(cdb),
            REPORT_DENSITY_SUPPORT => self.report_density_support(cdb),
            READ_ATTRIBUTE => self.read_attribute(cdb),
            WRITE_ATTRIBUTE => Ok(self.write_attribute(command)),
            READ_MEDIA_SERIAL_NUMBER => self.read_media_serial_number(cdb),
            SECURITY_PROTOCOL_IN => self.security_protocol_in(nexus, cdb),
            SECURITY_PROTOCOL_OUT => Ok(self.security_protocol_out(it_nexus, command)),
            LOG_SELECT => Ok(self.log_select(nexus, command)),
            LOG_SENSE => self.log_sense(nexus, cdb),
            _ => Err(Sense::illegal_request(
                AdditionalSense::INVALID_COMMAND_OPERATION_CODE,
            )),
        };
        let response = result.unwrap_or_else(Response::from);
        self.note_outcome(cdb, &response);
        self.take_time(cdb, &response);
        self.report_exceptions(cdb, response)
    }
}

const TEST_UNIT_READY: u8 = 0x00;
const REWIND: u8 = 0x01;
const FORMAT_MEDIUM: u8 = 0x04;
const READ_BLOCK_LIMITS: u8 = 0x05;
const READ_6: u8 = 0x08;
const WRITE_6: u8 = 0x0a;
const SET_CAPACITY: u8 = 0x0b;
const READ_REVERSE_6: u8 = 0x0f;
const WRITE_FILEMARKS_6: u8 = 0x10;
const SPACE_6: u8 = 0x11;
const INQUIRY: u8 = 0x12;
const VERIFY_6: u8 = 0x13;
const MODE_SELECT_6: u8 = 0x15;
const ERASE_6: u8 = 0x19;
const MODE_SENSE_6: u8 = 0x1a;
const LOAD_UNLOAD: u8 = 0x1b;
const PREVENT_ALLOW_MEDIUM_REMOVAL: u8 = 0x1e;
const LOCATE_10: u8 = 0x2b;
const READ_POSITION: u8 = 0x34;
const REPORT_DENSITY_SUPPORT: u8 = 0x44;
const LOG_SELECT: u8 = 0x4c;
const LOG_SENSE: u8 = 0x4d;
const MODE_SELECT_10: u8 = 0x55;
const MODE_SENSE_10: u8 = 0x5a;
const WRITE_FILEMARKS_16: u8 = 0x80;
const READ_REVERSE_16: u8 = 0x81;
const ALLOW_OVERWRITE: u8 = 0x82;
const READ_16: u8 = 0x88;
const WRITE_16: u8 = 0x8a;
const VERIFY_16: u8 = 0x8f;
const SPACE_16: u8 = 0x91;
const LOCATE_16: u8 = 0x92;
const ERASE_16: u8 = 0x93;
const READ_ATTRIBUTE: u8 = 0x8c;
const WRITE_ATTRIBUTE: u8 = 0x8d;
/// SERVICE ACTION IN(12), of which there is one.
const READ_MEDIA_SERIAL_NUMBER: u8 = 0xab;
const SECURITY_PROTOCOL_IN: u8 = 0xa2;
const SECURITY_PROTOCOL_OUT: u8 = 0xb5;
