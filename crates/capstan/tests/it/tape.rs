//! Data to tape and back.

use std::thread;

use capstan::config::{Compression, Preset, TargetLayout};
use capstan::gateway::targets::Device;
use iscsi::initiator::{DataTransfer, signed_residual};

use crate::support::host::{Host, NAME, Sense, params};
use crate::support::tape::Found;
use crate::support::{TestGateway, noise};

/// Loads the tape of slot `slot` into drive `drive` and logs a host in to it.
fn host_with_tape(gateway: &TestGateway, slot: &str, drive: u16) -> Host {
    gateway.move_tape(slot, &format!("drive:{drive}"));
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(drive)));
    host.attentions();
    host
}

#[test]
fn what_is_written_is_read_and_positions_are_told() {
    let gateway = TestGateway::start();
    let mut host = host_with_tape(&gateway, "slot:1", 0);
    let blocks: Vec<Vec<u8>> = [1, 512, 10240, 65536, 1 << 20]
        .iter()
        .map(|length| noise(*length as u64, *length))
        .collect();
    for block in &blocks {
        host.write_block(block);
    }
    host.write_filemarks(1);
    host.write_block(b"second file");
    host.write_filemarks(2);
    assert_eq!(host.position(), 9, "six blocks and three filemarks");

    host.rewind();
    let mut expected: Vec<Found> = blocks.iter().cloned().map(Found::Block).collect();
    expected.push(Found::Filemark);
    expected.push(Found::Block(b"second file".to_vec()));
    expected.extend([Found::Filemark, Found::Filemark]);
    assert_eq!(host.read_to_end(), expected);

    host.locate(3);
    assert_eq!(host.position(), 3);
    assert_eq!(host.read_block(1 << 20), Found::Block(blocks[3].clone()));
    host.rewind();
    host.space(1, 1);
    assert_eq!(host.read_block(100), Found::Block(b"second file".to_vec()));
    host.space(0, -1);
    assert_eq!(host.position(), 6);
    host.space(3, 0);
    assert_eq!(host.position(), 9);

    let status = gateway.gateway().status().unwrap();
    let tape = status.libraries[0].drives[0].tape.as_ref().unwrap();
    assert_eq!((tape.position.file, tape.position.block), (3, 9));
    assert_eq!(status.libraries[0].drives[0].sessions, 1);
    host.log_out();
}

#[test]
fn blocks_of_every_size_go_through_immediate_unsolicited_and_solicited_data() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let target = gateway.target(Device::Drive(0));
    // The last is the longest.
    let lengths = [
        1, 3, 4096, 8191, 8193, 65537, 262_144, 262_145, 1_048_577, 16_777_215,
    ];
    let blocks: Vec<Vec<u8>> = lengths.iter().map(|length| noise(7, *length)).collect();
    for keys in [
        &[
            ("InitialR2T", "Yes"),
            ("ImmediateData", "No"),
            ("MaxBurstLength", "65536"),
        ][..],
        &[
            ("InitialR2T", "No"),
            ("ImmediateData", "Yes"),
            ("HeaderDigest", "CRC32C"),
        ],
        &[
            ("InitialR2T", "No"),
            ("ImmediateData", "No"),
            ("DataDigest", "CRC32C"),
        ],
        &[
            ("MaxRecvDataSegmentLength", "4096"),
            ("FirstBurstLength", "4096"),
        ],
    ] {
        let params = params(NAME, Some(&target)).with_keys(keys);
        let mut host = Host::try_log_in(gateway.portal(), params).unwrap();
        host.attentions();
        host.rewind();
        for block in &blocks {
            host.write_block(block);
        }
        host.rewind();
        for block in &blocks {
            assert_eq!(
                host.read_block(16_777_215),
                Found::Block(block.clone()),
                "{keys:?}"
            );
        }
        assert_eq!(host.read_block(1), Found::EndOfData);
        host.log_out();
    }
}

#[test]
fn a_short_block_is_told_with_its_residual() {
    let gateway = TestGateway::start();
    let mut host = host_with_tape(&gateway, "slot:1", 0);
    host.write_block(&noise(1, 1000));
    host.rewind();
    // READ(6) of 4096 without SILI: CHECK CONDITION, ILI, INFORMATION = requested - actual.
    let finished = host.run(&[0x08, 0, 0, 0x10, 0, 0], DataTransfer::In(4096));
    let sense = Sense::of(&finished);
    assert_eq!(finished.status, 2);
    assert!(sense.incorrect_length);
    assert_eq!(sense.information, 3096);
    assert_eq!(finished.data, noise(1, 1000));
    assert_eq!(signed_residual(finished.residual), 3096);
    host.log_out();
}

#[test]
fn every_compression_reads_back_and_tapes_change_hands_between_them() {
    let text = b"tapes like text that repeats itself. ".repeat(2000);
    let mut expected = Vec::new();
    let mut gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    for compression in [
        Compression::None,
        Compression::Lz4,
        Compression::Zstd,
        Compression::Lzo,
    ] {
        gateway.restart_with(|config| config.cartridge.compression = compression);
        let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0)));
        host.attentions();
        host.space(3, 0);
        host.write_block(&text);
        host.write_block(&noise(3, 5000));
        expected.push(Found::Block(text.clone()));
        expected.push(Found::Block(noise(3, 5000)));
        host.rewind();
        assert_eq!(host.read_to_end(), expected, "{compression:?}");
        host.log_out();
    }
}

#[test]
fn two_drives_work_at_once() {
    let gateway = TestGateway::start();
    let writers: Vec<_> = [("slot:1", 0), ("slot:2", 2)]
        .into_iter()
        .map(|(slot, drive)| {
            let mut host = host_with_tape(&gateway, slot, drive);
            thread::spawn(move || {
                let blocks: Vec<Vec<u8>> = (0..60)
                    .map(|n| noise(u64::from(drive) * 1000 + n, 100_000))
                    .collect();
                for block in &blocks {
                    host.write_block(block);
                }
                host.write_filemarks(1);
                host.rewind();
                let expected = blocks
                    .into_iter()
                    .map(Found::Block)
                    .chain([Found::Filemark]);
                assert_eq!(host.read_to_end(), expected.collect::<Vec<_>>());
                host.log_out();
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
}

#[test]
fn one_target_serves_changer_and_drives_by_lun() {
    let gateway = TestGateway::start_with(|config| config.iscsi.targets = TargetLayout::Single);
    gateway.move_tape("slot:1", "drive:1");
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Changer));
    // REPORT LUNS: five units.
    let luns = host.good(
        &[0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        DataTransfer::In(256),
    );
    assert_eq!(luns[..4], 40u32.to_be_bytes());
    // INQUIRY, byte 0: the device type.
    for (lun, device_type) in [(0, 0x08), (1, 0x01), (4, 0x01)] {
        host.use_lun(lun);
        let inquiry = host.good(&[0x12, 0, 0, 0, 36, 0], DataTransfer::In(36));
        assert_eq!(inquiry[0], device_type, "LUN {lun}");
    }
    host.use_lun(2);
    host.attentions();
    host.write_block(b"over the second drive's LUN");
    host.rewind();
    assert_eq!(
        host.read_block(100),
        Found::Block(b"over the second drive's LUN".to_vec())
    );
    host.log_out();
}

#[test]
fn drives_of_the_tape_gateway_write_fixed_blocks_of_64_kib() {
    let gateway = TestGateway::start_with(|config| config.preset = Preset::TapeGateway);
    let new = serde_json::from_str("{\"prefix\": \"DEMO\"}").unwrap();
    let tapes = gateway.library().create_tapes(new).unwrap();
    assert_eq!(tapes[0].place.unwrap().to_string(), "ie:1");
    assert!(tapes[0].barcode.starts_with("DEMO"), "{}", tapes[0].barcode);
    let mut host = host_with_tape(&gateway, "ie:1", 9);
    // WRITE(6) and READ(6) with FIXED=1: three blocks.
    let data = noise(5, 3 * 65536);
    host.good(
        &[0x0a, 1, 0, 0, 3, 0],
        DataTransfer::Out(data.clone().into()),
    );
    assert_eq!(host.position(), 3);
    host.rewind();
    assert_eq!(
        host.good(&[0x08, 1, 0, 0, 3, 0], DataTransfer::In(3 * 65536)),
        data
    );
    host.log_out();
}

#[test]
fn nops_are_answered_between_commands() {
    let gateway = TestGateway::start();
    let mut host = host_with_tape(&gateway, "slot:1", 0);
    host.write_block(&noise(1, 300_000));
    assert_eq!(host.nop(b"are you there?"), b"are you there?");
    host.log_out();
}
