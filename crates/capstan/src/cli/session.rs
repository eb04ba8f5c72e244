//! `capstan session`: list, show, drop.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::client::Client;
use super::show::{Format, age, count, say, size};
use super::table::Table;
use crate::api::types::{DroppedSession, Hold, Session as SessionInfo};
use crate::config::Pattern;

/// `capstan session`
#[derive(Debug, Subcommand)]
pub enum Session {
    /// List who is logged in, what it does and what it holds
    #[command(
        after_help = "Examples:\n  capstan session list\n  capstan session list --target '*-tapedrive-01'"
    )]
    List(List),
    /// Show one session
    Show(Show),
    /// End sessions; what they held is free when this returns
    #[command(
        after_help = "The connection is closed. Commands in flight end without an answer, and reservations\n\
        and prevention of removal end with the session; persistent reservations stay until\n\
        `capstan reservation clear` takes them away. An initiator that lives logs in again: to keep\n\
        it out, change the access rules.\n\n\
        Examples:\n  capstan session drop 17\n  \
        capstan session drop --initiator iqn.1993-08.org.debian:01:old-host"
    )]
    Drop(Drop),
}

/// Which sessions.
#[derive(Debug, Args)]
pub struct Filter {
    /// Only sessions of initiators with this name; `*` stands for any run of characters
    #[arg(long, value_name = "NAME")]
    initiator: Option<Pattern>,
    /// Only sessions with targets of this name; `*` stands for any run of characters
    #[arg(long, value_name = "NAME")]
    target: Option<Pattern>,
}

/// `capstan session list`
#[derive(Debug, Args)]
pub struct List {
    /// Which.
    #[command(flatten)]
    filter: Filter,
    /// How to print.
    #[command(flatten)]
    format: Format,
}

/// `capstan session show`
#[derive(Debug, Args)]
pub struct Show {
    /// The session's number, as `capstan session list` shows it
    id: u64,
    /// How to print.
    #[command(flatten)]
    format: Format,
}

/// `capstan session drop`
#[derive(Debug, Args)]
pub struct Drop {
    /// The sessions' numbers, as `capstan session list` shows them
    #[arg(value_name = "ID", conflicts_with_all = ["initiator", "target"])]
    ids: Vec<u64>,
    /// Or which.
    #[command(flatten)]
    filter: Filter,
    /// Ask the initiator to log out, and close the connection only when it does not
    #[arg(long)]
    ask: bool,
    /// How to print.
    #[command(flatten)]
    format: Format,
}

impl Session {
    /// Asks and prints.
    pub fn run(self, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::List(list) => {
                let sessions = list.filter.sessions(client)?;
                let filter = &list.filter;
                list.format
                    .print(&sessions, |sessions| match sessions.len() {
                        0 if filter.is_empty() => "No initiator is logged in.".to_owned(),
                        0 => "No session fits.".to_owned(),
                        _ => table(sessions).to_string(),
                    })
            }
            Self::Show(show) => {
                let session: SessionInfo = client.get(&path(show.id))?;
                show.format.print(&session, details)
            }
            Self::Drop(drop) => drop.run(client),
        }
    }
}

impl Drop {
    fn run(self, client: &Client) -> anyhow::Result<()> {
        let ids = if self.ids.is_empty() {
            anyhow::ensure!(
                !self.filter.is_empty(),
                "which session? Name its number, --initiator NAME or --target NAME\n\
                 `capstan session list` shows all sessions; --target '*' means all with a target"
            );
            let sessions = self.filter.sessions(client)?;
            anyhow::ensure!(
                !sessions.is_empty(),
                "no session fits\n`capstan session list` shows all sessions"
            );
            sessions.iter().map(|session| session.id).collect()
        } else {
            self.ids
        };
        let how = if self.ask { "?ask=true" } else { "" };
        let mut dropped = Vec::new();
        for id in ids {
            let one: DroppedSession = client.delete(&(path(id) + how))?;
            if !self.format.json {
                say(report(&one))?;
            }
            dropped.push(one);
        }
        if self.format.json {
            return self.format.print(&dropped, |_| "");
        }
        Ok(())
    }
}

impl Filter {
    fn is_empty(&self) -> bool {
        self.initiator.is_none() && self.target.is_none()
    }

    fn sessions(&self, client: &Client) -> anyhow::Result<Vec<SessionInfo>> {
        let mut sessions: Vec<SessionInfo> = client.get("/api/v1/sessions")?;
        sessions.retain(|session| self.fits(session));
        Ok(sessions)
    }

    fn fits(&self, session: &SessionInfo) -> bool {
        let fits = |pattern: &Option<Pattern>, name: Option<&str>| match (pattern, name) {
            (None, _) => true,
            (Some(pattern), Some(name)) => pattern.matches(name),
            (Some(_), None) => false,
        };
        fits(&self.initiator, Some(&session.initiator))
            && fits(&self.target, session.target.as_deref())
    }
}

fn path(id: u64) -> String {
    format!("/api/v1/sessions/{id}")
}

fn table(sessions: &[SessionInfo]) -> Table {
    let headings = [
        "ID",
        "INITIATOR",
        "FROM",
        "TARGET",
        "SINCE",
        "IDLE",
        "COMMANDS",
        "WRITTEN",
        "READ",
        "HOLDS",
    ];
    let mut table = Table::new(headings).right([0, 6, 7, 8]);
    for session in sessions {
        table.row([
            session.id.to_string(),
            session.initiator.clone(),
            session.address.clone(),
            short_target(session).to_owned(),
            age(session.since_unix_ms),
            idle(session),
            session.commands.to_string(),
            size(session.written_bytes),
            size(session.read_bytes),
            holds(&session.holds),
        ]);
    }
    table
}

/// Returns what of the target's name tells it from the gateway's others.
pub fn short_target(session: &SessionInfo) -> &str {
    let target = session.target.as_deref().unwrap_or("(discovery)");
    target.rsplit(':').next().unwrap_or(target)
}

fn idle(session: &SessionInfo) -> String {
    match (session.commands_in_flight, session.last_command_unix_ms) {
        (1.., _) => "busy".to_owned(),
        (0, Some(last)) => age(last),
        (0, None) => "—".to_owned(),
    }
}

fn holds(holds: &[Hold]) -> String {
    let holds = holds.iter().map(|hold| {
        let locked = hold.prevents_removal.then_some("locked");
        let words: Vec<&str> = locked
            .into_iter()
            .chain(hold.reservation.as_deref())
            .collect();
        format!("{} {}", hold.device, words.join(", "))
    });
    holds.collect::<Vec<_>>().join("; ")
}

fn details(session: &SessionInfo) -> String {
    let nothing = |text: &str| if text.is_empty() { "nothing" } else { text }.to_owned();
    let digests = match (session.header_digest, session.data_digest) {
        (false, false) => "none",
        (true, false) => "headers",
        (false, true) => "data",
        (true, true) => "headers and data",
    };
    let last = session
        .last_command_unix_ms
        .map_or_else(String::new, |last| format!(", the last {} ago", age(last)));
    let mut out = String::new();
    for (what, value) in [
        ("Session", session.id.to_string()),
        ("Initiator", session.initiator.clone()),
        ("Alias", session.alias.clone().unwrap_or_default()),
        ("Address", session.address.clone()),
        ("Portal", session.portal.clone()),
        (
            "Target",
            session.target.clone().unwrap_or("(discovery)".to_owned()),
        ),
        ("ISID", format!("{}   TSIH {}", session.isid, session.tsih)),
        ("Since", format!("{} ago", age(session.since_unix_ms))),
        ("Commands", format!("{}{last}", session.commands)),
        ("In flight", session.commands_in_flight.to_string()),
        ("Written", size(session.written_bytes)),
        ("Read", size(session.read_bytes)),
        (
            "Memory",
            format!("{} reserved", size(session.reserved_bytes)),
        ),
        ("Digests", digests.to_owned()),
        ("Holds", nothing(&holds(&session.holds))),
    ] {
        if !value.is_empty() {
            let _ = writeln!(out, "{what:<10} {value}"); // a string takes everything
        }
    }
    out
}

fn report(dropped: &DroppedSession) -> String {
    let DroppedSession { session, released } = dropped;
    let mut text = format!(
        "session {} dropped: {} at {}, {}",
        session.id,
        session.initiator,
        session.address,
        short_target(session)
    );
    if session.commands_in_flight > 0 {
        let commands = usize::try_from(session.commands_in_flight).unwrap_or(usize::MAX);
        let _ = write!(text, "; {} ended", count(commands, "command"));
    }
    if !session.holds.is_empty() {
        let _ = write!(text, "; it held {}", holds(&session.holds));
    }
    if !released {
        text.push_str("\n  a command of it still runs; what it held is free when that ends");
    }
    text
}
