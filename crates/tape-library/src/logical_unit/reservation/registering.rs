//! REGISTER, REGISTER AND IGNORE EXISTING KEY, REGISTER AND MOVE (SPC-5 §5.14.7, §5.14.8).

use std::time::SystemTime;

use scsi::spc::persistent_reserve::{RegisterAndMove, Registering, Registration as Wanted};
use scsi::{AdditionalSense, InitiatorPort, Sense};

use super::persistent::{
    Consequences, Done, HeldBy, Persistent, REGISTRATIONS_MAX, Refusal, Registration,
};
use crate::nexus::NexusName;

impl Persistent {
    /// Registers `nexus`, changes its key, or unregisters it (SPC-5 §5.14.7, tables 70 and 71).
    pub(super) fn register(&mut self, nexus: &NexusName, wanted: &Wanted) -> Done {
        let known = self
            .registration(nexus)
            .map(|registration| registration.key);
        if let Registering::WithKey(key) = wanted.existing
            && key != known.unwrap_or(0)
        {
            return Err(Refusal::Conflict);
        }
        if known.is_none() && wanted.new_key == 0 {
            return Ok(Consequences::default()); // "do nothing except return GOOD status"
        }
        if known.is_some() && wanted.other_ports.is_some() {
            return Err(Sense::invalid_field_in_cdb(1).into());
        }
        let done = if wanted.new_key == 0 {
            self.unregister(nexus)
        } else {
            self.register_ports(nexus, wanted)?;
            Consequences::default()
        };
        self.survives_power_loss = wanted.persist;
        self.count();
        Ok(done)
    }

    /// Registers `nexus` and the other ports that were named.
    fn register_ports(&mut self, nexus: &NexusName, wanted: &Wanted) -> Result<(), Refusal> {
        let of_port = |port: &InitiatorPort| NexusName {
            initiator: port.clone(),
            target_port: nexus.target_port.clone(),
        };
        let others = wanted.other_ports.iter().flatten().map(of_port);
        for name in std::iter::once(nexus.clone()).chain(others) {
            self.set_key(name, wanted.new_key, wanted.all_target_ports)?;
        }
        Ok(())
    }

    /// Gives a nexus its key, registering it when it is not.
    fn set_key(
        &mut self,
        nexus: NexusName,
        key: u64,
        all_target_ports: bool,
    ) -> Result<(), Refusal> {
        if let Some(known) = self.registrations.iter_mut().find(|it| it.nexus == nexus) {
            known.key = key;
            return Ok(());
        }
        if self.registrations.len() >= REGISTRATIONS_MAX {
            let insufficient = AdditionalSense::INSUFFICIENT_REGISTRATION_RESOURCES;
            return Err(Sense::illegal_request(insufficient).into());
        }
        self.registrations.push(Registration {
            nexus,
            key,
            all_target_ports,
        });
        Ok(())
    }

    /// Registers another nexus and gives it the reservation that `nexus` holds (SPC-5 §5.14.8).
    pub(super) fn register_and_move(
        &mut self,
        nexus: &NexusName,
        wanted: RegisterAndMove,
        now: SystemTime,
    ) -> Done {
        self.check_key(nexus, wanted.key)?;
        let Some(held) = &self.held else {
            return Err(Sense::invalid_field_in_cdb(1).into());
        };
        let kind = held.kind;
        if held.holder != HeldBy::One(nexus.clone()) {
            return Err(Refusal::Conflict); // nor is there anything to move among all registrants
        }
        if wanted.new_key == 0 {
            return Err(Sense::invalid_field_in_parameter_list(8).into());
        }
        if wanted.relative_target_port != nexus.target_port.relative {
            return Err(Sense::invalid_field_in_parameter_list(18).into()); // there is no other
        }
        let other = NexusName {
            initiator: wanted.initiator,
            target_port: nexus.target_port.clone(),
        };
        if other == *nexus {
            return Err(Sense::invalid_field_in_parameter_list(24).into());
        }
        self.set_key(other.clone(), wanted.new_key, false)?;
        self.hold(&other, kind, now);
        if wanted.unregister {
            self.registrations.retain(|it| it.nexus != *nexus);
        }
        self.survives_power_loss = wanted.persist;
        self.count();
        Ok(Consequences::default())
    }
}
