//! Serial numbers: CmdSN, StatSN, DataSN and R2TSN wrap around (RFC 7143 §4.2.2.1, RFC 1982).

use std::fmt;

/// A 32-bit serial number. There is no `Ord`: the order of RFC 1982 is not transitive.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SerialNumber(pub u32);

impl SerialNumber {
    /// Returns the number `count` steps further.
    #[must_use]
    pub const fn add(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }

    /// Returns the next number.
    #[must_use]
    pub const fn next(self) -> Self {
        self.add(1)
    }

    /// Returns this number and moves on to the next.
    #[allow(clippy::return_self_not_must_use)] // counting on is reason enough
    pub const fn take(&mut self) -> Self {
        let taken = *self;
        *self = taken.next();
        taken
    }

    /// Returns how many steps lead from `earlier` to this number, forwards.
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// Returns whether this number comes before `other`. Two numbers half the circle apart have no
    /// order (RFC 1982 §3.2); then neither is before the other.
    pub const fn is_before(self, other: Self) -> bool {
        let distance = other.since(self);
        distance != 0 && distance < 1 << 31
    }

    /// Returns whether this number comes after `other`.
    pub const fn is_after(self, other: Self) -> bool {
        other.is_before(self)
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_holds_over_the_wrap() {
        let late = SerialNumber(0xffff_fff0);
        let early = SerialNumber(0x10);
        assert!(late.is_before(early) && early.is_after(late));
        assert_eq!(early.since(late), 0x20);
        assert_eq!(late.add(0x20), early);
    }

    #[test]
    fn a_number_is_neither_before_nor_after_itself_or_its_opposite() {
        for other in [SerialNumber(7), SerialNumber(7).add(1 << 31)] {
            assert!(!SerialNumber(7).is_before(other) && !SerialNumber(7).is_after(other));
        }
    }
}
