//! The chain file: which segments there are, without opening every one of them.
//!
//! # Guarantees
//! The file decides nothing that the headers do not say: it repeats them, and headers never change. One
//! that is older, damaged, missing, or of another cartridge costs time, because headers are read then.
//! What it adds is memory: a segment that it knows as live and that is neither there nor cut off since was
//! lost, and what it held is damage, not absence.

use std::io::Read as _;

use super::Cartridge;
use super::segments::read_header;
use crate::chain::{Chain, Dead, LOST_NUMBER, Replay, Row, Totals};
use crate::error::Error;
use crate::format::{
    CHAIN_HEAD_BYTES, CHAIN_ROW_BYTES, ChainHead, ChainPartition, ChainRow, HeaderFault,
    SegmentHeader,
};
use crate::label::Label;
use crate::limits::PARTITIONS_MAX;
use crate::store::{SegmentName, SegmentStore};

/// What is known of the segments before any of them is looked into.
pub(super) struct Found {
    /// The segments of each partition that the label has.
    pub(super) partitions: Vec<Vec<Row>>,
    /// The last segment of each partition that the chain file knew, and at least how far it went.
    pub(super) ends: [Option<(SegmentName, Totals)>; PARTITIONS_MAX],
    /// Files of segments that were cut off, as far as that is known already.
    pub(super) dead: Vec<Dead>,
    /// Whether the chain file knew all that there is.
    pub(super) recorded: bool,
}

/// Finds out about the segments `names`: from the chain file, or else from their headers. A file has its
/// name only since its header was durable, so that one without is damage, whatever else it lacks.
pub(super) fn find_segments(
    store: &dyn SegmentStore,
    label: &Label,
    mut names: Vec<SegmentName>,
) -> Result<Found, Error> {
    names.sort_unstable();
    let Checkpoint {
        mut found,
        known,
        dead,
    } = Checkpoint::read(store, label, &names).unwrap_or_else(|| Checkpoint::empty(label, &names));
    // Whoever made a segment with a number from here on did not know those that the file knew.
    let mut unknown_from = [u32::MAX; PARTITIONS_MAX];
    for (name, _) in names.iter().zip(known).filter(|(_, known)| !known) {
        found.recorded = false;
        let header = header_of(store, label, *name)?;
        if header.epoch < label.epoch() {
            found.dead.push(Row::of(&header).dead(header.epoch));
        } else {
            let partition = usize::from(name.partition);
            unknown_from[partition] = unknown_from[partition].min(name.number);
            found.partitions[partition].push(Row::of(&header));
        }
    }
    for (rows, unknown_from) in found.partitions.iter_mut().zip(unknown_from) {
        rows.retain(|row| row.present || row.name.number < unknown_from);
        rows.sort_unstable_by_key(|row| row.name.number);
    }
    let lowest_after: Vec<Vec<u64>> = if dead.is_empty() {
        Vec::new()
    } else {
        let partitions = found.partitions.iter();
        partitions.map(|rows| lowest_from(rows)).collect()
    };
    for dead in dead {
        let partition = usize::from(dead.name.partition);
        let cut_off = dead.epoch < label.epoch() || {
            let rows = &found.partitions[partition];
            let after = rows.partition_point(|row| row.name.number <= dead.name.number);
            let lowest = lowest_after[partition].get(after);
            lowest.is_some_and(|lowest| *lowest <= dead.first_object)
        };
        if cut_off {
            found.dead.push(dead);
        } else {
            let header = header_of(store, label, dead.name)?;
            found.partitions[partition].push(Row::of(&header));
        }
    }
    Ok(found)
}

/// Returns for each row the lowest first object of it and those after it.
fn lowest_from(rows: &[Row]) -> Vec<u64> {
    let mut lowest: Vec<u64> = rows.iter().map(|row| row.first.objects).collect();
    for at in (1..lowest.len()).rev() {
        lowest[at - 1] = lowest[at - 1].min(lowest[at]);
    }
    lowest
}

/// Replays `rows`. Those that only the chain file knows must fit those that are there: if they do not, they
/// do not count.
pub(super) fn replay(mut rows: Vec<Row>) -> Result<(Chain, Replay), Error> {
    if rows.iter().any(|row| !row.present) {
        if let Ok(replayed) = Chain::replay(rows.clone()) {
            return Ok(replayed);
        }
        rows.retain(|row| row.present);
    }
    Chain::replay(rows)
}

fn header_of(
    store: &dyn SegmentStore,
    label: &Label,
    name: SegmentName,
) -> Result<SegmentHeader, Error> {
    let failed = |source| Error::io(format!("segment {name}: read"), source);
    let file = store.open_segment(name).map_err(failed)?;
    match read_header(&*file).map_err(failed)? {
        Ok(header) => {
            check_owner(&header, name, label)?;
            Ok(header)
        }
        Err(HeaderFault::Unsupported(found)) => {
            let what = format!("segment {name}");
            Err(Error::UnsupportedFormat { what, found })
        }
        Err(HeaderFault::Damaged) => Err(Error::SegmentHeaderDamaged { segment: name }),
    }
}

fn check_owner(header: &SegmentHeader, name: SegmentName, label: &Label) -> Result<(), Error> {
    let reason = if header.name != name {
        "its header has another name"
    } else if header.cartridge != label.uuid {
        "belongs to another cartridge"
    } else if header.epoch > label.epoch() {
        "was written after a format that the label does not know"
    } else if header.epoch == label.epoch()
        && usize::from(name.partition) >= label.partition_bytes().len()
    {
        "is of a partition that the label does not have"
    } else {
        return Ok(());
    };
    Err(Error::ForeignSegment {
        segment: name,
        reason: reason.to_owned(),
    })
}

/// What a chain file says of the names in the directory.
struct Checkpoint {
    found: Found,
    /// For each name whether its header need not be read.
    known: Vec<bool>,
    /// Segments that are there and were dead when the file was written.
    dead: Vec<Dead>,
}

impl Checkpoint {
    fn empty(label: &Label, names: &[SegmentName]) -> Self {
        Self {
            found: Found {
                partitions: vec![Vec::new(); label.partition_bytes().len()],
                ends: [None; PARTITIONS_MAX],
                dead: Vec::new(),
                recorded: names.is_empty(),
            },
            known: vec![false; names.len()],
            dead: Vec::new(),
        }
    }

    /// Reads the chain file; `None` when it is of no use. `names` are sorted.
    fn read(store: &dyn SegmentStore, label: &Label, names: &[SegmentName]) -> Option<Self> {
        let mut file = match store.open_chain() {
            Ok(file) => file?,
            Err(error) => {
                tracing::warn!(barcode = label.barcode, %error, "cannot read the chain file");
                return None;
            }
        };
        let mut head = [0; CHAIN_HEAD_BYTES];
        let head = file
            .read_exact(&mut head)
            .ok()
            .and_then(|()| ChainHead::parse(&head));
        let checkpoint = head.and_then(|head| {
            if head.cartridge != label.uuid || head.epoch > label.epoch() {
                tracing::warn!(
                    barcode = label.barcode,
                    "the chain file is of another cartridge"
                );
                return Some(None);
            }
            Self::read_rows(&mut *file, &head, label, names).map(Some)
        });
        if checkpoint.is_none() {
            tracing::warn!(
                barcode = label.barcode,
                "the chain file is damaged; reading the header of every segment"
            );
        }
        checkpoint.flatten()
    }

    /// Reads the rows, a few at a time. `None` when they are damaged.
    fn read_rows(
        file: &mut dyn std::io::Read,
        head: &ChainHead,
        label: &Label,
        names: &[SegmentName],
    ) -> Option<Self> {
        let mut this = Self::empty(label, names);
        this.found.recorded = head.epoch == label.epoch();
        if this.found.recorded {
            for (rows, partition) in this.found.partitions.iter_mut().zip(&head.partitions) {
                // What is believed here is no more than what there is in the directory.
                rows.reserve_exact((partition.live as usize).min(names.len()));
            }
        }
        let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
        let mut buffer = vec![0; CHAIN_ROW_BYTES * ROWS_AT_ONCE];
        let (mut left, mut at, mut before) = (head.rows as usize, 0, None);
        while left > 0 {
            let count = left.min(ROWS_AT_ONCE);
            let bytes = &mut buffer[..count * CHAIN_ROW_BYTES];
            file.read_exact(bytes).ok()?;
            digest.update(bytes);
            for bytes in bytes.as_chunks::<CHAIN_ROW_BYTES>().0 {
                let row = ChainRow::parse(bytes)?;
                let name = row.name();
                if before.is_some_and(|before| before >= name) {
                    return None;
                }
                before = Some(name);
                at += names[at..]
                    .iter()
                    .take_while(|other| **other < name)
                    .count();
                let there = names.get(at) == Some(&name);
                this.add(row, there.then_some(at), head, label)?;
            }
            left -= count;
        }
        let mut checksum = [0; 4];
        file.read_exact(&mut checksum).ok()?;
        let checksum = u32::from_le_bytes(checksum);
        let good = u64::from(checksum) == digest.finalize() && head.goes_with(checksum);
        good.then_some(this)
    }

    /// Adds a row, whose name is the one at `at` of the directory. `None` when it cannot be right.
    fn add(
        &mut self,
        row: ChainRow,
        at: Option<usize>,
        head: &ChainHead,
        label: &Label,
    ) -> Option<()> {
        match row {
            ChainRow::Unknown(_) => {}
            ChainRow::Dead(dead) => {
                if let Some(at) = at {
                    let partitions = self.found.partitions.len();
                    let placed = usize::from(dead.name.partition) < partitions;
                    if !placed && dead.epoch >= label.epoch() {
                        return None;
                    }
                    self.known[at] = true;
                    self.dead.push(dead);
                }
            }
            ChainRow::Live(mut row, epoch) => {
                if epoch != head.epoch {
                    return None;
                }
                if epoch < label.epoch() {
                    // Formatted since.
                    if let Some(at) = at {
                        self.known[at] = true;
                        self.found.dead.push(row.dead(epoch));
                    }
                    return Some(());
                }
                let partition = usize::from(row.name.partition);
                let end = head.partitions.get(partition)?.end;
                // Rows come in the order of their numbers: the last one stays.
                self.found.ends[partition] = Some((row.name, end));
                if let Some(at) = at {
                    self.known[at] = true;
                } else {
                    row.present = false;
                    self.found.recorded = false;
                }
                self.found.partitions.get_mut(partition)?.push(row);
            }
        }
        Some(())
    }
}

/// How many rows are read at a time.
const ROWS_AT_ONCE: usize = 256;

impl Cartridge {
    /// Writes the chain file, unless it says all that there is. Everything is synchronized. A failure costs
    /// time at the next load.
    pub(super) fn record_chain(&mut self) {
        if self.unrecorded == 0 {
            return;
        }
        let bytes = self.chain_file();
        match self.store.replace_chain(&bytes) {
            Ok(()) => self.unrecorded = 0,
            Err(error) => tracing::warn!(barcode = self.label.barcode, %error,
                "cannot write the chain file; headers will be read at the next load"),
        }
    }

    /// The same while the cartridge is in use, by a thread if there can be one.
    pub(super) fn record_chain_later(&mut self) {
        let bytes = self.chain_file();
        if let Some(background) = self.background() {
            background.write_chain(bytes);
            self.unrecorded = 0; // as far as is known
        } else {
            self.record_chain();
        }
        // At the unload it is written again: with the end of the segment that is being begun.
        self.unrecorded = self.unrecorded.max(1);
    }

    /// Returns what the chain file shall hold.
    pub(super) fn chain_file(&self) -> Vec<u8> {
        let epoch = self.label.epoch();
        let mut partitions = [ChainPartition::default(); PARTITIONS_MAX];
        let dead = self.dead_files();
        let mut rows = Vec::new();
        for (number, parked) in (0..self.partitions()).zip(&self.parked) {
            let chain = if number == self.partition {
                &self.chain
            } else {
                &parked.chain
            };
            let live = chain.rows().iter();
            let live = live.filter(|row| row.name.number != LOST_NUMBER);
            let before = rows.len();
            rows.extend(live.map(|row| (row.name, Source::Live(row))));
            partitions[usize::from(number)] = ChainPartition {
                live: u32::try_from(rows.len() - before).unwrap_or(u32::MAX),
                end: chain.end,
            };
        }
        rows.extend(dead.iter().map(|dead| (dead.name, Source::Dead(dead))));
        rows.sort_unstable_by_key(|(name, _)| *name);
        let length = CHAIN_HEAD_BYTES + rows.len() * CHAIN_ROW_BYTES + size_of::<u32>();
        let mut bytes = Vec::with_capacity(length);
        bytes.resize(CHAIN_HEAD_BYTES, 0);
        for (_, source) in &rows {
            bytes.extend(match source {
                Source::Live(row) => ChainRow::emit_live(row, epoch),
                Source::Dead(dead) => ChainRow::emit_dead(dead),
            });
        }
        let checksum = crc_fast::crc32_iscsi(&bytes[CHAIN_HEAD_BYTES..]);
        let head = ChainHead {
            cartridge: self.label.uuid,
            epoch,
            rows: u32::try_from(rows.len()).unwrap_or(u32::MAX),
            rows_checksum: checksum,
            written_unix_ms: self.settings.environment.now_unix_ms(),
            partitions,
        };
        bytes[..CHAIN_HEAD_BYTES].copy_from_slice(&head.emit());
        bytes.extend(checksum.to_le_bytes());
        bytes
    }
}

/// Where a row of the chain file comes from.
enum Source<'a> {
    Live(&'a Row),
    Dead(&'a Dead),
}
