//! What a host, an operator and the weather can do to a cartridge, and scripts of it that follow from a
//! seed.

use cartridge::{Codec, Environment as _, Fault, SeededEnvironment};

/// Everything that can be done to a cartridge. The lists in [`Operation::of_every_kind`] and
/// [`Operation::kind`] do not compile when one is forgotten.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Append {
        length: usize,
        seed: u64,
    },
    Filemarks(u32),
    Synchronize,
    /// Goes to a place, in 256ths of the tape, and appends there.
    Overwrite {
        at: u16,
        length: usize,
        seed: u64,
    },
    Erase,
    /// So many partitions.
    Format(u8),
    SetCapacity,
    ChangePartition(u8),
    Rewind,
    LocateBlock(u16),
    LocateFilemark(u16),
    SpaceBlocks(i64),
    SpaceFilemarks(i64),
    SpaceEndOfData,
    Read(u8),
    ReadReverse(u8),
    SetCodec(Codec),
    /// 0 is in clear; the others are keys.
    SetKey(u8),
    WriteProtect(bool),
    SetMemory(u32),
    UndoDoubtful,
    /// Unload and load.
    Reload,
    /// The process ends; the kernel keeps what it was given.
    Kill,
    /// The machine stops; what is left follows from the seed.
    LosePower(u64),
    /// The process ends, and something happens to the chain file, where the seed says.
    SpoilChain(Spoiling, u64),
}

/// What happens to a chain file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spoiling {
    Lost,
    /// One that was there before takes its place.
    Older,
    /// A bit of it flips.
    Flipped,
    /// Only its beginning is left.
    Cut,
    /// Its head is its own, and the rest that of one before.
    Spliced,
}

impl Spoiling {
    pub(crate) const ALL: [Self; 5] = [
        Self::Lost,
        Self::Older,
        Self::Flipped,
        Self::Cut,
        Self::Spliced,
    ];
}

impl Operation {
    /// Returns one of each kind, for whoever has to try them all.
    pub(crate) fn of_every_kind() -> Vec<Self> {
        let mut all = vec![
            Self::Append {
                length: 700,
                seed: 1,
            },
            Self::Filemarks(2),
            Self::Synchronize,
            Self::Overwrite {
                at: 100,
                length: 700,
                seed: 2,
            },
            Self::Erase,
            Self::Format(2),
            Self::SetCapacity,
            Self::ChangePartition(1),
            Self::Rewind,
            Self::LocateBlock(50),
            Self::LocateFilemark(120),
            Self::SpaceBlocks(-3),
            Self::SpaceFilemarks(-1),
            Self::SpaceEndOfData,
            Self::Read(3),
            Self::ReadReverse(3),
            Self::SetCodec(Codec::Zstd),
            Self::SetKey(1),
            Self::WriteProtect(true),
            Self::SetMemory(7),
            Self::UndoDoubtful,
            Self::Reload,
            Self::Kill,
            Self::LosePower(1),
            Self::SpoilChain(Spoiling::Older, 1),
        ];
        let kinds: Vec<usize> = all.iter().map(Self::kind).collect();
        assert_eq!(kinds, (0..Self::KINDS.len()).collect::<Vec<_>>());
        all.extend(Spoiling::ALL.map(|spoiling| Self::SpoilChain(spoiling, 0)));
        // The long one of a kind: a block that fills its frame and is written at once.
        all.push(Self::Append {
            length: 9000,
            seed: 4,
        });
        all
    }

    /// The names of the kinds, in the order of [`Operation::kind`].
    pub(crate) const KINDS: [&str; 25] = [
        "append",
        "filemarks",
        "synchronize",
        "overwrite",
        "erase",
        "format",
        "set capacity",
        "change partition",
        "rewind",
        "locate block",
        "locate filemark",
        "space blocks",
        "space filemarks",
        "space to end of data",
        "read",
        "read reverse",
        "set codec",
        "set key",
        "write protect",
        "set memory",
        "undo doubtful",
        "unload and load",
        "kill",
        "lose power",
        "spoil the chain file",
    ];

    pub(crate) fn appends(&self) -> bool {
        matches!(
            self,
            Self::Append { .. } | Self::Filemarks(_) | Self::Overwrite { .. }
        )
    }

    pub(crate) fn changes_label(&self) -> bool {
        matches!(
            self,
            Self::Format(_) | Self::SetCapacity | Self::WriteProtect(_)
        )
    }

    /// Returns its place in [`Operation::KINDS`].
    pub(crate) fn kind(&self) -> usize {
        match self {
            Self::Append { .. } => 0,
            Self::Filemarks(_) => 1,
            Self::Synchronize => 2,
            Self::Overwrite { .. } => 3,
            Self::Erase => 4,
            Self::Format(_) => 5,
            Self::SetCapacity => 6,
            Self::ChangePartition(_) => 7,
            Self::Rewind => 8,
            Self::LocateBlock(_) => 9,
            Self::LocateFilemark(_) => 10,
            Self::SpaceBlocks(_) => 11,
            Self::SpaceFilemarks(_) => 12,
            Self::SpaceEndOfData => 13,
            Self::Read(_) => 14,
            Self::ReadReverse(_) => 15,
            Self::SetCodec(_) => 16,
            Self::SetKey(_) => 17,
            Self::WriteProtect(_) => 18,
            Self::SetMemory(_) => 19,
            Self::UndoDoubtful => 20,
            Self::Reload => 21,
            Self::Kill => 22,
            Self::LosePower(_) => 23,
            Self::SpoilChain(..) => 24,
        }
    }
}

/// What the disk does during an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Weather {
    Calm,
    /// At the operation on the disk that comes so many after the next one.
    Fault(u64, Fault),
    /// The same for reads.
    ReadFault(u64, Fault),
    /// So much room is left.
    Room(u64),
}

/// Whether what fails goes on to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// The disk works again.
    Heals,
    Stays,
}

/// One step of a script: an operation and its weather.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) operation: Operation,
    pub(crate) weather: Weather,
    pub(crate) afterwards: Afterwards,
}

impl Step {
    pub(crate) fn calm(operation: Operation) -> Self {
        Self {
            operation,
            weather: Weather::Calm,
            afterwards: Afterwards::Stays,
        }
    }
}

/// What a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Climate {
    /// Nothing fails, and power is lost only between two operations.
    Calm,
    /// Nothing fails but power.
    Fair,
    /// Everything fails now and then.
    Rough,
}

/// Chance that follows from a seed.
pub(crate) struct Random(SeededEnvironment);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SeededEnvironment::new(seed ^ 0x5bd1_e995))
    }

    pub(crate) fn below(&self, limit: u64) -> u64 {
        let number = self.0.new_uuid().as_u128() >> 8;
        u64::try_from(number % u128::from(limit)).expect("below a u64")
    }

    fn small<T: TryFrom<u64, Error: std::fmt::Debug>>(&self, limit: u64) -> T {
        self.below(limit).try_into().expect("small")
    }

    fn signed(&self, limit: i64) -> i64 {
        self.small::<i64>(2 * limit.unsigned_abs() + 1) - limit
    }

    fn one_of<T: Copy>(&self, values: &[T]) -> T {
        values[self.small::<usize>(values.len() as u64)]
    }

    /// A block: tiny, small, such as fill a frame, or longer than that.
    fn block(&self) -> (usize, u64) {
        let length =
            self.one_of(&[1, 10, 700, 700, 1999, 2000, 9000, 24_000]) + self.small::<usize>(90);
        (length, self.below(1000))
    }

    fn operation(&self, keys: bool) -> Operation {
        let (length, seed) = self.block();
        match self.below(66) {
            0..=19 => Operation::Append { length, seed },
            20..=23 => Operation::Filemarks(self.small(4)),
            24..=28 => Operation::Synchronize,
            29..=30 => {
                let at = self.small(280);
                Operation::Overwrite { at, length, seed }
            }
            31 => Operation::Erase,
            32 if self.below(3) == 0 => Operation::Format(1 + self.small::<u8>(4)),
            32 => Operation::SetCapacity,
            33..=35 => Operation::ChangePartition(self.small(4)),
            36 => Operation::Rewind,
            37..=38 => Operation::LocateBlock(self.small(300)),
            39 => Operation::LocateFilemark(self.small(300)),
            40 => Operation::SpaceBlocks(self.signed(20)),
            41 => Operation::SpaceFilemarks(self.signed(5)),
            42..=46 => Operation::SpaceEndOfData,
            47..=48 => Operation::Read(1 + self.small::<u8>(6)),
            49 => Operation::ReadReverse(1 + self.small::<u8>(6)),
            50 => Operation::SetCodec(self.one_of(&Codec::ALL)),
            51..=52 if keys => Operation::SetKey(self.small(3)),
            51..=53 => Operation::WriteProtect(self.below(16) == 0),
            54 => Operation::SetMemory(1 + self.small::<u32>(9)),
            55 => Operation::UndoDoubtful,
            56..=58 => Operation::Reload,
            59..=60 => Operation::Kill,
            61..=63 => Operation::LosePower(self.below(1 << 32)),
            _ => Operation::SpoilChain(self.one_of(&Spoiling::ALL), self.below(1 << 32)),
        }
    }

    fn weather(&self, climate: Climate) -> Weather {
        let stops = [Fault::Stop, Fault::StopBefore];
        let fails = [Fault::FailOnce, Fault::FailOnce, Fault::Fail];
        match (self.below(24), climate) {
            (_, Climate::Calm) => Weather::Calm,
            (0, _) => Weather::Fault(self.below(12), self.one_of(&stops)),
            (1..=2, Climate::Rough) => Weather::Fault(self.below(10), self.one_of(&fails)),
            (3, Climate::Rough) => Weather::Fault(self.below(10), Fault::FullOnce),
            (4, Climate::Rough) => {
                let fault = self.one_of(&[Fault::FailOnce, Fault::Fail]);
                Weather::ReadFault(self.below(6), fault)
            }
            (5, Climate::Rough) => Weather::Room(self.below(40_000)),
            _ => Weather::Calm,
        }
    }
}

impl Random {
    /// Returns steps without end.
    pub(crate) fn steps(&self, climate: Climate) -> impl Iterator<Item = Step> {
        let keys = self.below(2) == 0;
        std::iter::repeat_with(move || Step {
            operation: self.operation(keys),
            weather: self.weather(climate),
            afterwards: self.one_of(&[Afterwards::Heals, Afterwards::Stays, Afterwards::Stays]),
        })
    }
}

/// Returns the script of `length` steps that follows from `seed`.
pub(crate) fn script(seed: u64, length: usize) -> Vec<Step> {
    let random = Random::new(seed);
    let climate = random.one_of(&[Climate::Fair, Climate::Rough, Climate::Rough]);
    random.steps(climate).take(length).collect()
}
