//! Cartridges of mhvtl, in all formats that it has had, and its configuration.
//!
//! A cartridge is a directory that bears its barcode, or, until 2009, a single file of that name. The
//! files of a directory, by the format that stands at the beginning of its memory:
//!
//! ```text
//! format   partition P             memory
//! 6        data.P indx.P meta.P    mam (attributes)   mhvtl_data
//! 5        data   indx   meta      mam (attributes)   mhvtl_data
//! 4        data   indx   meta      mam (1024 bytes packed)
//! 3        data   indx   meta      the first 1024 bytes of meta, packed
//! 2, 1     one file: see `single_file`
//! ```
//!
//! Numbers are in the byte order of the machine that mhvtl ran on: little-endian is what we read. Values
//! of attributes are big-endian.

mod device_conf;
mod entry;
mod library_contents;
mod memory;
mod packed;
mod partition;
mod single_file;

pub use device_conf::{DeviceConf, Drive, Library};
pub use library_contents::{LibraryContents, Place};
pub use memory::{Attribute, AttributeFormat, Kind, MEMORY_BYTES_MAX, Memory};
pub use partition::{Partition, content_of, filemark_count};
pub use single_file::SingleFile;

/// The most partitions of a cartridge.
pub const PARTITIONS_MAX: u8 = 4;
