//! The I_T nexus as a device server sees it: who asks, and through which target port.

use std::sync::Arc;

use scsi::{InitiatorPort, NexusId};

/// The only target port group (SPC-5 §5.16): every port of ours reaches its units in the same way.
pub(crate) const TARGET_PORT_GROUP: u16 = 1;

/// The port through which commands come in (SAM-5 §4.6.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetPort {
    /// The SCSI name string of the port; for iSCSI `<iqn>,t,0x<tag>` (SPC-5 §7.8.6.11).
    pub name: Arc<str>,
    /// The relative target port identifier (SPC-5 §7.8.6.8), from 1.
    pub relative: u16,
}

/// What is left of a nexus when it is lost: the names of its two ports, by which it is known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NexusName {
    /// The initiator's port.
    pub initiator: InitiatorPort,
    /// Our port.
    pub target_port: TargetPort,
}

impl NexusName {
    /// Returns whether `nexus` is the one with this name.
    pub fn names(&self, nexus: &ItNexus) -> bool {
        self.initiator == nexus.initiator && self.target_port == nexus.target_port
    }
}

/// The relation of one initiator port and one target port (SAM-5 §4.6.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItNexus {
    /// Its number, never used twice in a process.
    pub id: NexusId,
    /// The initiator's port.
    pub initiator: InitiatorPort,
    /// Our port.
    pub target_port: TargetPort,
}

impl ItNexus {
    /// Returns its name.
    pub fn name(&self) -> NexusName {
        NexusName {
            initiator: self.initiator.clone(),
            target_port: self.target_port.clone(),
        }
    }
}
