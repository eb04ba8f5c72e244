//! The last commands of a device, in words.

use std::time::UNIX_EPOCH;

use scsi::{DeviceType, NexusId, describe};
use tape_library::trace::{TapePosition, TracedCommand};

use super::libraries::ServedLibrary;
use super::targets::{self, Device};
use crate::api::error::Problem;
use crate::api::types::{Trace, TracePosition, TraceQuery, TracedCommand as Described};
use crate::hex;

impl ServedLibrary {
    /// Returns the last commands of a device.
    pub fn trace(&self, device: Device, query: &TraceQuery) -> Result<Trace, Problem> {
        let unit = self.unit(device)?;
        let excerpt = unit.trace(query.after, query.count.unwrap_or(usize::MAX));
        let kind = match device {
            Device::Changer => DeviceType::MediaChanger,
            Device::Drive(_) => DeviceType::SequentialAccess,
        };
        let place = targets::find(&self.plans, device);
        let sessions: Vec<(NexusId, u64)> = self
            .sessions
            .list()
            .iter()
            .filter_map(|session| Some((session.facts.nexus.as_ref()?.id(), session.id)))
            .collect();
        let session = |nexus| {
            let mut all = sessions.iter();
            all.find(|(other, _)| *other == nexus).map(|(_, id)| *id)
        };
        Ok(Trace {
            device: device.to_string(),
            device_type: kind as u8,
            target: place.map_or_else(String::new, |(plan, _)| plan.name.clone()),
            lun: place.map_or(0, |(_, lun)| lun.number()),
            commands: excerpt
                .commands
                .iter()
                .map(|command| described(kind, command, session(command.nexus)))
                .collect(),
            last: excerpt.last,
        })
    }
}

fn described(kind: DeviceType, command: &TracedCommand, session: Option<u64>) -> Described {
    let began = command.began.duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros =
        |duration: std::time::Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let cdb = &command.cdb.as_bytes()[..cdb_length(command.cdb.operation_code())];
    Described {
        number: command.number,
        began_unix_us: micros(began),
        took_us: micros(command.took),
        initiator: command.initiator.to_string(),
        session,
        nexus: command.nexus.0,
        cdb: hex::encode(cdb),
        name: command.name.unwrap_or_default().to_owned(),
        fields: match command.name {
            Some(_) => describe::fields(kind, &command.cdb),
            None => String::new(),
        },
        before: command.before.map(position),
        after: command.after.map(position),
        data_out_bytes: command.data_out.length,
        data_out: hex::encode(&command.data_out.prefix),
        data_in_bytes: command.data_in.length,
        data_in: hex::encode(&command.data_in.prefix),
        status: command.status.name().to_owned(),
        status_code: command.status.code(),
        sense: command.sense.as_ref().map(describe::sense),
        sense_data: command.sense.map(|sense| hex::encode(&sense.to_bytes())),
        answered: command.answered,
    }
}

fn position(position: TapePosition) -> TracePosition {
    TracePosition {
        partition: position.partition,
        block: position.block,
        file: position.file,
    }
}

/// The length of a CDB by its group code (SPC-5 §4.2.5.1); 16 where the group does not tell.
const fn cdb_length(operation_code: u8) -> usize {
    match operation_code >> 5 {
        0 => 6,
        1 | 2 => 10,
        5 => 12,
        _ => 16,
    }
}
