//! Loading a cartridge: the chain is replayed and a torn tail is recovered.

use std::ops::RangeInclusive;
use std::sync::Arc;

use uuid::Uuid;

use super::at_rest::AtRest;
use super::checkpoint::{Found, find_segments, replay};
use super::footer::Footer;
use super::partitions::Parked;
use super::read_ahead::Ahead;
use super::segments::{
    SegmentCache, checksum_before, read_header, read_trailer, refuse_forged_filemarks,
};
use super::{Cartridge, Condition, Cursor};
use crate::chain::{Chain, Dead, Row, Totals};
use crate::codec::{Decoder, Prober};
use crate::encryption::{Decryption, FrameKey};
use crate::error::Error;
use crate::format::{EntryKind, IndexEntry, SYNC_ALIGN, SealReason, round_up};
use crate::frame::FrameBuilder;
use crate::label::read_label;
use crate::limits::DEAD_REMOVED_PER_LOAD;
use crate::memory::{Memory, MemoryState, Work};
use crate::settings::Settings;
use crate::store::{Listing, SegmentName, SegmentStore};
use crate::walk::{Walk, walk};
use crate::writer::{self, write_footer};

/// Damaged objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedRange {
    /// The partition.
    pub partition: u8,
    /// Their numbers.
    pub objects: RangeInclusive<u64>,
}

/// What loading found and put right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// The last session did not unload the cartridge.
    pub unsealed: bool,
    /// Bytes of a torn tail that were discarded; none of them had been acknowledged as synchronized.
    pub discarded_bytes: u64,
    /// Files that are removed, now or step by step: what they held was cut off.
    pub dead: Vec<SegmentName>,
    /// Segments that should be there and are not.
    pub missing: Vec<Uuid>,
    /// What was found of its memory.
    pub memory: MemoryState,
    /// Objects of the last segment of each partition that had been synchronized and are damaged.
    pub damaged: Vec<DamagedRange>,
}

impl Cartridge {
    /// Loads the cartridge in `store` at its beginning, and recovers what a crash left behind.
    pub fn open(
        mut store: Box<dyn SegmentStore>,
        settings: Settings,
    ) -> Result<(Self, RecoveryReport), Error> {
        settings.check()?;
        let label = read_label(&*store)?;
        // After kill -9 the kernel may know a label that the disk has not got yet: with other partitions, or
        // with a write protect tab that is told to hosts from here on.
        let synced = store.sync_directory();
        synced.map_err(|source| Error::io("directory: sync", source))?;
        let listing = list(&*store)?;
        for name in &listing.unpublished {
            if let Err(error) = store.remove_unpublished(*name) {
                tracing::debug!(segment = %name, %error, "cannot remove a segment that was being created");
            }
        }
        let Found {
            partitions,
            ends,
            mut dead,
            recorded,
        } = find_segments(&*store, &label, listing.published)?;
        let mut report = RecoveryReport::default();
        let mut at_rest = AtRest::load(&mut *store, &label, &settings.keys)?;
        let mut parked = Vec::with_capacity(partitions.len());
        for (rows, end) in partitions.into_iter().zip(ends) {
            let (mut chain, replay) = replay(rows)?;
            report.missing.extend(replay.missing);
            dead.extend(replay.dead.into_iter().map(|(name, first_object)| Dead {
                name,
                epoch: label.epoch(),
                first_object,
            }));
            let key = |row: &Row| at_rest.key_of(label.uuid, row);
            recover_last(&mut *store, &mut chain, &settings, key, &mut report)?;
            expect_end(&mut chain, end, &mut report);
            parked.push(Parked {
                chain,
                ..Parked::default()
            });
        }
        report.dead = dead.iter().map(|dead| dead.name).collect();
        let used = parked
            .iter()
            .any(|partition| !partition.chain.rows().is_empty());
        let now = settings.environment.now_unix_ms();
        let (memory, memory_state) = Memory::load(&*store, &label, used, now);
        report.memory = memory_state.clone();
        let frame_size = settings.frame_size_bytes as usize;
        let ahead = Ahead::new(settings.read_ahead);
        let mut cartridge = Self {
            store,
            settings,
            label,
            memory,
            memory_state,
            work: Work::default(),
            partition: 0,
            chain: Chain::default(),
            parked,
            cursor: Cursor::default(),
            builder: FrameBuilder::new(frame_size),
            prober: Prober::default(),
            decoder: Decoder::default(),
            writer: None,
            segments: SegmentCache::default(),
            frame: None,
            ahead,
            encryption: None,
            decryption: Decryption::Off,
            at_rest,
            frame_key: None,
            condition: Condition::Good,
            doubtful: None,
            label_doubtful: false,
            dead: Vec::new(),
            background: None,
            unrecorded: u32::from(!recorded || report.unsealed || !report.missing.is_empty()),
        };
        cartridge.find_own_key();
        std::mem::swap(&mut cartridge.chain, &mut cartridge.parked[0].chain);
        cartridge.bury(dead, DEAD_REMOVED_PER_LOAD);
        Ok((cartridge, report))
    }
}

/// Returns whether there are encrypted blocks on the cartridge in `store`, without loading it: as far as
/// the headers of its segments tell, so that one counts, too, of which a crash left no more than that.
pub fn has_encrypted_blocks(store: &dyn SegmentStore) -> Result<bool, Error> {
    let label = read_label(store)?;
    let names = list(store)?.published;
    for rows in find_segments(store, &label, names)?.partitions {
        let (chain, _) = replay(rows)?;
        if chain.rows().iter().any(Row::takes_host_blocks) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn list(store: &dyn SegmentStore) -> Result<Listing, Error> {
    store
        .list()
        .map_err(|source| Error::io("directory: read", source))
}

/// Finds the end of data, which is in the last segment, and seals that segment when it is whole.
fn recover_last(
    store: &mut dyn SegmentStore,
    chain: &mut Chain,
    settings: &Settings,
    key: impl FnOnce(&Row) -> Option<Arc<FrameKey>>,
    report: &mut RecoveryReport,
) -> Result<(), Error> {
    let Some(row) = chain.rows().last().cloned() else {
        return Ok(());
    };
    let name = row.name;
    if !row.present {
        return Ok(());
    }
    let failed = |source| Error::io(format!("segment {name}: read"), source);
    let file = store.open_segment(name).map_err(failed)?;
    let key = key(&row);
    if let Some(trailer) = read_trailer(&*file, name).map_err(failed)? {
        if let Some(key) = key.as_deref()
            && let Some(footer) = Footer::read(&*file, name).map_err(failed)?
        {
            footer.check(&*file, name, Some(key))?;
        }
        chain.end.objects += trailer.object_count;
        chain.end.marks += trailer.mark_count;
        chain.end.host_bytes += trailer.host_bytes;
        chain.end.charged_bytes += trailer.charged_bytes;
        return Ok(());
    }
    // After kill -9 the files are as the kernel holds them, not as the disk does. What is told to be
    // on the cartridge from here on must not vanish with the power.
    file.sync().map_err(failed)?;
    store.sync_directory().map_err(failed)?;
    // And where a sync had failed, they are as no disk will ever have them: a later sync succeeds.
    file.forget_cache().map_err(failed)?;
    let Walk {
        mut entries,
        end_offset,
        discarded_bytes,
        mut damaged,
    } = walk(&*file, name.uuid, row.first.objects).map_err(failed)?;
    damaged |=
        refuse_forged_filemarks(&*file, name, &mut entries, key.as_deref()).map_err(failed)?;
    report.unsealed = true;
    report.discarded_bytes += discarded_bytes;
    let bad = entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Damaged);
    report.damaged.extend(bad.map(|entry| DamagedRange {
        partition: name.partition,
        objects: entry.first_object..=entry.end_object() - 1,
    }));
    if let Some(last) = entries.last() {
        chain.end.objects = last.end_object();
        chain.end.marks += last.end_marks();
    }
    chain.end.host_bytes += entries
        .iter()
        .map(|entry| u64::from(entry.plain_length))
        .sum::<u64>();
    chain.end.charged_bytes += entries.iter().map(IndexEntry::charged_bytes).sum::<u64>();
    let sealable = key.is_some() || row.at_rest.is_none();
    if damaged || !sealable {
        // Nothing is written into a file that somebody may have to repair, and no footer without its
        // proof: whoever has the key walks the segment and seals it.
        return Ok(());
    }
    if let Ok(header) = read_header(&*file).map_err(failed)? {
        let now = settings.environment.now_unix_ms();
        // On a page of its own: the page in which the frames end is durable since a moment ago.
        let footer = writer::Footer {
            header: &header,
            entries: &entries,
            data_end: round_up(end_offset, SYNC_ALIGN),
            reason: SealReason::Recovered,
            now_unix_ms: now,
            key: key.as_deref(),
            before: checksum_before(store, chain.rows()),
        };
        if let Err(error) = write_footer(&*file, &footer) {
            tracing::warn!(segment = %name, %error, "cannot seal a recovered segment");
        }
    }
    Ok(())
}

/// Makes what the chain file knew of the last segment, and what is not there, damage.
fn expect_end(chain: &mut Chain, end: Option<(SegmentName, Totals)>, report: &mut RecoveryReport) {
    let (Some(last), Some((name, end))) = (chain.rows().last(), end) else {
        return;
    };
    let now = chain.end;
    let more = name == last.name
        && now.objects < end.objects
        && now.marks <= end.marks
        && end.marks - now.marks <= end.objects - now.objects;
    if !more {
        return;
    }
    report.damaged.push(DamagedRange {
        partition: name.partition,
        objects: now.objects..=end.objects - 1,
    });
    chain.end = Totals {
        objects: end.objects,
        marks: end.marks,
        host_bytes: end.host_bytes.max(now.host_bytes),
        charged_bytes: end.charged_bytes.max(now.charged_bytes),
    };
}
