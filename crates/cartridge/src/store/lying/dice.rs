//! Chance that follows from a seed.

use std::collections::BTreeMap;

use super::disk::Name;
use crate::format::in_memory;

/// How much of a file's unsynchronized changes a crash leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    None,
    Some,
    All,
}

/// Numbers that follow from a seed (SplitMix64).
#[derive(Clone, Debug, Default)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        in_memory((z ^ (z >> 31)) % limit.max(1) as u64)
    }

    pub(super) fn strategy(&mut self) -> Keep {
        [Keep::None, Keep::Some, Keep::Some, Keep::All][self.below(4)]
    }

    pub(super) fn keeps(&mut self, keep: Keep) -> bool {
        match keep {
            Keep::None => false,
            Keep::Some => self.below(2) == 0,
            Keep::All => true,
        }
    }

    /// Returns a directory between the durable one and the present one.
    pub(super) fn names(
        &mut self,
        durable: &BTreeMap<Name, usize>,
        now: &BTreeMap<Name, usize>,
    ) -> BTreeMap<Name, usize> {
        let keep = self.strategy();
        let mut left = now.clone();
        for (name, id) in durable {
            if !now.contains_key(name) && !self.keeps(keep) {
                left.insert(*name, *id);
            }
        }
        left.retain(|name, _| durable.contains_key(name) || self.keeps(keep));
        left
    }
}
