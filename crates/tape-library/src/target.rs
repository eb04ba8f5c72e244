//! A target: logical units behind one port, and the nexuses with it (SAM-5 §4.7).
//!
//! A target answers what is asked of units that are not there, and REPORT LUNS; everything else is
//! the unit's.
//!
//! # Change of units
//! Units come and go while nexuses exist ([`Target::insert`], [`Target::remove`]). Every nexus is told:
//! by the unit attention REPORTED LUNS DATA HAS CHANGED at every unit that is there then (SPC-5 §6.39),
//! which its REPORT LUNS clears, and by [`CompletionSink::units_changed`]. At a unit that goes, the
//! command that runs ends as if nothing had happened, those that wait end with LOGICAL UNIT NOT
//! SUPPORTED, and what nexuses held there is dropped as for a lost nexus.
//!
//! # Locks
//! `nexuses` goes before `units` and is held while either changes; a command takes `units` for as long
//! as it takes to find its unit.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use scsi::spc::inquiry::{Inquiry, NO_LOGICAL_UNIT, StandardData};
use scsi::spc::report_luns::{self, ReportLuns, Selection};
use scsi::spc::request_sense::RequestSense;
use scsi::{
    AdditionalSense, Cdb, Command, CommandTable, InitiatorPort, Lun, NexusId, Response, Sense,
    TaskManagementFunction, TaskTag,
};

use crate::holdings::NexusWatch;
use crate::logical_unit::{Attachment, CompletionSink, LogicalUnit, ManagementResponse};
use crate::nexus::{ItNexus, TargetPort};

/// INQUIRY (SPC-5 §6.7).
const INQUIRY: u8 = 0x12;
/// REQUEST SENSE (SPC-5 §6.41).
const REQUEST_SENSE: u8 = 0x03;
/// REPORT LUNS (SPC-5 §6.39).
const REPORT_LUNS: u8 = 0xa0;

/// The only port of a target of ours has this relative identifier.
const RELATIVE_TARGET_PORT: u16 = 1;

/// Logical units behind one target port.
pub struct Target {
    port: TargetPort,
    /// Ordered by LUN.
    units: RwLock<Units>,
    /// Whoever is attached.
    nexuses: Mutex<Vec<Arc<Attachment>>>,
}

type Units = Vec<(Lun, Arc<LogicalUnit>)>;

impl Target {
    /// Returns a target. `name` is the target port's SCSI name string, for iSCSI `<iqn>,t,0x0001`.
    pub fn new(name: &str, mut units: Vec<(Lun, Arc<LogicalUnit>)>) -> Arc<Self> {
        units.sort_by_key(|(lun, _)| *lun);
        Arc::new(Self {
            port: TargetPort {
                name: name.into(),
                relative: RELATIVE_TARGET_PORT,
            },
            units: RwLock::new(units),
            nexuses: Mutex::default(),
        })
    }

    /// Returns the target port's name.
    pub fn name(&self) -> &str {
        &self.port.name
    }

    /// Begins a nexus. Responses of commands that end on a worker go to `sink`.
    pub fn attach(
        self: &Arc<Self>,
        initiator: InitiatorPort,
        sink: Arc<dyn CompletionSink>,
    ) -> Nexus {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let nexus = ItNexus {
            id: NexusId(NEXT.fetch_add(1, Ordering::Relaxed)),
            initiator,
            target_port: self.port.clone(),
        };
        let attachment = Arc::new(Attachment { nexus, sink });
        let mut nexuses = self.nexuses();
        for (lun, unit) in self.units().iter() {
            unit.attach(*lun, &attachment);
        }
        nexuses.push(Arc::clone(&attachment));
        drop(nexuses);
        Nexus {
            target: Arc::clone(self),
            attachment,
        }
    }

    /// Adds a unit and tells every nexus; gives it back when there is one with this LUN.
    pub fn insert(&self, lun: Lun, unit: Arc<LogicalUnit>) -> Result<(), Arc<LogicalUnit>> {
        let nexuses = self.nexuses();
        let mut units = self.units_mut();
        let Err(index) = units.binary_search_by_key(&lun, |(lun, _)| *lun) else {
            return Err(unit);
        };
        for attachment in nexuses.iter() {
            unit.attach(lun, attachment);
        }
        units.insert(index, (lun, unit));
        drop(units);
        self.tell_of_change(&nexuses);
        Ok(())
    }

    /// Takes a unit out and tells every nexus; `None` when there is none with this LUN.
    pub fn remove(&self, lun: Lun) -> Option<Arc<LogicalUnit>> {
        let nexuses = self.nexuses();
        let mut units = self.units_mut();
        let index = units.binary_search_by_key(&lun, |(lun, _)| *lun).ok()?;
        let (_, unit) = units.remove(index);
        drop(units);
        for attachment in nexuses.iter() {
            unit.withdraw(attachment.nexus.id);
        }
        self.tell_of_change(&nexuses);
        Some(unit)
    }

    /// Returns whether there is a unit with this LUN.
    pub fn has(&self, lun: Lun) -> bool {
        self.unit(Some(lun)).is_some()
    }

    /// Returns the units there are now, ordered by LUN.
    pub(crate) fn units_now(&self) -> Vec<(Lun, Arc<LogicalUnit>)> {
        self.units().clone()
    }

    fn tell_of_change(&self, nexuses: &[Arc<Attachment>]) {
        let units = self.units();
        for attachment in nexuses {
            for (_, unit) in units.iter() {
                let changed = AdditionalSense::REPORTED_LUNS_DATA_CHANGED;
                unit.attentions()
                    .establish_for(attachment.nexus.id, changed);
            }
            attachment.sink.units_changed();
        }
    }

    fn unit(&self, lun: Option<Lun>) -> Option<Arc<LogicalUnit>> {
        let units = self.units();
        let index = units.binary_search_by_key(&lun?, |(lun, _)| *lun).ok()?;
        Some(Arc::clone(&units[index].1))
    }

    fn nexuses(&self) -> MutexGuard<'_, Vec<Arc<Attachment>>> {
        // This list and that of units are whole between any two statements that could panic.
        self.nexuses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn units(&self) -> RwLockReadGuard<'_, Units> {
        self.units.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn units_mut(&self) -> RwLockWriteGuard<'_, Units> {
        self.units.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// SPC-5 §6.39: answered for every LUN, and by the target, because it is about the target.
    fn report_luns(&self, nexus: NexusId, cdb: &Cdb) -> Response {
        let command = match check_reserved(cdb).and_then(|()| ReportLuns::parse(cdb)) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        let data = match command.selection {
            Selection::LogicalUnits => {
                let units = self.units();
                for (_, unit) in units.iter() {
                    // SAM-5 §5.14: whoever asks knows.
                    let changed = AdditionalSense::REPORTED_LUNS_DATA_CHANGED;
                    unit.attentions().clear_for(nexus, changed);
                }
                report_luns::parameter_data(units.iter().map(|(lun, _)| *lun))
            }
            Selection::Special => report_luns::parameter_data([]),
        };
        Response::allocated(data, command.allocation_length as usize)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("port", &self.port)
            .field("units", &self.units().len())
            .field("nexuses", &self.nexuses().len())
            .finish()
    }
}

/// An I_T nexus. Its drop is the nexus loss: its commands are aborted, and what it held is given up.
pub struct Nexus {
    target: Arc<Target>,
    attachment: Arc<Attachment>,
}

impl Nexus {
    /// Returns its number.
    pub fn id(&self) -> NexusId {
        self.attachment.nexus.id
    }

    /// Returns a look at this nexus for others.
    pub fn watch(&self) -> NexusWatch {
        NexusWatch {
            target: Arc::clone(&self.target),
            nexus: self.id(),
        }
    }

    /// Runs or queues a command for `lun`; `None` stands for a LUN field that names no unit of ours.
    ///
    /// Returns the response when the command ended on this thread. Otherwise the sink hears of it,
    /// possibly before this returns.
    pub fn submit(&self, task: TaskTag, lun: Option<Lun>, command: Command) -> Option<Response> {
        if command.cdb.operation_code() == REPORT_LUNS {
            return Some(self.target.report_luns(self.id(), &command.cdb));
        }
        match self.target.unit(lun) {
            Some(unit) => unit.submit(&self.attachment, task, command),
            None => Some(without_logical_unit(&command.cdb)),
        }
    }

    /// The transport has sent an answer of the unit `lun` and has nothing else to do: the unit may prepare
    /// for the next command, on this thread. Does not wait.
    pub fn use_idle_time(&self, lun: Option<Lun>) {
        if let Some(unit) = self.target.unit(lun) {
            unit.use_idle_time();
        }
    }

    /// Takes note that the transport has dropped commands for `lun` that it had not submitted yet,
    /// because of [`ClearedBy::ClearTaskSet`](crate::ClearedBy).
    pub fn lost_commands(&self, lun: Lun) {
        if let Some(unit) = self.target.unit(Some(lun)) {
            unit.lost_commands(self.id());
        }
    }

    /// Does a task management function without waiting for commands that run.
    pub fn manage(&self, lun: Option<Lun>, function: TaskManagementFunction) -> ManagementResponse {
        if function.is_of_target() {
            for (_, unit) in self.target.units_now() {
                unit.manage(self.id(), function);
            }
            return ManagementResponse::FunctionComplete;
        }
        match self.target.unit(lun) {
            Some(unit) => unit.manage(self.id(), function),
            None => ManagementResponse::LunDoesNotExist,
        }
    }
}

impl Drop for Nexus {
    fn drop(&mut self) {
        let id = self.id();
        let mut nexuses = self.target.nexuses();
        nexuses.retain(|attachment| attachment.nexus.id != id);
        for (_, unit) in self.target.units().iter() {
            unit.detach(id);
        }
    }
}

/// What a target answers for a unit that is not there (SPC-5 §4.2.3 and SAM-5 §5.11): INQUIRY and
/// REQUEST SENSE end GOOD and say so in their data.
fn without_logical_unit(cdb: &Cdb) -> Response {
    if matches!(cdb.operation_code(), INQUIRY | REQUEST_SENSE)
        && let Err(sense) = check_reserved(cdb)
    {
        return sense.into();
    }
    let not_supported = Sense::illegal_request(AdditionalSense::LOGICAL_UNIT_NOT_SUPPORTED);
    match cdb.operation_code() {
        INQUIRY => match Inquiry::parse(cdb) {
            Ok(Inquiry {
                page: None,
                allocation_length,
            }) => {
                let mut data = vec![0; usize::from(StandardData::LENGTH)];
                data[0] = NO_LOGICAL_UNIT;
                data[2] = 0x06; // VERSION: SPC-4
                data[3] = 0x02; // RESPONSE DATA FORMAT
                data[4] = 91; // ADDITIONAL LENGTH: bytes 5 to 95
                Response::allocated(data, usize::from(allocation_length))
            }
            // No page of vital product data belongs to a unit that is not there.
            Ok(_) => Sense::invalid_field_in_cdb(2).into(),
            Err(sense) => sense.into(),
        },
        REQUEST_SENSE => {
            let command = RequestSense::parse(cdb);
            let sense = not_supported.in_format(command.format);
            Response::allocated(sense.to_bytes(), usize::from(command.allocation_length))
        }
        _ => not_supported.into(),
    }
}

/// Checks the reserved bits of a command that the target answers itself.
fn check_reserved(cdb: &Cdb) -> Result<(), Sense> {
    let primary = CommandTable::with(&[]);
    primary
        .find(cdb)
        .map_or(Ok(()), |spec| spec.check_reserved(cdb))
}
