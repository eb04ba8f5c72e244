//! Reservations, as two hosts see them.

mod clear;
mod persistent;
mod reserve;

use capstan::gateway::targets::Device;
use iscsi::initiator::DataTransfer;

use crate::support::TestGateway;
use crate::support::host::{Host, params};

/// Both kinds of device reserve alike.
const DEVICES: [Device; 2] = [Device::Changer, Device::Drive(0)];

const TEST_UNIT_READY: [u8; 6] = [0x00, 0, 0, 0, 0, 0];
const MODE_SENSE: [u8; 6] = [0x1a, 0, 0x3f, 0, 0xff, 0];

/// Logs in as a host of its own, and takes what it is told first.
fn host(gateway: &TestGateway, device: Device, name: &str) -> Host {
    let name = format!("iqn.2020-01.org.example:{name}");
    let target = gateway.target(device);
    let mut host = Host::try_log_in(gateway.portal(), params(&name, Some(&target))).unwrap();
    host.attentions();
    host
}

/// Runs a command without data and returns its status.
fn status(host: &mut Host, cdb: &[u8]) -> u8 {
    host.run(cdb, DataTransfer::None).status
}

const GOOD: u8 = 0x00;
const CONFLICT: u8 = 0x18;
