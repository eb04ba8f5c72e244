//! Order, aborts and attentions of a unit, with a device that runs only when the test lets it.

mod loss;
mod management;
mod preempt;
mod primary;
mod sense;
mod trace;
mod units;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use scsi::{
    AdditionalSense, AsynchronousEvent, Cdb, Command, CommandTable, DeviceType, EventDepth,
    InitiatorPort, Lun, NexusId, Response, SenseKey, Status, TaskManagementFunction, TaskTag,
};

use super::*;
use crate::nexus::ItNexus;
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
    /// A command that ran was aborted.
    given_up: AtomicBool,
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

    fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
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
            given_up: AtomicBool::new(false),
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

    fn has_given_up(&self) -> bool {
        self.device.given_up.load(Ordering::Relaxed)
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
