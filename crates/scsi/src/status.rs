//! The status of a command.

/// A status code (SAM-5 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// The command ended well.
    Good = 0x00,
    /// Sense data says what happened.
    CheckCondition = 0x02,
    /// The logical unit cannot take the command now; try again.
    Busy = 0x08,
    /// Another initiator holds a reservation.
    ReservationConflict = 0x18,
    /// No room in the task set; try again when a command has ended.
    TaskSetFull = 0x28,
    /// Aborted by another initiator's task management (only with TAS=1).
    TaskAborted = 0x40,
}

impl Status {
    /// Returns the byte on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }
}
