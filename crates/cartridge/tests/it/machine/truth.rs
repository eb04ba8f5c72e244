//! What is on the cartridge as far as its host knows, and what may be there after a crash.

use crate::model::{Model, Object};

/// A run of objects that may be what is left of a partition: any part of it from its beginning that has
/// at least so many objects.
#[derive(Clone, Debug)]
struct Beginning {
    of: Vec<Object>,
    at_least: usize,
}

/// What may be on a cartridge.
#[derive(Clone, Debug)]
pub(crate) struct Possible {
    write_protected: bool,
    /// For each partition, one of these.
    partitions: Vec<Vec<Beginning>>,
}

/// What the host knows.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) model: Model,
    pub(crate) write_protected: bool,
    /// For each partition what was told to be lost and nothing has cut off yet: it may be there again when
    /// the process ends before something is appended.
    remains: Vec<Option<Beginning>>,
    /// For each partition: objects were lost and the host has not moved since.
    lost: Vec<bool>,
    /// What would be there if the label that could not be replaced, and could not be restored, is.
    with_other_label: Option<Possible>,
    /// What would be there if the segment that could not be created, and not be removed, is.
    with_other_segment: Option<Possible>,
}

impl Truth {
    pub(crate) fn new(model: Model, write_protected: bool) -> Self {
        let count = model.tapes.len();
        Self {
            model,
            write_protected,
            remains: vec![None; count],
            lost: vec![false; count],
            with_other_label: None,
            with_other_segment: None,
        }
    }

    /// What was found by loading: all of it is on stable storage.
    pub(crate) fn found(contents: Vec<Vec<Object>>, write_protected: bool) -> Self {
        let mut model = Model::with_partitions(contents.len());
        for (tape, objects) in model.tapes.iter_mut().zip(contents) {
            tape.synchronized = objects.len();
            tape.objects = objects;
        }
        Self::new(model, write_protected)
    }

    /// Returns what may be there after a crash.
    pub(crate) fn possible(&self) -> Vec<Possible> {
        let partitions = self.model.tapes.iter().zip(&self.remains);
        let partitions = partitions.map(|(tape, remains)| {
            let known = Beginning {
                of: tape.objects.clone(),
                at_least: tape.synchronized,
            };
            std::iter::once(known).chain(remains.clone()).collect()
        });
        let known = Possible {
            write_protected: self.write_protected,
            partitions: partitions.collect(),
        };
        let both = self.with_other_label_and_segment();
        let others = [&self.with_other_label, &self.with_other_segment, &both];
        let others = others.into_iter().flatten().cloned();
        std::iter::once(known).chain(others).collect()
    }

    /// Both may be there. A format leaves nothing of a segment that was in doubt; a write protect tab does.
    fn with_other_label_and_segment(&self) -> Option<Possible> {
        let (label, segment) = (&self.with_other_label, &self.with_other_segment);
        let label = label
            .as_ref()
            .filter(|label| label.write_protected != self.write_protected)?;
        Some(Possible {
            write_protected: label.write_protected,
            ..segment.clone()?
        })
    }

    /// Everything accepted is on stable storage.
    pub(crate) fn synchronized(&mut self) {
        self.model.synchronized = self.model.objects.len();
    }

    /// The host has moved, which synchronizes.
    pub(crate) fn moved(&mut self) {
        self.synchronized();
        let current = self.model.current;
        self.lost[current] = false;
    }

    /// Something was appended or cut off, or there was nothing to be cut off: remains and doubts are gone.
    pub(crate) fn committed(&mut self) {
        let current = self.model.current;
        self.remains[current] = None;
        self.lost[current] = false;
        self.undone();
    }

    /// Objects from `first_lost` on did not reach the disk. `accepted` are all that the host had been told
    /// of.
    pub(crate) fn lose(&mut self, first_lost: usize, accepted: Vec<Object>) {
        let current = self.model.current;
        let tape = &mut self.model;
        self.remains[current] = Some(Beginning {
            of: accepted,
            at_least: first_lost,
        });
        tape.objects.truncate(first_lost);
        tape.position = first_lost;
        tape.synchronized = first_lost;
        self.lost[current] = true;
    }

    /// Returns whether appending is refused until the host moves.
    pub(crate) fn position_lost(&self) -> bool {
        self.lost[self.model.current]
    }

    /// What `other` says is there if the label counts that could be neither written nor restored.
    pub(crate) fn doubt_label(&mut self, other: &Self) {
        self.with_other_label = other.possible().into_iter().next();
    }

    /// The same with a segment that could be neither created nor removed.
    pub(crate) fn doubt_segment(&mut self, other: &Self) {
        self.with_other_segment = other.possible().into_iter().next();
    }

    /// Returns whether a label could be neither written nor restored.
    pub(crate) fn doubts_label(&self) -> bool {
        self.with_other_label.is_some()
    }

    /// Returns whether something could be neither done nor undone.
    pub(crate) fn doubts(&self) -> bool {
        self.with_other_label.is_some() || self.with_other_segment.is_some()
    }

    /// The label was replaced, whatever else is in doubt.
    pub(crate) fn protect(&mut self, write_protected: bool) {
        self.write_protected = write_protected;
        self.with_other_label = None;
        if let Some(other) = &mut self.with_other_segment {
            other.write_protected = write_protected;
        }
    }

    /// What could be neither done nor undone is undone now.
    pub(crate) fn undone(&mut self) {
        self.with_other_label = None;
        self.with_other_segment = None;
    }
}

impl Possible {
    fn allows(&self, contents: &[Vec<Object>], write_protected: bool) -> bool {
        let mut partitions = self.partitions.iter().zip(contents);
        self.write_protected == write_protected
            && self.partitions.len() == contents.len()
            && partitions.all(|(one_of, objects)| {
                one_of.iter().any(|beginning| {
                    objects.len() >= beginning.at_least && beginning.of.starts_with(objects)
                })
            })
    }
}

/// Fails when `contents` are not what may be there. Invariants 1 to 3 after a crash.
pub(crate) fn check(possible: &[Possible], contents: &[Vec<Object>], write_protected: bool) {
    if possible
        .iter()
        .any(|possible| possible.allows(contents, write_protected))
    {
        return;
    }
    let found: Vec<usize> = contents.iter().map(Vec::len).collect();
    let expected = possible.iter().map(|possible| {
        let partitions = possible.partitions.iter().map(|one_of| {
            let range = |it: &Beginning| (it.at_least, it.of.len());
            one_of.iter().map(range).collect::<Vec<_>>()
        });
        (possible.write_protected, partitions.collect::<Vec<_>>())
    });
    panic!(
        "what is there is not what may be: {found:?} objects, write protected {}; {:?}",
        write_protected,
        expected.collect::<Vec<_>>()
    );
}
