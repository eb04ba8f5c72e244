//! The HTTP interface: JSON over the Unix socket `<data>/capstan.sock`, later over TCP as well.
//!
//! - [`types`]: what goes over the wire; the CLI uses the same types.
//! - [`routes`]: one function for each path.
//! - [`server`]: the socket and the runtime.
//! - [`error`]: a failure as status code and JSON.
//!
//! Library calls may wait for disks and robots. They run in `spawn_blocking`, so that asking for
//! the status never waits behind a move.

pub mod error;
pub mod place;
pub mod routes;
pub mod server;
pub mod types;

/// The name of the socket in the data directory.
pub const SOCKET_NAME: &str = "capstan.sock";
