//! What is told of the reservations: PERSISTENT RESERVE IN (SPC-5 §6.16), and the administrator's
//! view.

use scsi::spc::persistent_reserve::{
    self as codec, Capabilities, FullStatus, PersistentReserveIn, ReadAction,
};
use scsi::{Cdb, Response};

use super::persistent::{HeldBy, Persistent};
use super::{Conflict, Holder, Reservation, ReservationKind, Reservations, State, respond};
use crate::nexus::NexusName;

impl Reservations {
    /// PERSISTENT RESERVE IN.
    pub(in crate::logical_unit) fn persistent_reserve_in(&self, cdb: &Cdb) -> Response {
        let command = match PersistentReserveIn::parse(cdb) {
            Ok(command) => command,
            Err(sense) => return sense.into(),
        };
        let can_survive = self.store_lock().is_some();
        let state = self.lock();
        if state.reserved.is_some() {
            return respond(Err(Conflict)); // the holder's own, too
        }
        let data = state.persistent.read(command.action, can_survive);
        Response::allocated(data, usize::from(command.allocation_length))
    }

    /// Returns who has reserved the unit; if nobody has, who is registered.
    pub(in crate::logical_unit) fn status(&self) -> Option<Reservation> {
        let state = self.lock();
        if let Some(reserved) = &state.reserved {
            let holder = state.nexuses.get(&reserved.nexus)?;
            return Some(Reservation {
                kind: ReservationKind::Reserve,
                holders: vec![state.holder(&holder.name())],
                since: reserved.since,
            });
        }
        let persistent = &state.persistent;
        let (kind, holders, since) = if let Some(held) = &persistent.held {
            let kind = ReservationKind::Persistent(held.kind);
            (kind, persistent.holders(), held.since)
        } else {
            let registered = persistent.registrations.iter().map(|it| &it.nexus);
            let since = state.registered_since?;
            (ReservationKind::Registered, registered.collect(), since)
        };
        Some(Reservation {
            kind,
            holders: holders.into_iter().map(|it| state.holder(it)).collect(),
            since,
        })
    }
}

impl State {
    fn holder(&self, name: &NexusName) -> Holder {
        let nexus = self.nexuses.values().find(|nexus| name.names(nexus));
        Holder {
            initiator: name.initiator.clone(),
            nexus: nexus.map(|nexus| nexus.id),
        }
    }
}

impl Persistent {
    fn read(&self, action: ReadAction, can_survive: bool) -> Vec<u8> {
        match action {
            ReadAction::Keys => {
                let keys = self.registrations.iter().map(|it| it.key);
                codec::keys(self.generation, keys)
            }
            ReadAction::Reservation => {
                let held = self
                    .held
                    .as_ref()
                    .map(|held| (self.holders_key(), held.kind));
                codec::reservation(self.generation, held)
            }
            ReadAction::Capabilities => {
                let capabilities = Capabilities {
                    power_loss: can_survive,
                    power_loss_activated: self.survives_power_loss,
                };
                capabilities.to_bytes().to_vec()
            }
            ReadAction::FullStatus => codec::full_status(self.generation, self.full_status()),
        }
    }

    /// SPC-5 §6.16.3.2: zero when all registrants hold.
    fn holders_key(&self) -> u64 {
        let Some(HeldBy::One(holder)) = self.held.as_ref().map(|held| &held.holder) else {
            return 0;
        };
        self.registration(holder).map_or(0, |it| it.key)
    }

    fn full_status(&self) -> impl Iterator<Item = FullStatus<'_>> {
        self.registrations.iter().map(|it| FullStatus {
            key: it.key,
            all_target_ports: it.all_target_ports,
            held: self
                .held
                .as_ref()
                .filter(|_| self.is_holder(&it.nexus))
                .map(|held| held.kind),
            relative_target_port: it.nexus.target_port.relative,
            initiator: &it.nexus.initiator,
        })
    }
}
