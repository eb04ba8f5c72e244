//! What every logical unit has, whatever device is behind it, and answers without it: a clock, buffers
//! that initiators may use, an error history, and what people call the unit.

mod buffers;
mod diagnostics;
mod error_history;
mod identifying_information;
mod target_port_groups;
mod timestamp;

use std::sync::Arc;

use scsi::{AdditionalSense, NexusId};

use crate::unit_attention::UnitAttentions;
use buffers::Buffers;
use error_history::ErrorHistory;
use identifying_information::Information;
pub(crate) use identifying_information::InformationStore;
use timestamp::Clock;

/// The state of one unit. Each part has a lock of its own, short and never held over calls, but for
/// that of the identifying information, which waits for the disk.
#[derive(Debug, Default)]
pub(super) struct Primary {
    attentions: Arc<UnitAttentions>,
    clock: Clock,
    buffers: Buffers,
    history: ErrorHistory,
    information: Information,
}

impl Primary {
    pub(super) fn new(attentions: Arc<UnitAttentions>) -> Self {
        Self {
            attentions,
            ..Self::default()
        }
    }

    /// A nexus is lost: what it had echoed is for nobody.
    pub(super) fn nexus_lost(&self, nexus: NexusId) {
        self.buffers.nexus_lost(nexus);
        self.history.nexus_lost(nexus);
    }

    /// The unit is reset. Its clock goes on: we were not without power (SPC-5 §5.2).
    pub(super) fn reset(&self) {
        self.buffers.clear();
    }

    /// The unit is as though it had been switched off and on.
    pub(super) fn switched_on(&self) {
        self.clock.switched_on();
        self.buffers.clear();
    }

    /// Tells everybody but `nexus` what it has done.
    fn tell_others(&self, nexus: NexusId, additional: AdditionalSense) {
        self.attentions.establish_for_others(nexus, additional);
    }
}
