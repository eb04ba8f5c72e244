//! `capstan changer`: list, move, exchange, put, open and close the import/export station.

use clap::{Args, Subcommand};
use tape_library::ElementName;

use super::client::Client;
use super::show::{Format, say};
use super::table::Table;
use crate::api::types::{
    Changer as ChangerInfo, Element, ExchangeTapes, Move, Moved, Place, Put, Tape,
};

/// `capstan changer`
#[derive(Debug, Subcommand)]
pub enum Changer {
    /// List drives, slots and import/export slots with what is in them
    List(List),
    /// Move a tape from one place to another
    #[command(
        after_help = "Places are drive:N (from 0), slot:N (from 1) and ie:N (import/export, \
        from 1).\n\nExamples:\n  capstan changer move slot:3 drive:1\n  \
        capstan changer move drive:1 ie:1"
    )]
    Move(MoveArgs),
    /// Exchange two tapes: both change their places, or none does
    #[command(
        after_help = "Examples:\n  capstan changer exchange slot:3 drive:1\n  \
        capstan changer exchange slot:3 drive:1 slot:7"
    )]
    Exchange(ExchangeArgs),
    /// Put a tape that lies nowhere, because the robot has dropped it, into a free slot
    Put(PutArgs),
    /// Open or close the import/export station
    #[command(subcommand)]
    Ie(ImportExport),
}

/// `capstan changer ie`
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ImportExport {
    /// Open it: the robot reaches its slots no more; refused while a host prevents removal
    Open,
    /// Close it: hosts are told that somebody was there
    Close,
}

/// `capstan changer list`
#[derive(Debug, Args)]
pub struct List {
    /// Empty slots too
    #[arg(long)]
    all: bool,
    /// How to print.
    #[command(flatten)]
    format: Format,
}

/// `capstan changer move`
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// Where the tape is
    from: Place,
    /// Where it shall go
    to: Place,
}

/// `capstan changer exchange`
#[derive(Debug, Args)]
pub struct ExchangeArgs {
    /// Where the one tape is
    source: Place,
    /// Where it goes, and where the other one is
    first: Place,
    /// Where the other one goes [default: where the first one was]
    second: Option<Place>,
}

/// `capstan changer put`
#[derive(Debug, Args)]
pub struct PutArgs {
    /// The tape
    barcode: String,
    /// Where to put it: slot:N or ie:N
    to: Place,
}

impl Changer {
    /// Asks and prints.
    pub fn run(self, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::List(list) => {
                let elements: Vec<Element> = client.get("/api/v1/changer/elements")?;
                list.format
                    .print(&elements, |elements| table(elements, list.all))
            }
            Self::Move(MoveArgs { from, to }) => {
                let moved: Moved = client.post("/api/v1/changer/move", &Move { from, to })?;
                say(format!(
                    "{} moved from {} to {}",
                    moved.barcode, moved.from, moved.to
                ))
            }
            Self::Exchange(ExchangeArgs {
                source,
                first,
                second,
            }) => {
                let wanted = ExchangeTapes {
                    source,
                    first,
                    second,
                };
                let moved: Vec<Moved> = client.post("/api/v1/changer/exchange", &wanted)?;
                moved.iter().try_for_each(|it| {
                    say(format!(
                        "{} moved from {} to {}",
                        it.barcode, it.from, it.to
                    ))
                })
            }
            Self::Ie(action) => {
                let path = match action {
                    ImportExport::Open => "/api/v1/changer/import-export/open",
                    ImportExport::Close => "/api/v1/changer/import-export/close",
                };
                let changer: ChangerInfo = client.post(path, &())?;
                say(if changer.import_export_open {
                    "the import/export station is open"
                } else {
                    "the import/export station is closed"
                })
            }
            Self::Put(PutArgs { barcode, to }) => {
                let tape: Tape = client.post("/api/v1/changer/put", &Put { barcode, to })?;
                say(format!("{} put into {to}", tape.barcode))
            }
        }
    }
}

fn table(elements: &[Element], all: bool) -> String {
    let mut table = Table::new(["PLACE", "ELEMENT", "TAPE", "CAME FROM"]).right([1]);
    let mut hidden = 0;
    for element in elements {
        let is_drive = matches!(element.place.0, ElementName::Drive(_));
        if element.barcode.is_none() && !is_drive && !all {
            hidden += 1;
            continue;
        }
        table.row([
            element.place.to_string(),
            element.address.to_string(),
            element.barcode.clone().unwrap_or_else(|| "—".to_owned()),
            element
                .source
                .map_or_else(String::new, |source| source.to_string()),
        ]);
    }
    match hidden {
        0 => table.to_string(),
        _ => format!("{table}{hidden} empty; --all shows them\n"),
    }
}
