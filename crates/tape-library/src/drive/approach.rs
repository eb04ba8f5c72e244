//! Where a 16-byte command begins (SSC-5 §4.2.5, explicit address mode).
//!
//! "If the current position does not match" the place that the command names, the drive goes there
//! first. SSC-5 lets a drive stay in one mode of addressing from the first command after a load until
//! the medium is at its beginning again, and refuse the commands of the other. We refuse none: each
//! says by its form where it works.

use cartridge::Located;
use scsi::ssc::read_write::{Address, Start};
use scsi::{AdditionalSense, Sense, SenseKey};

use super::Machine;

impl Machine {
    /// Goes to `address`; synchronises first unless the medium stands there already. `None` stays.
    pub(super) fn go_to(&mut self, address: Option<Address>) -> Result<(), Sense> {
        let Some(address) = address else {
            return Ok(());
        };
        if self.stands_at(address)? {
            self.loaded()?.trust_position();
            return Ok(());
        }
        if address.partition == self.loaded()?.cartridge.position().partition {
            self.synchronize()?;
        } else {
            self.change_partition(address.partition)?;
        }
        let mounted = self.loaded()?;
        mounted.trust_position();
        match mounted.cartridge.locate_block(address.object) {
            Ok(Located::Reached) => Ok(()),
            // The position is then the end of data.
            Ok(Located::EndOfData) => Err(Sense::new(
                SenseKey::BlankCheck,
                AdditionalSense::LOCATE_OPERATION_FAILURE,
            )),
            Err(error) => Err(self.read_fault(&error)),
        }
    }

    /// Goes where a command that writes begins. One that continues a sequence must find the medium
    /// where it names; otherwise a command before it got lost, and it would leave a hole or cut
    /// something off.
    pub(super) fn begin(&mut self, start: Option<Start>) -> Result<(), Sense> {
        match start {
            None => Ok(()),
            Some(Start::At(address)) => self.go_to(Some(address)),
            Some(Start::Continuing(address)) if self.stands_at(address)? => {
                self.loaded()?.trust_position();
                Ok(())
            }
            Some(Start::Continuing(_)) => Err(Sense::illegal_request(
                AdditionalSense::COMMAND_SEQUENCE_ERROR,
            )),
        }
    }

    /// Returns whether the medium stands at `address`.
    fn stands_at(&mut self, address: Address) -> Result<bool, Sense> {
        let cartridge = &self.loaded()?.cartridge;
        if address.partition >= cartridge.partitions() {
            return Err(Address::invalid_partition());
        }
        let at = cartridge.position();
        Ok((address.partition, address.object) == (at.partition, at.object))
    }
}
