//! `capstan status`: the whole gateway on one screen.

use std::fmt::Write as _;

use clap::Args;

use super::client::Client;
use super::session::short_target;
use super::show::{Format, age, count, size};
use super::table::Table;
use super::{drive, fault};
use crate::api::types;

/// `capstan status`
#[derive(Debug, Args)]
pub struct Status {
    /// How to print.
    #[command(flatten)]
    format: Format,
}

impl Status {
    /// Asks and prints.
    pub fn run(self, client: &Client) -> anyhow::Result<()> {
        let status: types::Status = client.get("/api/v1/status")?;
        self.format.print(&status, text)
    }
}

fn text(status: &types::Status) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "Gateway   {}   capstan {}   process {}   up {}",
        status.gateway,
        status.version,
        status.process,
        age(status.started_unix_ms)
    );
    let _ = writeln!(out, "Data      {}", status.data.display());
    let _ = writeln!(out, "Portals   {}", status.portals.join("  "));
    let in_flight: u64 = status.sessions.iter().map(|it| it.commands_in_flight).sum();
    let _ = writeln!(
        out,
        "Sessions  {} logged in, {} in flight",
        status.sessions.len(),
        count(usize::try_from(in_flight).unwrap_or(usize::MAX), "command")
    );
    for library in &status.libraries {
        let _ = writeln!(out, "{}", changer(library, status.libraries.len()));
    }
    let storage = &status.storage;
    let _ = writeln!(
        out,
        "Storage   {}   {} used, {} free on disk",
        count(storage.tapes as usize, "tape"),
        size(storage.stored_bytes),
        size(storage.free_bytes)
    );
    if let Some(trouble) = nearly_full(storage) {
        let _ = writeln!(out, "          {trouble}");
    }
    let memory = &status.memory;
    let _ = writeln!(
        out,
        "Memory    sessions have reserved {} of {}{}",
        size(memory.reserved_bytes),
        size(memory.max_bytes),
        match memory.sessions_waiting {
            0 => String::new(),
            waiting => format!(", {} for more", waits(waiting)),
        }
    );
    let _ = writeln!(
        out,
        "          cartridges hold {} of {} that wait to be written, {} of {} read ahead",
        size(memory.write_behind_bytes),
        size(memory.write_behind_max_bytes),
        size(memory.read_ahead_bytes),
        size(memory.read_ahead_max_bytes)
    );
    let _ = writeln!(
        out,
        "          {} of {} lie ready for the next blocks",
        size(memory.spare_bytes),
        size(memory.spare_max_bytes)
    );
    if let Some(key) = &status.encryption_key {
        let _ = writeln!(out, "Keys      new tapes are encrypted under {key}");
    }
    for library in &status.libraries {
        if status.libraries.len() > 1 {
            let _ = write!(out, "\nLibrary {}", library.name);
        }
        let _ = write!(out, "\n{}", drive::table(&library.drives));
        if !library.faults.is_empty() {
            let _ = write!(out, "\n{}", fault::table(&library.faults));
        }
    }
    let _ = write!(out, "\n{}", sessions(&status.sessions));
    out
}

fn changer(library: &types::LibraryStatus, libraries: usize) -> String {
    let what = match libraries {
        1 => "Changer  ".to_owned(),
        _ => format!("Library   {}:", library.name),
    };
    let changer = &library.changer;
    format!(
        "{what} {} {}   slots {} used, {} free   import/export {} used, {} free{}",
        changer.vendor,
        changer.product,
        changer.slots_used,
        changer.slots - changer.slots_used.min(changer.slots),
        changer.import_export_used,
        changer.import_export - changer.import_export_used.min(changer.import_export),
        if changer.import_export_open {
            ", open"
        } else {
            ""
        },
    )
}

/// Returns what a disk that is nearly full means.
fn nearly_full(storage: &types::Storage) -> Option<String> {
    let stop = size(storage.stop_below_bytes);
    match storage.writers {
        types::Writers::Free => None,
        types::Writers::Slowed => Some(format!(
            "disk nearly full: writers are slowed; below {stop} they are stopped. Make room"
        )),
        types::Writers::Stopped => Some(format!(
            "disk nearly full: writers are stopped below {stop}. Make room: delete or export tapes"
        )),
    }
}

fn waits(sessions: u32) -> String {
    match sessions {
        1 => "1 waits".to_owned(),
        more => format!("{more} wait"),
    }
}

fn sessions(sessions: &[types::Session]) -> String {
    if sessions.is_empty() {
        return "No initiator is logged in.\n".to_owned();
    }
    let mut table = Table::new(["SESSION", "INITIATOR", "FROM", "TARGET", "SINCE"]).right([0]);
    for session in sessions {
        table.row([
            session.id.to_string(),
            session.initiator.clone(),
            session.address.clone(),
            short_target(session).to_owned(),
            age(session.since_unix_ms),
        ]);
    }
    table.to_string()
}
