//! `capstan reservation`: list, clear.

use clap::{Args, Subcommand};

use super::client::Client;
use super::show::{Format, age, say};
use super::table::Table;
use crate::api::types::{Reservation as ReservationInfo, ReservationHolder};
use crate::gateway::targets::Device;

/// `capstan reservation`
#[derive(Debug, Subcommand)]
pub enum Reservation {
    /// List the devices that an initiator has reserved
    List(Format),
    /// Take all reservations and registrations of a device away
    #[command(
        after_help = "For a persistent reservation whose holder will not come back: it outlives the session,\n\
        and the gateway too when the holder wanted that. Holders that live are told.\n\n\
        Examples:\n  capstan reservation clear drive:0\n  capstan reservation clear changer"
    )]
    Clear(Clear),
}

/// `capstan reservation clear`
#[derive(Debug, Args)]
pub struct Clear {
    /// The device: changer or drive:N
    device: Device,
    /// How to print.
    #[command(flatten)]
    format: Format,
}

impl Reservation {
    /// Asks and prints.
    pub fn run(self, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::List(format) => {
                let reservations: Vec<ReservationInfo> = client.get("/api/v1/reservations")?;
                format.print(&reservations, |reservations| table(reservations))
            }
            Self::Clear(Clear { device, format }) => {
                let path = format!("/api/v1/reservations/{device}");
                let was: Option<ReservationInfo> = client.delete(&path)?;
                if format.json {
                    return format.print(&was, |_| "");
                }
                say(match was {
                    None => format!("{device} was not reserved; registrations, if any, are gone"),
                    Some(was) => format!(
                        "{device} is free; it was {} for {}, by {}",
                        was.kind,
                        age(was.since_unix_ms),
                        holders(&was.holders)
                    ),
                })
            }
        }
    }
}

fn table(reservations: &[ReservationInfo]) -> String {
    if reservations.is_empty() {
        return "Nothing is reserved.".to_owned();
    }
    let mut table = Table::new(["DEVICE", "HOW", "SINCE", "BY"]);
    for reservation in reservations {
        table.row([
            device(reservation),
            reservation.kind.clone(),
            age(reservation.since_unix_ms),
            holders(&reservation.holders),
        ]);
    }
    table.to_string()
}

fn device(reservation: &ReservationInfo) -> String {
    if reservation.library.is_main() {
        return reservation.device.clone();
    }
    format!("{} of {}", reservation.device, reservation.library)
}

fn holders(holders: &[ReservationHolder]) -> String {
    let names = holders.iter().map(|holder| match holder.session {
        Some(session) => format!("{} (session {session})", holder.initiator),
        None => format!("{} (not logged in)", holder.initiator),
    });
    names.collect::<Vec<_>>().join(", ")
}
