//! The import/export station: its door, who may open it, and what initiators are told of it.
//!
//! While the door is open the picker cannot reach the import/export elements; an operator can. There
//! is one door for all of them, as libraries of this size have it. A start finds it closed.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use scsi::smc::{ChangerAlert, DoorAction, ElementType};
use scsi::{AdditionalSense, ElementAddress, NexusId};

use super::robot::Robot;

/// The station. Its lock is one of a moment, like the map's.
#[derive(Debug, Default)]
pub(crate) struct Station {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_open: bool,
    /// The nexuses that prevent removal from the library (PREVENT ALLOW MEDIUM REMOVAL to the changer).
    preventing: BTreeSet<NexusId>,
}

/// The door stays closed: an initiator prevents medium removal from the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("import/export station: an initiator prevents medium removal")]
pub struct RemovalPrevented;

/// Who asks for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// An initiator, by a command.
    Initiator(NexusId),
    /// A person or a program, by the API: initiators cannot know.
    Operator,
}

impl Station {
    pub(crate) fn is_open(&self) -> bool {
        self.state().is_open
    }

    /// An initiator prevents, or allows again, that cartridges leave the library.
    pub(crate) fn prevent_removal(&self, nexus: NexusId, prevent: bool) {
        let mut state = self.state();
        if prevent {
            state.preventing.insert(nexus);
        } else {
            state.preventing.remove(&nexus);
        }
    }

    /// Forgets every prevention: the changer was reset.
    pub(crate) fn allow_removal(&self) {
        self.state().preventing.clear();
    }

    /// Returns who prevents removal.
    pub(crate) fn preventing_removal(&self) -> Vec<NexusId> {
        self.state().preventing.iter().copied().collect()
    }

    pub(super) fn removal_is_prevented(&self) -> bool {
        !self.state().preventing.is_empty()
    }

    /// Returns whether the door was another way before.
    fn act(&self, action: DoorAction) -> Result<bool, RemovalPrevented> {
        let mut state = self.state();
        let open = action == DoorAction::Open;
        if open && !state.preventing.is_empty() {
            return Err(RemovalPrevented);
        }
        Ok(std::mem::replace(&mut state.is_open, open) != open)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Robot {
    /// Opens or closes the station; one that is so already stays so. When it closes, everybody else is
    /// told IMPORT OR EXPORT ELEMENT ACCESSED: an operator may have been there (SMC-3).
    pub(crate) fn move_station(
        &self,
        action: DoorAction,
        asker: Asker,
    ) -> Result<(), RemovalPrevented> {
        // Nothing must be on its way through the door.
        let _arm = self.arm();
        if !self.station().act(action)? {
            return Ok(());
        }
        if action == DoorAction::Close {
            let accessed = AdditionalSense::IMPORT_OR_EXPORT_ELEMENT_ACCESSED;
            self.tell_others(asker, accessed);
            self.tell_whether(ChangerAlert::Door, false);
        }
        tracing::info!(?action, "import/export station");
        Ok(())
    }

    /// Tells initiators of cartridges that came, went, or moved between `elements` without a command of
    /// theirs: IMPORT OR EXPORT ELEMENT ACCESSED when one of these is an import/export element, else
    /// NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED.
    ///
    /// One attention and not two: `mtx` repeats READ ELEMENT STATUS without barcodes when that ends in
    /// CHECK CONDITION; the first attention is taken by its MODE SENSE.
    pub(super) fn tell_of_change(
        &self,
        asker: Asker,
        elements: impl IntoIterator<Item = ElementAddress>,
    ) {
        if asker != Asker::Operator {
            return; // the initiators coordinate themselves
        }
        let mut elements = elements.into_iter().peekable();
        if elements.peek().is_none() {
            return;
        }
        let is_port = |element| self.layout().kind(element) == Some(ElementType::ImportExport);
        self.tell_others(
            asker,
            if elements.any(is_port) {
                AdditionalSense::IMPORT_OR_EXPORT_ELEMENT_ACCESSED
            } else {
                AdditionalSense::NOT_READY_TO_READY_CHANGE
            },
        );
    }

    pub(super) fn tell_others(&self, asker: Asker, attention: AdditionalSense) {
        match asker {
            Asker::Initiator(nexus) => self.attentions().establish_for_others(nexus, attention),
            Asker::Operator => self.attentions().establish(attention),
        }
    }
}
