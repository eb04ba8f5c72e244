//! Every way in which data can go between a host and a tape, with the data compared: ImmediateData,
//! InitialR2T, digests, and lengths of bursts and segments (RFC 7143 §13). The initiator is strict: it
//! fails the test when a number, a place or a length of the target's is not as was agreed.

use std::thread;

use capstan::gateway::targets::Device;

use crate::support::host::{Host, NAME, params};
use crate::support::tape::Found;
use crate::support::{TestGateway, noise};

/// FirstBurstLength, MaxBurstLength, the host's MaxRecvDataSegmentLength, and the longest segment that
/// it sends. Each length stands with short and with long ones of the others.
const LENGTHS: [[u32; 4]; 8] = [
    [4096, 4096, 4096, 4096],
    [4096, LONGEST, LONGEST, 8192],
    [65_536, 262_144, 8192, LONGEST],
    [4097, 9999, 5001, 4099],
    [262_144, LONGEST, 262_144, 262_144],
    [LONGEST, LONGEST, LONGEST, LONGEST],
    [70_001, 131_071, 65_537, 30_001],
    [8192, 8192, 1_000_003, 16_384],
];
/// The longest that RFC 7143 lets open-iscsi and others offer in whole words.
const LONGEST: u32 = 16_776_192;
/// What the target makes of a longer FirstBurstLength.
const FIRST_BURST_MAX: u32 = 262_144;

/// Lengths of tape blocks: around bursts and segments, odd ones, and none that others divide.
const BLOCKS: [usize; 6] = [1, 4095, 4096, 4097, 65_537, 300_001];

/// One way to talk.
#[allow(clippy::struct_excessive_bools)] // keys of the standard
#[derive(Clone, Copy, Debug)]
struct Way {
    immediate_data: bool,
    initial_r2t: bool,
    header_digest: bool,
    data_digest: bool,
    lengths: [u32; 4],
}

fn ways() -> impl Iterator<Item = Way> {
    (0..16).flat_map(|bits: u32| {
        LENGTHS.map(|lengths| Way {
            immediate_data: bits & 1 != 0,
            initial_r2t: bits & 2 != 0,
            header_digest: bits & 4 != 0,
            data_digest: bits & 8 != 0,
            lengths,
        })
    })
}

impl Way {
    fn log_in(self, gateway: &TestGateway, target: &str) -> Host {
        let yes_no = |yes| if yes { "Yes" } else { "No" };
        let digest = |on| if on { "CRC32C" } else { "None" };
        let [first, burst, receive, send] = self.lengths;
        let [first_text, burst_text, receive_text] =
            [first, burst, receive].map(|length| length.to_string());
        let keys = [
            ("HeaderDigest", digest(self.header_digest)),
            ("DataDigest", digest(self.data_digest)),
            ("InitialR2T", yes_no(self.initial_r2t)),
            ("ImmediateData", yes_no(self.immediate_data)),
            ("FirstBurstLength", &first_text),
            ("MaxBurstLength", &burst_text),
            ("MaxRecvDataSegmentLength", &receive_text),
            ("MaxOutstandingR2T", "4"),
        ];
        let mut params = params(NAME, Some(target)).with_keys(&keys);
        params.send_segment_max = send;
        let host = Host::try_log_in(gateway.portal(), params).unwrap();
        let agreed = |key: &str| {
            let pair = host.keys.iter().find(|(name, _)| *name == *key).unwrap();
            pair.1.clone()
        };
        for (key, offered) in &keys[..4] {
            assert_eq!(agreed(key), *offered, "{self:?}");
        }
        assert_eq!(agreed("MaxBurstLength"), burst_text);
        assert_eq!(
            agreed("FirstBurstLength"),
            first.min(FIRST_BURST_MAX).to_string()
        );
        host
    }

    /// Writes blocks and reads them back.
    fn check(self, gateway: &TestGateway, drive: u16) {
        let mut host = self.log_in(gateway, &gateway.target(Device::Drive(drive)));
        host.attentions();
        let seed = u64::from(self.lengths.iter().sum::<u32>());
        let blocks = BLOCKS.map(|length| noise(seed ^ length as u64, length));
        host.rewind();
        for block in &blocks {
            host.write_block(block);
        }
        host.rewind();
        for block in &blocks {
            let found = host.read_block(u32::try_from(block.len()).unwrap());
            let same = matches!(&found, Found::Block(read) if read == block);
            assert!(same, "a block of {} bytes, {self:?}", block.len());
        }
        host.log_out();
    }
}

#[test]
fn tape_blocks_go_both_ways_in_every_way_that_can_be_agreed() {
    const DRIVES: u16 = 4;
    let gateway = TestGateway::start();
    thread::scope(|scope| {
        for drive in 0..DRIVES {
            let gateway = &gateway;
            gateway.move_tape(&format!("slot:{}", drive + 1), &format!("drive:{drive}"));
            scope.spawn(move || {
                for way in ways().skip(drive.into()).step_by(DRIVES.into()) {
                    way.check(gateway, drive);
                }
            });
        }
    });
    assert_eq!(ways().count(), 128);
}

/// The longest block that a drive takes, over the shortest bursts and the longest.
#[test]
fn the_longest_block_goes_both_ways() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let target = gateway.target(Device::Drive(0));
    let block = noise(1, (8 << 20) - 1);
    for lengths in [LENGTHS[2], LENGTHS[5]] {
        let way = Way {
            immediate_data: true,
            initial_r2t: false,
            header_digest: true,
            data_digest: true,
            lengths,
        };
        let mut host = way.log_in(&gateway, &target);
        host.attentions();
        host.rewind();
        host.write_block(&block);
        host.rewind();
        let found = host.read_block(u32::try_from(block.len()).unwrap());
        assert!(
            matches!(found, Found::Block(read) if read == block),
            "{way:?}"
        );
    }
}
