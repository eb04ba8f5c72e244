//! Every way in which data can go, with the data compared (R1, R5, R6, D1, D2, G1).

use crate::rig::*;
use iscsi::initiator::{DataTransfer, Initiator, InitiatorEvent, InitiatorParams};
use iscsi::wire::Residual;
use iscsi::{Limits, Offer};

fn finished(events: &[InitiatorEvent]) -> Vec<&iscsi::initiator::Finished> {
    events
        .iter()
        .map(|event| match event {
            InitiatorEvent::Finished(finished) => finished,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn transfer_both_ways(initiator: &mut Initiator, target: &mut Target, length: u32) {
    let data = pattern(length as usize, 0x5a);
    initiator.command(lun0(), &write6(length), DataTransfer::Out(data.clone()));
    initiator.command(lun0(), &read6(length), DataTransfer::In(length));
    run(target, initiator, || usize::MAX);
    let events = events(initiator);
    let ended = finished(&events);
    assert_eq!(ended.len(), 2);
    for one in &ended {
        assert_eq!((one.status, one.residual), (0, Residual::None));
    }
    assert_eq!(target.executed.len(), 2);
    assert_eq!(target.executed[0], (0x0a, data), "what was written");
    assert_eq!(
        ended[1].data,
        pattern(length as usize, 0x08),
        "what was read"
    );
    target.executed.clear();
}

#[test]
fn immediate_data_by_initial_r2t_by_burst_by_segment_by_digest() {
    let yes_no = |yes| if yes { "Yes" } else { "No" };
    for combination in 0..16 {
        let [immediate, initial_r2t, header, data] = [1, 2, 4, 8].map(|bit| combination & bit != 0);
        for (segment, first, burst) in [
            ("512", "512", "512"),
            ("4096", "4096", "8192"),
            ("8192", "65536", "16776192"),
            ("65537", "70001", "131071"),
            ("262144", "262144", "16776192"),
        ] {
            // Both sides have the same segment length: the initiator through the negotiation, the
            // target through its offer.
            let offer = Offer {
                max_recv_data_segment_length: segment.parse().unwrap(),
                ..Offer::default()
            };
            let mut target = Target::new(offer, Limits::default());
            let digest = |on| if on { "CRC32C" } else { "None" };
            let params = InitiatorParams::new(INITIATOR, Some(TARGET), random(2)).with_keys(&[
                ("HeaderDigest", digest(header)),
                ("DataDigest", digest(data)),
                ("ImmediateData", yes_no(immediate)),
                ("InitialR2T", yes_no(initial_r2t)),
                ("MaxRecvDataSegmentLength", segment),
                ("FirstBurstLength", first),
                ("MaxBurstLength", burst),
                ("MaxOutstandingR2T", "3"),
            ]);
            let (mut initiator, _) = log_in(&mut target, params);
            for length in [1, 511, 512, 513, 4096, 65_537, 300_001] {
                transfer_both_ways(&mut initiator, &mut target, length);
            }
        }
    }
}

#[test]
fn the_longest_tape_block_goes_both_ways() {
    let mut target = Target::plain();
    let params = InitiatorParams::new(INITIATOR, Some(TARGET), random(2)).with_keys(&[
        ("MaxRecvDataSegmentLength", "262144"),
        ("MaxBurstLength", "16776192"),
        ("FirstBurstLength", "262144"),
        ("InitialR2T", "No"),
    ]);
    let (mut initiator, _) = log_in(&mut target, params);
    transfer_both_ways(&mut initiator, &mut target, (16 << 20) - 1);
}

#[test]
fn many_commands_keep_their_order_though_some_wait_for_data() {
    let mut target = Target::plain();
    let params = InitiatorParams::new(INITIATOR, Some(TARGET), random(2))
        .with_keys(&[("MaxBurstLength", "65536"), ("FirstBurstLength", "4096")]);
    let (mut initiator, _) = log_in(&mut target, params);
    let lengths: Vec<u32> = (0..100)
        .map(|i| [100, 200_000, 5000, 1][i % 4] + i as u32)
        .collect();
    for length in &lengths {
        let data = pattern(*length as usize, *length as u8);
        initiator.command(lun0(), &write6(*length), DataTransfer::Out(data));
    }
    run(&mut target, &mut initiator, || 10_007);
    assert_eq!(finished(&events(&mut initiator)).len(), 100);
    let executed: Vec<_> = target
        .executed
        .iter()
        .map(|(_, data)| data.clone())
        .collect();
    let expected: Vec<_> = lengths
        .iter()
        .map(|length| pattern(*length as usize, *length as u8))
        .collect();
    assert_eq!(executed, expected);
}

#[test]
fn good_travels_with_the_last_data_and_sense_never_does() {
    let mut target = session(&[
        ("MaxRecvDataSegmentLength", "1024"),
        ("MaxBurstLength", "2048"),
    ]);
    target.feed(&bytes_of(read_command(5, 0, 5000).emit(), &[]));
    let pdus = target.pdus();
    // Five segments; F after 2048, 4096 and at the end, S in the last.
    let flags: Vec<u8> = pdus.iter().map(|pdu| pdu.byte(1)).collect();
    assert_eq!(flags, [0x00, 0x80, 0x00, 0x80, 0x81]);
    let sequence: Vec<_> = pdus.iter().map(|p| (p.u32(36), p.u32(40))).collect();
    assert_eq!(
        sequence,
        [(0, 0), (1, 1024), (2, 2048), (3, 3072), (4, 4096)]
    );
    assert!(
        pdus.iter()
            .all(|pdu| pdu.opcode() == 0x25 && pdu.u32(20) == 0xffff_ffff)
    );

    let mut half = read_command(6, 1, 3000);
    half.cdb[5] = 1; // half of it, with CHECK CONDITION
    target.feed(&bytes_of(half.emit(), &[]));
    let pdus = target.pdus();
    let flags: Vec<_> = pdus.iter().map(|p| (p.opcode(), p.byte(1))).collect();
    assert_eq!(
        flags,
        [(0x25, 0x00), (0x25, 0x80), (0x21, 0x82)],
        "U in the response"
    );
    assert_eq!(pdus[2].byte(3), 2, "CHECK CONDITION");
    assert_eq!(pdus[2].u32(44), 1500, "residual count");
    assert_eq!(pdus[2].u32(36), 2, "ExpDataSN");
    assert_eq!(pdus[2].data[..2], [0, 18], "SenseLength");
}
