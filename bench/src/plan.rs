//! The steps of a run, in their order.
//!
//! A round does everything once. What is compared stands together: the exchange of a block size, then
//! everyone with that block size. The order of the contestants moves on by one from round to round, so
//! that nobody always follows the same neighbour.

use std::fmt;

use crate::cell::{Compression, Data, Peer, Placement};
use crate::contestant::Contestant;
use crate::extent::Extent;

/// One step: it is measured as a whole, and a run that was broken off goes on with the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// From 1.
    pub(crate) round: u32,
    /// What is measured.
    pub(crate) part: Part,
}

/// What a step measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Codecs alone.
    Codecs(Data),
    /// Files alone.
    Files,
    /// The network alone, in blocks of so many KiB.
    Exchange(u64),
    /// Writing and reading in blocks of so many KiB.
    Stream(u64, Contestant, Placement),
    /// TEST UNIT READY.
    RoundTrips(Contestant),
    /// LOCATE to random blocks.
    Places(Contestant),
    /// SPACE over filemarks.
    Filemarks(Contestant),
    /// Small files.
    SmallFiles(Contestant),
    /// Unload and load.
    Loads(Contestant),
    /// NOP and ABORT TASK while the gateway is busy.
    Liveness,
}

impl Part {
    /// Returns whose step it is, if it is anybody's.
    pub(crate) fn contestant(self) -> Option<Contestant> {
        match self {
            Self::Codecs(_) | Self::Files | Self::Exchange(_) | Self::Liveness => None,
            Self::Stream(_, contestant, _)
            | Self::RoundTrips(contestant)
            | Self::Places(contestant)
            | Self::Filemarks(contestant)
            | Self::SmallFiles(contestant)
            | Self::Loads(contestant) => Some(contestant),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codecs(data) => write!(f, "codecs/{}", data.name()),
            Self::Files => f.write_str("disk"),
            Self::Exchange(kib) => write!(f, "exchange/{kib}"),
            Self::Stream(kib, contestant, placement) => {
                let (contestant, placement) = (contestant.name(), placement.name());
                write!(f, "stream/{kib}/{contestant}/{placement}")
            }
            Self::RoundTrips(contestant) => write!(f, "round-trips/{}", contestant.name()),
            Self::Places(contestant) => write!(f, "places/{}", contestant.name()),
            Self::Filemarks(contestant) => write!(f, "filemarks/{}", contestant.name()),
            Self::SmallFiles(contestant) => write!(f, "small-files/{}", contestant.name()),
            Self::Loads(contestant) => write!(f, "loads/{}", contestant.name()),
            Self::Liveness => f.write_str("liveness"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.round, self.part)
    }
}

/// Returns the steps of `extent` whose name contains one of `only`, or all of them.
pub(crate) fn steps(extent: &Extent, only: &[String]) -> Vec<Step> {
    let mut steps = Vec::new();
    for round in 1..=extent.rounds {
        let parts = parts(extent, round);
        steps.extend(parts.into_iter().map(|part| Step { round, part }));
    }
    if extent.liveness > 0 {
        // Its percentiles need one long row of samples, not several short ones.
        let part = Part::Liveness;
        steps.push(Step { round: 1, part });
    }
    steps.retain(|step| {
        let name = step.part.to_string();
        only.is_empty() || only.iter().any(|part| name.contains(part.as_str()))
    });
    steps
}

/// Returns what round number `round` measures.
fn parts(extent: &Extent, round: u32) -> Vec<Part> {
    let mut parts: Vec<Part> = extent.data.iter().copied().map(Part::Codecs).collect();
    parts.push(Part::Files);
    for &kib in &extent.blocks {
        parts.push(Part::Exchange(kib));
        let mut streams = streams(extent, kib);
        if !streams.is_empty() {
            let by = round as usize % streams.len();
            streams.rotate_left(by);
        }
        parts.extend(streams);
    }
    let peers = extent.peers.iter().copied().map(Contestant::Peer);
    let ours = extent.compressions.iter().copied();
    // Compression changes little of what follows: without it, and as Capstan comes.
    let ours = ours.filter(|codec| matches!(codec, Compression::None | Compression::Zstd));
    let ours: Vec<Contestant> = ours.map(Contestant::Capstan).collect();
    for contestant in ours.iter().copied().chain(peers) {
        parts.push(Part::RoundTrips(contestant));
        parts.push(Part::SmallFiles(contestant));
        // istgt knows no IMMED, and refuses a filemark before the 1500th.
        if contestant != Contestant::Peer(Peer::Istgt) {
            parts.push(Part::Filemarks(contestant));
        }
    }
    // Others do not: tgt has no LOCATE and istgt finds another block, and after LOAD neither is where
    // it was.
    for contestant in ours {
        parts.push(Part::Places(contestant));
        parts.push(Part::Loads(contestant));
    }
    parts
}

/// Returns who writes and reads blocks of `kib`, and where. Compression wants all processors.
fn streams(extent: &Extent, kib: u64) -> Vec<Part> {
    let mut streams = Vec::new();
    let mut add = |contestant, placement| streams.push(Part::Stream(kib, contestant, placement));
    for &compression in &extent.compressions {
        let ours = Contestant::Capstan(compression);
        if compression == Compression::None {
            add(Contestant::Null, Placement::Apart);
            add(ours, Placement::Apart);
            add(Contestant::CapstanAtRest(compression), Placement::Apart);
        }
        add(ours, Placement::Free);
        if matches!(compression, Compression::None | Compression::Lz4) {
            add(Contestant::CapstanAtRest(compression), Placement::Free);
        }
    }
    for &peer in &extent.peers {
        add(Contestant::Peer(peer), Placement::Apart);
        add(Contestant::Peer(peer), Placement::Free);
    }
    streams
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::extent::Options;

    #[test]
    fn names_are_unique_and_choose() {
        let extent = Extent::new(&Options::default());
        let steps = super::steps(&extent, &[]);
        let names: BTreeSet<String> = steps.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), steps.len());
        let chosen = super::steps(&extent, &["stream/64/none/".to_owned()]);
        assert_eq!(chosen.len(), 10, "five rounds, apart and free");
        assert_eq!(super::steps(&extent, &["nothing".to_owned()]), []);
    }

    #[test]
    fn the_order_moves_on() {
        let extent = Extent::new(&Options::default());
        let first = |round| {
            let parts = parts(&extent, round);
            let at = parts.iter().position(|part| *part == Part::Exchange(64));
            parts[at.unwrap() + 1]
        };
        assert_ne!(first(1), first(2));
    }
}
