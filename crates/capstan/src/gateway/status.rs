//! The state of a running gateway, as the HTTP interface shows it.

use std::cmp::Reverse;

use scsi::smc::ElementType;
use tape_library::drive::{Activity, DriveState};
use tape_library::{CartridgeRecord, CartridgeState, DriveBay, room};

use super::Gateway;
use super::libraries::ServedLibrary;
use super::life;
use super::targets::{self, Device};
use crate::api::error::Problem;
use crate::api::types::{
    Changer, Drive, LibraryStatus, LoadedTape, Memory, Place, Position, Status, Storage, Tape,
    TargetInfo, Writers,
};
use crate::portal::sessions::SessionInfo;

impl Gateway {
    /// Returns everything.
    pub fn status(&self) -> Result<Status, Problem> {
        Ok(Status {
            gateway: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            data: std::path::absolute(&self.config.data)
                .unwrap_or_else(|_| self.config.data.clone()),
            started_unix_ms: self.started_unix_ms,
            portals: self.portals.iter().map(ToString::to_string).collect(),
            targets: self.targets().iter().map(describe_target).collect(),
            sessions: self.sessions(),
            libraries: self.libraries().iter().map(ServedLibrary::status).collect(),
            storage: self.storage(),
            memory: self.memory(),
            encryption_key: self
                .libraries()
                .first()
                .and_then(|it| Some(it.library.keys().first()?.id().to_string())),
        })
    }

    fn memory(&self) -> Memory {
        Memory {
            reserved_bytes: self.memory.reserved_bytes(),
            max_bytes: self.memory.max_bytes(),
            sessions_waiting: self.memory.sessions_waiting(),
            read_ahead_bytes: cartridge::read_ahead_bytes() as u64,
            read_ahead_max_bytes: cartridge::limits::READ_AHEAD_PROCESS_BYTES_MAX as u64,
            write_behind_bytes: cartridge::write_behind_bytes() as u64,
            write_behind_max_bytes: cartridge::limits::PIPELINE_PROCESS_BYTES_MAX as u64,
            spare_bytes: buffers::spare_bytes() as u64,
            spare_max_bytes: buffers::SPARE_BYTES_MAX as u64,
        }
    }

    fn storage(&self) -> Storage {
        // Where libraries lie in several file systems, the one that is worst off counts.
        let looks = self.libraries().iter().map(|served| {
            let room = served.library.room();
            let (space, writers) = room.look();
            (writers, space.free_bytes, room.marks_of(space))
        });
        let worst = looks.max_by_key(|(writers, free, _)| (*writers, Reverse(*free)));
        let (writers, free_bytes, (slow_below_bytes, stop_below_bytes)) = worst.unwrap_or_default();
        Storage {
            tapes: self.libraries().iter().map(ServedLibrary::tape_count).sum(),
            stored_bytes: self
                .libraries()
                .iter()
                .map(ServedLibrary::stored_bytes)
                .sum(),
            free_bytes,
            writers: match writers {
                room::Writers::Free => Writers::Free,
                room::Writers::Slowed => Writers::Slowed,
                room::Writers::Stopped => Writers::Stopped,
            },
            slow_below_bytes,
            stop_below_bytes,
        }
    }
}

impl ServedLibrary {
    fn status(&self) -> LibraryStatus {
        LibraryStatus {
            name: self.name().clone(),
            changer: self.changer(),
            drives: self.drives(),
            faults: self.faults(),
        }
    }

    fn tape_count(&self) -> u32 {
        u32::try_from(self.library.cartridges().len()).unwrap_or(u32::MAX)
    }

    fn stored_bytes(&self) -> u64 {
        let cartridges = self.library.cartridges();
        let bytes = cartridges
            .iter()
            .map(|it| self.library.stored_bytes(it.uuid));
        bytes.sum()
    }

    /// Returns the drives.
    pub fn drives(&self) -> Vec<Drive> {
        let sessions = self.sessions.list();
        let bays = self.library.drives().iter();
        bays.map(|bay| self.describe_drive(bay, &sessions))
            .collect()
    }

    /// Returns one drive.
    pub fn show_drive(&self, number: u16) -> Result<Drive, Problem> {
        let bay = self.drive(number)?;
        Ok(self.describe_drive(bay, &self.sessions.list()))
    }

    pub(super) fn describe_tape(&self, record: &CartridgeRecord) -> Tape {
        let layout = self.library.layout();
        Tape {
            barcode: record.barcode.clone(),
            uuid: record.uuid.to_string(),
            media: record.media.clone(),
            form: record.form(),
            capacity_bytes: record.capacity_bytes,
            stored_bytes: self.library.stored_bytes(record.uuid),
            write_protected: record.write_protected,
            place: record
                .element
                .and_then(|element| layout.name(element))
                .map(Place),
            state: match record.state {
                CartridgeState::Present => "available".to_owned(),
                CartridgeState::Missing => "files missing".to_owned(),
            },
            encryption_key: match self.library.key_ids(record.uuid) {
                Ok(ids) => ids.last().map(ToString::to_string),
                Err(_) => Some("unreadable".to_owned()),
            },
            has_encrypted_blocks: None,
            created_unix_ms: record.created_unix_ms,
            life: None,
        }
    }

    pub(super) fn describe_drive(&self, bay: &DriveBay, sessions: &[SessionInfo]) -> Drive {
        let device = Device::Drive(bay.number());
        let target = targets::find(&self.plans, device).map(|(plan, _)| plan.name.as_str());
        let logged_in = sessions
            .iter()
            .filter(|session| session.facts.login.target.as_deref() == target)
            .count();
        let identity = bay.identity();
        let status = bay.status();
        Drive {
            number: bay.number(),
            target: target.unwrap_or_default().to_owned(),
            vendor: identity.vendor.clone(),
            product: identity.product.clone(),
            serial: identity.serial.clone(),
            sessions: u32::try_from(logged_in).unwrap_or(u32::MAX),
            enabled: self.is_in_service(bay.number()),
            alerts: life::alerts(status.alerts),
            life: life::drive_life(&status),
            needs_cleaning: status.needs_cleaning,
            tape: self.loaded_tape(bay),
        }
    }

    fn loaded_tape(&self, bay: &DriveBay) -> Option<LoadedTape> {
        let status = bay.status();
        let barcode = status.barcode?;
        let record = self.library.cartridge(&barcode).ok();
        let source = record.and_then(|record| self.library.layout().name(record.source?));
        Some(LoadedTape {
            barcode,
            ready: status.state == DriveState::Loaded && status.activity.is_none(),
            activity: status.activity.map(|activity| name(activity).to_owned()),
            source: source.map(Place),
            position: Position {
                file: status.file,
                block: status.object,
            },
            write_protected: status.write_protected,
            early_warning: status.early_warning,
            removal_prevented: status.prevented,
            used_bytes: status.used_bytes,
            capacity_bytes: status.capacity_bytes,
        })
    }

    pub(super) fn changer(&self) -> Changer {
        let identity = self.library.changer_identity();
        let elements = self.library.elements();
        let count = |kind| {
            let of_kind = elements.iter().filter(|element| element.kind == kind);
            let used = of_kind
                .clone()
                .filter(|element| element.cartridge.is_some())
                .count();
            let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
            (number(of_kind.count()), number(used))
        };
        let (slots, slots_used) = count(ElementType::Storage);
        let (import_export, import_export_used) = count(ElementType::ImportExport);
        Changer {
            vendor: identity.vendor.clone(),
            product: identity.product.clone(),
            serial: identity.serial.clone(),
            slots,
            slots_used,
            import_export,
            import_export_used,
            import_export_open: self.library.station_is_open(),
        }
    }
}

fn name(activity: Activity) -> &'static str {
    match activity {
        Activity::Loading => "loading",
        Activity::Unloading => "unloading",
        Activity::Rewinding => "rewinding",
        Activity::Locating => "locating",
        Activity::Cleaning => "cleaning",
    }
}

fn describe_target(plan: &targets::TargetPlan) -> TargetInfo {
    TargetInfo {
        name: plan.name.clone(),
        units: plan.units.iter().map(|(_, it)| it.to_string()).collect(),
    }
}
