//! Reading what ends a sealed segment: one read finds trailer and index, two where there are very many frames.

use std::io;

use super::segments::read_header;
use crate::encryption::FrameKey;
use crate::error::Error;
use crate::format::{INDEX_ENTRY_BYTES, IndexEntry, TRAILER_BYTES, Trailer, in_memory};
use crate::index;
use crate::limits::FOOTER_READ_BYTES;
use crate::store::{SegmentFile, SegmentName};

/// The end of a sealed segment.
pub(crate) struct Footer {
    pub(crate) trailer: Trailer,
    /// Index and trailer as they lie in the file; `None` when the index is damaged.
    bytes: Option<Vec<u8>>,
}

impl Footer {
    /// Reads the footer of the segment `name`; `None` when it is not sealed.
    pub(crate) fn read(file: &dyn SegmentFile, name: SegmentName) -> io::Result<Option<Self>> {
        let length = file.length()?;
        let tail_length = length.min(FOOTER_READ_BYTES as u64);
        let mut tail = vec![0; in_memory(tail_length)];
        if file.read_at(&mut tail, length - tail_length)? < tail.len() {
            return Ok(None);
        }
        let trailer = tail.last_chunk::<TRAILER_BYTES>();
        let trailer = trailer.and_then(|bytes| Trailer::parse(bytes, length));
        let Some(trailer) = trailer.filter(|trailer| trailer.segment == name.uuid) else {
            return Ok(None);
        };
        // The trailer fits the length of the file, which bounds what is allocated here.
        let wanted = trailer.index_length() + TRAILER_BYTES;
        let bytes = match wanted.checked_sub(tail.len()) {
            None | Some(0) => tail.split_off(tail.len() - wanted),
            Some(missing) => {
                let mut bytes = vec![0; wanted];
                bytes[missing..].copy_from_slice(&tail);
                if file.read_at(&mut bytes[..missing], trailer.data_end)? < missing {
                    bytes.clear();
                }
                bytes
            }
        };
        let whole = bytes.len() == wanted
            && crc_fast::crc32_iscsi(&bytes[..trailer.index_length()]) == trailer.index_checksum;
        Ok(Some(Self {
            trailer,
            bytes: whole.then_some(bytes),
        }))
    }

    /// Returns the index; `None` when it is damaged.
    pub(crate) fn entries(&self) -> Option<Vec<IndexEntry>> {
        let index = &self.bytes.as_ref()?[..self.trailer.index_length()];
        let (chunks, _) = index.as_chunks::<INDEX_ENTRY_BYTES>();
        let entries: Option<Vec<IndexEntry>> = chunks.iter().map(IndexEntry::parse).collect();
        let (first_object, data_end) = (self.trailer.first_object, self.trailer.data_end);
        entries.filter(|entries| index::is_continuous(entries, first_object, data_end))
    }

    /// Compares the proof of header and footer of the segment `name` in `file`, in which all frames are
    /// sealed, if there is the `key`. A footer whose checksums are good and whose proof is not was made by
    /// somebody who does not have the key. Reads the header.
    pub(crate) fn check(
        &self,
        file: &dyn SegmentFile,
        name: SegmentName,
        key: Option<&FrameKey>,
    ) -> Result<(), Error> {
        let (Some(key), Some(bytes)) = (key, &self.bytes) else {
            return Ok(()); // without a good index the segment is walked
        };
        let header = read_header(file)
            .map_err(|source| Error::io(format!("segment {name}: read"), source))?;
        let header = match header {
            Ok(header) => header.emit(),
            Err(_) => return Err(Error::SegmentHeaderDamaged { segment: name }),
        };
        let (index, trailer) = bytes.split_at(self.trailer.index_length());
        let trailer = trailer.first_chunk().expect("as long as a trailer");
        let [before, after] = Trailer::proved(trailer);
        if !key.proves([&header, before, after, index], &self.trailer.tag) {
            return Err(Error::ForeignSegment {
                segment: name,
                reason: "its header or its index is not what was sealed".to_owned(),
            });
        }
        Ok(())
    }
}
