//! Order, aborts and attentions of a unit, with a device that runs only when the test lets it.

mod loss;
mod preempt;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use scsi::{
    AdditionalSense, AsynchronousEvent, Cdb, Command, CommandTable, DeviceType, EventDepth,
    InitiatorPort, Lun, NexusId, Response, SenseKey, Status, TaskManagementFunction, TaskTag,
};

use super::*;
use crate::target::{Nexus, Target};

const TEST_UNIT_READY: [u8; 6] = [0x00, 0, 0, 0, 0, 0];
/// Runs on the worker, and in [`Gated`] waits for a permit.
const REWIND: [u8; 6] = [0x01, 0, 0, 0, 0, 0];
const INQUIRY: [u8; 6] = [0x12, 0, 0, 0, 96, 0];
const REQUEST_SENSE: [u8; 6] = [0x03, 0, 0, 0, 18, 0];
const LUN: Option<Lun> = Some(Lun::new(0));

/// A drive whose REWIND waits for a permit from the test.
struct Gated {
    permits: Mutex<Receiver<()>>,
    started: Sender<()>,
    log: Mutex<Vec<String>>,
    /// Somebody else has the device.
    held: AtomicBool,
}

impl DeviceServer for Gated {
    fn commands(&self) -> CommandTable {
        CommandTable::of(DeviceType::SequentialAccess)
    }

    fn execute(&self, nexus: &ItNexus, command: &Command) -> Response {
        let code = command.cdb.operation_code();
        self.note(format!("{code:02x} {}", nexus.initiator));
        match code {
            0x01 => {
                self.started.send(()).unwrap();
                self.permits.lock().unwrap().recv().unwrap();
                Response::good()
            }
            0x05 => panic!("a bug"),
            _ => Response::good(),
        }
    }

    fn ends_at_once(&self, _: &Command) -> bool {
        !self.held.load(Ordering::Relaxed)
    }

    fn nexus_lost(&self, _: NexusId) {
        self.note("nexus lost".into());
    }

    fn reset(&self) {
        self.note("reset".into());
    }
}

impl Gated {
    fn note(&self, what: String) {
        self.log.lock().unwrap().push(what);
    }
}

#[derive(Debug, PartialEq)]
enum Heard {
    Completed(u64, Status),
    Aborted(u64),
    Refused(u64),
    Cleared(Lun, ClearedBy),
    UnitsChanged,
}

struct Sink(Sender<Heard>);

impl CompletionSink for Sink {
    fn complete(&self, task: TaskTag, response: Response) {
        let absent = AdditionalSense::LOGICAL_UNIT_NOT_SUPPORTED;
        let heard = if response == Response::illegal_request(absent) {
            Heard::Refused(task.0)
        } else {
            Heard::Completed(task.0, response.status)
        };
        // The test may have gone when a nexus is lost.
        let _ = self.0.send(heard);
    }

    fn aborted(&self, task: TaskTag) {
        let _ = self.0.send(Heard::Aborted(task.0));
    }

    fn cleared(&self, lun: Lun, by: ClearedBy) {
        let _ = self.0.send(Heard::Cleared(lun, by));
    }

    fn units_changed(&self) {
        let _ = self.0.send(Heard::UnitsChanged);
    }
}

struct Bench {
    target: Arc<Target>,
    unit: Arc<LogicalUnit>,
    device: Arc<Gated>,
    permit: Sender<()>,
    started: Receiver<()>,
}

impl Bench {
    fn new() -> Self {
        let (permit, permits) = mpsc::channel();
        let (started_sender, started) = mpsc::channel();
        let device = Arc::new(Gated {
            permits: Mutex::new(permits),
            started: started_sender,
            log: Mutex::default(),
            held: AtomicBool::new(false),
        });
        let server: Arc<dyn DeviceServer> = device.clone();
        let unit = LogicalUnit::start("test", server, Arc::default()).unwrap();
        let unit = Arc::new(unit);
        Self {
            target: Target::new("iqn.t,t,0x0001", vec![(Lun::new(0), unit.clone())]),
            unit,
            device,
            permit,
            started,
        }
    }

    /// A nexus without pending attention.
    fn attach(&self, name: &str) -> (Nexus, Receiver<Heard>) {
        let (sender, heard) = mpsc::channel();
        let port = InitiatorPort(name.into());
        let nexus = self.target.attach(port, Arc::new(Sink(sender)));
        self.unit.attentions().take(nexus.id());
        (nexus, heard)
    }

    fn log(&self) -> Vec<String> {
        self.device.log.lock().unwrap().clone()
    }
}

fn submit(nexus: &Nexus, tag: u64, cdb: &[u8]) -> Option<Response> {
    let command = Command {
        cdb: Cdb::new(cdb),
        data_out: Bytes::new(),
    };
    nexus.submit(TaskTag(tag), LUN, command)
}

fn attention(response: Option<Response>) -> Option<AdditionalSense> {
    let sense = response?.sense?;
    (sense.key == SenseKey::UnitAttention).then_some(sense.additional)
}

#[test]
fn inline_command_ends_on_the_callers_thread_when_the_unit_is_idle() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    assert_eq!(submit(&nexus, 1, &TEST_UNIT_READY), Some(Response::good()));
}

#[test]
fn inline_command_that_would_wait_for_the_device_goes_to_the_worker() {
    let bench = Bench::new();
    let (nexus, heard) = bench.attach("a");
    bench.device.held.store(true, Ordering::Relaxed);
    assert_eq!(submit(&nexus, 1, &TEST_UNIT_READY), None);
    assert_eq!(heard.recv().unwrap(), Heard::Completed(1, Status::Good));
}

#[test]
fn resets_do_not_pile_up_behind_a_running_command() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    submit(&nexus, 1, &REWIND);
    bench.started.recv().unwrap();
    for _ in 0..100 {
        nexus.manage(LUN, TaskManagementFunction::LogicalUnitReset);
    }
    bench.permit.send(()).unwrap();
    bench.unit.wait_until_idle();
    assert_eq!(bench.log(), ["01 a", "reset"]);
}

#[test]
fn everything_behind_a_waiting_command_keeps_its_order() {
    let bench = Bench::new();
    let (nexus, heard) = bench.attach("a");
    assert_eq!(submit(&nexus, 1, &REWIND), None);
    assert_eq!(submit(&nexus, 2, &TEST_UNIT_READY), None, "not overtaking");
    assert_eq!(submit(&nexus, 3, &REWIND), None);
    bench.permit.send(()).unwrap();
    bench.permit.send(()).unwrap();
    for tag in 1..=3 {
        assert_eq!(heard.recv().unwrap(), Heard::Completed(tag, Status::Good));
    }
    assert_eq!(bench.log(), ["01 a", "00 a", "01 a"]);
}

#[test]
fn abort_of_a_waiting_command_removes_it() {
    let bench = Bench::new();
    let (nexus, heard) = bench.attach("a");
    submit(&nexus, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&nexus, 2, &TEST_UNIT_READY);
    let abort = TaskManagementFunction::AbortTask(TaskTag(2));
    assert_eq!(
        nexus.manage(LUN, abort),
        ManagementResponse::FunctionComplete
    );
    assert_eq!(
        nexus.manage(LUN, abort),
        ManagementResponse::TaskDoesNotExist
    );
    bench.permit.send(()).unwrap();
    bench.unit.wait_until_idle();
    assert_eq!(heard.recv().unwrap(), Heard::Aborted(2));
    assert_eq!(heard.recv().unwrap(), Heard::Completed(1, Status::Good));
    assert_eq!(bench.log(), ["01 a"]);
}

#[test]
fn abort_of_a_running_command_does_not_wait_and_drops_its_response() {
    let bench = Bench::new();
    let (nexus, heard) = bench.attach("a");
    submit(&nexus, 1, &REWIND);
    bench.started.recv().unwrap();
    let abort = TaskManagementFunction::AbortTask(TaskTag(1));
    assert_eq!(
        nexus.manage(LUN, abort),
        ManagementResponse::FunctionComplete,
        "although no permit was given"
    );
    assert_eq!(heard.recv().unwrap(), Heard::Aborted(1));
    assert_eq!(submit(&nexus, 2, &TEST_UNIT_READY), None, "still busy");
    bench.permit.send(()).unwrap();
    assert_eq!(heard.recv().unwrap(), Heard::Completed(2, Status::Good));
    assert!(heard.try_recv().is_err());
}

#[test]
fn abort_task_set_leaves_other_nexuses_alone() {
    let bench = Bench::new();
    let (one, heard_one) = bench.attach("a");
    let (two, heard_two) = bench.attach("b");
    submit(&one, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&one, 2, &TEST_UNIT_READY);
    submit(&two, 1, &TEST_UNIT_READY);
    one.manage(LUN, TaskManagementFunction::AbortTaskSet);
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(1));
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(2));
    bench.permit.send(()).unwrap();
    assert_eq!(heard_two.recv().unwrap(), Heard::Completed(1, Status::Good));
    bench.unit.wait_until_idle();
    assert_eq!(attention(submit(&two, 2, &TEST_UNIT_READY)), None);
}

#[test]
fn clear_task_set_tells_those_whose_commands_were_cleared() {
    let bench = Bench::new();
    let (one, _heard_one) = bench.attach("a");
    let (two, heard_two) = bench.attach("b");
    let (three, _heard_three) = bench.attach("c");
    submit(&one, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&two, 7, &REWIND);
    one.manage(LUN, TaskManagementFunction::ClearTaskSet);
    assert_eq!(heard_two.recv().unwrap(), Heard::Aborted(7));
    bench.permit.send(()).unwrap();
    bench.unit.wait_until_idle();
    assert_eq!(
        attention(submit(&two, 8, &TEST_UNIT_READY)),
        Some(AdditionalSense::COMMANDS_CLEARED_BY_ANOTHER_INITIATOR)
    );
    assert_eq!(attention(submit(&one, 2, &TEST_UNIT_READY)), None);
    assert_eq!(attention(submit(&three, 1, &TEST_UNIT_READY)), None);
}

#[test]
fn reset_tells_everybody_and_reaches_the_device_before_later_commands() {
    let bench = Bench::new();
    let (one, heard_one) = bench.attach("a");
    let (two, _heard_two) = bench.attach("b");
    submit(&one, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&one, 2, &REWIND);
    let reset = TaskManagementFunction::LogicalUnitReset;
    assert_eq!(two.manage(LUN, reset), ManagementResponse::FunctionComplete);
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(1));
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(2));
    bench.permit.send(()).unwrap();
    bench.unit.wait_until_idle();
    for nexus in [&one, &two] {
        assert_eq!(
            attention(submit(nexus, 3, &TEST_UNIT_READY)),
            Some(AdditionalSense::BUS_DEVICE_RESET_OCCURRED)
        );
        assert_eq!(
            submit(nexus, 4, &TEST_UNIT_READY),
            Some(Response::good()),
            "told once"
        );
    }
    assert_eq!(bench.log(), ["01 a", "reset", "00 a", "00 b"]);
}

#[test]
fn i_t_nexus_reset_is_a_loss_of_the_nexus_that_goes_on() {
    let bench = Bench::new();
    let (one, heard_one) = bench.attach("a");
    let (two, heard_two) = bench.attach("b");
    submit(&one, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&one, 2, &TEST_UNIT_READY);
    submit(&two, 1, &TEST_UNIT_READY);
    let reset = TaskManagementFunction::ItNexusReset;
    for _ in 0..100 {
        let done = one.manage(None, reset);
        assert_eq!(done, ManagementResponse::FunctionComplete);
    }
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(1));
    assert_eq!(heard_one.recv().unwrap(), Heard::Aborted(2));
    bench.permit.send(()).unwrap();
    assert_eq!(heard_two.recv().unwrap(), Heard::Completed(1, Status::Good));
    bench.unit.wait_until_idle();
    assert_eq!(
        attention(submit(&one, 3, &TEST_UNIT_READY)),
        Some(AdditionalSense::IT_NEXUS_LOSS_OCCURRED)
    );
    assert_eq!(submit(&one, 4, &TEST_UNIT_READY), Some(Response::good()));
    assert_eq!(submit(&two, 2, &TEST_UNIT_READY), Some(Response::good()));
    assert_eq!(
        bench.log(),
        ["01 a", "00 b", "nexus lost", "00 a", "00 b"],
        "and they do not pile up"
    );
}

#[test]
fn queries_tell_what_is_there_and_change_nothing() {
    use TaskManagementFunction::{QueryAsynchronousEvent, QueryTask, QueryTaskSet};
    let bench = Bench::new();
    let (one, heard) = bench.attach("a");
    let (two, _heard_two) = bench.attach("b");
    let no = ManagementResponse::FunctionComplete;
    let yes = ManagementResponse::FunctionSucceeded(None);
    assert_eq!(one.manage(LUN, QueryTaskSet), no);
    submit(&one, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&one, 2, &TEST_UNIT_READY);
    for (tag, answer) in [(Some(1), yes), (Some(2), yes), (Some(3), no), (None, no)] {
        assert_eq!(
            one.manage(LUN, QueryTask(tag.map(TaskTag))),
            answer,
            "{tag:?}"
        );
    }
    assert_eq!(
        two.manage(LUN, QueryTask(Some(TaskTag(1)))),
        no,
        "another's"
    );
    assert_eq!(one.manage(LUN, QueryTaskSet), yes);
    assert_eq!(two.manage(LUN, QueryTaskSet), no);
    bench.permit.send(()).unwrap();
    assert_eq!(heard.recv().unwrap(), Heard::Completed(1, Status::Good));
    assert_eq!(one.manage(LUN, QueryTask(Some(TaskTag(1)))), no, "answered");
    assert_eq!(heard.recv().unwrap(), Heard::Completed(2, Status::Good));
    for function in [QueryTask(None), QueryTaskSet, QueryAsynchronousEvent] {
        let nowhere = one.manage(Some(Lun::new(1)), function);
        assert_eq!(nowhere, ManagementResponse::LunDoesNotExist);
    }
}

#[test]
fn what_waits_can_be_asked_for_without_being_told() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    let ask = || nexus.manage(LUN, TaskManagementFunction::QueryAsynchronousEvent);
    let found = |additional, depth| {
        ManagementResponse::FunctionSucceeded(Some(AsynchronousEvent {
            key: SenseKey::UnitAttention,
            additional,
            depth,
        }))
    };
    assert_eq!(ask(), ManagementResponse::FunctionComplete);
    let change = AdditionalSense::NOT_READY_TO_READY_CHANGE;
    bench.unit.attentions().establish(change);
    assert_eq!(ask(), found(change, EventDepth::One));
    nexus.manage(LUN, TaskManagementFunction::LogicalUnitReset);
    let reset = AdditionalSense::BUS_DEVICE_RESET_OCCURRED;
    assert_eq!(ask(), found(reset, EventDepth::Several));
    bench.unit.wait_until_idle();
    for expected in [reset, change] {
        let told = attention(submit(&nexus, 1, &TEST_UNIT_READY));
        assert_eq!(told, Some(expected), "still to be told");
    }
    assert_eq!(ask(), ManagementResponse::FunctionComplete);
}

/// RFC 7143 §11.5.1: a cold reset is as good as switching the target off and on.
#[test]
fn cold_reset_forgets_whom_it_knew() {
    let bench = Bench::new();
    let (one, _heard_one) = bench.attach("a");
    let (two, _heard_two) = bench.attach("b");
    let attentions = bench.unit.attentions();
    attentions.establish(AdditionalSense::NOT_READY_TO_READY_CHANGE);
    one.manage(None, TaskManagementFunction::TargetColdReset);
    bench.unit.wait_until_idle();
    for nexus in [&one, &two] {
        assert_eq!(
            attention(submit(nexus, 1, &TEST_UNIT_READY)),
            Some(AdditionalSense::POWER_ON_OR_RESET)
        );
        assert_eq!(submit(nexus, 2, &TEST_UNIT_READY), Some(Response::good()));
    }
    drop(two);
    bench.unit.wait_until_idle();
    let (sender, _) = mpsc::channel();
    let again = bench
        .target
        .attach(InitiatorPort("b".into()), Arc::new(Sink(sender)));
    assert_eq!(
        attention(submit(&again, 1, &TEST_UNIT_READY)),
        Some(AdditionalSense::POWER_ON_OR_RESET),
        "not a loss of the nexus"
    );
}

#[test]
fn others_hear_that_what_waits_for_the_unit_has_ended() {
    let bench = Bench::new();
    let (one, heard_one) = bench.attach("a");
    let (two, heard_two) = bench.attach("b");
    let lun = Lun::new(0);
    for (function, by) in [
        (
            TaskManagementFunction::ClearTaskSet,
            ClearedBy::ClearTaskSet,
        ),
        (TaskManagementFunction::LogicalUnitReset, ClearedBy::Reset),
        (TaskManagementFunction::TargetReset, ClearedBy::Reset),
    ] {
        one.manage(LUN, function);
        assert_eq!(heard_two.try_recv().unwrap(), Heard::Cleared(lun, by));
    }
    for function in [
        TaskManagementFunction::AbortTaskSet,
        TaskManagementFunction::ItNexusReset,
    ] {
        one.manage(LUN, function);
        assert!(heard_two.try_recv().is_err(), "its own affair");
    }
    assert!(heard_one.try_recv().is_err(), "it knows what it did");
    bench.unit.wait_until_idle();
    let attentions = bench.unit.attentions();
    while attentions.take(two.id()).is_some() {}
    two.lost_commands(lun);
    assert_eq!(
        attention(submit(&two, 8, &TEST_UNIT_READY)),
        Some(AdditionalSense::COMMANDS_CLEARED_BY_ANOTHER_INITIATOR)
    );
}

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

#[test]
fn target_reset_needs_no_lun_and_other_functions_do() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    let target_reset = TaskManagementFunction::TargetReset;
    assert_eq!(
        nexus.manage(None, target_reset),
        ManagementResponse::FunctionComplete
    );
    let absent = Some(Lun::new(1));
    let reset = TaskManagementFunction::LogicalUnitReset;
    assert_eq!(
        nexus.manage(absent, reset),
        ManagementResponse::LunDoesNotExist
    );
    bench.unit.wait_until_idle();
    assert_eq!(bench.log(), ["reset"]);
}

#[test]
fn lost_nexus_takes_its_commands_along_and_the_device_hears_of_it() {
    let bench = Bench::new();
    let (one, heard) = bench.attach("a");
    submit(&one, 1, &REWIND);
    bench.started.recv().unwrap();
    submit(&one, 2, &TEST_UNIT_READY);
    drop(one);
    bench.permit.send(()).unwrap();
    bench.unit.wait_until_idle();
    assert!(heard.recv().is_err(), "neither completed nor aborted");
    assert_eq!(bench.log(), ["01 a", "nexus lost"]);
}

#[test]
fn inquiry_passes_an_attention_and_request_sense_returns_it() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    let attentions = bench.unit.attentions();
    attentions.establish(AdditionalSense::NOT_READY_TO_READY_CHANGE);
    assert_eq!(submit(&nexus, 1, &INQUIRY), Some(Response::good()));
    let sense = submit(&nexus, 2, &REQUEST_SENSE).unwrap().data_in;
    assert_eq!((sense[2], sense[12], sense[13]), (0x06, 0x28, 0x00));
    let sense = submit(&nexus, 3, &REQUEST_SENSE).unwrap().data_in;
    assert_eq!((sense[2], sense[12], sense[13]), (0, 0, 0), "cleared");
    assert_eq!(submit(&nexus, 4, &TEST_UNIT_READY), Some(Response::good()));
}

#[test]
fn reserved_bit_and_unknown_command_are_told_before_an_attention() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    let attentions = bench.unit.attentions();
    attentions.establish(AdditionalSense::NOT_READY_TO_READY_CHANGE);
    let unknown = submit(&nexus, 1, &[0xff; 6]).unwrap().sense.unwrap();
    assert_eq!(
        unknown.additional,
        AdditionalSense::INVALID_COMMAND_OPERATION_CODE
    );
    let reserved = submit(&nexus, 2, &[0, 0, 1, 0, 0, 0]).unwrap().sense;
    assert_eq!(
        reserved.unwrap().additional,
        AdditionalSense::INVALID_FIELD_IN_CDB
    );
    assert!(attention(submit(&nexus, 3, &TEST_UNIT_READY)).is_some());
}

#[test]
fn too_many_waiting_commands_are_told_task_set_full() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    submit(&nexus, 0, &REWIND);
    bench.started.recv().unwrap();
    for tag in 1..=TASKS_WAITING_MAX as u64 {
        assert_eq!(submit(&nexus, tag, &TEST_UNIT_READY), None);
    }
    assert_eq!(
        submit(&nexus, 9999, &TEST_UNIT_READY),
        Some(Response::status(Status::TaskSetFull))
    );
    bench.permit.send(()).unwrap();
}

#[test]
fn panic_of_a_device_costs_one_command() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    let response = submit(&nexus, 1, &[0x05, 0, 0, 0, 0, 0]).unwrap();
    assert_eq!(response.sense.unwrap().key, SenseKey::HardwareError);
    assert_eq!(submit(&nexus, 2, &TEST_UNIT_READY), Some(Response::good()));
}

#[test]
fn unit_that_is_not_there() {
    let bench = Bench::new();
    let (nexus, _heard) = bench.attach("a");
    let ask = |cdb: &[u8]| {
        let command = Command {
            cdb: Cdb::new(cdb),
            data_out: Bytes::new(),
        };
        nexus.submit(TaskTag(1), None, command).unwrap()
    };
    assert_eq!(ask(&INQUIRY).data_in[0], 0x7f);
    let sense = ask(&TEST_UNIT_READY).sense.unwrap();
    assert_eq!(
        sense.additional,
        AdditionalSense::LOGICAL_UNIT_NOT_SUPPORTED
    );
    assert_eq!(ask(&REQUEST_SENSE).data_in[12], 0x25);
    let luns = ask(&[0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0]).data_in;
    assert_eq!(luns[..], [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn returning_port_is_told_nexus_loss() {
    let bench = Bench::new();
    let attach = || {
        let (sender, _) = mpsc::channel();
        let port = InitiatorPort("a".into());
        bench.target.attach(port, Arc::new(Sink(sender)))
    };
    let first = attach();
    assert_eq!(
        attention(submit(&first, 1, &TEST_UNIT_READY)),
        Some(AdditionalSense::POWER_ON_OR_RESET)
    );
    drop(first);
    bench.unit.wait_until_idle();
    let second = attach();
    assert_eq!(
        attention(submit(&second, 1, &TEST_UNIT_READY)),
        Some(AdditionalSense::IT_NEXUS_LOSS_OCCURRED)
    );
}

#[test]
fn commands_of_many_threads_never_overlap() {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    #[derive(Default)]
    struct Exclusive {
        inside: AtomicBool,
        runs: AtomicU64,
    }
    impl DeviceServer for Exclusive {
        fn commands(&self) -> CommandTable {
            CommandTable::of(DeviceType::SequentialAccess)
        }
        fn execute(&self, _: &ItNexus, _: &Command) -> Response {
            assert!(!self.inside.swap(true, Ordering::SeqCst), "overlap");
            std::thread::yield_now();
            self.inside.store(false, Ordering::SeqCst);
            self.runs.fetch_add(1, Ordering::SeqCst);
            Response::good()
        }
        fn nexus_lost(&self, _: NexusId) {}
        fn reset(&self) {}
    }
    let device = Arc::new(Exclusive::default());
    let server: Arc<dyn DeviceServer> = device.clone();
    let unit = Arc::new(LogicalUnit::start("test", server, Arc::default()).unwrap());
    let target = Target::new("t", vec![(Lun::new(0), Arc::clone(&unit))]);
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let (target, unit) = (&target, &unit);
            scope.spawn(move || {
                let (sender, heard) = mpsc::channel();
                let nexus = target.attach(InitiatorPort(name.into()), Arc::new(Sink(sender)));
                unit.attentions().take(nexus.id());
                for tag in 0..200 {
                    let cdb = if tag % 3 == 0 {
                        REWIND
                    } else {
                        TEST_UNIT_READY
                    };
                    let response = submit(&nexus, tag, &cdb);
                    let status = match response {
                        Some(response) => response.status,
                        None => match heard.recv().unwrap() {
                            Heard::Completed(heard, status) if heard == tag => status,
                            other => panic!("{other:?}"),
                        },
                    };
                    assert_eq!(status, Status::Good);
                }
            });
        }
    });
    assert_eq!(device.runs.load(Ordering::SeqCst), 600);
}
