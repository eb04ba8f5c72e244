//! How long a command without data takes.

use std::time::Instant;

use anyhow::Result;

use super::latencies;
use crate::cell::{Cell, Figure, Placement, Subject, Work};
use crate::contestant::Running;
use crate::cpus::Cpus;
use crate::limit::{Exchange, Way};

/// The exchange and a contestant take turns of this length, so that whatever slows the machine down
/// slows both.
const TURN: u64 = 200;

/// Times `count` TEST UNIT READYs, by turns with bare exchanges of as many bytes.
pub(crate) fn round_trips(
    running: &mut Running,
    subject: Subject,
    count: u64,
    cpus: &Cpus,
) -> Result<Vec<Figure>> {
    let placement = Placement::Apart;
    cpus.place(&running.server, placement)?;
    let drive = &mut running.drives[0];
    let mut exchange = Exchange::start(Way::Out, 0, cpus, placement)?;
    let (mut bare, mut unit_ready) = (Vec::new(), Vec::new());
    for _ in 0..count.div_ceil(TURN) {
        for _ in 0..TURN {
            let start = Instant::now();
            exchange.turn(&[])?;
            bare.push(start.elapsed());
        }
        for _ in 0..TURN {
            let start = Instant::now();
            drive.test_unit_ready()?;
            unit_ready.push(start.elapsed());
        }
    }
    exchange.finish()?;
    cpus.free_this_thread()?;
    let cell = |work| Cell {
        placement,
        ..Cell::new(subject, work, 0)
    };
    let mut figures = latencies(cell(Work::RoundTrip), &unit_ready);
    figures.extend(latencies(cell(Work::BareRoundTrip), &bare));
    Ok(figures)
}
