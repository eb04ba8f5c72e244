//! What must be on a tape, whatever happens.

use crate::support::noise;
use crate::support::tape::Found;

/// One thing on a tape. The bytes of a block follow from its seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Block { seed: u64, length: usize },
    Filemark,
}

impl Object {
    /// Returns the bytes of a block: every other one shrinks when it is compressed.
    pub(super) fn bytes(seed: u64, length: usize) -> Vec<u8> {
        if seed.is_multiple_of(2) {
            return noise(seed, length);
        }
        noise(seed, 509).into_iter().cycle().take(length).collect()
    }

    pub(super) fn is(self, found: &Found) -> bool {
        match (self, found) {
            (Self::Filemark, Found::Filemark) => true,
            (Self::Block { seed, length }, Found::Block(bytes)) => {
                *bytes == Self::bytes(seed, length)
            }
            _ => false,
        }
    }
}

/// A tape as its host knows it: what is durable, and what was appended since at one place.
#[derive(Debug, Default)]
pub(super) struct Tape {
    durable: Vec<Object>,
    /// Where the appends since the last synchronize began.
    at: usize,
    /// What was appended there; the last one may be unanswered.
    tail: Vec<Object>,
    /// How much of `tail` was answered with GOOD. From the first on, what lay behind `at` is gone.
    answered: usize,
    /// An append or erase at `at` was sent.
    begun: bool,
}

impl Tape {
    /// Returns how many objects there are.
    pub(super) fn len(&self) -> usize {
        if self.begun {
            self.at + self.tail.len()
        } else {
            self.durable.len()
        }
    }

    /// Returns how many bytes the blocks have together.
    pub(super) fn bytes(&self) -> usize {
        let kept = if self.begun {
            self.at
        } else {
            self.durable.len()
        };
        let objects = self.durable[..kept].iter().chain(&self.tail);
        objects
            .map(|object| match object {
                Object::Block { length, .. } => *length,
                Object::Filemark => 0,
            })
            .sum()
    }

    /// The host is now at `at`, and all that was appended before is durable.
    pub(super) fn moved_to(&mut self, at: usize) {
        self.synchronized();
        self.at = at;
    }

    /// The host sends an object, to be appended.
    pub(super) fn appending(&mut self, object: Object) {
        self.begun = true;
        self.tail.push(object);
    }

    /// It was answered with GOOD.
    pub(super) fn appended(&mut self) {
        self.answered = self.tail.len();
    }

    /// The host erases from where it is.
    pub(super) fn erasing(&mut self) {
        self.begun = true;
    }

    /// A command was answered that promises that everything is durable.
    pub(super) fn synchronized(&mut self) {
        if self.begun {
            self.durable.truncate(self.at);
            self.durable.append(&mut self.tail);
            self.at = self.durable.len();
        }
        self.answered = 0;
        self.begun = false;
    }

    /// Compares with what a host finds after a crash, and goes on from there. The error says what is
    /// wrong.
    pub(super) fn recovered(&mut self, found: &[Found]) -> Result<(), String> {
        let nothing_taken = self.answered == 0;
        if nothing_taken && same(&self.durable, found) {
            self.tail.clear();
        } else {
            let kept = &self.durable[..self.at];
            let behind = found.get(self.at..).filter(|_| self.begun);
            let behind = behind.filter(|behind| behind.len() <= self.tail.len());
            let right = behind.is_some_and(|behind| {
                same(kept, &found[..self.at]) && same(&self.tail[..behind.len()], behind)
            });
            if !right {
                return Err(self.complaint(found));
            }
            self.tail.truncate(found.len() - self.at);
        }
        // What was read is durable: a drive synchronizes what it recovered before it tells of it.
        if self.tail.is_empty() && same(&self.durable, found) {
            self.begun = false;
        }
        self.synchronized();
        Ok(())
    }

    /// Compares with what a host finds without a crash.
    pub(super) fn check(&self, from: usize, found: &[Found]) -> Result<(), String> {
        assert!(!self.begun, "the host has moved, so everything is durable");
        match self.durable.get(from..from + found.len()) {
            Some(expected) if same(expected, found) => Ok(()),
            _ => Err(self.complaint(found)),
        }
    }

    fn complaint(&self, found: &[Found]) -> String {
        let all = self.durable[..self.at].iter().chain(&self.tail);
        let differs = all.zip(found).position(|(object, found)| !object.is(found));
        format!(
            "durable {}, from {} on {} were appended, {} of them answered; found {}, differs first at {differs:?}",
            self.durable.len(),
            self.at,
            self.tail.len(),
            self.answered,
            found.len(),
        )
    }
}

fn same(objects: &[Object], found: &[Found]) -> bool {
    objects.len() == found.len()
        && objects
            .iter()
            .zip(found)
            .all(|(object, found)| object.is(found))
}

#[test]
fn the_model_lets_go_of_a_suffix_of_what_was_not_synchronized_and_of_nothing_else() {
    let block = |seed| Object::Block { seed, length: 100 };
    let seen = |seed| Found::Block(Object::bytes(seed, 100));
    let tape = || {
        let mut tape = Tape::default();
        for seed in 0..3 {
            tape.appending(block(seed));
            tape.appended();
        }
        tape.synchronized();
        tape.moved_to(1);
        tape.appending(block(7));
        tape
    };
    // Sent and not answered: the old or the new, never half of either.
    assert!(tape().recovered(&[seen(0), seen(1), seen(2)]).is_ok());
    assert!(tape().recovered(&[seen(0), seen(7)]).is_ok());
    assert!(tape().recovered(&[seen(0)]).is_ok());
    assert!(tape().recovered(&[seen(0), seen(1)]).is_err());
    assert!(tape().recovered(&[]).is_err());
    // Answered: what was behind it is gone.
    let answered = || {
        let mut tape = tape();
        tape.appended();
        tape
    };
    assert!(answered().recovered(&[seen(0), seen(1), seen(2)]).is_err());
    assert!(answered().recovered(&[seen(0)]).is_ok());
    // Synchronized: it is there.
    let mut tape = answered();
    tape.synchronized();
    assert!(tape.recovered(&[seen(0)]).is_err());
    assert!(tape.recovered(&[seen(0), seen(7)]).is_ok());
    assert_eq!(tape.len(), 2);
}
