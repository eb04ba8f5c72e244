//! The decision that compression does not pay.
//!
//! After several frames that did not shrink only one in [`PROBE_INTERVAL_FRAMES`] is tried, so that data
//! compressed already passes at the speed of copying.
//!
//! # Determinism
//! Frames are compressed behind the writer's back, and when one is known to have shrunk depends on
//! timing. So what becomes of a frame counts exactly [`PIPELINE_FRAMES_MAX`] decisions later, when it is
//! known in any case: the same data compress to the same length every time, as early warning needs.

use std::collections::VecDeque;

use super::Codec;
use crate::limits::{
    INCOMPRESSIBLE_FRAMES_BEFORE_PROBING, PIPELINE_FRAMES_MAX, PROBE_INTERVAL_FRAMES,
};

/// Decides for each frame whether it is tried to compress it.
#[derive(Debug, Default)]
pub(crate) struct Prober {
    codec: Codec,
    /// Frames in a row that did not shrink, of those that count already.
    incompressible_frames: u32,
    /// Decisions, and those of them whose outcome counts.
    decided: u64,
    counted: u64,
    /// Outcomes that are known and do not count yet.
    outcomes: VecDeque<Outcome>,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    NotTried,
    Shrank(Codec),
    DidNotShrink(Codec),
}

impl Prober {
    /// Returns whether the next frame is worth trying with `codec`. The outcomes of all but the last
    /// [`PIPELINE_FRAMES_MAX`] frames were noted.
    pub(crate) fn decide(&mut self, codec: Codec) -> bool {
        if self.codec != codec {
            self.codec = codec;
            self.incompressible_frames = 0;
        }
        while self.counted + (PIPELINE_FRAMES_MAX as u64) <= self.decided {
            let outcome = self.outcomes.pop_front();
            self.count(outcome.expect("no more frames are on their way"));
        }
        let number = self.decided;
        self.decided += 1;
        let probing = self.incompressible_frames >= INCOMPRESSIBLE_FRAMES_BEFORE_PROBING;
        codec != Codec::Stored && (!probing || number.is_multiple_of(PROBE_INTERVAL_FRAMES))
    }

    /// Notes what became of a frame; to be called in the order of the decisions.
    pub(crate) fn note(&mut self, outcome: Outcome) {
        self.outcomes.push_back(outcome);
    }

    fn count(&mut self, outcome: Outcome) {
        self.counted += 1;
        match outcome {
            Outcome::Shrank(codec) if codec == self.codec => self.incompressible_frames = 0,
            Outcome::DidNotShrink(codec) if codec == self.codec => {
                self.incompressible_frames = self.incompressible_frames.saturating_add(1);
            }
            Outcome::NotTried | Outcome::Shrank(_) | Outcome::DidNotShrink(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: usize = PIPELINE_FRAMES_MAX;

    /// Decides for a frame that shrinks or does not, and notes that at once.
    fn decide(prober: &mut Prober, codec: Codec, shrinks: bool) -> bool {
        let tried = prober.decide(codec);
        prober.note(match (tried, shrinks) {
            (false, _) => Outcome::NotTried,
            (true, true) => Outcome::Shrank(codec),
            (true, false) => Outcome::DidNotShrink(codec),
        });
        tried
    }

    #[test]
    fn after_incompressible_frames_one_in_sixteen_is_tried() {
        let mut prober = Prober::default();
        let before = LAG + INCOMPRESSIBLE_FRAMES_BEFORE_PROBING as usize - 1;
        for _ in 0..before {
            assert!(decide(&mut prober, Codec::Zstd, false));
        }
        let tried = (0..160).filter(|_| decide(&mut prober, Codec::Zstd, false));
        assert_eq!(tried.count(), 10);
        // A probe shrinks; when that counts every frame is tried again.
        while !decide(&mut prober, Codec::Zstd, true) {}
        let tried = (0..LAG - 1).filter(|_| decide(&mut prober, Codec::Zstd, true));
        assert!(tried.count() < LAG / 8);
        assert!((0..100).all(|_| decide(&mut prober, Codec::Zstd, true)));
    }

    #[test]
    fn another_codec_is_tried_at_once() {
        let mut prober = Prober::default();
        for _ in 0..200 {
            decide(&mut prober, Codec::Zstd, false);
        }
        assert!(decide(&mut prober, Codec::Lz4, true));
        assert!(!decide(&mut prober, Codec::Stored, true));
    }

    /// Whether outcomes are noted early or as late as they can be.
    #[test]
    fn decisions_do_not_depend_on_when_outcomes_are_known() {
        let shrinks = |number: usize| number % 97 > 60;
        let run = |delay: usize| {
            let mut prober = Prober::default();
            let mut tried = Vec::new();
            for number in 0usize..2000 {
                tried.push(prober.decide(Codec::Lz4));
                if let Some(known) = number.checked_sub(delay) {
                    prober.note(match (tried[known], shrinks(known)) {
                        (false, _) => Outcome::NotTried,
                        (true, true) => Outcome::Shrank(Codec::Lz4),
                        (true, false) => Outcome::DidNotShrink(Codec::Lz4),
                    });
                }
            }
            tried
        };
        let at_once = run(0);
        assert!(at_once.contains(&false));
        for delay in [1, 7, LAG - 1] {
            assert_eq!(run(delay), at_once);
        }
    }
}
