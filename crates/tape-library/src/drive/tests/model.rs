//! The drive against a dumb model: a vector of blocks and marks with SSC's rules written down
//! naively, compared answer by answer over random commands.

use cartridge::MemoryStore;
use proptest::prelude::*;

use super::harness::*;
use super::motions::{Motion, motion};
use super::tape::{Answer, GOOD, Model, Object, refused};

#[derive(Clone, Debug)]
enum Step {
    WriteBytes {
        length: u16,
        seed: u8,
    },
    WriteBlocks {
        count: u8,
        seed: u8,
    },
    ReadBytes {
        length: u16,
        sili: bool,
    },
    ReadBlocks {
        count: u8,
        sili: bool,
    },
    Filemarks {
        count: u8,
        immediate: bool,
    },
    Space {
        long: bool,
        code: u8,
        count: i32,
    },
    LocateObject {
        long: bool,
        object: u8,
    },
    LocateFile {
        file: u8,
    },
    LocateEnd,
    Rewind,
    Motion(Motion),
    Erase {
        long: bool,
    },
    BlockLength(u16),
    Unload,
    Load,
    Reset,
    /// So many partitions, from the beginning of the cartridge on.
    Divide(u8),
    /// LOCATE(16) with CP.
    LocateIn {
        partition: u8,
        object: u8,
    },
    /// The robot takes the cartridge out and brings it back.
    Reinsert,
    /// WRITE FILEMARKS of none, then the process dies and the cartridge is opened anew.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![Just(0), Just(1), Just(100), Just(512), 1..6000_u16];
    let count = prop_oneof![4 => 0..4_u8, 1 => 4..20_u8];
    let many = prop_oneof![4 => -6..7_i32, 1 => -0x80_0000..0x80_0000_i32];
    prop_oneof![
        8 => (length.clone(), any::<u8>())
            .prop_map(|(length, seed)| Step::WriteBytes { length, seed }),
        5 => (count.clone(), any::<u8>())
            .prop_map(|(count, seed)| Step::WriteBlocks { count, seed }),
        8 => (length.clone(), any::<bool>())
            .prop_map(|(length, sili)| Step::ReadBytes { length, sili }),
        5 => (count, prop::bool::weighted(0.1))
            .prop_map(|(count, sili)| Step::ReadBlocks { count, sili }),
        6 => (0..4_u8, any::<bool>())
            .prop_map(|(count, immediate)| Step::Filemarks { count, immediate }),
        10 => (any::<bool>(), prop::sample::select(vec![0, 1, 3, 4]), many)
            .prop_map(|(long, code, count)| Step::Space { long, code, count }),
        6 => (any::<bool>(), 0..60_u8)
            .prop_map(|(long, object)| Step::LocateObject { long, object }),
        3 => (0..8_u8).prop_map(|file| Step::LocateFile { file }),
        3 => Just(Step::LocateEnd),
        4 => Just(Step::Rewind),
        20 => motion().prop_map(Step::Motion),
        1 => any::<bool>().prop_map(|long| Step::Erase { long }),
        4 => prop_oneof![Just(0), Just(100), Just(512)].prop_map(Step::BlockLength),
        1 => Just(Step::Unload),
        2 => Just(Step::Load),
        1 => Just(Step::Reset),
        2 => (1..3_u8).prop_map(Step::Divide),
        6 => (0..3_u8, 0..40_u8)
            .prop_map(|(partition, object)| Step::LocateIn { partition, object }),
        1 => Just(Step::Reinsert),
        1 => Just(Step::Crash),
    ]
}

/// Both, side by side.
struct Pair {
    rig: Rig,
    store: MemoryStore,
    /// The current partition.
    model: Model,
    partition: usize,
    /// What is in the others; at the current one's place there is nothing.
    others: Vec<Vec<Object>>,
}

fn answer(rig: &Rig, cdb: &[u8], data_out: Vec<u8>) -> Answer {
    let response = rig.run_with(cdb, data_out);
    let sense = response.sense.map(|sense| sense.to_fixed());
    (sense, response.data_in.to_vec())
}

impl Pair {
    fn new() -> Self {
        let store = MemoryStore::new();
        Self {
            rig: Rig::loaded_with(store.clone(), PLENTY),
            store,
            model: Model::default(),
            partition: 0,
            others: vec![Vec::new()],
        }
    }

    /// The model goes to the beginning of a partition.
    fn change_partition(&mut self, partition: usize) {
        std::mem::swap(&mut self.model.objects, &mut self.others[self.partition]);
        std::mem::swap(&mut self.model.objects, &mut self.others[partition]);
        self.partition = partition;
        self.model.at = 0;
    }

    /// MODE SELECT of page 11h, the beginning of the cartridge, and FORMAT MEDIUM.
    fn divide(&mut self, count: u8) -> (Answer, Answer) {
        let page = [0x11, 10, 1, count - 1, 0x34, 3, 0, 0, 0, 100, 0xff, 0xff];
        let list = [&[0, 0, 0x10, 0][..], &page].concat();
        assert_eq!(self.run_with(&[0x15, 0x10, 0, 0, 16, 0], list), GOOD);
        let beginning = [0x92, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(self.run(&beginning), GOOD);
        self.others = vec![Vec::new(); count.into()];
        self.partition = 0;
        (self.model.objects, self.model.at) = (Vec::new(), 0);
        (self.run(&[0x04, 0, 1, 0, 0, 0]), GOOD)
    }

    fn run(&self, cdb: &[u8]) -> Answer {
        self.run_with(cdb, Vec::new())
    }

    fn run_with(&self, cdb: &[u8], data_out: Vec<u8>) -> Answer {
        answer(&self.rig, cdb, data_out)
    }

    /// Returns what the drive and what the model answer.
    fn take(&mut self, step: &Step) -> (Answer, Answer) {
        match *step {
            Step::Reset => {
                self.rig.drive_reset();
                self.model.block_length = 0;
                return (GOOD, GOOD);
            }
            Step::Reinsert => {
                self.rig.drive.unload().unwrap();
                return self.reopen();
            }
            Step::Crash if !self.model.unloaded => {
                assert_eq!(self.run(&[0x10, 0, 0, 0, 0, 0]), GOOD);
                self.rig = Rig::empty();
                self.model.block_length = 0;
                return self.reopen();
            }
            Step::BlockLength(length) => {
                self.rig.set_block_length(length.into());
                self.model.block_length = length.into();
                return (GOOD, GOOD);
            }
            Step::Load => {
                self.model.unloaded = false;
                self.change_partition(0);
                return (self.run(&[0x1b, 0, 0, 0, 1, 0]), GOOD);
            }
            Step::Unload => {
                self.model.unloaded = true;
                return (self.run(&[0x1b, 0, 0, 0, 0, 0]), GOOD);
            }
            _ => {}
        }
        if self.model.unloaded {
            let not_ready = (Some(sense(NOT_READY, None, [0x3a, 0])), Vec::new());
            return (self.run(&[0; 6]), not_ready);
        }
        self.take_loaded(step)
    }

    fn reopen(&mut self) -> (Answer, Answer) {
        self.rig.insert(open(self.store.clone()));
        self.change_partition(0);
        self.model.unloaded = false;
        (GOOD, GOOD)
    }

    fn take_loaded(&mut self, step: &Step) -> (Answer, Answer) {
        let block_length = self.model.block_length;
        match *step {
            Step::WriteBytes { length, seed } => {
                let length = usize::from(length);
                let block = noise(length, seed.into());
                let blocks = if length == 0 {
                    vec![]
                } else {
                    vec![block.clone()]
                };
                let answer = self.run_with(&write_bytes(length), block);
                (answer, self.model.write(blocks))
            }
            Step::WriteBlocks { count, seed } => {
                let data = noise(block_length * usize::from(count), seed.into());
                let answer = self.run_with(&[0x0a, 1, 0, 0, count, 0], data.clone());
                if block_length == 0 {
                    return (answer, refused(1, 0));
                }
                let blocks = data.chunks(block_length).map(<[u8]>::to_vec).collect();
                (answer, self.model.write(blocks))
            }
            Step::ReadBytes { length, sili } => {
                let mut cdb = read_bytes(length.into());
                cdb[1] = u8::from(sili) << 1;
                (self.run(&cdb), self.model.read_bytes(length.into(), sili))
            }
            Step::ReadBlocks { count, sili } => {
                let mut cdb = read_blocks(count);
                cdb[1] |= u8::from(sili) << 1;
                let answer = self.run(&cdb);
                let expected = if sili {
                    refused(1, 1)
                } else if block_length == 0 {
                    refused(1, 0)
                } else {
                    self.model.read_blocks(count)
                };
                (answer, expected)
            }
            Step::Filemarks { count, immediate } => {
                let answer = self.run(&[0x10, u8::from(immediate), 0, 0, count, 0]);
                (answer, self.model.filemarks(count))
            }
            Step::Space { long, code, count } => {
                let [_, high, middle, low] = count.to_be_bytes();
                let mut cdb = vec![0x11, code, high, middle, low, 0];
                if long {
                    cdb = vec![0x91, code, 0, 0];
                    cdb.extend_from_slice(&i64::from(count).to_be_bytes());
                    cdb.extend_from_slice(&[0; 4]);
                }
                let answer = self.run(&cdb);
                let expected = match code {
                    0 | 1 if count >= 0 => self.model.space_forward(code == 1, count.into()),
                    0 | 1 => self.model.space_back(code == 1, -i64::from(count)),
                    3 => {
                        self.model.at = self.model.objects.len();
                        GOOD
                    }
                    _ => refused(1, 3),
                };
                (answer, expected)
            }
            Step::LocateObject { long, object } => {
                let short = [0x2b, 0, 0, 0, 0, 0, object, 0, 0, 0];
                let answer = if long {
                    self.run(&[0x92, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, object, 0, 0, 0, 0])
                } else {
                    self.run(&short)
                };
                (answer, self.model.locate(Some(object.into())))
            }
            Step::LocateFile { file } => {
                let cdb = [0x92, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, file, 0, 0, 0, 0];
                let destination = self.model.file(file);
                (self.run(&cdb), self.model.locate(destination))
            }
            Step::LocateEnd => {
                let cdb = [0x92, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                let end = self.model.objects.len();
                (self.run(&cdb), self.model.locate(Some(end)))
            }
            Step::Motion(ref motion) => {
                let partition = u8::try_from(self.partition).unwrap();
                let Self { rig, model, .. } = self;
                motion.take(model, |cdb, data| {
                    let mut cdb = cdb.to_vec();
                    if cdb[0] >> 5 == 4 && cdb[0] != 0x91 {
                        cdb[3] = partition; // the commands that name a place
                    }
                    answer(rig, &cdb, data)
                })
            }
            Step::Rewind => {
                self.model.at = 0;
                (self.run(&[0x01, 0, 0, 0, 0, 0]), GOOD)
            }
            Step::Divide(count) => self.divide(count),
            Step::LocateIn { partition, object } => {
                let answer = self.run(&[
                    0x92, 2, 0, partition, 0, 0, 0, 0, 0, 0, 0, object, 0, 0, 0, 0,
                ]);
                if usize::from(partition) >= self.others.len() {
                    let expected = Some(invalid_field(true, 3, None));
                    return (answer, (expected, Vec::new()));
                }
                self.change_partition(partition.into());
                (answer, self.model.locate(Some(object.into())))
            }
            Step::Erase { long } => {
                self.model.objects.truncate(self.model.at);
                (self.run(&[0x19, u8::from(long), 0, 0, 0, 0]), GOOD)
            }
            _ => (GOOD, GOOD),
        }
    }

    /// READ POSITION, long form: object and file.
    fn positions(&self) -> Option<([u8; 16], [u8; 16])> {
        if self.model.unloaded {
            return None;
        }
        let data = self.rig.good(&[0x34, 6, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(usize::from(data[7]), self.partition);
        let at = (self.model.at as u64).to_be_bytes();
        let file = (self.model.marks_before() as u64).to_be_bytes();
        let expected = [at, file].concat();
        let expected = <[u8; 16]>::try_from(expected).unwrap();
        Some((data[8..24].try_into().unwrap(), expected))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_drive_answers_as_the_model(steps in prop::collection::vec(step(), 1..80)) {
        let mut pair = Pair::new();
        for (number, step) in steps.iter().enumerate() {
            let (answer, expected) = pair.take(step);
            prop_assert_eq!(answer, expected, "step {}: {:?}", number, step);
            if let Some((answer, expected)) = pair.positions() {
                prop_assert_eq!(answer, expected, "position after step {}: {:?}", number, step);
            }
        }
    }
}
