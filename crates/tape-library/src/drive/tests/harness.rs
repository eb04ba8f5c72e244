//! A drive with a cartridge in memory, and short words for what it answers.

use std::sync::Arc;

use bytes::Bytes;
use cartridge::{Cartridge, CartridgeSpec, Codec, MemoryStore, SegmentStore, Settings};
use scsi::{
    AdditionalSense, Cdb, Command, CommandTable, DeviceType, InitiatorPort, NexusId, Response,
    Status,
};
use uuid::Uuid;

use crate::drive::{Drive, DriveConfig};
use crate::identity::DeviceIdentity;
use crate::inject::Faults;
use crate::logical_unit::DeviceServer;
use crate::nexus::{ItNexus, TargetPort};
use crate::profile::{DriveProfile, MediaAccess};
use crate::unit_attention::UnitAttentions;

/// The nexus that sends most commands.
pub(super) const ONE: NexusId = NexusId(1);
/// Another one.
pub(super) const TWO: NexusId = NexusId(2);

/// Room for every test that is not about capacity.
pub(super) const PLENTY: u64 = 1 << 30;

pub(super) struct Rig {
    pub(super) drive: Drive,
    pub(super) attentions: Arc<UnitAttentions>,
}

impl Rig {
    /// A drive of an LTO-5 library with variable blocks, two nexuses, and nothing in it.
    pub(super) fn empty() -> Self {
        Self::of_profile("ibm-ult3580-td5", Codec::Zstd)
    }

    pub(super) fn of_profile(profile: &str, codec: Codec) -> Self {
        Self::of(DriveProfile::builtin(profile).unwrap(), codec)
    }

    pub(super) fn of(profile: Arc<DriveProfile>, codec: Codec) -> Self {
        let attentions = Arc::new(UnitAttentions::new());
        for nexus in [ONE, TWO] {
            attentions.attach(nexus, &nexus_of(nexus).initiator);
            attentions.take(nexus);
        }
        Self::assemble(profile, codec, attentions, Arc::default())
    }

    /// A loaded drive that has to meet `faults`.
    pub(super) fn loaded_with_faults(faults: &Arc<Faults>) -> Self {
        let empty = Self::empty();
        let profile = DriveProfile::builtin("ibm-ult3580-td5").unwrap();
        let faults = Arc::clone(faults);
        let rig = Self::assemble(profile, Codec::Zstd, empty.attentions, faults);
        rig.insert(new_cartridge(MemoryStore::new(), PLENTY));
        rig
    }

    fn assemble(
        profile: Arc<DriveProfile>,
        codec: Codec,
        attentions: Arc<UnitAttentions>,
        faults: Arc<Faults>,
    ) -> Self {
        let identity = DeviceIdentity::drive(&profile, Uuid::from_u128(1), 0);
        let config = DriveConfig {
            number: 0,
            identity,
            profile,
            codec,
        };
        Self {
            drive: Drive::with_faults(config, Arc::clone(&attentions), faults),
            attentions,
        }
    }

    /// The same with an empty LTO-5 cartridge, ready, and nobody left to be told so.
    pub(super) fn loaded() -> Self {
        Self::loaded_with(MemoryStore::new(), PLENTY)
    }

    pub(super) fn loaded_with(store: impl SegmentStore + Clone + 'static, capacity: u64) -> Self {
        let rig = Self::empty();
        rig.insert(new_cartridge(store, capacity));
        rig
    }

    pub(super) fn insert(&self, cartridge: Cartridge) {
        self.drive.load(cartridge, MediaAccess::ReadWrite);
        for nexus in [ONE, TWO] {
            self.attentions.take(nexus);
        }
    }

    pub(super) fn run(&self, cdb: &[u8]) -> Response {
        self.run_with(cdb, Bytes::new())
    }

    pub(super) fn run_with(&self, cdb: &[u8], data_out: impl Into<Bytes>) -> Response {
        self.run_as(ONE, cdb, data_out)
    }

    /// As the logical unit does it, which looks into the table first.
    pub(super) fn run_as(
        &self,
        nexus: NexusId,
        cdb: &[u8],
        data_out: impl Into<Bytes>,
    ) -> Response {
        let cdb = Cdb::new(cdb);
        let spec = CommandTable::of(DeviceType::SequentialAccess)
            .find(&cdb)
            .unwrap();
        spec.check_reserved(&cdb).unwrap();
        let data_out = data_out.into();
        let response = self
            .drive
            .execute(&nexus_of(nexus), &Command { cdb, data_out });
        assert_eq!(
            response.sense.is_some(),
            response.status == Status::CheckCondition
        );
        response
    }

    /// Whether a command would end without waiting.
    pub(super) fn ends_at_once(&self, cdb: &[u8], data_out: &'static [u8]) -> bool {
        self.drive.ends_at_once(&Command {
            cdb: Cdb::new(cdb),
            data_out: Bytes::from_static(data_out),
        })
    }

    /// Runs a command that must end GOOD, and returns its data.
    pub(super) fn good(&self, cdb: &[u8]) -> Bytes {
        let response = self.run(cdb);
        assert_eq!(response.status, Status::Good, "{response:?}");
        response.data_in
    }

    /// Writes one variable block.
    pub(super) fn write(&self, block: impl Into<Bytes>) {
        let block = block.into();
        let response = self.run_with(&write_bytes(block.len()), block);
        assert_eq!(response.status, Status::Good, "{response:?}");
    }

    pub(super) fn filemarks(&self, count: u8) {
        self.good(&[0x10, 0, 0, 0, count, 0]);
    }

    pub(super) fn rewind(&self) {
        self.good(&[0x01, 0, 0, 0, 0, 0]);
    }

    /// `mt setblk`, as Linux's st sends it.
    pub(super) fn set_block_length(&self, length: u32) {
        let [_, high, middle, low] = length.to_be_bytes();
        let list = vec![0, 0, 0x10, 8, 0, 0, 0, 0, 0, high, middle, low];
        let response = self.run_with(&[0x15, 0x10, 0, 0, 12, 0], list);
        assert_eq!(response.status, Status::Good, "{response:?}");
    }

    /// The number that READ POSITION tells.
    pub(super) fn position(&self) -> u32 {
        let data = self.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        u32::from_be_bytes(data[4..8].try_into().unwrap())
    }

    pub(super) fn lose_nexus(&self, nexus: NexusId) {
        self.drive.nexus_lost(nexus);
    }

    pub(super) fn drive_reset(&self) {
        self.drive.reset();
    }

    /// What the next command of `nexus` would be told.
    pub(super) fn attention(&self, nexus: NexusId) -> Option<AdditionalSense> {
        self.attentions.take(nexus)
    }
}

pub(super) fn nexus_of(id: NexusId) -> ItNexus {
    ItNexus {
        id,
        initiator: InitiatorPort(format!("iqn.test,i,0x{:012x}", id.0).into()),
        target_port: TargetPort {
            name: "iqn.target,t,0x0001".into(),
            relative: 1,
        },
    }
}

pub(super) fn spec(capacity_bytes: u64) -> CartridgeSpec {
    CartridgeSpec {
        uuid: Uuid::new_v4(),
        barcode: "CAP001L5".into(),
        media: "LTO-5".into(),
        density: 0x58,
        capacity_bytes,
        created_unix_ms: 1_800_000_000_000,
        write_protected: false,
        form: cartridge::Form::Data,
        layout: None,
    }
}

pub(super) fn new_cartridge(
    store: impl SegmentStore + Clone + 'static,
    capacity_bytes: u64,
) -> Cartridge {
    Cartridge::create(Box::new(store.clone()), &spec(capacity_bytes)).unwrap();
    open(store)
}

/// Opens a cartridge with segments and frames so small that a test crosses their borders.
pub(super) fn open(store: impl SegmentStore + 'static) -> Cartridge {
    let settings = Settings {
        segment_size_bytes: 64 << 10,
        frame_size_bytes: 4 << 10,
        reserve_step_bytes: 4 << 10,
        ..Settings::default()
    };
    Cartridge::open(Box::new(store), settings).unwrap().0
}

/// WRITE(6) of one variable block.
pub(super) fn write_bytes(length: usize) -> [u8; 6] {
    let [.., high, middle, low] = length.to_be_bytes();
    [0x0a, 0x00, high, middle, low, 0]
}

/// READ(6) of one variable block.
pub(super) fn read_bytes(length: usize) -> [u8; 6] {
    let [.., high, middle, low] = length.to_be_bytes();
    [0x08, 0x00, high, middle, low, 0]
}

/// READ(6) of fixed blocks.
pub(super) fn read_blocks(count: u8) -> [u8; 6] {
    [0x08, 0x01, 0, 0, count, 0]
}

/// Bytes that do not repeat early and hardly compress.
pub(super) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(super) const FILEMARK: u8 = 0x80;
pub(super) const EOM: u8 = 0x40;
pub(super) const ILI: u8 = 0x20;

pub(super) const NO_SENSE: u8 = 0x0;
pub(super) const NOT_READY: u8 = 0x2;
pub(super) const MEDIUM_ERROR: u8 = 0x3;
pub(super) const ILLEGAL_REQUEST: u8 = 0x5;
pub(super) const DATA_PROTECT: u8 = 0x7;
pub(super) const BLANK_CHECK: u8 = 0x8;
pub(super) const VOLUME_OVERFLOW: u8 = 0xd;

/// The eighteen bytes of fixed format sense data: `flags_and_key` is byte 2.
pub(super) fn sense(flags_and_key: u8, information: Option<i32>, code: [u8; 2]) -> [u8; 18] {
    let mut data = [0; 18];
    data[0] = 0x70;
    if let Some(information) = information {
        data[0] = 0xf0;
        data[3..7].copy_from_slice(&information.to_be_bytes());
    }
    data[2] = flags_and_key;
    data[7] = 10;
    data[12..14].copy_from_slice(&code);
    data
}

/// ILLEGAL REQUEST with a pointer into the CDB, or into the parameter list.
pub(super) fn invalid_field(in_cdb: bool, byte: u16, bit: Option<u8>) -> [u8; 18] {
    let code = if in_cdb { [0x24, 0] } else { [0x26, 0] };
    let mut data = sense(ILLEGAL_REQUEST, None, code);
    data[15] = 0x80 | u8::from(in_cdb) << 6 | bit.map_or(0, |bit| 0x08 | bit);
    data[16..18].copy_from_slice(&byte.to_be_bytes());
    data
}

/// Asserts CHECK CONDITION with exactly this sense data, and returns the data that came along.
#[track_caller]
pub(super) fn assert_check(response: &Response, expected: [u8; 18]) -> Bytes {
    let sense = response.sense.expect("CHECK CONDITION");
    assert_eq!(sense.to_fixed(), expected, "{sense:?}");
    response.data_in.clone()
}
