//! Units that come and go while a target is in use.

use super::*;

fn told(bench: &Bench, nexus: &Nexus) -> Vec<AdditionalSense> {
    let attentions = bench.unit.attentions();
    std::iter::from_fn(|| attentions.take(nexus.id())).collect()
}

/// SPC-5 §6.39, SAM-5 §5.14.
#[test]
fn units_that_come_are_there_for_everybody_who_is_told() {
    let bench = Bench::new();
    let (nexus, heard) = bench.attach("a");
    let second = Bench::new();
    let lun = Lun::new(5);
    let changed = AdditionalSense::REPORTED_LUNS_DATA_CHANGED;
    bench.target.insert(lun, Arc::clone(&second.unit)).unwrap();
    assert!(
        bench.target.insert(lun, Arc::clone(&second.unit)).is_err(),
        "there is one already"
    );
    assert_eq!(heard.try_recv().unwrap(), Heard::UnitsChanged);
    assert!(heard.try_recv().is_err());
    assert_eq!(told(&bench, &nexus), [changed]);
    assert_eq!(
        told(&second, &nexus),
        [AdditionalSense::POWER_ON_OR_RESET, changed]
    );
    assert_eq!(report_luns(&nexus), [0, 5]);
    let command = Command {
        cdb: Cdb::new(&TEST_UNIT_READY),
        data_out: Bytes::new(),
    };
    let response = nexus.submit(TaskTag(1), Some(lun), command);
    assert_eq!(response, Some(Response::good()));
}

#[test]
fn report_luns_clears_the_attention_at_every_unit_for_its_own_nexus() {
    let bench = Bench::new();
    let (one, _heard_one) = bench.attach("a");
    let (two, _heard_two) = bench.attach("b");
    let second = Bench::new();
    let changed = AdditionalSense::REPORTED_LUNS_DATA_CHANGED;
    bench
        .target
        .insert(Lun::new(5), Arc::clone(&second.unit))
        .unwrap();
    report_luns(&one);
    assert_eq!(told(&bench, &one), []);
    assert_eq!(told(&second, &one), [AdditionalSense::POWER_ON_OR_RESET]);
    assert_eq!(told(&bench, &two), [changed]);
}

#[test]
fn at_a_unit_that_goes_the_running_command_ends_and_waiting_ones_are_refused() {
    let bench = Bench::new();
    let (nexus, heard) = bench.attach("a");
    submit(&nexus, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&nexus, 2, &TEST_UNIT_READY);
    assert!(bench.target.remove(Lun::new(0)).is_some());
    assert!(bench.target.remove(Lun::new(0)).is_none());
    assert_eq!(heard.recv().unwrap(), Heard::Refused(2));
    assert_eq!(heard.recv().unwrap(), Heard::UnitsChanged);
    let later = submit(&nexus, 3, &TEST_UNIT_READY).unwrap().sense.unwrap();
    let absent = AdditionalSense::LOGICAL_UNIT_NOT_SUPPORTED;
    assert_eq!(later.additional, absent);
    assert_eq!(submit(&nexus, 4, &INQUIRY).unwrap().data_in[0], 0x7f);
    assert_eq!(report_luns(&nexus), [0; 0]);
    let abort = TaskManagementFunction::AbortTask(TaskTag(1));
    assert_eq!(
        nexus.manage(LUN, abort),
        ManagementResponse::LunDoesNotExist
    );
    bench.permit.send(()).unwrap();
    assert_eq!(heard.recv().unwrap(), Heard::Completed(1, Status::Good));
    bench.unit.wait_until_idle();
    assert_eq!(bench.log(), ["01 a", "nexus lost"]);
    // It comes back, and knows its initiators.
    let unit = Arc::clone(&bench.unit);
    bench.target.insert(Lun::new(0), unit).unwrap();
    assert_eq!(
        told(&bench, &nexus),
        [
            AdditionalSense::IT_NEXUS_LOSS_OCCURRED,
            AdditionalSense::REPORTED_LUNS_DATA_CHANGED
        ]
    );
    drop(nexus);
    bench.unit.wait_until_idle();
    assert_eq!(bench.log(), ["01 a", "nexus lost", "nexus lost"]);
}

/// Returns the numbers of the units that REPORT LUNS lists.
fn report_luns(nexus: &Nexus) -> Vec<u8> {
    let cdb = [0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    let data = submit(nexus, 99, &cdb).unwrap().data_in;
    data[8..].chunks(8).map(|lun| lun[1]).collect()
}
