//! Logout (RFC 7143 §11.14, §11.15).

use bytes::Bytes;

use super::Session;
use crate::connection::core::Core;
use crate::event::CloseReason;
use crate::wire::{Header, LogoutRequest, LogoutResponse, RejectReason};

/// Reason codes of the request (§11.14.1).
const CLOSE_SESSION: u8 = 0;
const CLOSE_CONNECTION: u8 = 1;
const REMOVE_FOR_RECOVERY: u8 = 2;

/// Responses (§11.15.1).
const CLOSED: u8 = 0;
const CID_NOT_FOUND: u8 = 1;
const RECOVERY_NOT_SUPPORTED: u8 = 2;

impl Session {
    /// Takes a Logout, which has its turn unless it is immediate.
    pub(super) fn receive_logout(&mut self, header: &Header, core: &mut Core) {
        let Ok(logout) = LogoutRequest::parse(header) else {
            return;
        };
        if logout.immediate {
            self.log_out(header, core);
        } else {
            self.enqueue(logout.cmd_sn, header, Vec::new(), core);
        }
    }

    /// Answers a Logout and, when it is one, ends the connection: tasks in flight end with it,
    /// silently (O1).
    pub(super) fn log_out(&mut self, header: &Header, core: &mut Core) {
        let Ok(logout) = LogoutRequest::parse(header) else {
            return;
        };
        if self.is_discovery() && logout.reason != CLOSE_SESSION {
            Self::reject(RejectReason::ProtocolError, header, core); // X6
            return;
        }
        let response = match logout.reason {
            CLOSE_SESSION => CLOSED,
            CLOSE_CONNECTION if logout.cid == self.login.cid => CLOSED,
            CLOSE_CONNECTION => CID_NOT_FOUND,
            REMOVE_FOR_RECOVERY => RECOVERY_NOT_SUPPORTED, // ErrorRecoveryLevel 0 (O2)
            _ => {
                Self::reject(RejectReason::InvalidPduField, header, core);
                return;
            }
        };
        let seconds = |value| u16::try_from(value).unwrap_or(u16::MAX);
        let pdu = LogoutResponse {
            response,
            task_tag: logout.task_tag,
            counters: core.numbers.with_status(),
            time_to_wait: seconds(self.negotiated.default_time_to_wait),
            time_to_retain: seconds(self.negotiated.default_time_to_retain),
        };
        core.output.push(pdu.emit(), Bytes::new());
        if response == CLOSED {
            self.responding.clear();
            core.close(CloseReason::LoggedOut);
        }
    }
}
