//! Cartridges in an object store.
//!
//! This crate will hold the [`cartridge`] crate's segment store over a local cache, an upload buffer
//! and a bucket; the archive shelf; and who owns which cartridge. It knows no SCSI. Today it holds
//! what each of these relies on: [`key`], the names of objects in the bucket.

pub mod key;

pub use key::{Barcode, BarcodeError, Generation, SegmentObject};
