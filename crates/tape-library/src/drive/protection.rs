//! Logical block protection (SSC-5 §4.2.29): four bytes behind each block on its way.
//!
//! They are checked before a block is accepted, never stored, and made anew when it is read: on the
//! medium the frame's own checksum stands for them. While they are on, a block has the length with
//! them wherever a command or INFORMATION speaks of lengths: "n = the TRANSFER LENGTH field … for
//! variable length transfers; the BLOCK LENGTH field … for fixed block transfers".

use bytes::{Bytes, BytesMut};
use scsi::ssc::mode_pages::{ControlDataProtection, Methods};
use scsi::ssc::protection_information::{INFORMATION_LENGTH, Method};
use scsi::{AdditionalSense, NexusId, Sense, SenseKey};

use super::Machine;
use crate::profile::DriveProfile;

impl Machine {
    /// Puts mode page 0Ah, sub-page F0h that belongs to `nexus` in its place.
    pub(super) fn take_up_protection(&mut self, nexus: NexusId) {
        let page = &mut self.mode.parameters.control_data_protection;
        *page = match self.protections.get(&nexus) {
            Some(own) => *own,
            None => ControlDataProtection {
                methods: page.methods,
                ..ControlDataProtection::default()
            },
        };
    }

    /// Returns how the nexus whose command runs protects logical blocks.
    pub(super) fn protection(&self) -> ControlDataProtection {
        self.mode.parameters.control_data_protection
    }
}

/// Returns the methods that a drive has.
pub(super) fn methods_of(profile: &DriveProfile) -> Methods {
    let methods = profile.capabilities.logical_block_protection.iter();
    methods
        .filter_map(|method| Method::of_code(method.code()))
        .collect()
}

/// Returns how much longer a block is on its way.
pub(super) const fn added_length(method: Option<Method>) -> u32 {
    match method {
        Some(_) => INFORMATION_LENGTH,
        None => 0,
    }
}

/// Returns a block as it goes to an initiator.
pub(super) fn protected(block: Bytes, method: Option<Method>) -> Bytes {
    let Some(method) = method else {
        return block;
    };
    let information = method.protect(&block);
    let mut transferred = BytesMut::with_capacity(block.len() + information.len());
    transferred.extend_from_slice(&block);
    transferred.extend_from_slice(&information);
    transferred.freeze()
}

/// Takes the protection information off a block that came from an initiator, or tells that they do
/// not belong together: HARDWARE ERROR, as LTO drives say it.
pub(super) fn unprotected(transferred: Bytes, method: Option<Method>) -> Result<Bytes, Sense> {
    let Some(method) = method else {
        return Ok(transferred);
    };
    match method.verify(&transferred) {
        Some(length) => Ok(transferred.slice(..length)),
        None => Err(Sense::new(
            SenseKey::HardwareError,
            AdditionalSense::LOGICAL_BLOCK_GUARD_CHECK_FAILED,
        )),
    }
}
