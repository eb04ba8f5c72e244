//! Reading backwards, verifying, places that a command names, filemarks in a row: each as a step of
//! the model test, with SSC's rules written down naively.

use proptest::prelude::*;

use super::harness::*;
use super::tape::{Answer, GOOD, Model, Object, refused, told};

#[derive(Clone, Debug)]
pub(super) enum Motion {
    ReadBack {
        long: bool,
        length: u16,
        as_written: bool,
    },
    ReadBlocksBack {
        count: u8,
        as_written: bool,
    },
    VerifyBytes {
        length: u16,
        compare: Option<u8>,
    },
    VerifyBlocks {
        count: u8,
    },
    /// Compares with what is there.
    CompareEqual,
    VerifyMarks {
        count: u8,
        fixed: bool,
    },
    VerifyAll {
        fixed: bool,
    },
    ReadAt {
        object: u8,
        length: u16,
    },
    WriteAt {
        first: bool,
        object: u8,
        seed: u8,
    },
    MarksAt {
        first: bool,
        object: u8,
    },
    EraseAt {
        first: bool,
        object: u8,
    },
    MarksInARow {
        count: i8,
    },
}

pub(super) fn motion() -> impl Strategy<Value = Motion> {
    let length = || prop_oneof![Just(0), Just(100), Just(512), 1..6000_u16];
    let object = || 0..40_u8;
    let compare = prop::option::of(any::<u8>());
    prop_oneof![
        4 => (any::<bool>(), length(), any::<bool>()).prop_map(|(long, length, as_written)| {
            Motion::ReadBack { long, length, as_written }
        }),
        3 => (0..6_u8, any::<bool>())
            .prop_map(|(count, as_written)| Motion::ReadBlocksBack { count, as_written }),
        2 => (length(), compare)
            .prop_map(|(length, compare)| Motion::VerifyBytes { length, compare }),
        2 => (0..6_u8).prop_map(|count| Motion::VerifyBlocks { count }),
        2 => Just(Motion::CompareEqual),
        2 => (0..4_u8, any::<bool>())
            .prop_map(|(count, fixed)| Motion::VerifyMarks { count, fixed }),
        1 => any::<bool>().prop_map(|fixed| Motion::VerifyAll { fixed }),
        2 => (object(), length()).prop_map(|(object, length)| Motion::ReadAt { object, length }),
        2 => (any::<bool>(), object(), any::<u8>())
            .prop_map(|(first, object, seed)| Motion::WriteAt { first, object, seed }),
        1 => (any::<bool>(), object()).prop_map(|(first, object)| Motion::MarksAt { first, object }),
        1 => (any::<bool>(), object()).prop_map(|(first, object)| Motion::EraseAt { first, object }),
        3 => (-4..5_i8).prop_map(|count| Motion::MarksInARow { count }),
    ]
}

/// A 16-byte command with a place.
fn at(code: u8, byte_1: u8, object: u8, length: u16) -> [u8; 16] {
    let [high, low] = length.to_be_bytes();
    [
        code, byte_1, 0, 0, 0, 0, 0, 0, 0, 0, 0, object, 0, high, low, 0,
    ]
}

impl Motion {
    /// Returns what the drive, by way of `run`, and what the model answer.
    pub(super) fn take(
        &self,
        model: &mut Model,
        run: impl Fn(&[u8], Vec<u8>) -> Answer,
    ) -> (Answer, Answer) {
        let plain = |cdb: &[u8]| run(cdb, Vec::new());
        match *self {
            Self::ReadBack {
                long,
                length,
                as_written,
            } => {
                let bits = u8::from(as_written) << 2;
                let [high, low] = length.to_be_bytes();
                let here = u8::try_from(model.at).unwrap_or(0);
                let answer = if long && usize::from(here) == model.at {
                    plain(&at(0x81, bits, here, length))
                } else {
                    plain(&[0x0f, bits, 0, high, low, 0])
                };
                (answer, model.read_back(length.into(), as_written))
            }
            Self::ReadBlocksBack { count, as_written } => {
                let bits = u8::from(as_written) << 2 | 1;
                let answer = plain(&[0x0f, bits, 0, 0, count, 0]);
                (answer, model.read_blocks_back(count, as_written))
            }
            Self::VerifyBytes { length, compare } => {
                let data = compare.map(|seed| noise(length.into(), seed.into()));
                let [high, low] = length.to_be_bytes();
                let bits = u8::from(data.is_some()) << 1;
                let answer = run(
                    &[0x13, bits, 0, high, low, 0],
                    data.clone().unwrap_or_default(),
                );
                (answer, model.verify_bytes(length.into(), data.as_deref()))
            }
            Self::VerifyBlocks { count } => (
                plain(&[0x13, 1, 0, 0, count, 0]),
                model.verify_blocks(count),
            ),
            Self::CompareEqual => {
                let Some(Object::Block(block)) = model.objects.get(model.at).cloned() else {
                    return (GOOD, GOOD);
                };
                model.at += 1;
                let [.., high, middle, low] = block.len().to_be_bytes();
                (run(&[0x13, 2, high, middle, low, 0], block), GOOD)
            }
            Self::VerifyMarks { count, fixed } => {
                let answer = plain(&[0x13, 8 | u8::from(fixed), 0, 0, count, 0]);
                (answer, model.verify_marks(count, fixed))
            }
            Self::VerifyAll { fixed } => {
                let answer = plain(&[0x13, 0x20 | u8::from(fixed), 0, 0, 0, 0]);
                (answer, model.verify_all(fixed))
            }
            Self::ReadAt { object, length } => {
                let answer = plain(&at(0x88, 0, object, length));
                if length == 0 {
                    return (answer, GOOD); // goes nowhere
                }
                let gone = model.go_to(object);
                let expected = gone.unwrap_or_else(|| model.read_bytes(length.into(), false));
                (answer, expected)
            }
            Self::WriteAt {
                first,
                object,
                seed,
            } => {
                let block = noise(100, seed.into());
                let answer = run(&at(0x8a, u8::from(first) << 3, object, 100), block.clone());
                let begun = model.begin(first, object);
                (answer, begun.unwrap_or_else(|| model.write(vec![block])))
            }
            Self::MarksAt { first, object } => {
                let answer = plain(&at(0x80, u8::from(first) << 3, object, 2));
                let begun = model.begin(first, object);
                (answer, begun.unwrap_or_else(|| model.filemarks(2)))
            }
            Self::EraseAt { first, object } => {
                let answer = plain(&at(0x93, u8::from(first) << 3 | 1, object, 0));
                let begun = model.begin(first, object);
                let expected = begun.unwrap_or_else(|| {
                    model.objects.truncate(model.at);
                    GOOD
                });
                (answer, expected)
            }
            Self::MarksInARow { count } => {
                let [_, high, middle, low] = i32::from(count).to_be_bytes();
                let answer = plain(&[0x11, 2, high, middle, low, 0]);
                (answer, model.marks_in_a_row(count.into()))
            }
        }
    }
}

fn miscompare(information: usize) -> Answer {
    told(0x0e, i64::try_from(information).unwrap(), [0x1d, 0])
}

impl Model {
    fn go_to(&mut self, object: u8) -> Option<Answer> {
        let object = usize::from(object);
        self.at = object.min(self.objects.len());
        let missed = (Some(sense(BLANK_CHECK, None, [0x14, 7])), Vec::new());
        (object > self.objects.len()).then_some(missed)
    }

    fn begin(&mut self, first: bool, object: u8) -> Option<Answer> {
        if first {
            return self.go_to(object);
        }
        let refused = (Some(sense(ILLEGAL_REQUEST, None, [0x2c, 0])), Vec::new());
        (usize::from(object) != self.at).then_some(refused)
    }

    fn read_back(&mut self, length: usize, as_written: bool) -> Answer {
        let asked = i64::try_from(length).unwrap();
        if length == 0 {
            return GOOD;
        }
        if self.at == 0 {
            return told(EOM, asked, [0, 4]);
        }
        self.at -= 1;
        let Object::Block(mut block) = self.objects[self.at].clone() else {
            return told(FILEMARK, asked, [0, 1]);
        };
        let actual = i64::try_from(block.len()).unwrap();
        if !as_written {
            block.reverse();
        }
        block.truncate(length);
        if actual == asked {
            return (None, block);
        }
        (told(ILI, asked - actual, [0, 0]).0, block)
    }

    fn read_blocks_back(&mut self, count: u8, as_written: bool) -> Answer {
        if self.block_length == 0 {
            return refused(1, 0);
        }
        let mut data = Vec::new();
        for read in 0..count {
            let left = i64::from(count - read);
            if self.at == 0 {
                return (told(EOM, left, [0, 4]).0, data);
            }
            self.at -= 1;
            let Object::Block(mut block) = self.objects[self.at].clone() else {
                return (told(FILEMARK, left, [0, 1]).0, data);
            };
            if block.len() != self.block_length {
                return (told(ILI, left, [0, 0]).0, data);
            }
            if !as_written {
                block.reverse();
            }
            data.extend(block);
        }
        (None, data)
    }

    fn verify_bytes(&mut self, length: usize, data: Option<&[u8]>) -> Answer {
        let before = self.at;
        let (told, _) = self.read_bytes(length, false);
        let (None, Some(data), Some(Object::Block(block))) = (told, data, self.objects.get(before))
        else {
            return (told, Vec::new());
        };
        let equal = data.iter().zip(block).take_while(|(a, b)| a == b).count();
        if equal < data.len() {
            return miscompare(data.len() - equal);
        }
        GOOD
    }

    fn verify_blocks(&mut self, count: u8) -> Answer {
        if self.block_length == 0 {
            return refused(1, 0);
        }
        (self.read_blocks(count).0, Vec::new())
    }

    fn verify_marks(&mut self, count: u8, fixed: bool) -> Answer {
        if fixed && self.block_length == 0 {
            return refused(1, 0);
        }
        let mut left = count;
        while left > 0 {
            match self.objects.get(self.at) {
                None => return told(BLANK_CHECK, left.into(), [0, 5]),
                Some(Object::Mark) => left -= 1,
                Some(Object::Block(block)) if fixed && block.len() != self.block_length => {
                    self.at += 1;
                    return told(ILI, left.into(), [0, 0]);
                }
                Some(Object::Block(_)) => {}
            }
            self.at += 1;
        }
        GOOD
    }

    fn verify_all(&mut self, fixed: bool) -> Answer {
        if fixed && self.block_length == 0 {
            return refused(1, 0);
        }
        while let Some(object) = self.objects.get(self.at) {
            self.at += 1;
            if matches!(object, Object::Block(block) if fixed && block.len() != self.block_length) {
                return (Some(sense(ILI, None, [0, 0])), Vec::new());
            }
        }
        GOOD
    }

    fn marks_in_a_row(&mut self, count: i64) -> Answer {
        let mut run = 0;
        while run < count.abs() {
            let next = if count > 0 {
                self.objects.get(self.at)
            } else {
                self.at.checked_sub(1).map(|before| &self.objects[before])
            };
            let Some(object) = next else {
                let left = count.abs() - run;
                return if count > 0 {
                    told(BLANK_CHECK, left, [0, 5])
                } else {
                    told(EOM, left, [0, 4])
                };
            };
            run = if *object == Object::Mark { run + 1 } else { 0 };
            self.at = if count > 0 { self.at + 1 } else { self.at - 1 };
        }
        GOOD
    }
}
