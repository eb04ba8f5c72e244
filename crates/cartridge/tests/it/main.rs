//! The cartridge against a dumb model, on every store, and against disks that fail.

mod conformance;
mod crash;
mod damage;
mod faults;
mod fixtures;
mod model;
