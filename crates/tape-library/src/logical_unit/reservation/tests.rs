//! Transitions of the state, without a device.

mod model;
mod out;
mod persistent;
mod reserve;
mod survival;

use std::sync::Arc;

use scsi::{Cdb, CommandTable, DeviceType, InitiatorPort, NexusId, Response};

use super::Reservations;
use crate::nexus::{ItNexus, TargetPort};
use crate::unit_attention::UnitAttentions;

const TEST_UNIT_READY: [u8; 6] = [0x00, 0, 0, 0, 0, 0];
const INQUIRY: [u8; 6] = [0x12, 0, 0, 0, 96, 0];
const READ: [u8; 6] = [0x08, 0, 0, 0, 1, 0];
const WRITE: [u8; 6] = [0x0a, 0, 0, 0, 1, 0];

/// Reservations with three nexuses: `a`, `b`, `c`, numbered from 0.
struct Bench {
    reservations: Reservations,
    attentions: Arc<UnitAttentions>,
}

impl Bench {
    fn new() -> Self {
        let attentions = Arc::new(UnitAttentions::new());
        let bench = Self {
            reservations: Reservations::new(Arc::clone(&attentions)),
            attentions,
        };
        for number in 0..3 {
            bench.log_in(&nexus(number));
        }
        bench
    }

    /// Begins a nexus and takes what it is told first.
    fn log_in(&self, nexus: &ItNexus) {
        self.attentions.attach(nexus.id, &nexus.initiator);
        self.attentions.take(nexus.id);
        self.reservations.attach(nexus);
    }

    /// Returns whether a drive would run `cdb` of nexus `number`.
    fn may(&self, number: u64, cdb: &[u8]) -> bool {
        self.may_as(&nexus(number), cdb)
    }

    fn may_as(&self, nexus: &ItNexus, cdb: &[u8]) -> bool {
        let cdb = Cdb::new(cdb);
        let table = CommandTable::of(DeviceType::SequentialAccess);
        let spec = table.find(&cdb).unwrap();
        !self.reservations.conflicts(nexus, spec, &cdb)
    }
}

fn nexus(number: u64) -> ItNexus {
    let name = ["a", "b", "c"][usize::try_from(number).unwrap() % 3];
    ItNexus {
        id: NexusId(number),
        initiator: InitiatorPort(format!("iqn.{name},i,0x800000000001").into()),
        target_port: TargetPort {
            name: "iqn.t,t,0x0001".into(),
            relative: 1,
        },
    }
}

fn good(response: &Response) {
    assert_eq!(*response, Response::good());
}
