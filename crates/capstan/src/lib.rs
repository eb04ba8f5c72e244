//! Capstan, the product: configuration, iSCSI portals, the HTTP interface, and the wiring between
//! them and the machine.
pub mod config;
