//! B6: the same bytes give the same answers however they are split.

use crate::rig::*;
use iscsi::initiator::{DataTransfer, Initiator, InitiatorEvent, InitiatorParams};
use proptest::prelude::*;

/// What an initiator does.
#[derive(Clone, Debug)]
enum Act {
    Write(u32),
    Read(u32),
    Short(u32),
    Ready,
    Unknown,
    Nop(usize),
    Text,
    Reset,
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0_u32..20_000).prop_map(Act::Write),
        (0_u32..20_000).prop_map(Act::Read),
        (0_u32..5000).prop_map(Act::Short),
        Just(Act::Ready),
        Just(Act::Unknown),
        (0_usize..300).prop_map(Act::Nop),
        Just(Act::Text),
        Just(Act::Reset),
    ]
}

fn act(initiator: &mut Initiator, act: &Act) {
    match act {
        Act::Write(length) => {
            let data = pattern(*length as usize, *length as u8);
            initiator.command(lun0(), &write6(*length), DataTransfer::Out(data));
        }
        Act::Read(length) => {
            initiator.command(lun0(), &read6(*length), DataTransfer::In(*length));
        }
        Act::Short(length) => {
            let mut cdb = read6(*length);
            cdb[5] = 1;
            initiator.command(lun0(), &cdb, DataTransfer::In(*length));
        }
        Act::Ready => {
            initiator.command(lun0(), &TEST_UNIT_READY, DataTransfer::None);
        }
        Act::Unknown => {
            initiator.command(lun0(), &[0x99, 0, 0, 0, 0, 0], DataTransfer::None);
        }
        Act::Nop(length) => {
            initiator.nop(&pattern(*length, 5));
        }
        Act::Text => {
            initiator.text(&[("SendTargets", "")]);
        }
        Act::Reset => {
            initiator.manage(5, lun0(), None);
        }
    }
}

/// One act after the other, so that the order of answers does not depend on the order of arrival.
fn story(
    acts: &[Act],
    keys: &[(&str, &str)],
    mut step: impl FnMut() -> usize,
) -> (Vec<InitiatorEvent>, usize) {
    let mut target = Target::plain();
    let params = InitiatorParams::new(INITIATOR, Some(TARGET), random(6)).with_keys(keys);
    let mut initiator = Initiator::new(params);
    run(&mut target, &mut initiator, &mut step);
    let mut all = events(&mut initiator);
    for one in acts {
        act(&mut initiator, one);
        run(&mut target, &mut initiator, &mut step);
        all.extend(events(&mut initiator));
    }
    initiator.log_out(0);
    run(&mut target, &mut initiator, &mut step);
    all.extend(events(&mut initiator));
    assert_eq!(target.closed, Some(iscsi::CloseReason::LoggedOut));
    (all, target.executed.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_splits_change_nothing(
        acts in prop::collection::vec(any_act(), 1..8),
        steps in prop::collection::vec(prop_oneof![1_usize..60, 1_usize..5000], 1..40),
        digests: bool,
        initial_r2t: bool,
    ) {
        let keys = [
            ("HeaderDigest", if digests { "CRC32C" } else { "None" }),
            ("DataDigest", if digests { "CRC32C" } else { "None" }),
            ("InitialR2T", if initial_r2t { "Yes" } else { "No" }),
            ("FirstBurstLength", "3000"),
            ("MaxBurstLength", "5000"),
            ("MaxRecvDataSegmentLength", "1500"),
        ];
        let whole = story(&acts, &keys, || usize::MAX);
        prop_assert!(!whole.0.iter().any(|event| matches!(event, InitiatorEvent::Failed(_))), "{:?}", whole.0);
        let mut turn = steps.iter().cycle();
        let split = story(&acts, &keys, || *turn.next().unwrap());
        prop_assert_eq!(whole, split);
    }

    /// Everything at once: whatever the order, each command ends once and well.
    #[test]
    fn everything_in_flight_at_once_ends_once(
        acts in prop::collection::vec(any_act(), 1..60),
        steps in prop::collection::vec(1_usize..9000, 1..40),
    ) {
        let mut target = Target::plain();
        let params = InitiatorParams::new(INITIATOR, Some(TARGET), random(6))
            .with_keys(&[("MaxBurstLength", "5000"), ("FirstBurstLength", "600"), ("InitialR2T", "No")]);
        let (mut initiator, _) = log_in(&mut target, params);
        // A reset would end commands without an answer.
        let acts: Vec<_> = acts.into_iter().filter(|act| !matches!(act, Act::Reset)).collect();
        for one in &acts {
            act(&mut initiator, one);
        }
        let mut turn = steps.iter().cycle();
        run(&mut target, &mut initiator, || *turn.next().unwrap());
        let events = events(&mut initiator);
        // Text exchanges overlap: a new one resets the old one, as the standard demands.
        let texts = acts.iter().filter(|act| matches!(act, Act::Text)).count();
        prop_assert!(!events.iter().any(|event| matches!(event, InitiatorEvent::Failed(_))), "{events:?}");
        prop_assert!(events.len() >= acts.len() - texts);
        prop_assert_eq!(target.connection.tasks_in_flight(), 0);
    }
}

#[test]
fn every_single_byte_boundary_of_one_story() {
    let acts = [Act::Write(700), Act::Read(900), Act::Nop(5), Act::Unknown];
    let whole = story(&acts, &[("DataDigest", "CRC32C")], || usize::MAX);
    for size in 1..60 {
        assert_eq!(
            story(&acts, &[("DataDigest", "CRC32C")], || size),
            whole,
            "steps of {size}"
        );
    }
}
