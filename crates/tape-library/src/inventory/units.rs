//! Logical units in the catalogue: persistent reservations that initiators wanted to survive a loss of
//! power (APTPL, SPC-5 §5.14.5), and what people call the units.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use scsi::InitiatorPort;
use scsi::spc::identifying_information::InformationKind;
use scsi::spc::persistent_reserve::ReservationType;

use super::reserve::Reserve;
use super::schema;
use crate::error::Error;
use crate::logical_unit::InformationStore;
use crate::logical_unit::reservation::{Held, HeldBy, Persistent, Registration, ReservationStore};
use crate::nexus::{NexusName, TargetPort};

/// The catalogue, for all units.
#[derive(Debug)]
pub(crate) struct UnitCatalogue {
    connection: Mutex<Connection>,
    reserve: Reserve,
}

/// The catalogue, for one unit.
#[derive(Debug)]
struct OfUnit {
    catalogue: Arc<UnitCatalogue>,
    unit: String,
}

impl UnitCatalogue {
    /// Opens the catalogue at `path`, which [`Inventory::open`](super::Inventory::open) has brought up
    /// to date.
    pub(crate) fn open(path: &Path) -> Result<Arc<Self>, Error> {
        let reserve = Reserve::of(path);
        let connection = reserve.with_room(|| schema::connect(path))?;
        Ok(Arc::new(Self {
            connection: Mutex::new(connection),
            reserve,
        }))
    }

    /// Returns the place for the reservations of the logical unit called `unit`.
    pub(crate) fn of_unit(self: &Arc<Self>, unit: &str) -> Arc<dyn ReservationStore> {
        Arc::new(OfUnit {
            catalogue: Arc::clone(self),
            unit: unit.to_owned(),
        })
    }

    /// The same for its identifying information.
    pub(crate) fn information_of_unit(self: &Arc<Self>, unit: &str) -> Arc<dyn InformationStore> {
        Arc::new(OfUnit {
            catalogue: Arc::clone(self),
            unit: unit.to_owned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // SQLite rolls an unfinished transaction back; nothing else is behind the lock.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReservationStore for OfUnit {
    fn load(&self) -> Result<Persistent, Error> {
        let connection = self.catalogue.lock();
        let mut registrations = connection.prepare(
            "SELECT initiator, target, relative_target_port, reservation_key, all_target_ports
             FROM persistent_registrations WHERE unit = ?1 ORDER BY place",
        )?;
        let registrations = registrations
            .query_map([&self.unit], registration)?
            .collect::<Result<Vec<_>, _>>()?;
        let held = connection
            .query_row(
                "SELECT type, initiator, target FROM persistent_reservations WHERE unit = ?1",
                [&self.unit],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?
            .map(|(code, initiator, target)| self.held(code, initiator, target, &registrations))
            .transpose()?;
        Ok(Persistent::restored(registrations, held))
    }

    fn save(&self, persistent: &Persistent) -> Result<(), Error> {
        self.catalogue.reserve.with_room(|| {
            let mut connection = self.catalogue.lock();
            let transaction = connection.transaction()?;
            for table in ["persistent_reservations", "persistent_registrations"] {
                let delete = format!("DELETE FROM {table} WHERE unit = ?1");
                transaction.execute(&delete, [&self.unit])?;
            }
            if persistent.survives_power_loss {
                self.insert(&transaction, persistent)?;
            }
            transaction.commit()?;
            Ok(())
        })
    }
}

impl InformationStore for OfUnit {
    fn load(&self) -> Result<HashMap<InformationKind, Vec<u8>>, Error> {
        let connection = self.catalogue.lock();
        let mut rows = connection
            .prepare("SELECT kind, information FROM identifying_information WHERE unit = ?1")?;
        let mut information = HashMap::new();
        for row in rows.query_map([&self.unit], |row| Ok((row.get(0)?, row.get(1)?)))? {
            let (code, bytes): (u8, Vec<u8>) = row?;
            let known = InformationKind::ALL
                .into_iter()
                .find(|kind| kind.code() == code);
            let fits = |kind: &InformationKind| bytes.len() <= usize::from(kind.length_max());
            let Some(kind) = known.filter(fits) else {
                return Err(Error::CatalogueDamaged {
                    reason: format!("information {code:#x} about {}", self.unit),
                });
            };
            information.insert(kind, bytes);
        }
        Ok(information)
    }

    fn save(&self, kind: InformationKind, information: &[u8]) -> Result<(), Error> {
        self.catalogue.reserve.with_room(|| {
            self.catalogue.lock().execute(
                "INSERT OR REPLACE INTO identifying_information (unit, kind, information)
                 VALUES (?1, ?2, ?3)",
                params![self.unit, kind.code(), information],
            )?;
            Ok(())
        })
    }
}

impl OfUnit {
    fn insert(&self, transaction: &Transaction<'_>, persistent: &Persistent) -> Result<(), Error> {
        for (place, registration) in (0_i64..).zip(&persistent.registrations) {
            transaction.execute(
                "INSERT INTO persistent_registrations (unit, place, initiator, target,
                     relative_target_port, reservation_key, all_target_ports)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    self.unit,
                    place,
                    &*registration.nexus.initiator.0,
                    &*registration.nexus.target_port.name,
                    registration.nexus.target_port.relative,
                    registration.key.cast_signed(),
                    registration.all_target_ports,
                ],
            )?;
        }
        let Some(held) = &persistent.held else {
            return Ok(());
        };
        let holder = match &held.holder {
            HeldBy::One(holder) => Some((&*holder.initiator.0, &*holder.target_port.name)),
            HeldBy::AllRegistrants => None,
        };
        transaction.execute(
            "INSERT INTO persistent_reservations (unit, type, initiator, target)
             VALUES (?1, ?2, ?3, ?4)",
            params![
                self.unit,
                held.kind.code(),
                holder.map(|(initiator, _)| initiator),
                holder.map(|(_, target)| target),
            ],
        )?;
        Ok(())
    }

    /// Believes a reservation only if somebody registered holds it.
    fn held(
        &self,
        code: u8,
        initiator: Option<String>,
        target: Option<String>,
        registrations: &[Registration],
    ) -> Result<Held, Error> {
        let damaged = |what: String| Error::CatalogueDamaged {
            reason: format!("the reservation of {}: {what}", self.unit),
        };
        let kind =
            ReservationType::of_code(code).ok_or_else(|| damaged(format!("type {code:#x}")))?;
        let holder = if kind.is_all_registrants() {
            registrations.first().map(|_| HeldBy::AllRegistrants)
        } else {
            let (initiator, target) = (initiator.unwrap_or_default(), target.unwrap_or_default());
            let is_holder = |it: &&Registration| {
                *it.nexus.initiator.0 == *initiator && *it.nexus.target_port.name == *target
            };
            let holder = registrations.iter().find(is_holder);
            holder.map(|it| HeldBy::One(it.nexus.clone()))
        };
        Ok(Held {
            kind,
            holder: holder.ok_or_else(|| damaged("nobody holds it".to_owned()))?,
            since: SystemTime::now(),
        })
    }
}

fn registration(row: &Row<'_>) -> rusqlite::Result<Registration> {
    let (initiator, target): (String, String) = (row.get(0)?, row.get(1)?);
    let key: i64 = row.get(3)?;
    Ok(Registration {
        nexus: NexusName {
            initiator: InitiatorPort(initiator.into()),
            target_port: TargetPort {
                name: target.into(),
                relative: row.get(2)?,
            },
        },
        key: key.cast_unsigned(),
        all_target_ports: row.get(4)?,
    })
}

#[cfg(test)]
mod tests;
