//! Reject (RFC 7143 §11.17).

use bytes::Bytes;

use super::Session;
use crate::connection::core::Core;
use crate::wire::{Header, RESERVED_TAG, Reject, RejectReason, SerialNumber};

impl Session {
    /// Rejects the PDU with this header. The connection goes on (O3, O4).
    ///
    /// The CmdSN of a rejected request is not taken: the initiator fills the gap (§11.17.1).
    pub(super) fn reject(reason: RejectReason, header: &Header, core: &mut Core) {
        let reject = Reject {
            reason: reason as u8,
            task_tag: RESERVED_TAG,
            counters: core.numbers.with_status(),
            data_sn: SerialNumber(0),
        };
        core.output
            .push(reject.emit(), Bytes::copy_from_slice(&header.0));
    }
}
