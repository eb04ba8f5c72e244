//! The cartridge against a dumb model, on every store, and against disks that fail.

#![allow(clippy::unwrap_used, clippy::panic)] // The helpers are tests too.

mod chain;
mod conformance;
mod crash;
mod crash_points;
mod damage;
mod end_of_medium;
mod faults;
mod fixtures;
mod inspect;
mod invariants;
mod machine;
mod model;
mod partitions;
mod read_ahead;
mod tapecat;
