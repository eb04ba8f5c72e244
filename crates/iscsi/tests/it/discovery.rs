//! Finding targets (RFC 7143 §4.3, appendix C): X1 to X3.

use crate::rig::*;
use iscsi::initiator::{Initiator, InitiatorEvent, InitiatorParams};
use iscsi::{CloseReason, TargetRecord};

fn discover(target: &mut Target, keys: &[(&str, &str)]) -> Initiator {
    let params = InitiatorParams::new(INITIATOR, None, random(3)).with_keys(keys);
    let (initiator, events) = log_in(target, params);
    assert!(
        matches!(&events[..], [InitiatorEvent::LoggedIn { .. }]),
        "{events:?}"
    );
    initiator
}

fn ask(
    target: &mut Target,
    initiator: &mut Initiator,
    value: &str,
) -> (Vec<(String, String)>, u32) {
    initiator.text(&[("SendTargets", value)]);
    run(target, initiator, || usize::MAX);
    match events(initiator).remove(0) {
        InitiatorEvent::Text { keys, pdus, .. } => (keys, pdus),
        other => panic!("{other:?}"),
    }
}

fn record(index: usize) -> TargetRecord {
    TargetRecord {
        name: format!("iqn.2026-11.io.capstan:test-tapedrive-{index:03}"),
        addresses: vec![
            format!("192.0.2.1:{},1", 3260 + index),
            format!("[2001:db8::1]:{},1", 3260 + index),
        ],
    }
}

fn as_pairs(records: &[TargetRecord]) -> Vec<(String, String)> {
    records
        .iter()
        .flat_map(|record| {
            let name = ("TargetName".to_owned(), record.name.clone());
            let addresses = record
                .addresses
                .iter()
                .map(|address| ("TargetAddress".to_owned(), address.clone()));
            std::iter::once(name).chain(addresses)
        })
        .collect()
}

#[test]
fn x1_all_and_one_by_name() {
    let mut target = Target::plain();
    target.targets = (0..3).map(record).collect();
    let records = target.targets.clone();
    let mut initiator = discover(&mut target, &[]);
    assert_eq!(
        ask(&mut target, &mut initiator, "All"),
        (as_pairs(&records), 1)
    );
    let one = records[1].name.to_uppercase().replacen("IQN", "iqn", 1);
    assert_eq!(
        ask(&mut target, &mut initiator, &one).0,
        as_pairs(&records[1..2])
    );
    assert_eq!(
        ask(&mut target, &mut initiator, "iqn.2026-11.io.capstan:none").0,
        []
    );
    let reject = [("SendTargets".to_owned(), "Reject".to_owned())];
    assert_eq!(
        ask(&mut target, &mut initiator, "").0,
        reject,
        "no own target"
    );
    assert_eq!(ask(&mut target, &mut initiator, "nonsense").0, reject);
}

#[test]
fn x1_a_normal_session_learns_of_its_own_target_only() {
    let mut target = Target::plain();
    let own = target.targets.clone();
    let params = InitiatorParams::new(INITIATOR, Some(TARGET), random(3));
    let (mut initiator, _) = log_in(&mut target, params);
    assert_eq!(ask(&mut target, &mut initiator, "").0, as_pairs(&own));
    assert_eq!(ask(&mut target, &mut initiator, TARGET).0, as_pairs(&own));
    let reject = [("SendTargets".to_owned(), "Reject".to_owned())];
    assert_eq!(ask(&mut target, &mut initiator, "All").0, reject);
    let other = "iqn.2026-11.io.capstan:other";
    assert_eq!(ask(&mut target, &mut initiator, other).0, reject);
}

#[test]
fn x2_nobody_sees_what_the_environment_does_not_show() {
    let mut target = Target::plain();
    target.targets.clear();
    let mut initiator = discover(&mut target, &[]);
    assert_eq!(ask(&mut target, &mut initiator, "All"), (vec![], 1));
}

#[test]
fn x3_a_long_list_goes_on_over_several_pdus() {
    let mut target = Target::plain();
    target.targets = (0..200).map(record).collect();
    let records = target.targets.clone();
    let mut initiator = discover(&mut target, &[("MaxRecvDataSegmentLength", "1024")]);
    let (keys, pdus) = ask(&mut target, &mut initiator, "All");
    assert_eq!(keys, as_pairs(&records));
    assert!(pdus > 20, "{pdus} PDUs of 1024 bytes");
    assert_eq!(
        ask(&mut target, &mut initiator, "All").0.len(),
        600,
        "and again"
    );
}

/// Discovery is often open to all: it gets memory for text, not for data.
#[test]
fn x6_a_discovery_session_that_does_not_read_costs_little() {
    let mut target = discovery_session();
    assert_eq!(
        target
            .connection
            .negotiated()
            .unwrap()
            .max_recv_data_segment_length,
        64 << 10
    );
    let nop = bytes_of(nop_out(7).emit(), &[7; 8192]);
    let mut sent = 0;
    while target.closed.is_none() {
        target.feed(&nop);
        sent += 8192;
        assert!(sent < 1 << 20, "answers pile up");
    }
    assert_eq!(target.closed, Some(CloseReason::NotReading));
}
