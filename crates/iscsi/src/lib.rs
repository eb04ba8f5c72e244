//! RFC 7143 without I/O: the target's side of an iSCSI connection, and a small initiator.
//!
//! # Purpose
//!
//! A [`Connection`] is one TCP connection from its first byte to its last. Bytes, the time and
//! randomness go in; events and bytes come out. It knows no sockets, threads or clocks, and not what
//! a tape is. One owner at a time, no locks.
//!
//! # The calling loop
//!
//! ```text
//! let mut connection = Connection::new(ConnectionParams { … });
//! loop {
//!     // 1. Receive until the socket has no more, but at most so much per turn. Nothing else may
//!     //    happen to the connection between `want` and `received`.
//!     while let Ok(count) = recv(socket, connection.want()) {     // never empty
//!         connection.received(count, now);
//!         // 2. Answer. Answers may come later, from anybody's inbox, in any order.
//!         while let Some(event) = connection.next_event() {
//!             match event {
//!                 Event::LoginRequested(request) => connection.login_decision(decide(request)),
//!                 Event::EstablishSession(it) => { end_old_session(&it); connection.session_established(tsih) }
//!                 Event::SendTargets(which) => connection.send_targets(&targets(which)),
//!                 Event::Command(it) => if let Some(response) = nexus.submit(…) {
//!                     connection.complete(it.task, response)
//!                 },
//!                 Event::TaskManagement(it) => connection.management_done(it.tag, manage(it)),
//!                 Event::Closed(why) => closing = true,
//!                 Event::LoggedIn(_) | Event::LoginFailed(_) => log,
//!             }
//!         }
//!     }
//!     //    A vectored read saves system calls: `recvmsg(socket, connection.want_ahead())`, and before it,
//!     //    while `connection.advance(now)` returns true, step 2 and no receiving.
//!     // 3. Send what there is, at most 96 slices at a time; sooner (after each turn of the loop
//!     //    above) does no harm and lets R2Ts out while data still comes in.
//!     //    What has gone makes room: look for events again.
//!     while connection.has_output() {
//!         let slices = connection.transmit().map(IoSlice::new).collect();
//!         connection.sent(sendmsg(socket, slices)?);
//!     }
//!     if closing && !connection.has_output() { break }
//!     // 4. Sleep until the socket, the inbox, or the clock has something.
//!     poll(socket, inbox, connection.next_deadline());
//!     connection.tick(now);
//! }
//! ```
//!
//! After [`Event::Closed`] the connection ignores what it is told; only its output is still worth
//! sending. When the peer closes or resets, drop the connection: the tasks in flight are the
//! environment's to abort (I_T nexus loss).
//!
//! # Guarantees
//!
//! - No input makes it panic, and none makes it take more memory than [`Limits`] allow: memory is
//!   reserved for what may arrive, taken for bytes that do, and never for what is only announced. See
//!   [`memory`].
//! - The same bytes give the same answers however they are split.
//! - Every offset and length is checked before a byte is placed. Payloads are never copied: Data-Out
//!   is received into the command's buffer, which becomes [`scsi::Command::data_out`]; Data-In is
//!   sent from slices of [`scsi::Response::data_in`].
//!
//! # Ordering
//!
//! Commands come out in the order of CmdSN for each logical unit, whole. Nothing waits for a command
//! that is being executed: NOPs and task management are answered at once.
//!
//! # Limits
//!
//! One connection per session, ErrorRecoveryLevel 0, no markers, no bidirectional commands, CDBs of
//! at most 16 bytes.
//!
//! Standards: RFC 7143 (iSCSI), RFC 1982 (serial numbers), RFC 1994 (CHAP).

mod buffer;
pub mod chap;
mod connection;
pub mod event;
pub mod initiator;
mod limits;
pub mod login;
pub mod memory;
pub mod name;
mod random;
mod receive;
mod session;
mod transmit;
pub mod wire;

pub use chap::{ChapAlgorithm, ChapPolicy, Credential, Secret};
pub use connection::{Connection, ConnectionParams};
pub use event::{
    Authentication, CloseReason, CommandReceived, EstablishSession, Event, LoggedIn, LoginDecision,
    LoginFailed, LoginRequested, LoginStatus, LoginTerms, ManagementOutcome, ManagementTag,
    Permanence, SessionFate, TargetRecord, TaskAttribute, TaskManagement, WhichTargets,
    target_address,
};
pub use limits::{DigestPolicy, Limits, Offer};
pub use login::{Negotiated, SessionKind};
pub use memory::{MemoryMeter, MemoryPool};
pub use random::RandomSource;
pub use wire::{Isid, Tsih};
