//! A dumb model of a tape: a vector of blocks and marks, with SSC's rules written down naively.

use super::harness::*;

/// What a command answers: sense data and data.
pub(super) type Answer = (Option<[u8; 18]>, Vec<u8>);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    Block(Vec<u8>),
    Mark,
}

/// A tape.
#[derive(Default)]
pub(super) struct Model {
    pub(super) objects: Vec<Object>,
    pub(super) at: usize,
    pub(super) block_length: usize,
    pub(super) unloaded: bool,
}

pub(super) const GOOD: Answer = (None, Vec::new());

pub(super) fn told(flags_and_key: u8, information: i64, code: [u8; 2]) -> Answer {
    let information = i32::try_from(information).unwrap();
    (
        Some(sense(flags_and_key, Some(information), code)),
        Vec::new(),
    )
}

pub(super) fn refused(byte: u16, bit: u8) -> Answer {
    (Some(invalid_field(true, byte, Some(bit))), Vec::new())
}

impl Model {
    pub(super) fn write(&mut self, blocks: Vec<Vec<u8>>) -> Answer {
        for block in blocks {
            self.objects.truncate(self.at);
            self.objects.push(Object::Block(block));
            self.at += 1;
        }
        GOOD
    }

    pub(super) fn filemarks(&mut self, count: u8) -> Answer {
        for _ in 0..count {
            self.objects.truncate(self.at);
            self.objects.push(Object::Mark);
            self.at += 1;
        }
        GOOD
    }

    pub(super) fn read_bytes(&mut self, length: usize, sili: bool) -> Answer {
        if length == 0 {
            return GOOD;
        }
        let asked = i64::try_from(length).unwrap();
        match self.objects.get(self.at).cloned() {
            None => told(BLANK_CHECK, asked, [0, 5]),
            Some(Object::Mark) => {
                self.at += 1;
                told(FILEMARK, asked, [0, 1])
            }
            Some(Object::Block(block)) => {
                self.at += 1;
                let actual = i64::try_from(block.len()).unwrap();
                let data = block[..block.len().min(length)].to_vec();
                let silent = actual == asked
                    || (sili && actual < asked)
                    || (sili && actual > asked && self.block_length == 0);
                if silent {
                    return (None, data);
                }
                (told(ILI, asked - actual, [0, 0]).0, data)
            }
        }
    }

    pub(super) fn read_blocks(&mut self, count: u8) -> Answer {
        let mut data = Vec::new();
        for read in 0..count {
            let left = i64::from(count - read);
            match self.objects.get(self.at).cloned() {
                None => return (told(BLANK_CHECK, left, [0, 5]).0, data),
                Some(Object::Mark) => {
                    self.at += 1;
                    return (told(FILEMARK, left, [0, 1]).0, data);
                }
                Some(Object::Block(block)) => {
                    self.at += 1;
                    if block.len() != self.block_length {
                        return (told(ILI, left, [0, 0]).0, data);
                    }
                    data.extend_from_slice(&block);
                }
            }
        }
        (None, data)
    }

    pub(super) fn space_forward(&mut self, marks: bool, count: i64) -> Answer {
        let mut left = count;
        while left > 0 {
            match self.objects.get(self.at) {
                None => return told(BLANK_CHECK, left, [0, 5]),
                Some(Object::Mark) if !marks => {
                    self.at += 1;
                    return told(FILEMARK, left, [0, 1]);
                }
                Some(object) => {
                    left -= i64::from(!marks || *object == Object::Mark);
                    self.at += 1;
                }
            }
        }
        GOOD
    }

    pub(super) fn space_back(&mut self, marks: bool, count: i64) -> Answer {
        let mut left = count;
        while left > 0 {
            if self.at == 0 {
                return told(EOM, left, [0, 4]);
            }
            self.at -= 1;
            let is_mark = self.objects[self.at] == Object::Mark;
            if is_mark && !marks {
                return told(FILEMARK, left, [0, 1]);
            }
            left -= i64::from(is_mark == marks);
        }
        GOOD
    }

    pub(super) fn locate(&mut self, object: Option<usize>) -> Answer {
        match object {
            Some(object) if object <= self.objects.len() => {
                self.at = object;
                GOOD
            }
            _ => {
                self.at = self.objects.len();
                (Some(sense(BLANK_CHECK, None, [0, 5])), Vec::new())
            }
        }
    }

    /// The place behind the `file`-th mark.
    pub(super) fn file(&self, file: u8) -> Option<usize> {
        let marks = (0..self.objects.len()).filter(|n| self.objects[*n] == Object::Mark);
        std::iter::once(0)
            .chain(marks.map(|mark| mark + 1))
            .nth(file.into())
    }

    pub(super) fn marks_before(&self) -> usize {
        let before = self.objects[..self.at].iter();
        before.filter(|object| **object == Object::Mark).count()
    }
}
