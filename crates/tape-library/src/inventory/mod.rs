//! The inventory: which cartridges there are and where they are, in SQLite.
//!
//! # Purpose
//! `<data>/catalog.sqlite` is the memory of the robot. The content of cartridges is none of its
//! business: their own files say what is on them, and [`rebuild`](crate::Library::rebuild) makes a
//! new catalogue from their labels.
//!
//! # Guarantees
//! Every change is one transaction, durable when the call returns (WAL with synchronous=FULL).
//! No two cartridges are in one element, and no two bear one barcode: the schema says so.
//! On a full disk it can still be opened, and cartridges be moved and deleted: see [`reserve`].
//!
//! # Limits
//! One connection, used by whoever holds the robot's lock; readers use the map in memory. Persistent
//! reservations have a connection of their own: no reservation waits for the robot.

mod record;
mod reserve;
mod schema;
mod units;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use scsi::ElementAddress;
use uuid::Uuid;

pub use record::{ArchiveIntent, CartridgeRecord, CartridgeState};
pub(crate) use units::UnitCatalogue;

use crate::element::Layout;
use crate::error::Error;
use crate::gateway::Gateway;
use reserve::Reserve;

/// An open catalogue.
#[derive(Debug)]
pub(crate) struct Inventory {
    connection: Connection,
    reserve: Reserve,
}

/// Where a cartridge goes, as one move changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relocation {
    pub(crate) cartridge: Uuid,
    pub(crate) element: ElementAddress,
    pub(crate) source: Option<ElementAddress>,
    pub(crate) archive_intent: Option<ArchiveIntent>,
}

impl Inventory {
    /// Returns the catalogue's path.
    pub(crate) fn path(data: &Path) -> PathBuf {
        data.join("catalog.sqlite")
    }

    /// Makes an empty catalogue at `path`, where there must be no file.
    pub(crate) fn create(path: &Path, gateway: &Gateway, layout: &Layout) -> Result<Self, Error> {
        if path.exists() {
            return Err(Error::NotEmpty {
                path: path.to_owned(),
            });
        }
        let mut connection = schema::connect(path)?;
        schema::create(&mut connection, gateway, layout)?;
        let reserve = Reserve::of(path);
        Ok(Self {
            connection,
            reserve,
        })
    }

    /// Opens the catalogue of `gateway` at `path`, bringing an older one up to date.
    pub(crate) fn open(path: &Path, gateway: &Gateway) -> Result<Self, Error> {
        if !path.exists() {
            return Err(Error::CatalogueMissing {
                path: path.to_owned(),
            });
        }
        let reserve = Reserve::of(path);
        let (connection, found) = reserve.with_room(|| {
            let mut connection = schema::connect(path)?;
            schema::migrate(&mut connection)?;
            let found: Option<String> = connection
                .query_row("SELECT id FROM gateway", [], |row| row.get(0))
                .optional()?;
            Ok((connection, found))
        })?;
        let found = found.unwrap_or_default();
        if found != gateway.id.to_string() {
            return Err(Error::CatalogueForeign {
                found,
                expected: gateway.id,
            });
        }
        reserve.keep();
        Ok(Self {
            connection,
            reserve,
        })
    }

    /// Returns all cartridges, ordered by barcode.
    pub(crate) fn cartridges(&self) -> Result<Vec<CartridgeRecord>, Error> {
        let mut statement = self.connection.prepare(
            "SELECT uuid, barcode, media, capacity_bytes, created_unix_ms, element,
                    source_element, state, write_protected, intent_element, intent_since_unix_ms
             FROM cartridges LEFT JOIN archive_intents ON cartridge = uuid
             ORDER BY barcode",
        )?;
        let rows = statement.query_map([], record::RawRecord::read)?;
        rows.map(|row| row?.check()).collect()
    }

    /// Adds cartridges, all or none.
    pub(crate) fn insert(&mut self, records: &[CartridgeRecord]) -> Result<(), Error> {
        let transaction = self.connection.transaction()?;
        for record in records {
            add(&transaction, record)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Says that files of a cartridge may be there before the catalogue has it: whoever opens the
    /// library before [`Inventory::insert_expected`] removes them.
    pub(crate) fn expect(&mut self, cartridge: Uuid) -> Result<(), Error> {
        self.connection.execute(
            "INSERT INTO deletions (uuid) VALUES (?1)",
            [cartridge.to_string()],
        )?;
        Ok(())
    }

    /// Adds a cartridge whose files are there.
    pub(crate) fn insert_expected(&mut self, record: &CartridgeRecord) -> Result<(), Error> {
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "DELETE FROM deletions WHERE uuid = ?1",
            [record.uuid.to_string()],
        )?;
        add(&transaction, record)?;
        transaction.commit()?;
        Ok(())
    }

    /// Moves cartridges, all or none: one may go where another one was.
    pub(crate) fn relocate(&mut self, relocations: &[Relocation]) -> Result<(), Error> {
        self.reserve.with_room(|| {
            let transaction = self.connection.transaction()?;
            // No two are in one element, at no time: all leave before the first one arrives.
            for relocation in relocations {
                let uuid = relocation.cartridge.to_string();
                transaction.execute(
                    "UPDATE cartridges SET element = NULL WHERE uuid = ?1",
                    [&uuid],
                )?;
                transaction.execute("DELETE FROM archive_intents WHERE cartridge = ?1", [&uuid])?;
            }
            for relocation in relocations {
                arrive(&transaction, relocation)?;
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// Leaves a cartridge without an element. Durable when it returns.
    pub(crate) fn take_out(&mut self, cartridge: Uuid) -> Result<(), Error> {
        self.reserve.with_room(|| {
            self.connection.execute(
                "UPDATE cartridges SET element = NULL WHERE uuid = ?1",
                [cartridge.to_string()],
            )?;
            Ok(())
        })
    }

    /// Sets the state of a cartridge.
    pub(crate) fn set_state(
        &mut self,
        cartridge: Uuid,
        state: CartridgeState,
    ) -> Result<(), Error> {
        self.reserve.with_room(|| {
            self.connection.execute(
                "UPDATE cartridges SET state = ?2 WHERE uuid = ?1",
                params![cartridge.to_string(), state.name()],
            )?;
            Ok(())
        })
    }

    /// Remembers the write protect tab of a cartridge; its label is what counts.
    pub(crate) fn set_write_protected(
        &mut self,
        cartridge: Uuid,
        write_protected: bool,
    ) -> Result<(), Error> {
        self.connection.execute(
            "UPDATE cartridges SET write_protected = ?2 WHERE uuid = ?1",
            params![cartridge.to_string(), write_protected],
        )?;
        Ok(())
    }

    /// Takes a cartridge out of the library and remembers that its files are to be removed.
    pub(crate) fn begin_deletion(&mut self, cartridge: Uuid) -> Result<(), Error> {
        self.reserve.with_room(|| {
            let uuid = cartridge.to_string();
            let transaction = self.connection.transaction()?;
            transaction.execute("INSERT INTO deletions (uuid) VALUES (?1)", [&uuid])?;
            transaction.execute("DELETE FROM cartridges WHERE uuid = ?1", [&uuid])?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// Forgets a cartridge whose files were removed.
    pub(crate) fn finish_deletion(&mut self, cartridge: Uuid) -> Result<(), Error> {
        self.reserve.with_room(|| {
            self.connection.execute(
                "DELETE FROM deletions WHERE uuid = ?1",
                [cartridge.to_string()],
            )?;
            Ok(())
        })?;
        self.reserve.keep();
        Ok(())
    }

    /// Returns the cartridges whose files are still to be removed.
    pub(crate) fn deletions(&self) -> Result<Vec<Uuid>, Error> {
        let mut statement = self.connection.prepare("SELECT uuid FROM deletions")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        rows.map(|row| record::parse_uuid(&row?)).collect()
    }

    /// Runs any statement, for tests that make the catalogue fail.
    #[cfg(test)]
    pub(crate) fn execute(&self, statement: &str) {
        self.connection.execute_batch(statement).unwrap();
    }

    /// Closes the catalogue so that its one file is whole, without a log beside it.
    pub(crate) fn close(self) -> Result<(), Error> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.connection.close().map_err(|(_, error)| error.into())
    }
}

fn add(transaction: &Transaction<'_>, record: &CartridgeRecord) -> Result<(), Error> {
    transaction.execute(
        "INSERT INTO cartridges (uuid, barcode, media, capacity_bytes, created_unix_ms,
                                 element, source_element, state, write_protected)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            record.uuid.to_string(),
            record.barcode,
            record.media,
            record::to_i64(record.capacity_bytes),
            record::to_i64(record.created_unix_ms),
            record.element.map(|element| element.0),
            record.source.map(|element| element.0),
            record.state.name(),
            record.write_protected,
        ],
    )?;
    Ok(())
}

fn arrive(transaction: &Transaction<'_>, relocation: &Relocation) -> Result<(), Error> {
    let uuid = relocation.cartridge.to_string();
    transaction.execute(
        "UPDATE cartridges SET element = ?2, source_element = ?3 WHERE uuid = ?1",
        params![
            uuid,
            relocation.element.0,
            relocation.source.map(|source| source.0)
        ],
    )?;
    if let Some(intent) = relocation.archive_intent {
        transaction.execute(
            "INSERT INTO archive_intents (cartridge, intent_element, intent_since_unix_ms)
             VALUES (?1, ?2, ?3)",
            params![uuid, intent.element.0, record::to_i64(intent.since_unix_ms)],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
