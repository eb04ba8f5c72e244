//! TapeAlert: 64 flags with which a drive or a changer says what is wrong (SPC-5 §7.3, SSC-5 §4.2.20).
//!
//! What a flag means is the device's: [`crate::ssc::log_pages::TapeAlert`] for a drive. Here is what
//! is the same for all: the flags, who has read them, and the two log pages.

use std::collections::BTreeMap;
use std::fmt;

use crate::spc::log::Parameter;
use crate::task::NexusId;

/// The TapeAlert log page (SSC-5 §8.2.3).
pub const TAPE_ALERT: u8 = 0x2e;
/// The TapeAlert response log page (SSC-5 §8.2): the same flags in 64 bits, and reading lowers none.
pub const TAPE_ALERT_RESPONSE: u8 = 0x12;

/// Makes the enum of a device's flags from a table: number, name, severity, title and a sentence.
macro_rules! alert_flags {
    ($(#[$about:meta])* $type:ident, $count:literal;
        $($number:literal $name:ident $severity:ident $title:literal, $advice:literal;)*) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $type {
            $(#[doc = $advice] $name = $number,)*
        }

        impl $type {
            /// All flags in ascending order.
            pub const ALL: [Self; $count] = [$(Self::$name,)*];

            /// Returns the flag's title.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Returns what it tells, in a sentence.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }

            /// Returns how bad it is.
            pub const fn severity(self) -> $crate::spc::tape_alert::Severity {
                match self { $(Self::$name => $crate::spc::tape_alert::Severity::$severity,)* }
            }
        }
    };
}
pub(crate) use alert_flags;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// "I": for people to know.
    Information,
    /// "W": something is to be done, data may be at risk.
    Warning,
    /// "C": somebody has to do something now.
    Critical,
}

impl Severity {
    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The number of a flag, 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flag(u8);

impl Flag {
    /// Returns the flag with this number, if there is one.
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            1..=64 => Some(Self(number)),
            _ => None,
        }
    }

    /// Returns the number, 1 to 64.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Returns all flags in ascending order.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=64).map(Self)
    }

    /// Flag 1 is the most significant of 64 bits (SSC-5, TapeAlert response log page).
    const fn bit(self) -> u64 {
        1 << (64 - self.0)
    }
}

/// A set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapeAlerts(u64);

impl TapeAlerts {
    /// Raises a flag.
    pub fn raise(&mut self, flag: impl Into<Flag>) {
        self.0 |= flag.into().bit();
    }

    /// Lowers a flag.
    pub fn lower(&mut self, flag: impl Into<Flag>) {
        self.0 &= !flag.into().bit();
    }

    /// Returns whether a flag is up.
    pub fn is_raised(self, flag: impl Into<Flag>) -> bool {
        self.0 & flag.into().bit() != 0
    }

    /// Returns whether no flag is up.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the flags that are up, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::all().filter(move |flag| self.is_raised(*flag))
    }

    /// Returns the flags of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the flags that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the flags as they stand in page 12h, in VPD page B2h and in attribute 0002h of a
    /// cartridge's memory: flag 1 is bit 7 of byte 0.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// Reads what [`TapeAlerts::to_bytes`] gave.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }

    /// Returns what stands in page 2Eh: 64 parameters of one byte, whose code is the flag's number.
    pub fn parameters(self) -> Vec<Parameter> {
        Flag::all()
            .map(|flag| {
                let value = u8::from(self.is_raised(flag));
                Parameter::binary(u16::from(flag.number()), [value])
            })
            .collect()
    }

    /// Returns what stands in page 12h: one parameter with all flags.
    pub fn response_parameters(self) -> Vec<Parameter> {
        vec![Parameter::binary(0, self.to_bytes())]
    }
}

/// The flags of a device, and who has read which.
///
/// Every nexus has its own view, as with LTO drives: a flag that one of them reads in page 2Eh is down
/// for that one, and still up for the others, until it is raised again. A monitor that polls takes
/// nothing away from the backup program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapeAlertLog {
    raised: TapeAlerts,
    /// Bounded by the nexuses that there are: see [`TapeAlertLog::forget`].
    told: BTreeMap<NexusId, TapeAlerts>,
}

impl TapeAlertLog {
    /// Raises a flag, for everybody.
    pub fn raise(&mut self, flag: impl Into<Flag>) {
        let flag = flag.into();
        self.raised.raise(flag);
        for told in self.told.values_mut() {
            told.lower(flag);
        }
    }

    /// Lowers a flag, for everybody: what it told of is over.
    pub fn lower(&mut self, flag: impl Into<Flag>) {
        self.raised.lower(flag);
    }

    /// Lowers all flags.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns the flags that are up, whoever has read them.
    pub const fn raised(&self) -> TapeAlerts {
        self.raised
    }

    /// Returns the flags that are up for `nexus`.
    pub fn seen_by(&self, nexus: NexusId) -> TapeAlerts {
        let told = self.told.get(&nexus).copied().unwrap_or_default();
        self.raised.without(told)
    }

    /// Nexus `nexus` has read the flags with these numbers.
    pub fn were_told(&mut self, nexus: NexusId, numbers: &[u16]) {
        let numbers = numbers.iter().filter_map(|code| u8::try_from(*code).ok());
        let told = self.told.entry(nexus).or_default();
        for flag in numbers.filter_map(Flag::new) {
            told.raise(flag);
        }
    }

    /// Nexus `nexus` is gone.
    pub fn forget(&mut self, nexus: NexusId) {
        self.told.remove(&nexus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(number: u8) -> Flag {
        Flag::new(number).unwrap()
    }

    #[test]
    fn flags_go_from_1_to_64() {
        assert_eq!(Flag::new(0), None);
        assert_eq!(Flag::new(65), None);
        assert_eq!(Flag::all().count(), 64);
        assert!(Flag::all().all(|flag| Flag::new(flag.number()) == Some(flag)));
    }

    #[test]
    fn flag_1_is_the_first_bit() {
        let mut alerts = TapeAlerts::default();
        alerts.raise(flag(1));
        alerts.raise(flag(10));
        alerts.raise(flag(64));
        assert_eq!(alerts.to_bytes(), [0x80, 0x40, 0, 0, 0, 0, 0, 0x01]);
        assert_eq!(TapeAlerts::from_bytes(alerts.to_bytes()), alerts);
        let up: Vec<_> = alerts.iter().map(Flag::number).collect();
        assert_eq!(up, [1, 10, 64]);
        alerts.lower(flag(10));
        assert!(!alerts.is_raised(flag(10)));
    }

    #[test]
    fn page_has_a_parameter_for_each_flag() {
        let mut alerts = TapeAlerts::default();
        alerts.raise(flag(9));
        let parameters = alerts.parameters();
        assert_eq!(parameters.len(), 64);
        for parameter in &parameters {
            assert_eq!(parameter.value, [u8::from(parameter.code == 9)]);
        }
    }

    #[test]
    fn a_flag_is_read_by_each_nexus_for_itself() {
        let (one, two) = (NexusId(1), NexusId(2));
        let mut log = TapeAlertLog::default();
        log.raise(flag(3));
        log.raise(flag(9));
        log.were_told(one, &[9, 0, 700]);
        assert!(
            log.seen_by(one).is_raised(flag(3)),
            "that one it did not read"
        );
        assert!(!log.seen_by(one).is_raised(flag(9)));
        assert!(log.seen_by(two).is_raised(flag(9)));
        assert!(log.raised().is_raised(flag(9)));
        log.raise(flag(9));
        assert!(log.seen_by(one).is_raised(flag(9)), "it happened again");
        log.lower(flag(9));
        assert!(!log.seen_by(two).is_raised(flag(9)));
    }
}
