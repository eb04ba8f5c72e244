//! Page 02h: disconnect-reconnect (SPC-5 §7.5.13).

use crate::spc::mode::{ModePage, PageId};

/// All zero: what the page could say of bursts, iSCSI negotiates in each session (RFC 7143 §13.13,
/// §13.14), and it is not the same in two of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DisconnectReconnect;

impl ModePage for DisconnectReconnect {
    fn id(&self) -> PageId {
        PageId::page(0x02)
    }

    fn length(&self) -> usize {
        16
    }

    fn write(&self, _page: &mut [u8]) {}
}
