//! The chain file: it knows segments that are lost, and what damaged headers said.

use std::io::Read as _;

use uuid::Uuid;

use super::finding::{Finding, Severity};
use crate::chain::{Row, Totals};
use crate::format::{CHAIN_HEAD_BYTES, CHAIN_ROW_BYTES, ChainHead, ChainRow, SegmentHeader};
use crate::store::{SegmentName, SegmentStore};

/// What a chain file says of a cartridge.
#[derive(Default)]
pub(super) struct Checkpoint {
    /// The segments that were live, as headers.
    pub(super) live: Vec<SegmentHeader>,
    /// For each partition the last one of these, and how far it went at least.
    pub(super) ends: Vec<(SegmentName, Totals)>,
}

impl Checkpoint {
    /// Reads the chain file in `store`, if it is that of `cartridge` in `epoch`.
    pub(super) fn read(
        store: &dyn SegmentStore,
        cartridge: Uuid,
        epoch: u64,
        findings: &mut Vec<Finding>,
    ) -> Self {
        match parse(store, cartridge, epoch) {
            Ok(checkpoint) => checkpoint,
            Err(reason) => {
                let text = format!("{reason}; headers are read instead, and a new one is written");
                findings.push(Finding::new(Severity::Repairable, "chain", text));
                Self::default()
            }
        }
    }

    /// Returns the header of the segment `name`.
    pub(super) fn header(&self, name: SegmentName) -> Option<&SegmentHeader> {
        self.live.iter().find(|header| header.name == name)
    }

    /// Returns how far the segment `name` went at least, if it was the last one.
    pub(super) fn end(&self, name: SegmentName) -> Option<Totals> {
        let end = self.ends.iter().find(|(last, _)| *last == name);
        end.map(|(_, end)| *end)
    }
}

fn parse(store: &dyn SegmentStore, cartridge: Uuid, epoch: u64) -> Result<Checkpoint, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let Some(mut file) = store.open_chain().map_err(failed)? else {
        return Ok(Checkpoint::default());
    };
    let short = |_| "the file is too short";
    let mut head = [0; CHAIN_HEAD_BYTES];
    file.read_exact(&mut head).map_err(short)?;
    let head = ChainHead::parse(&head).ok_or("the head is damaged")?;
    if head.cartridge != cartridge || head.epoch > epoch {
        return Err("is of another cartridge or of another format".to_owned());
    }
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    let mut checkpoint = Checkpoint::default();
    let mut bytes = [0; CHAIN_ROW_BYTES];
    for _ in 0..head.rows {
        file.read_exact(&mut bytes).map_err(short)?;
        digest.update(&bytes);
        let row = ChainRow::parse(&bytes).ok_or("a row makes no sense")?;
        if let ChainRow::Live(row, of_epoch) = row
            && of_epoch == epoch
        {
            checkpoint.live.push(header_of(&row, cartridge, epoch));
        }
    }
    let mut checksum = [0; 4];
    file.read_exact(&mut checksum).map_err(short)?;
    if u64::from(u32::from_le_bytes(checksum)) != digest.finalize() {
        return Err("checksum mismatch".to_owned());
    }
    if !head.goes_with(u32::from_le_bytes(checksum)) {
        return Err("head and rows are not of one file".to_owned());
    }
    if file.read(&mut checksum).map_err(failed)? > 0 {
        return Err("something follows the checksum".to_owned());
    }
    if head.epoch == epoch {
        for (partition, known) in (0..).zip(&head.partitions) {
            let mut rows = checkpoint.live.iter();
            let last = rows.rfind(|header| header.name.partition == partition);
            let end = last.map(|header| (header.name, known.end));
            checkpoint.ends.extend(end);
        }
    }
    Ok(checkpoint)
}

/// Returns what the header of the segment of `row` says.
fn header_of(row: &Row, cartridge: Uuid, epoch: u64) -> SegmentHeader {
    SegmentHeader {
        cartridge,
        epoch,
        previous: row.previous,
        generation_first_object: row.generation_first_object,
        first_mark: row.first.marks,
        first_host_byte: row.first.host_bytes,
        first_charged_byte: row.first.charged_bytes,
        salt: row.salt,
        at_rest: row.at_rest,
        ..SegmentHeader::made_up(row.name, row.first.objects, row.generation)
    }
}

/// Returns whether a row says of a segment what its header says.
pub(super) fn agree(row: &SegmentHeader, header: &SegmentHeader) -> bool {
    let told = |it: &SegmentHeader| {
        let counts = [
            it.first_object,
            it.first_mark,
            it.first_host_byte,
            it.first_charged_byte,
            it.generation,
            it.generation_first_object,
        ];
        (counts, it.previous, it.salt, it.at_rest)
    };
    told(row) == told(header)
}
