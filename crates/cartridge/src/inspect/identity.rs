//! Which cartridge this is, when the label tells and when it does not.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::seen::Seen;
use crate::label::Label;

/// What the segments have to agree with.
pub(super) struct Identity {
    pub(super) cartridge: Uuid,
    pub(super) epoch: u64,
    pub(super) partitions: usize,
}

impl Identity {
    /// From the label, or without one from what most segments say.
    pub(super) fn choose(label: Option<&Label>, seen: &[Seen]) -> Self {
        if let Some(label) = label {
            return Self {
                cartridge: label.uuid,
                epoch: label.epoch(),
                partitions: label.partition_bytes().len(),
            };
        }
        let good = seen.iter().filter(|seen| !seen.header_lost);
        let headers: Vec<_> = good.filter_map(|seen| seen.header.as_ref()).collect();
        let mut votes: BTreeMap<Uuid, usize> = BTreeMap::new();
        for header in &headers {
            *votes.entry(header.cartridge).or_default() += 1;
        }
        let cartridge = votes.into_iter().max_by_key(|(_, votes)| *votes);
        let cartridge = cartridge.map_or(Uuid::nil(), |(cartridge, _)| cartridge);
        let own = headers
            .iter()
            .filter(|header| header.cartridge == cartridge);
        let epoch = own.map(|header| header.epoch).max().unwrap_or(0);
        let own = headers
            .iter()
            .filter(|header| header.cartridge == cartridge && header.epoch == epoch);
        let last = own.map(|header| usize::from(header.name.partition)).max();
        Self {
            cartridge,
            epoch,
            partitions: last.unwrap_or(0) + 1,
        }
    }
}
