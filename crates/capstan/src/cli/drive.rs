//! `capstan drive`: list, show, load, unload, disable, enable.

use clap::{Args, Subcommand};

use super::client::Client;
use super::show::{Format, say, size};
use super::table::Table;
use crate::api::types::{Drive as DriveInfo, Load, LoadedTape, Moved, Place, Unload};

/// `capstan drive`
#[derive(Debug, Subcommand)]
pub enum Drive {
    /// List the drives, what is loaded and where it stands
    List(Format),
    /// Show one drive: what is in it, what it has done, and what it complains of (TapeAlert)
    Show(ShowArgs),
    /// Load a tape into a drive, wherever it is now
    #[command(after_help = "Example:\n  capstan drive load 0 CAP001L5")]
    Load(LoadArgs),
    /// Put the tape of a drive back where it came from, or to a place of your choice
    #[command(
        after_help = "Examples:\n  capstan drive unload 0\n  capstan drive unload 0 --to slot:7"
    )]
    Unload(UnloadArgs),
    /// Take a drive out of service until it is enabled or the gateway starts again: hosts no longer see
    /// it
    Disable(DriveArgs),
    /// Put a drive that was disabled into service again
    Enable(DriveArgs),
}

/// `capstan drive show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The drive's number, from 0
    drive: u16,
    /// How to print.
    #[command(flatten)]
    format: Format,
}

/// `capstan drive disable` and `enable`
#[derive(Debug, Args)]
pub struct DriveArgs {
    /// The drive's number, from 0
    drive: u16,
}

/// `capstan drive load`
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The drive's number, from 0
    drive: u16,
    /// The tape's barcode
    barcode: String,
}

/// `capstan drive unload`
#[derive(Debug, Args)]
pub struct UnloadArgs {
    /// The drive's number, from 0
    drive: u16,
    /// Where to put the tape: slot:N or ie:N
    #[arg(long, value_name = "PLACE")]
    to: Option<Place>,
}

impl Drive {
    /// Asks and prints.
    pub fn run(self, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::List(format) => {
                let drives: Vec<DriveInfo> = client.get("/api/v1/drives")?;
                format.print(&drives, |drives| table(drives))
            }
            Self::Show(ShowArgs { drive, format }) => {
                let info: DriveInfo = client.get(&format!("/api/v1/drives/{drive}"))?;
                format.print(&info, details)
            }
            Self::Load(LoadArgs { drive, barcode }) => {
                let path = format!("/api/v1/drives/{drive}/load");
                let moved: Moved = client.post(&path, &Load { barcode })?;
                say(format!(
                    "{} loaded from {} into {}",
                    moved.barcode, moved.from, moved.to
                ))
            }
            Self::Unload(UnloadArgs { drive, to }) => {
                let path = format!("/api/v1/drives/{drive}/unload");
                let moved: Moved = client.post(&path, &Unload { to })?;
                say(format!(
                    "{} unloaded from {} to {}",
                    moved.barcode, moved.from, moved.to
                ))
            }
            Self::Disable(DriveArgs { drive }) => {
                let path = format!("/api/v1/drives/{drive}/disable");
                let info: DriveInfo = client.post(&path, &())?;
                say(format!(
                    "drive {} is out of service: hosts no longer see it",
                    info.number
                ))
            }
            Self::Enable(DriveArgs { drive }) => {
                let path = format!("/api/v1/drives/{drive}/enable");
                let info: DriveInfo = client.post(&path, &())?;
                say(format!("drive {} is in service", info.number))
            }
        }
    }
}

/// Returns the drives for people; `capstan status` shows them too.
pub fn table(drives: &[DriveInfo]) -> Table {
    let mut table = Table::new([
        "DRIVE",
        "MODEL",
        "SERIAL",
        "TAPE",
        "STANDS AT",
        "SESSIONS",
        "TARGET",
    ]);
    for drive in drives {
        let target = &drive.target;
        table.row([
            drive.number.to_string(),
            format!("{} {}", drive.vendor, drive.product),
            drive.serial.clone(),
            drive
                .tape
                .as_ref()
                .map_or_else(|| "—".to_owned(), |tape| tape.barcode.clone()),
            match (&drive.tape, drive.needs_cleaning) {
                (Some(tape), false) => position(tape),
                (Some(tape), true) => format!("{}, needs cleaning", position(tape)),
                (None, true) => "needs cleaning".to_owned(),
                (None, false) => String::new(),
            },
            drive.sessions.to_string(),
            if drive.enabled {
                target.rsplit(':').next().unwrap_or(target).to_owned()
            } else {
                "out of service".to_owned()
            },
        ]);
    }
    table
}

fn details(drive: &DriveInfo) -> String {
    let life = &drive.life;
    let tape = match &drive.tape {
        None => "none".to_owned(),
        Some(tape) => format!(
            "{}, {}\n           {} of {} left",
            tape.barcode,
            position(tape),
            size(tape.capacity_bytes.saturating_sub(tape.used_bytes)),
            size(tape.capacity_bytes),
        ),
    };
    let mut text = format!(
        "Drive      {}\nModel      {} {}\nSerial     {}\nTarget     {}{}\nSessions   {}\n\
         Tape       {tape}\nLoads      {} since the gateway was started\n\
         Written    {}, {} after compression\nRead       {}\nErrors     {}",
        drive.number,
        drive.vendor,
        drive.product,
        drive.serial,
        drive.target,
        if drive.enabled {
            ""
        } else {
            ", out of service"
        },
        drive.sessions,
        life.loads,
        size(life.written_bytes),
        size(life.stored_bytes),
        size(life.read_bytes),
        life.errors,
    );
    if drive.alerts.is_empty() {
        text.push_str("\nTapeAlert  no flag is up");
    }
    for alert in &drive.alerts {
        let severity = &alert.severity;
        let line = format!(
            "\nTapeAlert  {} {} ({severity}): {}",
            alert.flag, alert.name, alert.text
        );
        text.push_str(&line);
    }
    text
}

fn position(tape: &LoadedTape) -> String {
    if let Some(activity) = &tape.activity {
        return activity.clone();
    }
    if !tape.ready {
        return "unloaded, still in the drive".to_owned();
    }
    let mut text = match (tape.position.file, tape.position.block) {
        (0, 0) => "beginning".to_owned(),
        (file, block) => format!("file {file}, block {block}"),
    };
    for (holds, remark) in [
        (tape.early_warning, "near the end"),
        (tape.write_protected, "write-protected"),
        (tape.removal_prevented, "locked by a host"),
    ] {
        if holds {
            text.push_str(", ");
            text.push_str(remark);
        }
    }
    text
}
