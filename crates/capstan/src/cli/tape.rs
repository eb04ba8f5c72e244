//! `capstan tape`: create, list, show, delete.

use std::fmt::Write as _;

use cartridge::Form;
use clap::{Args, Subcommand};

use super::client::Client;
use super::show::{Format, age, count, say, size};
use super::table::Table;
use crate::api::types::{NewTapes, Tape as TapeInfo, TapeLife};
use crate::config::ByteSize;

/// `capstan tape`
#[derive(Debug, Subcommand)]
pub enum Tape {
    /// Create tapes; they appear in free slots
    #[command(after_help = "Examples:\n  \
        capstan tape create --count 5 --prefix CAP --media LTO-5\n  \
        capstan tape create --barcode WEEK01L6 --barcode WEEK02L6 --size 100G\n  \
        capstan tape create --worm --count 2 --prefix LAW --media LTO-5\n  \
        capstan tape create --cleaning")]
    Create(Create),
    /// List all tapes
    List(Format),
    /// Show one tape
    Show(Show),
    /// Delete a tape and everything on it
    #[command(after_help = "A tape in a drive is not deleted; unload it first.")]
    Delete(Delete),
    /// Destroy the key of a tape that is encrypted at rest: nobody can ever read it again, and it is blank
    #[command(after_help = "A tape in a drive is not erased; unload it first.")]
    Erase(Erase),
}

/// `capstan tape create`
#[derive(Debug, Args)]
pub struct Create {
    /// How many tapes
    #[arg(long, value_name = "N", conflicts_with = "barcode")]
    count: Option<u32>,
    /// An explicit barcode; may be given several times
    #[arg(long, value_name = "BARCODE", conflicts_with = "prefix")]
    barcode: Vec<String>,
    /// What made-up barcodes begin with: CAP makes CAP021L5 and so on [default: CAP]
    #[arg(long)]
    prefix: Option<String>,
    /// The generation: LTO-1 to LTO-9 [default: what the barcode ends with, or the library's own]
    #[arg(long)]
    media: Option<String>,
    /// Written once: what is on the tape can be neither overwritten nor erased
    #[arg(long)]
    worm: bool,
    /// Cleaning tapes: CLN001CU and so on
    #[arg(long, conflicts_with_all = ["media", "size", "worm"])]
    cleaning: bool,
    /// How much each tape holds, such as 100G or 2.5TB [default: the generation's native capacity]
    #[arg(long)]
    size: Option<ByteSize>,
    /// How to print.
    #[command(flatten)]
    format: Format,
}

/// `capstan tape show`
#[derive(Debug, Args)]
pub struct Show {
    /// The barcode
    barcode: String,
    /// How to print.
    #[command(flatten)]
    format: Format,
}

/// `capstan tape delete`
#[derive(Debug, Args)]
pub struct Delete {
    /// The barcodes
    #[arg(required = true)]
    barcodes: Vec<String>,
}

/// `capstan tape erase`
#[derive(Debug, Args)]
pub struct Erase {
    /// By destroying its key
    #[arg(long, required = true)]
    crypto: bool,
    /// The barcodes
    #[arg(required = true)]
    barcodes: Vec<String>,
}

impl Tape {
    /// Asks and prints.
    pub fn run(self, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => {
                let cleaning = |word: &str| create.cleaning.then(|| word.to_owned());
                let new = NewTapes {
                    count: create.count,
                    barcodes: create.barcode,
                    prefix: create.prefix.or(cleaning("CLN")),
                    media: create.media.or(cleaning("Cleaning")),
                    form: create.worm.then_some(Form::Worm),
                    capacity_bytes: create.size.map(|size| size.0),
                };
                let tapes: Vec<TapeInfo> = client.post("/api/v1/tapes", &new)?;
                create.format.print(&tapes, |tapes| {
                    format!("{} created\n{}", count(tapes.len(), "tape"), table(tapes))
                })
            }
            Self::List(format) => {
                let tapes: Vec<TapeInfo> = client.get("/api/v1/tapes")?;
                format.print(&tapes, |tapes| table(tapes))
            }
            Self::Show(show) => {
                let tape: TapeInfo = client.get(&path(&show.barcode))?;
                show.format.print(&tape, details)
            }
            Self::Erase(erase) => {
                for barcode in erase.barcodes {
                    let path = format!("{}/crypto-erase", path(&barcode));
                    client.post::<TapeInfo>(&path, &())?;
                    say(format!("{barcode}: key destroyed, the tape is blank"))?;
                }
                Ok(())
            }
            Self::Delete(delete) => {
                for barcode in delete.barcodes {
                    client.delete::<()>(&path(&barcode))?;
                    say(format!("{barcode} deleted"))?;
                }
                Ok(())
            }
        }
    }
}

/// Returns the path of a tape. Whatever the user typed stays one segment of the path.
pub(super) fn path(barcode: &str) -> String {
    let mut path = "/api/v1/tapes/".to_owned();
    for byte in barcode.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}"); // a string takes everything
        }
    }
    path
}

fn table(tapes: &[TapeInfo]) -> Table {
    let mut table = Table::new([
        "TAPE", "MEDIA", "PLACE", "STATE", "KEY", "ON DISK", "CAPACITY",
    ])
    .right([5, 6]);
    for tape in tapes {
        table.row([
            tape.barcode.clone(),
            tape.media.clone(),
            tape.place
                .map_or_else(|| "—".to_owned(), |place| place.to_string()),
            tape.state.clone(),
            tape.encryption_key
                .clone()
                .unwrap_or_else(|| "—".to_owned()),
            size(tape.stored_bytes),
            capacity(tape),
        ]);
    }
    table
}

/// A cleaning tape holds nothing, whatever stands on its label.
fn capacity(tape: &TapeInfo) -> String {
    match tape.form {
        Form::Cleaning => "—".to_owned(),
        Form::Data | Form::Worm => size(tape.capacity_bytes),
    }
}

fn details(tape: &TapeInfo) -> String {
    let place = tape
        .place
        .map_or_else(|| "nowhere in the library".to_owned(), |p| p.to_string());
    format!(
        "Tape       {}\nMedia      {}{}\nPlace      {place}\nState      {}{}{}\n\
         On disk    {}\nCapacity   {}\nCreated    {} ago\nFiles      {}",
        tape.barcode,
        tape.media,
        match tape.form {
            Form::Data => "",
            Form::Worm => ", written once (WORM)",
            Form::Cleaning => ", for cleaning",
        },
        tape.state,
        if tape.write_protected {
            ", write-protected"
        } else {
            ""
        },
        if tape.has_encrypted_blocks == Some(true) {
            ", holds encrypted blocks"
        } else {
            ""
        },
        size(tape.stored_bytes),
        capacity(tape),
        age(tape.created_unix_ms),
        tape.uuid,
    ) + &tape
        .encryption_key
        .as_ref()
        .map_or_else(String::new, |key| {
            format!("\nEncrypted  at rest, key {key}")
        })
        + &tape.life.as_ref().map_or_else(String::new, life)
}

/// What the memory of a tape says, in further lines.
fn life(life: &TapeLife) -> String {
    let mut text = format!(
        "\nLoads      {}\nWritten    {} in its life, {} after compression\nRead       {}",
        life.loads,
        size(life.written_bytes),
        size(life.stored_bytes),
        size(life.read_bytes),
    );
    if life.errors > 0 {
        let _ = write!(text, "\nErrors     {}", life.errors);
    }
    if let Some(drive) = life.drives.first() {
        let _ = write!(text, "\nLast drive {drive}");
    }
    if let Some(application) = &life.application {
        let _ = write!(text, "\nUsed by    {application}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn whatever_is_typed_stays_one_segment_of_the_path() {
        assert_eq!(path("CAP001L5"), "/api/v1/tapes/CAP001L5");
        assert_eq!(path("../x?y"), "/api/v1/tapes/%2E%2E%2Fx%3Fy");
    }
}
