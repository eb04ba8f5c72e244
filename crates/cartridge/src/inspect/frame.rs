//! One frame, read and checked in every way there is. This shares no code with reading for a host, so
//! that the one is a check of the other.

use std::io;

use bytes::Bytes;

use super::chain::Link;
use crate::codec::{Codec, Decoder};
use crate::encryption::{
    AT_REST_SEAL_BYTES, CartridgeKey, EncryptionKey, FrameKey, FramePlace, OpenError, Preamble,
    SegmentKeys, TAG_BYTES,
};
use crate::format::{EntryKind, FRAME_HEADER_BYTES, FrameHeader, FrameKind, IndexEntry};
use crate::store::{SegmentFile, SegmentName};

/// The blocks of a frame.
#[derive(Clone, Debug)]
pub(super) enum Blocks {
    /// In clear.
    Plain(Vec<Bytes>),
    /// Good as far as that can be told without the key.
    Sealed(Box<SealedBlocks>),
}

/// Blocks that could not be decrypted.
#[derive(Clone, Debug)]
pub(super) struct SealedBlocks {
    pub(super) preamble: Preamble,
}

/// A frame of blocks that is whole.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) blocks: Blocks,
    /// With which key it was sealed, and what the host told with it.
    pub(super) sealed_with: Option<(EncryptionKey, Preamble)>,
}

/// Keys that are open.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenKeys {
    pub(super) host: Vec<EncryptionKey>,
    /// Of the cartridge itself.
    pub(super) own: Vec<CartridgeKey>,
    /// Whether the cartridge is encrypted at rest: what is not sealed is damage then.
    pub(super) all_sealed: bool,
}

impl Opened {
    fn plain(blocks: Vec<Bytes>) -> Self {
        Self {
            blocks: Blocks::Plain(blocks),
            sealed_with: None,
        }
    }

    fn sealed(preamble: Preamble) -> Self {
        Self {
            blocks: Blocks::Sealed(Box::new(SealedBlocks { preamble })),
            sealed_with: None,
        }
    }
}

/// Reads frames of one segment.
pub(super) struct FrameReader {
    name: SegmentName,
    host: Vec<(EncryptionKey, FrameKey)>,
    /// That of the cartridge, if the segment is sealed with one of those that are known.
    own: Option<FrameKey>,
    all_sealed: bool,
    has_salt: bool,
    decoder: Decoder,
}

impl FrameReader {
    pub(super) fn new(link: &Link, keys: &OpenKeys) -> Self {
        let place = link.salt.map(|salt| SegmentKeys {
            cartridge: link.cartridge,
            segment: link.name,
            salt,
        });
        let host = place.iter().flat_map(|place| {
            let derive = |key: &EncryptionKey| (key.clone(), FrameKey::derive(key, *place));
            keys.host.iter().map(derive)
        });
        let own = place.zip(link.at_rest).and_then(|(place, at_rest)| {
            let keys = keys.own.iter();
            keys.map(|key| FrameKey::derive_at_rest(key, place))
                .find(|key| key.check() == at_rest.key_check)
        });
        Self {
            name: link.name,
            host: host.collect(),
            own,
            all_sealed: keys.all_sealed,
            has_salt: link.salt.is_some(),
            decoder: Decoder::default(),
        }
    }

    /// Returns the cartridge's own key for this segment.
    pub(super) fn own(&self) -> Option<&FrameKey> {
        self.own.as_ref()
    }

    /// Reads the frame of `entry`. The error says what is wrong with it.
    pub(super) fn read(
        &mut self,
        file: &dyn SegmentFile,
        entry: &IndexEntry,
    ) -> Result<Opened, String> {
        let mut bytes = vec![0; FRAME_HEADER_BYTES + entry.body_length as usize];
        let filled = file
            .read_at(&mut bytes, entry.offset)
            .map_err(cannot_read)?;
        if filled < bytes.len() {
            return Err("the file is too short".to_owned());
        }
        let (header, body) = bytes.split_at_mut(FRAME_HEADER_BYTES);
        let header_bytes: &[u8; FRAME_HEADER_BYTES] = (&*header)
            .try_into()
            .expect("split at the length of a header");
        let header = FrameHeader::parse(header_bytes, self.name.uuid, entry.offset)
            .ok_or("damaged frame header")?;
        if !agree(&header, entry) {
            return Err("frame and index disagree".to_owned());
        }
        if crc_fast::crc32_iscsi(body) != header.body_checksum {
            return Err("checksum mismatch".to_owned());
        }
        if header.seal_length == 0 {
            if self.all_sealed {
                return Err("not sealed, on a cartridge that is encrypted".to_owned());
            }
            return Ok(Opened::plain(self.decode(&header, body)?));
        }
        if !self.has_salt {
            return Err("sealed in a segment without a salt".to_owned());
        }
        let place = FramePlace {
            sequence: header.sequence,
            header: header_bytes,
        };
        if header.seal_length == AT_REST_SEAL_BYTES {
            let Some(key) = &self.own else {
                return Ok(Opened::sealed(Preamble::none()));
            };
            let opened = key.open_in_place(place, &[], body).map_err(not_authentic)?;
            return Ok(Opened::plain(self.decode(&header, &body[..opened])?));
        }
        self.unseal(&header, place, body)
    }

    /// Opens a frame that was sealed under a key of a host.
    fn unseal(
        &mut self,
        header: &FrameHeader,
        place: FramePlace<'_>,
        body: &mut [u8],
    ) -> Result<Opened, String> {
        let length = usize::from(header.seal_length).saturating_sub(TAG_BYTES);
        let (preamble_bytes, sealed) = body.split_at_mut(length);
        let preamble = Preamble::parse(preamble_bytes).ok_or("the preamble makes no sense")?;
        let key = self.host.iter().find(|(_, key)| key.fits(&preamble));
        let Some((host_key, key)) = key else {
            return Ok(Opened::sealed(preamble));
        };
        let opened = key.open_in_place(place, preamble_bytes, sealed);
        let opened = opened.map_err(not_authentic)?;
        let host_key = host_key.clone();
        let blocks = self.decode(header, &sealed[..opened])?;
        Ok(Opened {
            blocks: Blocks::Plain(blocks),
            sealed_with: Some((host_key, preamble)),
        })
    }

    /// Decompresses table and blocks.
    fn decode(&mut self, header: &FrameHeader, body: &[u8]) -> Result<Vec<Bytes>, String> {
        if header.kind != FrameKind::Data {
            return Ok(Vec::new());
        }
        let disagree = || "blocks and frame disagree".to_owned();
        let table_length = header.table_length() as usize;
        let (table, stored) = body.split_at_checked(table_length).ok_or_else(disagree)?;
        let plain = if header.codec == Codec::Stored {
            Bytes::copy_from_slice(stored)
        } else {
            let mut plain = vec![0; header.plain_length as usize];
            let decoded = self.decoder.decode(header.codec, stored, &mut plain);
            decoded.map_err(|error| error.to_string())?;
            Bytes::from(plain)
        };
        let lengths: Vec<usize> = match header.block_length {
            Some(length) => vec![length as usize; header.object_count as usize],
            None => table
                .as_chunks::<4>()
                .0
                .iter()
                .map(|length| u32::from_le_bytes(*length) as usize)
                .collect(),
        };
        let sum: u64 = lengths.iter().map(|length| *length as u64).sum();
        if sum != plain.len() as u64
            || plain.len() != header.plain_length as usize
            || lengths.contains(&0)
        {
            return Err(disagree());
        }
        let mut rest = plain;
        let blocks = lengths.into_iter().map(|length| rest.split_to(length));
        Ok(blocks.collect())
    }
}

#[allow(clippy::needless_pass_by_value)] // for map_err
pub(super) fn cannot_read(error: io::Error) -> String {
    format!("cannot be read: {error}")
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn not_authentic(error: OpenError) -> String {
    match error {
        OpenError::NotAuthentic => "changed after it was encrypted".to_owned(),
        OpenError::OtherKey => "encrypted under another key".to_owned(),
    }
}

/// Returns whether an index entry says what the frame says. The entry may have been cut.
fn agree(header: &FrameHeader, entry: &IndexEntry) -> bool {
    let kind = match header.kind {
        FrameKind::Data => entry.kind == EntryKind::Data,
        FrameKind::Filemarks => entry.kind == EntryKind::Filemarks,
        FrameKind::Pad => false,
    };
    kind && header.first_object == entry.first_object
        && u64::from(header.object_count) >= entry.object_count
        && u64::from(header.marks_before) == entry.marks_before
        && header.plain_length == entry.plain_length
        && header.body_length == entry.body_length
        && header.seal_length == entry.seal_length
        && header.codec == entry.codec
        && header.block_length.is_some() == entry.equal_lengths
}
