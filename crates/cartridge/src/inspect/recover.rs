//! A new cartridge with everything that can still be read of a damaged one.
//!
//! Blocks that are lost are replaced by nothing; filemarks stay, those in damage too, so that every tape
//! file keeps its number. Blocks come to lie under the codec and the key of the host under which they lay.
//! Its identity is the old one's, for it is the same cartridge; its segments are new, so that no key is
//! used with a nonce twice.

use std::ops::ControlFlow;
use std::sync::Arc;

use uuid::Uuid;

use super::Inspection;
use super::finding::Finding;
use super::objects::ObjectKind;
use super::summary::{SegmentState, SegmentSummary};
use crate::cartridge::Cartridge;
use crate::encryption::Encryption;
use crate::error::Error;
use crate::label::{Form, Label, Layout};
use crate::settings::Settings;
use crate::store::SegmentStore;

/// What a recovery has written.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// What there is on each partition now.
    pub partitions: Vec<RecoveredPartition>,
    /// Damage that was left out.
    pub lost: Vec<Finding>,
}

/// What a recovery has written to a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveredPartition {
    /// Blocks written.
    pub blocks: u64,
    /// Filemarks written.
    pub filemarks: u64,
    /// Bytes of the host in these blocks.
    pub host_bytes: u64,
    /// Blocks left out because they were damaged.
    pub lost_blocks: u64,
    /// Blocks left out because their key was not given.
    pub sealed_blocks: u64,
}

impl Inspection {
    /// Returns the identity of the cartridge, as label or segments tell it.
    pub fn cartridge(&self) -> Option<Uuid> {
        let links = self.partitions.iter().flatten();
        let of_segments = links.map(|link| link.cartridge).find(|uuid| !uuid.is_nil());
        self.label.as_ref().map(|label| label.uuid).or(of_segments)
    }

    /// Returns what the label must have said, as far as the segments repeat it; media and density are
    /// for the caller. With several partitions each gets an equal share of the capacity. `None` when
    /// there is no good segment either.
    pub fn label_of_segments(&self) -> Option<Label> {
        let live = self.segments.iter();
        let live = live.filter(|segment| segment.state == SegmentState::Live);
        let known: Vec<&SegmentSummary> = live
            .filter(|segment| segment.header_copies.contains(&true))
            .collect();
        let last = known.iter().max_by_key(|segment| segment.created_unix_ms)?;
        let first = known.iter().map(|segment| segment.created_unix_ms).min();
        let count = u64::from(self.partitions());
        let share = (last.capacity_bytes / count).max(1);
        Some(Label {
            uuid: self.cartridge()?,
            barcode: last.barcode.clone(),
            media: String::new(),
            density: 0,
            capacity_bytes: last.capacity_bytes,
            created_unix_ms: first.unwrap_or(0),
            write_protected: false,
            form: Form::Data,
            layout: (last.epoch > 0).then(|| Layout {
                epoch: last.epoch,
                partition_bytes: vec![share; usize::from(self.partitions())],
            }),
        })
    }

    /// Returns the segments behind the last one that is understood, of which nothing is: what they held
    /// and what they cut off is not known.
    pub fn unreadable_tail(&self) -> Vec<&SegmentSummary> {
        let last = |partition: u8| {
            let links = self.partitions.get(usize::from(partition));
            links
                .and_then(|links| links.last())
                .map_or(0, |link| link.name.number)
        };
        let unreadable = self.segments.iter().filter(|segment| {
            segment.state == SegmentState::Unreadable
                && segment.name.number > last(segment.name.partition)
        });
        unreadable.collect()
    }

    /// Writes everything that can be read into the empty stores that `target` opens, under `label`.
    /// Durable when it returns; after an error what is there is of no use. `progress` is told of bytes of
    /// the host.
    pub fn recover(
        &self,
        target: &dyn Fn() -> Result<Box<dyn SegmentStore>, Error>,
        label: &Label,
        settings: Settings,
        mut progress: impl FnMut(u64),
    ) -> Result<Recovered, Error> {
        let done = self.try_recover(target, label, settings, |bytes| {
            progress(bytes);
            ControlFlow::Continue(())
        });
        Ok(done?.unwrap_or_default())
    }

    /// The same until `progress` breaks; then it returns `None`, and what is there is of no use.
    pub fn try_recover(
        &self,
        target: &dyn Fn() -> Result<Box<dyn SegmentStore>, Error>,
        label: &Label,
        settings: Settings,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<Recovered>, Error> {
        // Frames end elsewhere than they did, so that a full cartridge may get a little fuller.
        let roomy = Label {
            capacity_bytes: label.capacity_bytes.saturating_mul(2),
            write_protected: false,
            layout: label.layout.as_ref().map(|layout| Layout {
                epoch: layout.epoch,
                partition_bytes: layout
                    .partition_bytes
                    .iter()
                    .map(|it| it.saturating_mul(2))
                    .collect(),
            }),
            ..label.clone()
        };
        Cartridge::create(target()?, &roomy)?;
        let (mut cartridge, _) = Cartridge::open(target()?, settings)?;
        let mut recovered = Recovered::default();
        for partition in 0..self.partitions() {
            cartridge.change_partition(partition)?;
            let written = self.copy(
                partition,
                &mut cartridge,
                &mut recovered.lost,
                &mut progress,
            )?;
            let Some(written) = written else {
                return Ok(None);
            };
            recovered.partitions.push(written);
        }
        if let Some(memory) = &self.memory {
            let mut memory = memory.clone();
            // The content is another one, and applications that look here must see that.
            memory.advance_change_reference();
            cartridge.set_memory(memory)?;
        }
        cartridge.unload()?;
        let text = label.emit()?;
        target()?
            .replace_label(&text)
            .map_err(|source| Error::io("label: write", source))?;
        Ok(Some(recovered))
    }

    /// Copies a partition; `None` when `progress` breaks.
    fn copy(
        &self,
        partition: u8,
        cartridge: &mut Cartridge,
        lost: &mut Vec<Finding>,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<RecoveredPartition>, Error> {
        let mut written = RecoveredPartition::default();
        let mut sealed_with: Option<Arc<Encryption>> = None;
        // A run of filemarks becomes one frame again.
        let mut marks = 0;
        for object in self.objects(partition) {
            if !matches!(object.kind, ObjectKind::Filemark) {
                cartridge.append_filemarks(std::mem::take(&mut marks))?;
            }
            match object.kind {
                ObjectKind::Block {
                    bytes,
                    codec,
                    encryption,
                } => {
                    if codec != cartridge.codec() && codec != crate::codec::Codec::Stored {
                        cartridge.set_codec(codec);
                    }
                    if encryption.as_deref() != sealed_with.as_deref() {
                        cartridge.set_encryption(encryption.as_deref().cloned())?;
                        sealed_with = encryption.map(|it| Arc::new(*it));
                    }
                    written.blocks += 1;
                    written.host_bytes += bytes.len() as u64;
                    if progress(bytes.len() as u64).is_break() {
                        return Ok(None);
                    }
                    cartridge.append_block(bytes)?;
                }
                ObjectKind::Filemark => {
                    marks += 1;
                    written.filemarks += 1;
                }
                ObjectKind::Sealed(_) => written.sealed_blocks += 1,
                ObjectKind::Damage(finding) => {
                    if let Some(place) = &finding.place {
                        let objects = place.objects.end() + 1 - place.objects.start();
                        written.lost_blocks += objects - place.filemarks;
                    }
                    lost.push(*finding);
                }
            }
        }
        cartridge.append_filemarks(marks)?;
        // No key stays in the cartridge.
        cartridge.set_encryption(None)?;
        Ok(Some(written))
    }
}
