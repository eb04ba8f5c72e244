//! SECURITY PROTOCOL IN and SECURITY PROTOCOL OUT (SPC-5 §6.40, §6.41; SSC-5 §8.5).

use cartridge::{KeyAssociatedData, NextBlock as Found};
use scsi::ssc::encryption::capabilities::Capabilities;
use scsi::ssc::encryption::protocol_in::PageIn;
use scsi::ssc::encryption::set_data_encryption::{CKOD, CKORL, CKORP, SetDataEncryption};
use scsi::ssc::encryption::status::{DataEncryptionStatus, NextBlock, NextBlockStatus};
use scsi::ssc::encryption::{KeyData, SecurityProtocol, TAPE_DATA_ENCRYPTION};
use scsi::{AdditionalSense, Cdb, Command, NexusId, Response, Sense};

use super::super::{Machine, Medium};
use crate::nexus::ItNexus;

impl Machine {
    /// SECURITY PROTOCOL IN.
    pub(in super::super) fn security_protocol_in(
        &mut self,
        nexus: NexusId,
        cdb: &Cdb,
    ) -> Result<Response, Sense> {
        let command = SecurityProtocol::parse(cdb)?;
        let page = PageIn::of(command)?;
        if command.protocol == TAPE_DATA_ENCRYPTION {
            self.encryption.register(nexus);
        }
        let data = match page {
            PageIn::Fixed(page) => page.to_bytes(),
            PageIn::Capabilities => {
                let loaded = matches!(self.medium, Medium::Loaded(_));
                let valid_for_volume = loaded.then(|| self.medium_takes_encryption());
                Capabilities { valid_for_volume }.to_bytes()
            }
            PageIn::Status => self.encryption_status(nexus).to_bytes(),
            PageIn::NextBlock => self.next_block_status(nexus)?.to_bytes(),
        };
        let length = usize::try_from(command.length).unwrap_or(usize::MAX);
        Ok(Response::allocated(data, length))
    }

    fn encryption_status(&self, nexus: NexusId) -> DataEncryptionStatus {
        let parameters = self.encryption.of(nexus);
        let volume_has_encrypted_blocks = match &self.medium {
            Medium::Loaded(mounted) => mounted.cartridge.holds_encrypted_blocks(),
            Medium::Empty | Medium::Unloaded(_) => false,
        };
        DataEncryptionStatus {
            nexus_scope: self.encryption.scope_of(nexus),
            key_scope: parameters.scope,
            encryption: parameters.encryption_mode,
            decryption: parameters.decryption_mode,
            key_instance: parameters.key_instance,
            volume_has_encrypted_blocks,
            check_external: parameters.check_external,
            forbid_raw_reading: parameters.forbid_raw_reading,
            key_data: parameters.key_data.clone(),
        }
    }

    fn next_block_status(&mut self, nexus: NexusId) -> Result<NextBlockStatus, Sense> {
        self.take_up_encryption(nexus)?;
        let capable = self.medium_takes_encryption();
        let (Medium::Loaded(mounted), true) = (&mut self.medium, capable) else {
            return Ok(NextBlockStatus {
                object: 0,
                block: NextBlock::Incapable,
            });
        };
        let block = match mounted.cartridge.next_block() {
            // What is wrong with the block, reading it will tell.
            Ok(Found::EndOfData) | Err(_) => NextBlock::Unknown,
            Ok(Found::Filemark) => NextBlock::NotABlock,
            Ok(Found::Plain) => NextBlock::Plain,
            Ok(Found::Encrypted(block)) => NextBlock::Encrypted {
                readable: block.key_fits,
                forbid_raw_reading: block.forbid_raw_reading,
                key_data: key_data(block.data),
            },
        };
        Ok(NextBlockStatus {
            object: mounted.cartridge.position().object,
            block,
        })
    }

    /// SECURITY PROTOCOL OUT.
    pub(in super::super) fn security_protocol_out(
        &mut self,
        nexus: &ItNexus,
        command: &Command,
    ) -> Response {
        let security = match SecurityProtocol::parse(&command.cdb) {
            Ok(security) => security,
            Err(sense) => return sense.into(),
        };
        let parsed = SetDataEncryption::parse(security, &command.data_out);
        let done = parsed.and_then(|set| match set {
            Some(set) => self.set_data_encryption(nexus, set),
            None => Ok(()),
        });
        let response = match done {
            Ok(()) => Response::good(),
            Err(sense) => sense.into(),
        };
        response.with_data_out_length(security.length)
    }

    fn set_data_encryption(
        &mut self,
        nexus: &ItNexus,
        set: SetDataEncryption,
    ) -> Result<(), Sense> {
        if let Some(new) = &set.parameters {
            let mounted = matches!(self.medium, Medium::Loaded(_));
            let reserved = self.encryption.holds_reservation(nexus);
            for (asked, possible, bit) in [
                (new.clear_on_demount, mounted, CKOD),
                (new.clear_on_preemption, reserved, CKORP),
                (new.clear_on_reservation_loss, reserved, CKORL),
            ] {
                if asked && !possible {
                    return Err(SetDataEncryption::invalid_clear_bit(bit));
                }
            }
        }
        for other in self.encryption.set(nexus, set) {
            let changed = AdditionalSense::DATA_ENCRYPTION_PARAMETERS_CHANGED;
            self.attentions.establish_for(other, changed);
        }
        let parameters = self.encryption.of(nexus.id);
        tracing::info!(
            drive = self.number,
            initiator = %nexus.initiator,
            scope = ?parameters.scope,
            encryption = ?parameters.encryption_mode,
            decryption = ?parameters.decryption_mode,
            key_instance = parameters.key_instance,
            "data encryption parameters set"
        );
        // The key before goes now, not with the next command.
        let taken = self.take_cartridge_keys();
        taken.map_err(|error| self.write_fault(&error))
    }
}

/// What was stored beside a block. Whether an application had given an empty descriptor or none is not.
fn key_data(stored: KeyAssociatedData) -> KeyData {
    let some = |part: Vec<u8>| (!part.is_empty()).then_some(part);
    KeyData {
        unauthenticated: some(stored.unauthenticated),
        authenticated: some(stored.authenticated),
        format: stored.format,
    }
}
