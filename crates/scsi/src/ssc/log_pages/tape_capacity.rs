//! Page 31h of LTO drives: what is left of the cartridge's partitions.

use crate::spc::log::Parameter;

/// Tape capacity of LTO drives.
pub const TAPE_CAPACITY: u8 = 0x31;

/// How much room a partition has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionCapacity {
    /// What is left, before compression.
    pub remaining_bytes: u64,
    /// What there was when it was empty.
    pub capacity_bytes: u64,
}

/// What stands in the page. Real drives tell of partitions 0 and 1, with zeros for one that is not
/// there; we go on for cartridges with more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapeCapacity {
    /// The partitions in order; none without a cartridge.
    pub partitions: Vec<PartitionCapacity>,
}

impl TapeCapacity {
    /// Returns the parameters, in MiB: 1 and 3 tell what is left of partition 0 and what it had, 2
    /// and 4 the same of partition 1. From partition 2 on they come in pairs: 5 and 6, 7 and 8.
    pub fn parameters(&self) -> Vec<Parameter> {
        let of = |partition: usize| self.partitions.get(partition).copied().unwrap_or_default();
        let mut values = vec![
            of(0).remaining_bytes,
            of(1).remaining_bytes,
            of(0).capacity_bytes,
            of(1).capacity_bytes,
        ];
        for more in self.partitions.iter().skip(2) {
            values.extend([more.remaining_bytes, more.capacity_bytes]);
        }
        let numbered = (1..).zip(values);
        numbered
            .map(|(code, bytes)| Parameter::number(code, bytes >> 20, 4))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(remaining_mib: u64, capacity_mib: u64) -> PartitionCapacity {
        PartitionCapacity {
            remaining_bytes: (remaining_mib << 20) + 5,
            capacity_bytes: capacity_mib << 20,
        }
    }

    fn values(page: &TapeCapacity) -> Vec<(u16, u32)> {
        let parameters = page.parameters().into_iter();
        parameters
            .map(|own| (own.code, u32::from_be_bytes(own.value.try_into().unwrap())))
            .collect()
    }

    #[test]
    fn two_partitions_are_told_always_and_more_when_there_are() {
        let mut page = TapeCapacity::default();
        assert_eq!(values(&page), [(1, 0), (2, 0), (3, 0), (4, 0)]);
        page.partitions = vec![partition(7, 9), partition(3, 4)];
        assert_eq!(values(&page), [(1, 7), (2, 3), (3, 9), (4, 4)]);
        page.partitions.push(partition(1, 2));
        assert_eq!(values(&page)[4..], [(5, 1), (6, 2)]);
    }
}
