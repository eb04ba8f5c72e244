//! What a reservation of another nexus does to a command.
//!
//! SPC-5 §5.14 (table 68), SSC-5 §4.2.20 and SMC-3 §4.11 say it for persistent reservations in
//! columns of their own for registered and unregistered nexuses. These columns are made of two: a
//! registered nexus is allowed everything where registrants are, and everybody else stands where
//! everybody stands with the plain types. For RESERVE(6) and RESERVE(10) it is SPC-2 §5.5.1, SSC-2
//! and SMC-2.

use crate::task::Cdb;

/// How a reservation that another nexus holds restricts a nexus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restriction {
    /// By RESERVE(6) or RESERVE(10).
    Reserved,
    /// By a persistent reservation of a Write Exclusive type.
    WriteExclusive,
    /// By a persistent reservation of an Exclusive Access type.
    ExclusiveAccess,
}

/// Whether a command is allowed in the presence of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It runs.
    Allowed,
    /// It ends in RESERVATION CONFLICT.
    Conflict,
    /// It runs when the bits `mask` of byte `byte` are `value`.
    AllowedWhen {
        /// The byte of the CDB.
        byte: u8,
        /// Its bits that count.
        mask: u8,
        /// What they have to be.
        value: u8,
    },
}

impl Presence {
    /// Returns whether `cdb` may run.
    pub const fn allows(self, cdb: &Cdb) -> bool {
        match self {
            Self::Allowed => true,
            Self::Conflict => false,
            Self::AllowedWhen { byte, mask, value } => cdb.byte(byte as usize) & mask == value,
        }
    }
}

/// What each kind of reservation does to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservationRules {
    reserved: Presence,
    write_exclusive: Presence,
    exclusive_access: Presence,
}

use Presence::{Allowed, AllowedWhen, Conflict};

impl ReservationRules {
    /// Never in conflict: what an initiator needs to find out where it is.
    pub const ALWAYS: Self = Self::new(Allowed, Allowed, Allowed);
    /// Tells the state of the unit: in conflict only with RESERVE.
    pub const STATE: Self = Self::new(Conflict, Allowed, Allowed);
    /// RESERVE itself, and PERSISTENT RESERVE IN and OUT: in conflict with RESERVE of another. Beside
    /// persistent reservations and registrations they have rules of their own (SPC-5 §5.14.3 and
    /// table 69), which no column tells.
    pub const RESERVE: Self = Self::new(Conflict, Allowed, Allowed);
    /// Reads, or moves the medium without writing.
    pub const READS: Self = Self::new(Conflict, Allowed, Conflict);
    /// Changes something.
    pub const WRITES: Self = Self::new(Conflict, Conflict, Conflict);
    /// PREVENT ALLOW MEDIUM REMOVAL: whoever allows is in nobody's way.
    pub const REMOVAL: Self = {
        let allows_removal = AllowedWhen {
            byte: 4,
            mask: 0x03,
            value: 0,
        };
        Self::new(allows_removal, allows_removal, allows_removal)
    };
    /// READ ELEMENT STATUS: nothing moves for it when CURDATA is one.
    pub const ELEMENTS: Self = {
        let current_data = AllowedWhen {
            byte: 6,
            mask: 0x02,
            value: 0x02,
        };
        Self::new(current_data, Allowed, current_data)
    };

    const fn new(
        reserved: Presence,
        write_exclusive: Presence,
        exclusive_access: Presence,
    ) -> Self {
        Self {
            reserved,
            write_exclusive,
            exclusive_access,
        }
    }

    /// Returns the rule for one kind of reservation.
    pub const fn presence(&self, restriction: Restriction) -> Presence {
        match restriction {
            Restriction::Reserved => self.reserved,
            Restriction::WriteExclusive => self.write_exclusive,
            Restriction::ExclusiveAccess => self.exclusive_access,
        }
    }
}
