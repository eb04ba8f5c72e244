//! `capstan trace`: the last commands of a device, on the terminal, as JSON or as a capture.

mod capture;
mod frames;
mod text;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use self::capture::Capture;
use super::client::Client;
use super::show::say;
use crate::api::types;
use crate::gateway::targets::Device;

/// `capstan trace`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Trace {
    /// The device: changer, or drive and its number
    #[arg(required = true, num_args = 1..=2, value_name = "DEVICE")]
    device: Vec<String>,
    /// How many commands, the newest ones [default: 50; with --pcapng all]
    #[arg(long, value_name = "COUNT")]
    last: Option<usize>,
    /// Go on with what comes, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Print JSON for programs; with --follow one line for each command
    #[arg(long)]
    json: bool,
    /// Write a capture for Wireshark and tshark into this file; - for standard output
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pcapng: Option<PathBuf>,
}

impl Trace {
    /// Asks and prints.
    pub fn run(self, client: &Client) -> anyhow::Result<()> {
        let device = self.device.join(":");
        let device: Device = device.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
        let count = match self.last {
            None if self.pcapng.is_some() => None,
            None => Some(LAST_DEFAULT),
            some => some,
        };
        let first = ask(client, device, 0, count)?;
        match &self.pcapng {
            Some(path) => self.write_capture(client, device, &first, path),
            None if self.json && !self.follow => say(serde_json::to_string_pretty(&first)?),
            None => self.print(client, device, &first),
        }
    }

    fn print(&self, client: &Client, device: Device, first: &types::Trace) -> anyhow::Result<()> {
        if !self.json {
            if first.commands.is_empty() && !self.follow {
                return say(format!("{device} has not been sent a command yet"));
            }
            say(text::heading())?;
        }
        self.each(client, device, first, |trace| {
            for command in &trace.commands {
                if self.json {
                    say(serde_json::to_string(command)?)?;
                } else {
                    say(text::line(command))?;
                }
            }
            Ok(())
        })
    }

    fn write_capture(
        &self,
        client: &Client,
        device: Device,
        first: &types::Trace,
        path: &Path,
    ) -> anyhow::Result<()> {
        let to_terminal = path == Path::new("-");
        let out: Box<dyn Write> = if to_terminal {
            Box::new(io::stdout())
        } else {
            let file = File::create(path);
            Box::new(file.with_context(|| format!("cannot write {}", path.display()))?)
        };
        let mut capture = Capture::begin(out, first)?;
        let mut written = 0;
        self.each(client, device, first, |trace| {
            written += trace.commands.len();
            Ok(capture.write(trace)?)
        })?;
        if !to_terminal {
            say(format!(
                "{} of {device} written to {}",
                super::show::count(written, "command"),
                path.display()
            ))?;
        }
        Ok(())
    }

    /// Does something with what there is, and with --follow with all that comes.
    fn each(
        &self,
        client: &Client,
        device: Device,
        first: &types::Trace,
        mut work: impl FnMut(&types::Trace) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        work(first)?;
        if !self.follow {
            return Ok(());
        }
        let mut last = first.last;
        loop {
            thread::sleep(FOLLOW_INTERVAL);
            let news = ask(client, device, last, None)?;
            work(&news)?;
            last = news.last;
        }
    }
}

fn ask(
    client: &Client,
    device: Device,
    after: u64,
    count: Option<usize>,
) -> anyhow::Result<types::Trace> {
    let count = count.map_or_else(String::new, |count| format!("&count={count}"));
    client.get(&format!("/api/v1/trace/{device}?after={after}{count}"))
}

/// A screen.
const LAST_DEFAULT: usize = 50;
/// Short enough to look live. The ring holds more than a device does in that time.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(250);

const EXAMPLES: &str = "\
The gateway remembers the last 2048 commands of each device since its start. Blocks are counted, not
kept; of other data the first 256 bytes are kept, of keys nothing.

Examples:
  capstan trace drive 0
  capstan trace changer --follow
  capstan trace drive 0 --last 500 --json
  capstan trace drive 0 --pcapng backup.pcapng
  capstan trace drive 0 --follow --pcapng - | wireshark -k -i -";
