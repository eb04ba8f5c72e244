//! Every limit of the crate, by name.

use std::time::Duration;

/// The longest block: what three bytes of transfer length can say (SSC-5 §8.1, READ BLOCK LIMITS).
pub const BLOCK_BYTES_MAX: usize = (1 << 24) - 1;

/// The most partitions of a cartridge.
pub const PARTITIONS_MAX: usize = 4;

/// The most blocks that share one frame. It bounds the table of lengths to 64 KiB.
pub const FRAME_BLOCKS_MAX: u32 = 16384;

/// The largest [`crate::Settings::frame_size_bytes`].
pub const FRAME_SIZE_BYTES_MAX: u32 = 1 << 20;

/// The longest part of the key-associated data that a host tells with a key. LTO drives take 32 bytes.
pub const KEY_ASSOCIATED_DATA_BYTES_MAX: usize = 128;

/// The most that a frame stores after its header: the longest block, or a full frame and its table,
/// sealed.
pub const FRAME_BODY_BYTES_MAX: usize =
    BLOCK_BYTES_MAX + 4 * FRAME_BLOCKS_MAX as usize + crate::encryption::SEAL_BYTES_MAX;

/// How many bytes of frames may be on their way to the disk behind a writer's back, for each segment
/// that is written, thus for each drive. A longer frame goes alone.
pub const PIPELINE_BYTES_MAX: usize = 16 << 20;

/// How many frames may be. As many frames later it counts that one did not shrink.
pub const PIPELINE_FRAMES_MAX: usize = 32;

/// How many bytes may be on their way over all cartridges of the process.
pub const PIPELINE_PROCESS_BYTES_MAX: usize = 512 << 20;

/// How many frames are written by one call.
pub const PIPELINE_WRITE_FRAMES_MAX: usize = 16;

/// What a drive accepts and has not written: the frame in progress and what is on its way, each of them
/// at most one long block beyond its own limit.
pub const WRITE_BEHIND_BYTES_MAX: usize = 32 << 20;

const _: () = assert!(WRITE_BEHIND_BYTES_MAX > FRAME_BODY_BYTES_MAX);

/// How much may be held of frames that a sequential reader has not asked for yet, for each cartridge.
/// Frames that are larger alone are not read ahead.
pub const READ_AHEAD_BYTES_MAX: usize = 8 << 20;

/// The same for all cartridges of the process together.
pub const READ_AHEAD_PROCESS_BYTES_MAX: usize = 128 << 20;

/// The most frames ahead of a reader, for each cartridge.
pub const READ_AHEAD_FRAMES_MAX: usize = 16;

/// The most threads that compress and decompress frames; no more than there are processors.
pub const FRAME_WORKERS_MAX: usize = 64;

/// How much of a frame is read at once, to be checksummed while the processor still has it near.
pub const READ_PIECE_BYTES: usize = 128 << 10;

/// The highest object number, filemark number and byte count that is believed: sums of two never
/// overflow, whatever a damaged or forged file says.
pub const COUNT_MAX: u64 = 1 << 62;

/// The largest segment file. Offsets are stored in units of eight bytes in 32 bits; we stay below.
pub const SEGMENT_BYTES_MAX: u64 = u32::MAX as u64;

/// The largest `label` file that is read.
pub const LABEL_BYTES_MAX: u64 = 64 * 1024;

/// The largest `key` file that is read.
pub const KEY_FILE_BYTES_MAX: u64 = 16 * 1024;

/// The most keys of a cartridge: the old one and the new one while it is being rewritten.
pub const CARTRIDGE_KEYS_MAX: usize = 2;

/// The largest `memory` file that is read or written: attributes of 16 KiB in hexadecimal digits, each
/// with its number, and what is counted.
pub const MEMORY_BYTES_MAX: u64 = 256 * 1024;

/// The longest barcode: what a segment header has room for.
pub const BARCODE_BYTES_MAX: usize = 32;

/// How much of the end of a sealed segment is read first: the index of 8184 frames lies in it, and what
/// comes before it of a longer one takes one more read.
pub const FOOTER_READ_BYTES: usize = 256 << 10;

/// The most frames that a segment is filled with; an index then is 8 MiB long. One with more is read as well.
pub const SEGMENT_FRAMES_MAX: usize = 1 << 18;

/// What the indexes of segments that are open may take in memory, for each cartridge; the one in use counts
/// and stays even if it is larger alone.
pub const SEGMENTS_OPEN_BYTES_MAX: usize = 16 << 20;

/// Segments whose file is kept open and whose index is kept in memory, besides the one written.
pub const SEGMENTS_OPEN_MAX: usize = 8;

/// Files of dead segments that are removed at a time where no thread removes them. Removing a file of
/// 256 MiB takes a while; those of a full cartridge that is rewritten must not hold up one write.
pub const DEAD_REMOVED_PER_CALL: usize = 4;

/// Files of dead segments that are removed when the cartridge is loaded or unloaded. What is left is
/// removed the next time.
pub const DEAD_REMOVED_PER_LOAD: usize = 256;

/// After each file of a dead segment the thread that removes them rests so many times as long as it took,
pub const DEAD_REMOVAL_PAUSES: u32 = 4;

/// and at least this long.
pub const DEAD_REMOVAL_PAUSE_MIN: Duration = Duration::from_millis(5);

/// After so many new segments the chain file is written again while the cartridge is in use: 64 GiB of
/// segments of the usual size, for at most a few megabytes.
pub const CHAIN_FILE_INTERVAL_SEGMENTS: u32 = 256;

/// What a filemark is charged against the capacity.
pub const FILEMARK_CHARGE_BYTES: u64 = 64;

/// How much of a file the kernel is asked to write to the disk at a time, while more is coming.
pub const WRITE_OUT_BYTES: u64 = 4 << 20;

/// Filemarks are accepted this far past the capacity, so that a full cartridge can be closed.
pub const FILEMARK_RESERVE_BYTES: u64 = 1 << 20;

/// Frames in a row that did not shrink before one is only probed now and then.
pub const INCOMPRESSIBLE_FRAMES_BEFORE_PROBING: u32 = 8;

/// When probing, one frame in so many is tried.
pub const PROBE_INTERVAL_FRAMES: u64 = 16;

/// Returns how far before the capacity early warning begins: one percent, at least 64 MiB and at
/// most 4 GiB, and never more than an eighth of a small cartridge.
pub const fn early_warning_distance_bytes(capacity_bytes: u64) -> u64 {
    let mut distance = capacity_bytes / 100;
    if distance < 64 << 20 {
        distance = 64 << 20;
    }
    if distance > 4 << 30 {
        distance = 4 << 30;
    }
    if distance > capacity_bytes / 8 {
        distance = capacity_bytes / 8;
    }
    distance
}

// A host that is told early warning may have as much on its way as it likes: what we have accepted
// and not yet written fits before the end twice over, unless the cartridge is a very small one.
const _: () = assert!(early_warning_distance_bytes(1 << 30) >= 2 * WRITE_BEHIND_BYTES_MAX as u64);
