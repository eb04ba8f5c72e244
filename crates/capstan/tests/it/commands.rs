//! What a device says of its own commands (SPC-5 §6.36, §6.37), held against what it does.

use capstan::gateway::targets::Device;
use iscsi::initiator::DataTransfer;

use crate::support::TestGateway;
use crate::support::host::{Host, NAME, Sense, params};

const INVALID_COMMAND_OPERATION_CODE: (u8, u8) = (0x20, 0x00);

/// Asks with REPORT SUPPORTED OPERATION CODES.
fn report(host: &mut Host, byte_2: u8, code: u8, action: u8) -> Vec<u8> {
    let cdb = [0xa3, 0x0c, byte_2, code, 0, action, 0, 0, 0x10, 0, 0, 0];
    host.good(&cdb, DataTransfer::In(4096))
}

/// Every operation code is reported if, and only if, it is not refused as unknown. The CDBs are empty
/// otherwise, so that nothing moves far.
#[test]
fn reported_operation_codes_are_those_that_are_answered() {
    let gateway = TestGateway::start();
    for device in [Device::Changer, Device::Drive(0)] {
        let mut host = Host::log_in(gateway.portal(), &gateway.target(device));
        host.attentions();
        let list = report(&mut host, 0, 0, 0);
        let listed = |code| list[4..].chunks_exact(8).any(|entry| entry[0] == code);
        for code in 0..=0xff {
            let mut cdb = [0; 16];
            cdb[0] = code;
            let finished = host.run(&cdb, DataTransfer::None);
            let refused = Sense::of(&finished).additional == INVALID_COMMAND_OPERATION_CODE;
            assert_eq!(listed(code), !refused, "{device:?}: {code:02x}");
            // 011b answers about any code: SUPPORT is 001b for one that is not there.
            let one = report(&mut host, 0b011, code, 0);
            let unknown = !list[4..]
                .chunks_exact(8)
                .any(|entry| entry[..4] == [code, 0, 0, 0]);
            assert_eq!(one[1] & 0x07 == 0b001, unknown, "{device:?}: {code:02x}");
        }
    }
}

#[test]
fn reported_task_management_functions_are_there() {
    let gateway = TestGateway::start();
    for device in [Device::Changer, Device::Drive(0)] {
        let mut params = params(NAME, Some(&gateway.target(device)));
        let level = ("iSCSIProtocolLevel".to_owned(), "2".to_owned()); // RFC 7144's functions
        params.keys.push(level);
        let mut host = Host::try_log_in(gateway.portal(), params).unwrap();
        host.attentions();
        let cdb = [0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0];
        let data = host.good(&cdb, DataTransfer::In(4));
        // Byte and bit, and the function's code in iSCSI (RFC 7143 §11.5.1, RFC 7144 §8).
        let functions = [
            (0, 6, 2),  // ABORT TASK SET
            (0, 5, 3),  // CLEAR ACA
            (0, 4, 4),  // CLEAR TASK SET
            (0, 3, 5),  // LOGICAL UNIT RESET
            (0, 1, 6),  // TARGET RESET: warm
            (1, 1, 10), // QUERY TASK SET
            (1, 0, 11), // I_T NEXUS RESET
            (1, 2, 12), // QUERY ASYNCHRONOUS EVENT
        ];
        for (byte, bit, function) in functions {
            let supported = data[byte] >> bit & 1 == 1;
            assert_eq!(host.manage(function) == 0, supported, "function {function}");
            host.attentions();
        }
        assert_eq!(data[0] & 0x84, 0x84, "ABORT TASK and QUERY TASK");
    }
}
