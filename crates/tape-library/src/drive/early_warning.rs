//! The zones before the end of a partition (SSC-5 §4.2.4 early warning, §4.2.24 programmable early
//! warning).
//!
//! ```text
//!   BOP ──────────────────────┬───────────────────┬──────────────── end of partition
//!                             │ programmable      │ early warning
//!                             │ PEWS megabytes    │ of the capacity: see the cartridge's limits
//! ```
//!
//! Both are places on the medium: once one was met, what lies behind it stays behind it. The cartridge
//! alone would take it back when blocks that waited turn out to compress well. Where they lie among
//! data of an earlier load nobody knows; at the end of data it can be told from what is used.

use cartridge::limits::{PARTITIONS_MAX, early_warning_distance_bytes};
use cartridge::{Position, Usage};
use scsi::{AdditionalSense, Sense, SenseKey};

use super::fault::end_of_medium;
use super::mounted::Mounted;

/// What a command that wrote has met, and tells instead of GOOD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Warning {
    /// The programmable zone was entered: told once.
    Programmable,
    /// The position is behind early warning: told with every command that writes there.
    Early,
}

/// The zones of a cartridge's partitions, as far as they were met since it came in.
#[derive(Default)]
pub(super) struct Zones {
    /// PEWS: how far before early warning the programmable zone begins; 0 for none.
    programmable_mb: u16,
    partitions: [Met; PARTITIONS_MAX],
}

/// What was met in a partition.
#[derive(Clone, Copy, Default)]
struct Met {
    /// The first object that was written behind early warning.
    early_from: Option<u64>,
    /// The first object that was written in the programmable zone or behind it.
    programmable_from: Option<u64>,
    /// No command has told the programmable zone yet.
    programmable_untold: bool,
}

impl Warning {
    /// All is written: "the INFORMATION field" is 0 (SSC-5 §6.8).
    pub(super) fn sense(self) -> Sense {
        let mut sense = end_of_medium(SenseKey::NoSense).with_information(0);
        if self == Self::Programmable {
            sense.additional = AdditionalSense::PROGRAMMABLE_EARLY_WARNING_DETECTED;
        }
        sense
    }
}

impl Zones {
    /// Moves the beginning of the programmable zone; what was met of it is forgotten. Returns whether it is
    /// elsewhere now.
    fn set_programmable(&mut self, megabytes: u16) -> bool {
        if self.programmable_mb == megabytes {
            return false;
        }
        self.programmable_mb = megabytes;
        for met in &mut self.partitions {
            met.programmable_from = None;
            met.programmable_untold = false;
        }
        true
    }

    /// Forgets all that was met: the partitions are new.
    pub(super) fn forget(&mut self) {
        self.partitions = [Met::default(); PARTITIONS_MAX];
    }

    /// Takes note of objects that were appended from `from` on and of what is used since.
    pub(super) fn appended(&mut self, from: Position, usage: Usage) {
        let (early, programmable) = (is_early(usage), self.is_programmable(usage));
        let met = &mut self.partitions[usize::from(from.partition)];
        let cut_off = |first: Option<u64>| first.filter(|first| *first <= from.object);
        met.early_from = cut_off(met.early_from);
        met.programmable_from = cut_off(met.programmable_from);
        // "If the PEWZ is entered and exited on the BOP side" before it was told, it is not told.
        met.programmable_untold &= met.programmable_from.is_some();
        if early && met.early_from.is_none() {
            met.early_from = Some(from.object);
        }
        if programmable && met.programmable_from.is_none() {
            met.programmable_from = Some(from.object);
            met.programmable_untold = true;
        }
    }

    /// What was appended from `from` on lies behind early warning, whatever is used: a fault on order.
    pub(super) fn force_early_warning(&mut self, from: Position) {
        let met = &mut self.partitions[usize::from(from.partition)];
        met.early_from.get_or_insert(from.object);
    }

    /// Returns from how many used bytes on the programmable zone is met, when there is one.
    fn programmable_from(&self, capacity_bytes: u64) -> Option<u64> {
        let size = u64::from(self.programmable_mb) * 1_000_000;
        let early = capacity_bytes.saturating_sub(early_warning_distance_bytes(capacity_bytes));
        (size > 0).then(|| early.saturating_sub(size))
    }

    fn is_programmable(&self, usage: Usage) -> bool {
        let size = u64::from(self.programmable_mb) * 1_000_000;
        self.programmable_mb > 0 && left_before_early_warning(usage) <= size
    }
}

impl Mounted {
    /// Moves the beginning of the programmable zone.
    pub(super) fn set_programmable(&mut self, megabytes: u16) {
        if self.zones.set_programmable(megabytes) {
            self.settle_programmable();
        }
    }

    /// Waits until it is known on which side of the programmable zone's beginning the end of data is. That of
    /// early warning is settled by every append; this zone is the drive's alone.
    pub(super) fn settle_programmable(&mut self) {
        let capacity_bytes = self.cartridge.usage().capacity_bytes;
        if let Some(stored_bytes) = self.zones.programmable_from(capacity_bytes) {
            self.cartridge.settle_usage(stored_bytes);
        }
    }

    /// Returns whether blocks of `length` bytes together are accepted without waiting for anything: neither to
    /// know which zone they meet, nor, with `synchronizes_early` (SEW), for the medium behind early warning.
    pub(super) fn takes_at_once(&self, length: usize, synchronizes_early: bool) -> bool {
        let usage = self.cartridge.usage();
        let programmable = self.zones.programmable_from(usage.capacity_bytes);
        let after = Usage {
            stored_bytes: usage.stored_bytes + length as u64,
            ..usage
        };
        self.cartridge.is_ready_for(length)
            && programmable.is_none_or(|from| self.cartridge.settles_at_once(length, from))
            && !(synchronizes_early && (is_early(after) || self.is_beyond_early_warning()))
    }

    /// Returns what a command that wrote has to tell: "the programmable early warning … shall be
    /// reported before the early-warning".
    pub(super) fn take_warning(&mut self) -> Option<Warning> {
        let partition = usize::from(self.cartridge.position().partition);
        let met = &mut self.zones.partitions[partition];
        if std::mem::take(&mut met.programmable_untold) {
            return Some(Warning::Programmable);
        }
        met.early_from.map(|_| Warning::Early)
    }

    /// Returns whether the position is behind early warning. It matters to who writes.
    pub(super) fn is_beyond_early_warning(&self) -> bool {
        let at = self.cartridge.position();
        let met = self.zones.partitions[usize::from(at.partition)];
        self.is_behind(met.early_from, at, is_early)
    }

    /// Returns whether the position is in the programmable zone or behind it.
    pub(super) fn is_beyond_programmable_early_warning(&self) -> bool {
        let at = self.cartridge.position();
        let met = self.zones.partitions[usize::from(at.partition)];
        self.is_behind(met.programmable_from, at, |usage| {
            self.zones.is_programmable(usage)
        })
    }

    /// As far as it was met since the cartridge came in, and at the end of data always.
    fn is_behind(
        &self,
        from: Option<u64>,
        at: Position,
        is_met: impl FnOnce(Usage) -> bool,
    ) -> bool {
        from.is_some_and(|first| at.object > first)
            || (at.object == self.cartridge.end_of_data().object && is_met(self.cartridge.usage()))
    }
}

fn is_early(usage: Usage) -> bool {
    left_before_early_warning(usage) == 0
}

fn left_before_early_warning(usage: Usage) -> u64 {
    let distance = early_warning_distance_bytes(usage.capacity_bytes);
    usage
        .capacity_bytes
        .saturating_sub(distance)
        .saturating_sub(usage.stored_bytes)
}
