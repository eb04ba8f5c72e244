//! What login and session share: the way out, the numbers, the clock's last word.

use core::time::Duration;
use std::collections::VecDeque;

use crate::event::{CloseReason, Event};
use crate::limits::{Limits, Offer};
use crate::random::RandomSource;
use crate::transmit::Transmitter;
use crate::wire::{Counters, SerialNumber};

/// The part of a connection that lasts from its first byte to its last.
pub(crate) struct Core {
    pub(crate) limits: Limits,
    pub(crate) offer: Offer,
    pub(crate) now: Duration,
    pub(crate) random: Box<dyn RandomSource>,
    pub(crate) output: Transmitter,
    pub(crate) events: VecDeque<Event>,
    pub(crate) numbers: Numbers,
    pub(crate) closed: bool,
}

impl Core {
    /// Ends the connection: the event is the last one.
    pub(crate) fn close(&mut self, reason: CloseReason) {
        if !self.closed {
            self.closed = true;
            self.events.push_back(Event::Closed(reason));
        }
    }
}

/// StatSN and the command window (RFC 7143 §4.2.2).
#[allow(clippy::struct_field_names)] // the standard's names
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// The next StatSN.
    stat_sn: SerialNumber,
    /// The next CmdSN that we expect.
    pub(crate) expected_cmd_sn: SerialNumber,
    /// The last CmdSN that we accept; told to the initiator, so it never goes back.
    max_cmd_sn: SerialNumber,
    /// The MaxCmdSN that the initiator was told last.
    told_max_cmd_sn: SerialNumber,
}

impl Numbers {
    /// Returns the numbers of a connection whose first request carried these.
    pub(crate) fn new(stat_sn: SerialNumber, cmd_sn: SerialNumber, window: u32) -> Self {
        let max_cmd_sn = cmd_sn.add(window - 1);
        Self {
            stat_sn,
            expected_cmd_sn: cmd_sn,
            max_cmd_sn,
            told_max_cmd_sn: max_cmd_sn,
        }
    }

    /// Returns the numbers for a PDU that carries status: StatSN is consumed.
    pub(crate) fn with_status(&mut self) -> Counters {
        let counters = self.without_status();
        self.stat_sn = self.stat_sn.next();
        counters
    }

    /// Returns the numbers for a PDU that carries none: the next StatSN, not consumed.
    pub(crate) fn without_status(&mut self) -> Counters {
        self.told_max_cmd_sn = self.max_cmd_sn;
        Counters {
            stat_sn: self.stat_sn,
            expected_cmd_sn: self.expected_cmd_sn,
            max_cmd_sn: self.max_cmd_sn,
        }
    }

    /// Returns whether the window has room for `cmd_sn`: it is neither old nor too far ahead.
    pub(crate) fn in_window(&self, cmd_sn: SerialNumber) -> bool {
        !cmd_sn.is_before(self.expected_cmd_sn) && !cmd_sn.is_after(self.max_cmd_sn)
    }

    /// Opens the window for `room` commands after the expected one. It never shrinks below what was
    /// promised (RFC 7143 §4.2.2.1).
    pub(crate) fn open(&mut self, room: u32) {
        // One before ExpCmdSN is a closed window.
        let max_cmd_sn = self.expected_cmd_sn.add(room.wrapping_sub(1));
        if max_cmd_sn.is_after(self.max_cmd_sn) {
            self.max_cmd_sn = max_cmd_sn;
        }
    }

    /// Returns how many numbers the window holds.
    pub(crate) fn slots(&self) -> u32 {
        self.max_cmd_sn
            .next()
            .0
            .wrapping_sub(self.expected_cmd_sn.0)
    }

    /// Returns whether the initiator believes that the window is closed while it is open.
    pub(crate) fn opened_unnoticed(&self) -> bool {
        let closed = self.expected_cmd_sn.is_after(self.told_max_cmd_sn);
        closed && self.max_cmd_sn.is_after(self.told_max_cmd_sn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Numbers {
        Numbers::new(SerialNumber(7), SerialNumber(0xffff_fff8), 16)
    }

    #[test]
    fn the_window_is_checked_over_the_wrap() {
        let numbers = numbers();
        assert!(numbers.in_window(SerialNumber(0xffff_fff8)));
        assert!(numbers.in_window(SerialNumber(7)));
        assert!(!numbers.in_window(SerialNumber(8)), "MaxCmdSN + 1");
        assert!(!numbers.in_window(SerialNumber(0xffff_fff7)), "old");
    }

    #[test]
    fn max_cmd_sn_never_goes_back() {
        let mut numbers = numbers();
        numbers.expected_cmd_sn = SerialNumber(0xffff_fffe);
        numbers.open(4);
        assert_eq!(numbers.without_status().max_cmd_sn, SerialNumber(7));
        numbers.expected_cmd_sn = SerialNumber(6);
        numbers.open(4);
        assert_eq!(numbers.without_status().max_cmd_sn, SerialNumber(9));
    }

    #[test]
    fn a_window_that_opens_behind_the_initiators_back_is_noticed() {
        let mut numbers = numbers();
        numbers.expected_cmd_sn = SerialNumber(8);
        numbers.open(0);
        assert!(!numbers.opened_unnoticed());
        let told = numbers.without_status();
        assert_eq!(told.max_cmd_sn.next(), told.expected_cmd_sn, "closed");
        numbers.open(2);
        assert!(numbers.opened_unnoticed());
        numbers.without_status();
        assert!(!numbers.opened_unnoticed());
    }

    #[test]
    fn only_status_consumes_stat_sn() {
        let mut numbers = numbers();
        assert_eq!(numbers.without_status().stat_sn, SerialNumber(7));
        assert_eq!(numbers.with_status().stat_sn, SerialNumber(7));
        assert_eq!(numbers.without_status().stat_sn, SerialNumber(8));
    }
}
