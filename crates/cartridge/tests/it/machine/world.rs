//! A cartridge on a lying disk and the truth about it, moved together.

use std::fmt;

use cartridge::{Cartridge, Error, Fault, Form, LyingStore, Memory, Settings, Writing};

use super::motion::encryption_of;
use super::operation::{Afterwards, Operation, Random, Step, Weather};
use super::truth::Truth;
use crate::model::{
    Model, Object, at_rest_settings, block, compare_counters, compare_host_bytes, label,
    small_settings,
};

/// What was done, counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    /// For each kind of operation how often it worked and how often it failed.
    pub(crate) operations: Vec<(u64, u64)>,
    pub(crate) power_losses: u64,
    pub(crate) kills: u64,
    pub(crate) deferred: u64,
    pub(crate) no_space: u64,
    pub(crate) doubtful: u64,
    pub(crate) io_errors: u64,
    pub(crate) volume_full: u64,
    /// New chain files.
    pub(crate) chains: u64,
}

impl Done {
    pub(crate) fn add(&mut self, more: &Self) {
        self.operations
            .resize(Operation::KINDS.len(), Default::default());
        for (sum, more) in self.operations.iter_mut().zip(&more.operations) {
            *sum = (sum.0 + more.0, sum.1 + more.1);
        }
        self.power_losses += more.power_losses;
        self.kills += more.kills;
        self.deferred += more.deferred;
        self.no_space += more.no_space;
        self.doubtful += more.doubtful;
        self.io_errors += more.io_errors;
        self.volume_full += more.volume_full;
        self.chains += more.chains;
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| operation            |   worked |  failed |")?;
        writeln!(f, "| -------------------- | -------- | ------- |")?;
        let mut sum = (0, 0);
        for (kind, (worked, failed)) in Operation::KINDS.iter().zip(&self.operations) {
            writeln!(f, "| {kind:20} | {worked:8} | {failed:7} |")?;
            sum = (sum.0 + worked, sum.1 + failed);
        }
        writeln!(f, "| {:20} | {:8} | {:7} |", "all", sum.0, sum.1)?;
        writeln!(
            f,
            "{} losses of power, {} kills; told: {} times lost objects, {} no space, \
             {} I/O errors, {} doubtful, {} volume full; {} chain files",
            self.power_losses,
            self.kills,
            self.deferred,
            self.no_space,
            self.io_errors,
            self.doubtful,
            self.volume_full,
            self.chains
        )
    }
}

/// Whether everything on the cartridge is encrypted under a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtRest {
    Plain,
    Encrypted,
}

/// See the module.
pub(crate) struct World {
    pub(crate) store: LyingStore,
    pub(super) cartridge: Option<Cartridge>,
    pub(crate) truth: Truth,
    pub(super) settings: Settings,
    pub(super) random: Random,
    /// Something on the disk may fail.
    pub(super) foul: bool,
    /// What the disk does when it is loaded after a loss of power.
    pub(super) upon_loading: Option<(u64, Fault)>,
    form: Form,
    /// Lengths of blocks may have been unknown when a frame was cut: it was encrypted, or could not be read.
    estimates: bool,
    /// The chain files that there were, the last one last.
    pub(super) chains: Vec<Vec<u8>>,
    pub(crate) done: Done,
    pub(super) told: bool,
}

impl World {
    /// Returns a new cartridge that follows from `seed`: small or large, now and then written once.
    pub(crate) fn new(seed: u64, told: bool) -> Self {
        let random = Random::new(seed ^ 0xc0ff_ee00);
        let mut label = label(seed);
        if random.below(3) == 0 {
            label.capacity_bytes = 30_000 + random.below(100_000);
        }
        if random.below(8) == 0 {
            label.form = Form::Worm;
        }
        let at_rest = [AtRest::Plain, AtRest::Encrypted][usize::from(random.below(2) == 1)];
        Self::with_label(seed, &label, at_rest, told)
    }

    /// The same, written by the threads of the pipeline. What fails there is told later.
    pub(crate) fn behind(seed: u64, told: bool) -> Self {
        let mut world = Self::new(seed, told);
        world.write_behind();
        world
    }

    pub(crate) fn write_behind(&mut self) {
        self.settings.writing = Writing::Behind;
        self.step(&Step::calm(Operation::Reload));
    }

    pub(crate) fn with_label(
        seed: u64,
        label: &cartridge::Label,
        at_rest: AtRest,
        told: bool,
    ) -> Self {
        let store = LyingStore::new();
        Cartridge::create(Box::new(store.clone()), label).unwrap();
        let mut world = Self {
            store,
            cartridge: None,
            truth: Truth::new(Model::default(), false),
            settings: match at_rest {
                AtRest::Plain => small_settings(seed),
                AtRest::Encrypted => at_rest_settings(seed),
            },
            random: Random::new(seed),
            foul: false,
            upon_loading: None,
            form: label.form,
            estimates: false,
            chains: Vec::new(),
            done: Done {
                operations: vec![(0, 0); Operation::KINDS.len()],
                ..Done::default()
            },
            told,
        };
        let possible = world.truth.possible();
        world.load(&possible);
        world
    }

    fn cartridge(&mut self) -> &mut Cartridge {
        self.cartridge.as_mut().expect("loaded between two steps")
    }

    /// Does `step` on both and compares.
    pub(crate) fn step(&mut self, step: &Step) {
        if self.told {
            println!("{step:?}");
        }
        let operations = self.store.operations();
        let mut stops = false;
        match step.weather {
            Weather::Calm => {}
            Weather::Fault(after, fault) => {
                stops = matches!(fault, Fault::Stop | Fault::StopBefore);
                if matches!(step.operation, Operation::LosePower(_)) {
                    self.upon_loading = Some((after, fault));
                } else {
                    self.foul = true;
                    self.store.inject(operations + after, fault);
                }
            }
            Weather::ReadFault(after, fault) => {
                self.foul = true;
                self.estimates |= fault == Fault::Fail;
                self.store.inject_read(self.store.reads() + after, fault);
            }
            Weather::Room(room) => {
                self.foul = true;
                let room = self.store.used_bytes() + room;
                self.store.set_room_bytes(Some(room));
            }
        }
        let before = self.truth.clone();
        let result = self.run(&step.operation);
        let count = &mut self.done.operations[step.operation.kind()];
        if self.told
            && let Err(error) = &result
        {
            println!("  {error}");
        }
        match &result {
            Ok(()) => count.0 += 1,
            Err(_) => count.1 += 1,
        }
        match result {
            Ok(()) if stops => {
                let possible = self.truth.possible();
                self.lose_power(&possible, operations);
            }
            Ok(()) => {}
            Err(_) if stops => {
                let mut possible = before.possible();
                possible.extend(self.truth.possible());
                possible.extend(after(&before, &step.operation).possible());
                self.lose_power(&possible, operations);
            }
            Err(error) => self.failed(&before, &step.operation, &error),
        }
        if step.afterwards == Afterwards::Heals {
            self.heal();
        }
        if self.told {
            let tape = &*self.truth.model;
            let (length, synchronized) = (tape.objects.len(), tape.synchronized);
            println!(
                "  at {} of {length}, {synchronized} synchronized",
                tape.position
            );
        }
        self.note_chain();
        let cartridge = self.cartridge.as_ref().expect("loaded");
        compare_counters(cartridge, &self.truth.model);
        if !self.estimates {
            compare_host_bytes(cartridge, &self.truth.model);
        }
    }

    pub(crate) fn heal(&mut self) {
        self.store.heal();
        // Threads may have met with it, and nobody has been told yet.
        self.foul &= self.settings.writing == Writing::Behind;
    }

    /// What an operation that failed means. Nothing has changed, but what the error tells.
    fn failed(&mut self, before: &Truth, operation: &Operation, error: &Error) {
        let after = after(before, operation);
        match error {
            Error::Deferred {
                first_lost, lost, ..
            } => {
                assert!(self.foul, "nothing failed: {error}");
                self.done.deferred += 1;
                let first_lost = usize::try_from(*first_lost).unwrap();
                let lost = usize::try_from(*lost).unwrap();
                self.deferred(&after, operation, first_lost, lost);
            }
            Error::NoSpace => {
                assert!(self.foul, "there is room: {error}");
                self.done.no_space += 1;
            }
            Error::PositionLost => assert!(self.truth.position_lost(), "{error}"),
            Error::WriteProtected => assert!(self.truth.write_protected, "{error}"),
            Error::WriteOnce => assert_eq!(self.form, Form::Worm, "{error}"),
            Error::VolumeFull => self.done.volume_full += 1,
            Error::Io { .. } => {
                assert!(self.foul, "nothing failed: {error}");
                self.done.io_errors += 1;
                // Nobody is told whether what failed could be undone.
                if self.cartridge().undo_doubtful().is_ok() {
                    self.truth.undone();
                } else if operation.changes_label() {
                    self.done.doubtful += 1;
                    self.truth.doubt_label(&after);
                } else {
                    self.done.doubtful += 1;
                    let mut cut = self.truth.clone();
                    cut.model.cut();
                    self.truth.doubt_segment(&cut);
                }
            }
            Error::Doubtful { .. } | Error::LabelDoubtful { .. } => {
                assert!(self.foul, "nothing failed: {error}");
                self.done.doubtful += 1;
                if operation.changes_label() && !self.truth.doubts_label() {
                    self.truth.doubt_label(&after);
                }
                assert!(self.truth.doubts(), "{error}");
            }
            error => panic!("{operation:?}: {error}"),
        }
    }

    /// So many of the objects accepted before and by the operation did not reach the disk.
    fn deferred(&mut self, after: &Truth, operation: &Operation, first_lost: usize, lost: usize) {
        assert!(lost > 0, "told of nothing");
        let accepted = first_lost + lost;
        let tape = &*self.truth.model;
        let cuts = tape.position < tape.objects.len();
        let accepted = if cuts || accepted > tape.objects.len() {
            // The segment was begun, which cut off what follows, and what it was begun for was accepted.
            assert!(operation.appends(), "{operation:?} at {}", tape.position);
            after.model.objects[..accepted].to_vec()
        } else {
            assert_eq!(accepted, tape.objects.len());
            tape.objects.clone()
        };
        let durable = if cuts {
            tape.position
        } else {
            tape.synchronized
        };
        assert!(first_lost >= durable, "{durable} were synchronized");
        self.truth.lose(first_lost, accepted);
        if matches!(operation, Operation::Rewind) {
            self.truth.model.position = 0;
        }
    }

    fn run(&mut self, operation: &Operation) -> Result<(), Error> {
        let Self {
            cartridge: Some(cartridge),
            truth,
            ..
        } = self
        else {
            panic!("loaded between two steps");
        };
        match *operation {
            Operation::Append { length, seed } => {
                let cut = &truth.model.objects[truth.model.position..];
                let only_marks = cut.iter().all(|object| *object == Object::Filemark);
                let legal = self.form == Form::Data || only_marks;
                cartridge.append_block(block(length, seed))?;
                assert!(legal, "written once");
                truth.model.append(Object::Block(block(length, seed)));
                truth.committed();
            }
            Operation::Filemarks(count) => {
                cartridge.append_filemarks(count)?;
                for _ in 0..count {
                    truth.model.append(Object::Filemark);
                }
                if count > 0 {
                    truth.committed();
                }
            }
            Operation::Synchronize => {
                cartridge.synchronize()?;
                truth.synchronized();
            }
            Operation::Overwrite { at, length, seed } => {
                self.run(&Operation::LocateBlock(at))?;
                self.run(&Operation::Append { length, seed })?;
            }
            Operation::Erase => {
                cartridge.erase()?;
                truth.moved();
                truth.model.cut();
                truth.committed();
            }
            Operation::Format(count) => {
                let sizes = vec![cartridge.label().capacity_bytes / u64::from(count); count.into()];
                cartridge.format(&sizes)?;
                *truth = Truth::new(Model::with_partitions(count.into()), truth.write_protected);
            }
            Operation::SetCapacity => {
                let most = cartridge.label().capacity_bytes;
                cartridge.set_capacity(most / 2)?;
                *truth = Truth::new(Model::default(), truth.write_protected);
            }
            Operation::WriteProtect(protected) => {
                cartridge.set_write_protected(protected)?;
                truth.protect(protected);
            }
            Operation::SetMemory(loads) => {
                let memory = Memory {
                    loads: loads.into(),
                    ..cartridge.memory().clone()
                };
                cartridge.set_memory(memory)?;
            }
            Operation::UndoDoubtful => {
                cartridge.undo_doubtful()?;
                truth.undone();
            }
            Operation::SetCodec(codec) => {
                cartridge.set_codec(codec);
                self.settings.codec = codec;
            }
            Operation::SetKey(key) => {
                self.estimates |= key > 0;
                cartridge.set_encryption(encryption_of(key))?;
            }
            Operation::Reload => self.reload()?,
            Operation::Kill => {
                self.done.kills += 1;
                self.cartridge = None;
                let possible = self.truth.possible();
                self.load(&possible);
            }
            Operation::LosePower(seed) => {
                let possible = self.truth.possible();
                self.lose_power(&possible, seed);
            }
            Operation::SpoilChain(spoiling, seed) => self.spoil_chain(spoiling, seed),
            Operation::Rewind
            | Operation::LocateBlock(_)
            | Operation::LocateFilemark(_)
            | Operation::SpaceBlocks(_)
            | Operation::SpaceFilemarks(_)
            | Operation::SpaceEndOfData
            | Operation::ChangePartition(_)
            | Operation::Read(_)
            | Operation::ReadReverse(_) => self.run_motion(operation)?,
        }
        Ok(())
    }
}

/// Returns the truth after `operation` as if it had worked.
fn after(before: &Truth, operation: &Operation) -> Truth {
    let mut after = before.clone();
    match *operation {
        Operation::Overwrite { at, length, seed } => {
            let objects = after.model.objects.len();
            after.model.position = place(at, objects).min(objects);
            after.model.append(Object::Block(block(length, seed)));
        }
        Operation::Append { length, seed } => {
            after.model.append(Object::Block(block(length, seed)));
        }
        Operation::Filemarks(count) => {
            (0..count).for_each(|_| after.model.append(Object::Filemark));
        }
        Operation::Erase => after.model.cut(),
        Operation::Format(count) => {
            after = Truth::new(Model::with_partitions(count.into()), before.write_protected);
        }
        Operation::SetCapacity => after = Truth::new(Model::default(), before.write_protected),
        Operation::WriteProtect(protected) => after.write_protected = protected,
        _ => {}
    }
    after
}

/// Returns the place that is so many 256ths of a tape of so many objects and a bit beyond.
pub(super) fn place(at: u16, objects: usize) -> usize {
    usize::from(at) * (objects + 1) / 256
}
