//! Capstan, the product: configuration, iSCSI portals, the HTTP interface, the command line, and the
//! wiring between them and the machine.
//!
//! - [`config`]: what can be configured.
//! - [`convert`]: tapes in and out of other programs.
//! - [`gateway`]: a running gateway and its life.
//! - [`portal`]: iSCSI over sockets and threads.
//! - [`api`]: HTTP over a Unix socket.
//! - [`cli`]: the verbs.
//! - [`keys`]: where keys for encryption at rest come from.
//! - [`hex`]: bytes in JSON.

pub mod api;
pub mod cli;
pub mod config;
pub mod convert;
pub mod gateway;
pub mod hex;
pub mod keys;
pub mod portal;
