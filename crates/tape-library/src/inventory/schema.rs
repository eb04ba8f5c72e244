//! The catalogue's tables and their versions.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, params};

use crate::element::Layout;
use crate::error::Error;
use crate::gateway::Gateway;

/// The version that we write, kept in `user_version`.
pub(super) const VERSION: u32 = 3;

/// How long to wait for somebody who reads the catalogue with a tool of their own.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Version 1.
///
/// A cartridge that is being deleted has left `cartridges` and stands in `deletions` until its files
/// are gone. Element 0 is a valid address.
const VERSION_1: &str = "
CREATE TABLE gateway (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    preset TEXT NOT NULL,
    created_unix_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE libraries (
    id INTEGER PRIMARY KEY,
    changer TEXT NOT NULL
) STRICT;

CREATE TABLE elements (
    address INTEGER PRIMARY KEY CHECK (address BETWEEN 0 AND 65535),
    library INTEGER NOT NULL REFERENCES libraries (id),
    kind TEXT NOT NULL
        CHECK (kind IN ('medium transport', 'storage', 'import/export', 'data transfer'))
) STRICT;

CREATE TABLE cartridges (
    uuid TEXT PRIMARY KEY,
    barcode TEXT NOT NULL UNIQUE,
    media TEXT NOT NULL,
    capacity_bytes INTEGER NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    element INTEGER UNIQUE REFERENCES elements (address),
    source_element INTEGER REFERENCES elements (address),
    state TEXT NOT NULL CHECK (state IN ('present', 'missing')),
    write_protected INTEGER NOT NULL CHECK (write_protected IN (0, 1))
) STRICT;

CREATE TABLE archive_intents (
    cartridge TEXT PRIMARY KEY REFERENCES cartridges (uuid) ON DELETE CASCADE,
    intent_element INTEGER NOT NULL REFERENCES elements (address),
    intent_since_unix_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE deletions (
    uuid TEXT PRIMARY KEY
) STRICT;
";

/// Version 2: registrations and persistent reservations that survive a loss of power (SPC-5 §5.14).
///
/// `unit` is the name of a logical unit. `place` keeps the order of the registrations. A reservation
/// without initiator and target is held by all registrants.
const VERSION_2: &str = "
CREATE TABLE persistent_registrations (
    unit TEXT NOT NULL,
    place INTEGER NOT NULL,
    initiator TEXT NOT NULL,
    target TEXT NOT NULL,
    relative_target_port INTEGER NOT NULL,
    reservation_key INTEGER NOT NULL CHECK (reservation_key != 0),
    all_target_ports INTEGER NOT NULL CHECK (all_target_ports IN (0, 1)),
    PRIMARY KEY (unit, initiator, target)
) STRICT;

CREATE TABLE persistent_reservations (
    unit TEXT PRIMARY KEY,
    type INTEGER NOT NULL,
    initiator TEXT,
    target TEXT,
    FOREIGN KEY (unit, initiator, target)
        REFERENCES persistent_registrations (unit, initiator, target)
        DEFERRABLE INITIALLY DEFERRED
) STRICT;
";

/// Version 3: what people call a logical unit (SPC-5 §6.46). `kind` is the IDENTIFYING INFORMATION
/// TYPE.
const VERSION_3: &str = "
CREATE TABLE identifying_information (
    unit TEXT NOT NULL,
    kind INTEGER NOT NULL,
    information BLOB NOT NULL,
    PRIMARY KEY (unit, kind)
) STRICT;
";

/// What each version adds to the one before.
const STEPS: [(u32, &str); 3] = [(1, VERSION_1), (2, VERSION_2), (3, VERSION_3)];

/// Opens the file, new or old, with the promises that we need from it.
pub(super) fn connect(path: &Path) -> Result<Connection, Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Fills a new catalogue.
pub(super) fn create(
    connection: &mut Connection,
    gateway: &Gateway,
    layout: &Layout,
) -> Result<(), Error> {
    const LIBRARY: u32 = 1;
    let transaction = connection.transaction()?;
    for (_, step) in STEPS {
        transaction.execute_batch(step)?;
    }
    transaction.execute(
        "INSERT INTO gateway (one, id, name, preset, created_unix_ms) VALUES (1, ?1, ?2, ?3, ?4)",
        params![
            gateway.id.to_string(),
            gateway.name,
            gateway.preset.name(),
            gateway.created_unix_ms.cast_signed(),
        ],
    )?;
    transaction.execute(
        "INSERT INTO libraries (id, changer) VALUES (?1, ?2)",
        params![LIBRARY, gateway.machine.changer],
    )?;
    {
        let mut insert = transaction
            .prepare("INSERT INTO elements (address, library, kind) VALUES (?1, ?2, ?3)")?;
        for (kind, address) in layout.addresses() {
            insert.execute(params![address.0, LIBRARY, kind.to_string()])?;
        }
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Brings an older catalogue up to date, in one transaction; refuses a newer one.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Error> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match found {
        VERSION => return Ok(()),
        0 => {
            return Err(Error::CatalogueDamaged {
                reason: "it was never filled".into(),
            });
        }
        newer if newer > VERSION => {
            return Err(Error::CatalogueNewer {
                found,
                known: VERSION,
            });
        }
        _ => {}
    }
    let transaction = connection.transaction()?;
    for (version, step) in STEPS {
        if version > found {
            transaction.execute_batch(step)?;
        }
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    tracing::info!(found, now = VERSION, "the catalogue was brought up to date");
    Ok(())
}

/// Makes a catalogue as version 1 left it, for a test.
#[cfg(test)]
pub(super) fn downgrade(connection: &Connection) {
    connection
        .execute_batch(
            "DROP TABLE identifying_information;
             DROP TABLE persistent_reservations; DROP TABLE persistent_registrations;
             PRAGMA user_version = 1;",
        )
        .unwrap();
}
