//! The dumb model: a vector of blocks and filemarks for each partition, and a host that compares it
//! with the engine.

use bytes::Bytes;
use cartridge::{
    Cartridge, Codec, Decryption, Encryption, EncryptionKey, Environment as _, Error,
    KeyAssociatedData, KeyEncryptionKey, KeyRing, Label, Located, Read, ReadAhead, RecoveryReport,
    SeededEnvironment, SegmentStore, Settings, Spaced, Stop,
};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// What lies on a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Block(Bytes),
    Filemark,
}

/// What a host does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Append {
        length: usize,
        seed: u64,
    },
    Filemarks(u32),
    Synchronize,
    Rewind,
    /// In 256ths of the tape and a bit beyond, as the others below.
    LocateBlock(u16),
    LocateFilemark(u16),
    SpaceBlocks(i64),
    SpaceFilemarks(i64),
    SpaceEndOfData,
    Read(u8),
    Erase,
    SetCodec(Codec),
    /// To that partition, counted around.
    ChangePartition(u8),
    /// So many partitions.
    Format(u8),
    /// 0 turns encryption off, other numbers are what the host tells with the key.
    Encrypt(u8),
    /// Unload and load.
    Reload,
}

/// Small limits, so that frames fill and segments roll all the time.
pub(crate) fn small_settings(seed: u64) -> Settings {
    Settings {
        segment_size_bytes: 20 << 10,
        frame_size_bytes: 2000,
        reserve_step_bytes: 8 << 10,
        // Often, so that whatever stops or fails does so while it is written too.
        chain_interval_segments: 2,
        codec: Codec::Lz4,
        keys: KeyRing::default(),
        read_ahead: [ReadAhead::Off, ReadAhead::Inline][usize::from(seed % 2 == 1)],
        writing: cartridge::Writing::AtOnce,
        environment: Arc::new(SeededEnvironment::new(seed)),
    }
}

/// The same with a key-encryption key: new cartridges are encrypted at rest.
pub(crate) fn at_rest_settings(seed: u64) -> Settings {
    Settings {
        keys: KeyRing::new([KeyEncryptionKey::new(&[0x7e; 32])]),
        ..small_settings(seed)
    }
}

/// The key of every test that needs only one.
pub(crate) fn key() -> EncryptionKey {
    EncryptionKey::new(&[0x6b; 32])
}

/// Encryption with [`key`]; `told` is what lies beside it.
pub(crate) fn encryption(told: u8) -> Encryption {
    Encryption {
        key: key(),
        data: KeyAssociatedData {
            unauthenticated: vec![told; usize::from(told)],
            ..KeyAssociatedData::default()
        },
        forbid_raw_reading: false,
    }
}

/// A label for a cartridge that is never full.
pub(crate) fn label(seed: u64) -> Label {
    Label {
        uuid: SeededEnvironment::new(seed ^ 0xabcd).new_uuid(),
        barcode: "CAP001L5".to_owned(),
        media: "LTO-5".to_owned(),
        density: 0x58,
        capacity_bytes: 1 << 40,
        created_unix_ms: 1_800_000_000_000,
        write_protected: false,
        form: cartridge::Form::Data,
        layout: None,
    }
}

/// A block that follows from its seed: of four, one is noise and three are text.
pub(crate) fn block(length: usize, seed: u64) -> Bytes {
    let mut bytes = if seed.is_multiple_of(4) {
        noise(length, seed)
    } else {
        let text = format!("{seed} bottles of beer on the wall, ");
        text.repeat(length / text.len() + 1).into_bytes()
    };
    bytes.truncate(length);
    bytes.into()
}

/// At least `length` bytes that do not shrink. Tests make millions of them: `SplitMix64`, a word at a time.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + size_of::<u64>());
    let mut state = seed;
    while bytes.len() < length {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(z ^ (z >> 31)).to_le_bytes());
    }
    bytes
}

/// Steps that follow from a seed, with a bias to writing.
pub(crate) fn script(seed: u64, length: usize) -> Vec<Step> {
    let random = SeededEnvironment::new(seed);
    let below = |limit: u128| (random.new_uuid().as_u128() >> 8) % limit;
    let small = |limit: u128| u16::try_from(below(limit)).unwrap();
    let signed = |limit: u128| i64::try_from(below(2 * limit)).unwrap() - i64::from(small(limit));
    let byte = |limit: u128| u8::try_from(below(limit)).unwrap();
    // Every second script begins with several partitions.
    let first = (seed % 2 == 1).then(|| Step::Format(2 + byte(3)));
    let steps = (0..length).map(|_| match below(46) {
        0..=15 => Step::Append {
            length: [1, 10, 700, 2000, 9000][usize::from(small(5))] + usize::from(small(90)),
            seed: u64::from(small(1000)),
        },
        16..=19 => Step::Filemarks(u32::from(small(4))),
        20..=23 => Step::Synchronize,
        24 => Step::Rewind,
        25..=27 => Step::LocateBlock(small(300)),
        28 => Step::LocateFilemark(small(300)),
        29 => Step::SpaceBlocks(signed(20)),
        30 => Step::SpaceFilemarks(signed(5)),
        31..=33 => Step::SpaceEndOfData,
        34 => Step::Read(3),
        35 => Step::Erase,
        36 => Step::SetCodec(Codec::ALL[usize::from(small(4))]),
        37..=39 => Step::ChangePartition(byte(4)),
        40 => Step::Format(1 + byte(4)),
        41..=42 => Step::Encrypt(byte(3)),
        _ => Step::Reload,
    });
    first.into_iter().chain(steps).collect()
}

/// The cartridge as it should be. Its partition is what a host sees of it.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) tapes: Vec<Tape>,
    pub(crate) current: usize,
}

impl Default for Model {
    fn default() -> Self {
        Self::with_partitions(1)
    }
}

impl Deref for Model {
    type Target = Tape;
    fn deref(&self) -> &Tape {
        &self.tapes[self.current]
    }
}

impl DerefMut for Model {
    fn deref_mut(&mut self) -> &mut Tape {
        &mut self.tapes[self.current]
    }
}

impl Model {
    pub(crate) fn with_partitions(count: usize) -> Self {
        Self {
            tapes: vec![Tape::default(); count],
            current: 0,
        }
    }

    /// Returns everything, partition by partition.
    pub(crate) fn contents(&self) -> Vec<Vec<Object>> {
        self.tapes.iter().map(|tape| tape.objects.clone()).collect()
    }

    pub(crate) fn change_partition(&mut self, partition: usize) {
        self.current = partition;
        self.position = 0;
    }
}

/// A partition as it should be, and where the host is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    pub(crate) objects: Vec<Object>,
    pub(crate) position: usize,
    /// So many objects were acknowledged as synchronized.
    pub(crate) synchronized: usize,
}

impl Tape {
    pub(crate) fn marks(&self, to: usize) -> u64 {
        let marks = self.objects[..to]
            .iter()
            .filter(|object| **object == Object::Filemark);
        marks.count() as u64
    }

    pub(crate) fn append(&mut self, object: Object) {
        self.cut();
        self.objects.push(object);
        self.position += 1;
    }

    pub(crate) fn cut(&mut self) {
        self.objects.truncate(self.position);
        self.synchronized = self.synchronized.min(self.position);
    }

    pub(crate) fn space(&mut self, count: i64, over_filemarks: bool) -> Spaced {
        let mut moved = 0;
        while moved < count.unsigned_abs() {
            let next = if count > 0 {
                self.objects.get(self.position)
            } else {
                self.position
                    .checked_sub(1)
                    .map(|before| &self.objects[before])
            };
            let stop = match next {
                None if count > 0 => Some(Stop::EndOfData),
                None => Some(Stop::BeginningOfPartition),
                Some(object) => {
                    let mark = *object == Object::Filemark;
                    self.position = if count > 0 {
                        self.position + 1
                    } else {
                        self.position - 1
                    };
                    moved += u64::from(mark == over_filemarks);
                    (mark && !over_filemarks).then_some(Stop::Filemark)
                }
            };
            if stop.is_some() {
                return Spaced {
                    moved,
                    stopped_by: stop,
                };
            }
        }
        Spaced {
            moved,
            stopped_by: None,
        }
    }
}

/// A cartridge and its model, moved together.
pub(crate) struct Host {
    pub(crate) cartridge: Option<Cartridge>,
    pub(crate) model: Model,
    settings: Settings,
}

/// Creates and loads a cartridge in `store`.
pub(crate) fn new_cartridge(store: Box<dyn SegmentStore>, settings: Settings) -> Cartridge {
    let (cartridge, report) = Cartridge::open(store, settings).unwrap();
    assert_eq!(report, RecoveryReport::default());
    cartridge
}

impl Host {
    pub(crate) fn new(mut cartridge: Cartridge, settings: Settings) -> Self {
        cartridge.set_decryption(Decryption::Mixed(key()));
        Self {
            cartridge: Some(cartridge),
            model: Model::default(),
            settings,
        }
    }

    /// Does `step` on both and compares. `reopen` gives the store for loading again. On an error
    /// the model is as after the last object that was accepted.
    pub(crate) fn step(
        &mut self,
        step: &Step,
        reopen: impl Fn() -> Box<dyn SegmentStore>,
    ) -> Result<(), Error> {
        let moves = !matches!(
            step,
            Step::Append { .. }
                | Step::Filemarks(_)
                | Step::SetCodec(_)
                | Step::ChangePartition(_)
                | Step::Format(_)
                | Step::Encrypt(_)
                | Step::Reload
        );
        let model = &mut self.model;
        let length = model.objects.len() as u64;
        let Some(cartridge) = &mut self.cartridge else {
            return Ok(());
        };
        match *step {
            Step::Append { length, seed } => {
                let block = block(length, seed);
                cartridge.append_block(block.clone())?;
                model.append(Object::Block(block));
            }
            Step::Filemarks(count) => {
                cartridge.append_filemarks(count)?;
                for _ in 0..count {
                    model.append(Object::Filemark);
                }
            }
            Step::Synchronize => cartridge.synchronize()?,
            Step::Rewind => {
                cartridge.rewind()?;
                model.position = 0;
            }
            Step::LocateBlock(at) => {
                let object = u64::from(at) * (length + 1) / 256;
                let located = cartridge.locate_block(object)?;
                let reached = object <= length;
                assert_eq!(located == Located::Reached, reached);
                model.position = usize::try_from(object.min(length)).unwrap();
            }
            Step::LocateFilemark(at) => {
                let marks = model.marks(model.objects.len());
                let file = u64::from(at) * (marks + 1) / 256;
                let located = cartridge.locate_filemark(file)?;
                model.position = 0;
                let spaced = model.space(file.try_into().unwrap(), true);
                assert_eq!(located == Located::Reached, spaced.stopped_by.is_none());
            }
            Step::SpaceBlocks(count) => {
                let spaced = cartridge.space_blocks(count)?;
                assert_eq!(spaced, model.space(count, false));
            }
            Step::SpaceFilemarks(count) => {
                let spaced = cartridge.space_filemarks(count)?;
                assert_eq!(spaced, model.space(count, true));
            }
            Step::SpaceEndOfData => {
                cartridge.space_end_of_data()?;
                model.position = model.objects.len();
            }
            Step::Read(count) => {
                for _ in 0..count {
                    if count % 2 == 0 {
                        cartridge.is_ready_to_read(); // as a drive asks before and prepares after
                        cartridge.use_idle_time();
                    }
                    let read = cartridge.read_block()?;
                    let object = model.objects.get(model.position);
                    assert_eq!(to_object(read).as_ref(), object);
                    model.position += usize::from(object.is_some());
                }
            }
            Step::Erase => {
                cartridge.erase()?;
                model.cut();
            }
            Step::SetCodec(codec) => {
                cartridge.set_codec(codec);
                self.settings.codec = codec;
            }
            Step::ChangePartition(partition) => {
                let partition = partition % u8::try_from(model.tapes.len()).unwrap();
                cartridge.change_partition(partition)?;
                model.synchronized = model.objects.len();
                model.change_partition(partition.into());
            }
            Step::Format(count) => {
                let sizes = vec![(1 << 40) / u64::from(count); count.into()];
                cartridge.format(&sizes)?;
                *model = Model::with_partitions(count.into());
            }
            Step::Encrypt(told) => {
                cartridge.set_encryption((told > 0).then(|| encryption(told)))?;
            }
            Step::Reload => {
                if let Some(cartridge) = self.cartridge.take() {
                    cartridge.unload()?;
                }
                model.synchronized = model.objects.len();
                model.change_partition(0);
                let (mut cartridge, report) = Cartridge::open(reopen(), self.settings.clone())?;
                assert_eq!(report, RecoveryReport::default());
                cartridge.set_decryption(Decryption::Mixed(key()));
                self.cartridge = Some(cartridge);
            }
        }
        if moves {
            self.model.synchronized = self.model.objects.len();
        }
        if let Some(cartridge) = &self.cartridge {
            compare_counters(cartridge, &self.model);
            compare_host_bytes(cartridge, &self.model);
        }
        Ok(())
    }
}

/// Fails when the cartridge says anything else about where it is and what it holds than the model.
pub(crate) fn compare_counters(cartridge: &Cartridge, model: &Model) {
    let length = model.objects.len();
    let position = cartridge.position();
    assert_eq!(usize::from(position.partition), model.current);
    assert_eq!(usize::from(cartridge.partitions()), model.tapes.len());
    assert_eq!(position.object, model.position as u64);
    assert_eq!(position.filemarks, model.marks(model.position));
    assert_eq!(cartridge.end_of_data().object, length as u64);
    let usage = cartridge.usage();
    assert_eq!(usage.filemarks, model.marks(length));
    assert_eq!(usage.blocks, length as u64 - model.marks(length));
    for (partition, tape) in (0..).zip(&model.tapes) {
        let usage = cartridge.usage_of(partition).unwrap();
        assert_eq!(usage.filemarks, tape.marks(tape.objects.len()));
        assert_eq!(usage.blocks + usage.filemarks, tape.objects.len() as u64);
    }
}

/// Fails when the cartridge counts other bytes of blocks than the model. It may, where it was cut inside
/// an encrypted frame without the key.
pub(crate) fn compare_host_bytes(cartridge: &Cartridge, model: &Model) {
    let host_bytes: usize = model.objects.iter().map(Object::length).sum();
    assert_eq!(cartridge.usage().host_bytes, host_bytes as u64);
}

impl Object {
    fn length(&self) -> usize {
        match self {
            Self::Block(block) => block.len(),
            Self::Filemark => 0,
        }
    }
}

/// Returns what was read, `None` at the end of data.
pub(crate) fn to_object(read: Read) -> Option<Object> {
    match read {
        Read::Block(block) => Some(Object::Block(block)),
        Read::Filemark => Some(Object::Filemark),
        Read::EndOfData => None,
    }
}

/// Returns everything in the current partition of the cartridge.
pub(crate) fn contents(cartridge: &mut Cartridge) -> Vec<Object> {
    cartridge.rewind().unwrap();
    cartridge.set_decryption(Decryption::Mixed(key()));
    std::iter::from_fn(|| to_object(cartridge.read_block().unwrap())).collect()
}

/// Returns everything on the cartridge, partition by partition; it is then at its beginning.
pub(crate) fn all_contents(cartridge: &mut Cartridge) -> Vec<Vec<Object>> {
    let contents = (0..cartridge.partitions())
        .map(|partition| {
            cartridge.change_partition(partition).unwrap();
            contents(cartridge)
        })
        .collect();
    cartridge.change_partition(0).unwrap();
    contents
}
