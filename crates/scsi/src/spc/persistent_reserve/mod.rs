//! PERSISTENT RESERVE IN and PERSISTENT RESERVE OUT (SPC-5 §6.16, §6.17).

mod input;
mod output;

use std::fmt;

pub use input::{
    Capabilities, FullStatus, PersistentReserveIn, ReadAction, full_status, keys, reservation,
};
pub use output::{PersistentReserveOut, RegisterAndMove, Registering, Registration};

use crate::command::Restriction;

/// The type of a persistent reservation (SPC-5 §6.16.3.4, table 213).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ReservationType {
    /// Only the holder writes.
    WriteExclusive = 0x1,
    /// Only the holder reads and writes.
    ExclusiveAccess = 0x3,
    /// Only registered nexuses write.
    WriteExclusiveRegistrantsOnly = 0x5,
    /// Only registered nexuses read and write.
    ExclusiveAccessRegistrantsOnly = 0x6,
    /// Only registered nexuses write, and each of them is a holder.
    WriteExclusiveAllRegistrants = 0x7,
    /// Only registered nexuses read and write, and each of them is a holder.
    ExclusiveAccessAllRegistrants = 0x8,
}

impl ReservationType {
    /// All types, in the order of their codes.
    pub const ALL: [Self; 6] = [
        Self::WriteExclusive,
        Self::ExclusiveAccess,
        Self::WriteExclusiveRegistrantsOnly,
        Self::ExclusiveAccessRegistrantsOnly,
        Self::WriteExclusiveAllRegistrants,
        Self::ExclusiveAccessAllRegistrants,
    ];

    /// Returns the code on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the type with `code`; `None` for obsolete and reserved codes.
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Returns whether each registered nexus holds the reservation.
    pub const fn is_all_registrants(self) -> bool {
        matches!(
            self,
            Self::WriteExclusiveAllRegistrants | Self::ExclusiveAccessAllRegistrants
        )
    }

    /// Returns whether registered nexuses are as free as the holder.
    pub const fn admits_registrants(self) -> bool {
        !matches!(self, Self::WriteExclusive | Self::ExclusiveAccess)
    }

    /// Returns how it restricts those whom it does not admit.
    pub const fn restriction(self) -> Restriction {
        match self {
            Self::WriteExclusive
            | Self::WriteExclusiveRegistrantsOnly
            | Self::WriteExclusiveAllRegistrants => Restriction::WriteExclusive,
            Self::ExclusiveAccess
            | Self::ExclusiveAccessRegistrantsOnly
            | Self::ExclusiveAccessAllRegistrants => Restriction::ExclusiveAccess,
        }
    }
}

impl fmt::Display for ReservationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WriteExclusive => "write exclusive",
            Self::ExclusiveAccess => "exclusive access",
            Self::WriteExclusiveRegistrantsOnly => "write exclusive, registrants only",
            Self::ExclusiveAccessRegistrantsOnly => "exclusive access, registrants only",
            Self::WriteExclusiveAllRegistrants => "write exclusive, all registrants",
            Self::ExclusiveAccessAllRegistrants => "exclusive access, all registrants",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn obsolete_and_reserved_types_are_none() {
        for code in 0..=0xff {
            let known = [1, 3, 5, 6, 7, 8].contains(&code);
            assert_eq!(ReservationType::of_code(code).is_some(), known, "{code}");
        }
    }
}
