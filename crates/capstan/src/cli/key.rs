//! `capstan key`: make keys, see which tapes need which, change them.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::Global;
use super::show::{Format, count};
use super::table::Table;
use crate::api::types::{Key as KeyInfo, Keys, Rewrapped, TapeKey};
use crate::keys::key_file;

/// `capstan key`
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a new key in a new file
    #[command(after_help = "Example:\n  \
        capstan key generate /etc/capstan/tapes.key\n  \
        capstan serve --encryption-key /etc/capstan/tapes.key\n\n\
        Whoever loses the key loses the tapes: keep a copy of the file somewhere else.")]
    Generate(Generate),
    /// List the gateway's keys, and those that tapes need and that are not there
    List(Format),
    /// Move all tapes to the first key of the configuration
    #[command(after_help = "\
The data are not written again: each tape has a key of its own, and only that is wrapped anew. It can be \
interrupted and run again. Tapes in drives are left out and told; unload them and run it again. When \
`capstan key list` shows no tape under an old key, take that key out of the configuration.")]
    Rotate(Format),
}

/// `capstan key generate`
#[derive(Debug, Args)]
pub struct Generate {
    /// The file; there must be none yet
    file: PathBuf,
    /// How to print.
    #[command(flatten)]
    format: Format,
}

/// What was generated.
#[derive(Serialize)]
struct Generated {
    id: String,
    file: PathBuf,
}

/// What a rotation did.
#[derive(Default, Serialize)]
struct Rotated {
    /// Tapes that are under the first key now and were not before.
    rewrapped: Vec<String>,
    /// Tapes that were under it before.
    unchanged: usize,
    /// Tapes that could not be done, and why.
    skipped: Vec<Skipped>,
}

#[derive(Serialize)]
struct Skipped {
    barcode: String,
    reason: String,
}

impl Key {
    /// Runs it.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::Generate(Generate { file, format }) => {
                let id = key_file::generate(&file)?.to_string();
                let file = std::path::absolute(&file).unwrap_or(file);
                format.print(&Generated { id, file }, |made| {
                    format!(
                        "Key {} made in {file}; keep a copy somewhere else\n\
                         capstan serve --encryption-key {file}, or in the configuration:\n\n\
                         [[encryption.key]]\nfile = \"{file}\"",
                        made.id,
                        file = made.file.display()
                    )
                })
            }
            Self::List(format) => {
                let keys: Keys = global.client()?.get("/api/v1/keys")?;
                format.print(&keys, text)
            }
            Self::Rotate(format) => rotate(global, format),
        }
    }
}

fn rotate(global: &Global, format: Format) -> anyhow::Result<()> {
    let keys: Keys = global.client()?.get("/api/v1/keys")?;
    let Some(first) = keys.keys.first() else {
        anyhow::bail!("the gateway has no key; see `capstan key generate --help`");
    };
    let is_done =
        |tape: &&TapeKey| tape.problem.is_none() && tape.key_ids.iter().all(|id| *id == first.id);
    let (done, todo): (Vec<_>, Vec<_>) = keys.tapes.iter().partition(is_done);
    let mut rotated = Rotated {
        unchanged: done.len(),
        ..Rotated::default()
    };
    for (at, tape) in todo.iter().enumerate() {
        progress(at, todo.len());
        let client = global.client()?.about(Some(tape.library.clone()));
        let path = format!("{}/rewrap", super::tape::path(&tape.barcode));
        let barcode = tape.barcode.clone();
        match client.post::<Rewrapped>(&path, &()) {
            Ok(Rewrapped { changed: true }) => rotated.rewrapped.push(barcode),
            Ok(Rewrapped { changed: false }) => rotated.unchanged += 1,
            Err(error) => {
                let reason = error.to_string();
                rotated.skipped.push(Skipped { barcode, reason });
            }
        }
    }
    progress(todo.len(), todo.len());
    format.print(&rotated, |rotated| {
        let mut out = format!(
            "{} moved to key {}, {} there before",
            count(rotated.rewrapped.len(), "tape"),
            first.id,
            rotated.unchanged
        );
        for Skipped { barcode, reason } in &rotated.skipped {
            let _ = write!(out, "\n{barcode} left out: {reason}"); // a string takes everything
        }
        out
    })?;
    let skipped = rotated.skipped.len();
    anyhow::ensure!(skipped == 0, "{} left out", count(skipped, "tape"));
    Ok(())
}

/// A bar for who looks at it.
fn progress(done: usize, all: usize) {
    const WIDTH: usize = 40;
    let mut out = std::io::stderr();
    if all == 0 || !out.is_terminal() {
        return;
    }
    let filled = done * WIDTH / all;
    let end = if done == all { "\n" } else { "" };
    // Nobody needs the bar to be there.
    let _ = write!(
        out,
        "\r[{}{}] {done} of {all}{end}",
        "#".repeat(filled),
        " ".repeat(WIDTH - filled)
    );
    let _ = out.flush();
}

fn text(keys: &Keys) -> String {
    let mut table = Table::new(["KEY", "FROM", "USED FOR", "TAPES"]).right([3]);
    let rows = keys.keys.iter().enumerate().map(|(at, key)| {
        let used = if at == 0 { "new tapes" } else { "old tapes" };
        (key, used)
    });
    let missing = keys.missing.iter().map(|key| (key, "MISSING"));
    for (KeyInfo { id, source, tapes }, used) in rows.chain(missing) {
        table.row([
            id.clone(),
            source.clone().unwrap_or_else(|| "—".to_owned()),
            used.to_owned(),
            tapes.to_string(),
        ]);
    }
    let mut out = if keys.keys.is_empty() && keys.missing.is_empty() {
        "No keys: tapes are not encrypted at rest".to_owned()
    } else {
        table.to_string()
    };
    let without = count(keys.tapes_without as usize, "tape");
    let _ = write!(out, "\n{without} without a key: in clear, or blank"); // a string takes everything
    for TapeKey {
        barcode, problem, ..
    } in &keys.tapes
    {
        if let Some(problem) = problem {
            let _ = write!(out, "\n{barcode}: {problem}");
        }
    }
    out
}
