//! A target: logical units behind one port, and the nexuses with it (SAM-5 §4.7).
//!
//! A target answers what is asked of units that are not there, and REPORT LUNS; everything else is
//! the unit's.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use scsi::spc::inquiry::{Inquiry, NO_LOGICAL_UNIT, StandardData};
use scsi::spc::report_luns::{self, ReportLuns, Selection};
use scsi::spc::request_sense::RequestSense;
use scsi::{
    AdditionalSense, Cdb, Command, InitiatorPort, Lun, NexusId, Response, Sense,
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
    units: Vec<(Lun, Arc<LogicalUnit>)>,
}

impl Target {
    /// Returns a target. `name` is the target port's SCSI name string, for iSCSI `<iqn>,t,0x0001`.
    pub fn new(name: &str, mut units: Vec<(Lun, Arc<LogicalUnit>)>) -> Arc<Self> {
        units.sort_by_key(|(lun, _)| *lun);
        Arc::new(Self {
            port: TargetPort {
                name: name.into(),
                relative: RELATIVE_TARGET_PORT,
            },
            units,
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
        for (_, unit) in &self.units {
            unit.attach(&nexus);
        }
        Nexus {
            target: Arc::clone(self),
            attachment: Arc::new(Attachment { nexus, sink }),
        }
    }

    /// Returns the units, ordered by LUN.
    pub(crate) fn units(&self) -> &[(Lun, Arc<LogicalUnit>)] {
        &self.units
    }

    fn unit(&self, lun: Option<Lun>) -> Option<&LogicalUnit> {
        let index = self
            .units
            .binary_search_by_key(&lun?, |(lun, _)| *lun)
            .ok()?;
        Some(&self.units[index].1)
    }

    /// SPC-5 §6.39: answered for every LUN, and by the target, because it is about the target.
    fn report_luns(&self, cdb: &Cdb) -> Response {
        let command = match ReportLuns::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        let data = match command.selection {
            Selection::LogicalUnits => {
                report_luns::parameter_data(self.units.iter().map(|(lun, _)| *lun))
            }
            Selection::WellKnown => report_luns::parameter_data([]),
        };
        Response::allocated(data, command.allocation_length as usize)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("port", &self.port)
            .field("units", &self.units.len())
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
            return Some(self.target.report_luns(&command.cdb));
        }
        match self.target.unit(lun) {
            Some(unit) => unit.submit(&self.attachment, task, command),
            None => Some(without_logical_unit(&command.cdb)),
        }
    }

    /// Does a task management function without waiting for commands that run.
    pub fn manage(&self, lun: Option<Lun>, function: TaskManagementFunction) -> ManagementResponse {
        if function.is_of_target() {
            for (_, unit) in &self.target.units {
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
        for (_, unit) in &self.target.units {
            unit.detach(self.id());
        }
    }
}

/// What a target answers for a unit that is not there (SPC-5 §4.2.3 and SAM-5 §5.11): INQUIRY and
/// REQUEST SENSE end GOOD and say so in their data.
fn without_logical_unit(cdb: &Cdb) -> Response {
    let not_supported = Sense::illegal_request(AdditionalSense::LOGICAL_UNIT_NOT_SUPPORTED);
    match cdb.operation_code() {
        INQUIRY => match Inquiry::parse(cdb) {
            Ok(Inquiry {
                page: None,
                allocation_length,
            }) => {
                let mut data = vec![0; StandardData::LENGTH];
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
        REQUEST_SENSE => match RequestSense::parse(cdb) {
            Ok(command) => Response::allocated(
                not_supported.to_fixed().to_vec(),
                usize::from(command.allocation_length),
            ),
            Err(sense) => sense.into(),
        },
        _ => not_supported.into(),
    }
}
