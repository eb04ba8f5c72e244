//! PERSISTENT RESERVE OUT and IN as a test sends them.

use bytes::Bytes;
use scsi::spc::persistent_reserve::{RegisterAndMove, Registering, Registration, ReservationType};
use scsi::{AdditionalSense, Command, Status};

use super::*;

pub(super) const REGISTER: u8 = 0;
pub(super) const RESERVE: u8 = 1;
pub(super) const RELEASE: u8 = 2;
pub(super) const CLEAR: u8 = 3;
pub(super) const PREEMPT: u8 = 4;
pub(super) const PREEMPT_AND_ABORT: u8 = 5;
pub(super) const REGISTER_AND_IGNORE: u8 = 6;
const REGISTER_AND_MOVE: u8 = 7;

/// A CDB with its service action and type; the length comes later.
pub(super) fn cdb(action: u8, kind: u8) -> [u8; 10] {
    [0x5f, action, kind, 0, 0, 0, 0, 0, 0, 0]
}

/// A basic parameter list with both keys.
pub(super) fn basic(key: u64, second_key: u64) -> Vec<u8> {
    let mut list = key.to_be_bytes().to_vec();
    list.extend(second_key.to_be_bytes());
    list.resize(24, 0);
    list
}

impl Bench {
    /// Runs PERSISTENT RESERVE OUT of nexus `number`.
    pub(super) fn run(&self, number: u64, cdb: &[u8; 10], list: &[u8]) -> (Response, Vec<NexusId>) {
        let mut cdb = *cdb;
        cdb[5..9].copy_from_slice(&u32::try_from(list.len()).unwrap().to_be_bytes());
        let command = Command {
            cdb: Cdb::new(&cdb),
            data_out: Bytes::copy_from_slice(list),
        };
        let (response, aborted) = self
            .reservations
            .persistent_reserve_out(&nexus(number), &command);
        assert_eq!(response.data_out_length as usize, list.len());
        (response, aborted)
    }

    pub(super) fn response(
        &self,
        number: u64,
        action: u8,
        kind: u8,
        key: u64,
        second_key: u64,
    ) -> Response {
        self.run(number, &cdb(action, kind), &basic(key, second_key))
            .0
    }

    pub(super) fn out(
        &self,
        number: u64,
        action: u8,
        kind: u8,
        key: u64,
        second_key: u64,
    ) -> Status {
        self.response(number, action, kind, key, second_key).status
    }

    pub(super) fn good(&self, number: u64, action: u8, kind: u8, key: u64, second_key: u64) {
        let response = self.response(number, action, kind, key, second_key);
        assert_eq!(response.status, Status::Good, "{response:?}");
    }

    pub(super) fn moved(&self, number: u64, command: &RegisterAndMove) -> Response {
        self.run(number, &cdb(REGISTER_AND_MOVE, 0), &command.to_bytes())
            .0
    }

    /// Registers nexus `number` and other ports.
    pub(super) fn register_ports(
        &self,
        number: u64,
        key: u64,
        ports: Vec<InitiatorPort>,
    ) -> Response {
        let known = self.keys().1.len() as u64; // none, or the nexus itself is among them
        let registration = Registration {
            existing: Registering::WithKey(if known == 0 { 0 } else { key }),
            new_key: key,
            other_ports: Some(ports),
            all_target_ports: false,
            persist: false,
        };
        self.run(number, &cdb(REGISTER, 0), &registration.to_bytes())
            .0
    }

    /// Registers nexus `number` with APTPL.
    pub(super) fn register_to_survive(&self, number: u64, key: u64) -> Response {
        let registration = Registration {
            existing: Registering::IgnoringKey,
            new_key: key,
            other_ports: None,
            all_target_ports: false,
            persist: true,
        };
        self.run(
            number,
            &cdb(REGISTER_AND_IGNORE, 0),
            &registration.to_bytes(),
        )
        .0
    }

    /// PERSISTENT RESERVE IN.
    pub(super) fn read(&self, _number: u64, action: u8) -> Response {
        let cdb = Cdb::new(&[0x5e, action, 0, 0, 0, 0, 0, 0xff, 0xff, 0]);
        self.reservations.persistent_reserve_in(&cdb)
    }

    /// The generation, and the keys in their order.
    pub(super) fn keys(&self) -> (u32, Vec<u64>) {
        let data = self.read(0, 0).data_in;
        let generation = u32::from_be_bytes(data[..4].try_into().unwrap());
        let length = u32::from_be_bytes(data[4..8].try_into().unwrap());
        assert_eq!(length as usize, data.len() - 8);
        let keys = data[8..]
            .chunks_exact(8)
            .map(|key| u64::from_be_bytes(key.try_into().unwrap()));
        (generation, keys.collect())
    }

    /// The holder's key and the type.
    pub(super) fn reservation(&self) -> Option<(u64, ReservationType)> {
        self.reservation_as(0)
    }

    pub(super) fn reservation_as(&self, number: u64) -> Option<(u64, ReservationType)> {
        let data = self.read(number, 1).data_in;
        let held = data.get(8..24)?;
        let key = u64::from_be_bytes(held[..8].try_into().unwrap());
        Some((key, ReservationType::of_code(held[13]).unwrap()))
    }

    /// What each of the three nexuses is told; at most one thing.
    pub(super) fn told(&self) -> [Option<AdditionalSense>; 3] {
        [0, 1, 2].map(|number| {
            let first = self.attentions.take(NexusId(number));
            assert_eq!(self.attentions.take(NexusId(number)), None);
            first
        })
    }
}
