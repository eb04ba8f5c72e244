//! Several hosts with queued commands at one drive, and task management at random: every command ends
//! exactly once, or never if it was ended by a function. The initiator is strict: it fails the test when
//! a command is answered twice, or after the function that ended it was complete.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use bytes::Bytes;
use capstan::gateway::targets::Device;
use iscsi::initiator::{DataTransfer, InitiatorEvent};

use crate::support::host::{Host, params};
use crate::support::{TestGateway, eventually, noise};

const HOSTS: u64 = 4;
const STEPS: usize = 80;
const SEEDS: [u64; 3] = [1, 2026, 0xab_ad_ca_fe];
/// Less than the window, so that all commands are sent at once.
const QUEUED_MAX: usize = 12;

const ABORT_TASK: u8 = 1;
const ABORT_TASK_SET: u8 = 2;
const CLEAR_TASK_SET: u8 = 4;
const LOGICAL_UNIT_RESET: u8 = 5;
const TARGET_WARM_RESET: u8 = 6;
const QUERY_TASK: u8 = 9;
const QUERY_TASK_SET: u8 = 10;
const I_T_NEXUS_RESET: u8 = 11;
const QUERY_ASYNCHRONOUS_EVENT: u8 = 12;

const COMPLETE: u8 = 0;
const NO_SUCH_TASK: u8 = 1;
const SUCCEEDED: u8 = 7;

/// How many functions that end commands of others were begun, and how many of them are complete.
#[derive(Default)]
struct Functions {
    begun: AtomicU64,
    complete: AtomicU64,
}

/// A host and what it waits for.
struct Client {
    host: Host,
    random: u64,
    functions: Arc<Functions>,
    /// Commands without an end, each with how many functions were complete when it was sent.
    open: HashMap<u32, u64>,
    finished: u64,
    ended: u64,
}

impl Client {
    fn log_in(gateway: &TestGateway, number: u64, seed: u64, functions: &Arc<Functions>) -> Self {
        let target = gateway.target(Device::Drive(0));
        let name = format!("iqn.2020-01.org.example:host{number}");
        let mut params = params(&name, Some(&target)).with_keys(&[
            (
                "InitialR2T",
                if number.is_multiple_of(2) {
                    "Yes"
                } else {
                    "No"
                },
            ),
            ("ImmediateData", if number % 4 < 2 { "Yes" } else { "No" }),
            ("FirstBurstLength", "4096"),
            ("MaxBurstLength", "8192"),
            ("iSCSIProtocolLevel", "2"),
        ]);
        params.send_segment_max = 3000;
        let mut host = Host::try_log_in(gateway.portal(), params).unwrap();
        host.attentions();
        Self {
            host,
            random: (seed ^ number << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            functions: Arc::clone(functions),
            open: HashMap::new(),
            finished: 0,
            ended: 0,
        }
    }

    /// Returns a number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 20) % end
    }

    fn step(&mut self) {
        for _ in 0..self.below(5) {
            if self.open.len() < QUEUED_MAX {
                self.start();
            }
        }
        match self.below(40) {
            0..=3 => self.abort_one(),
            4 => self.end_own(ABORT_TASK_SET),
            5 => self.end_own(I_T_NEXUS_RESET),
            6 => self.end_all(CLEAR_TASK_SET),
            7 => self.end_all(LOGICAL_UNIT_RESET),
            8 => self.end_all(TARGET_WARM_RESET),
            9..=14 => self.ask(QUERY_TASK_SET),
            15..=19 => self.ask(QUERY_ASYNCHRONOUS_EVENT),
            20..=29 => self.wait_for_all(),
            _ => self.query_one(),
        }
    }

    fn start(&mut self) {
        let complete = self.functions.complete.load(Ordering::SeqCst);
        let tag = match self.below(6) {
            0..=2 => {
                let length = 1 + self.below(20_000);
                let [_, a, b, c] = u32::try_from(length).unwrap().to_be_bytes();
                let block = noise(self.random, usize::try_from(length).unwrap());
                let data = DataTransfer::Out(Bytes::from(block));
                self.host.start(&[0x0a, 0, a, b, c, 0], data)
            }
            3 => self.host.start(&[0; 6], DataTransfer::None),
            4 => self.host.start(&READ_POSITION, DataTransfer::In(20)),
            _ => self.host.start(&REWIND, DataTransfer::None),
        };
        self.open.insert(tag, complete);
    }

    fn any_open(&mut self) -> Option<u32> {
        let mut tags: Vec<u32> = self.open.keys().copied().collect();
        tags.sort_unstable();
        let count = u64::try_from(tags.len()).unwrap();
        (count > 0).then(|| tags[usize::try_from(self.below(count)).unwrap()])
    }

    fn abort_one(&mut self) {
        let Some(task) = self.any_open() else { return };
        match self.manage(ABORT_TASK, Some(task)) {
            Some(COMPLETE) if self.open.remove(&task).is_some() => self.ended += 1,
            Some(COMPLETE) => panic!("aborted, and answered before that"),
            // Answered already, or ended by somebody else.
            Some(NO_SUCH_TASK) => self.assert_ended_by_others(task),
            Some(other) => panic!("ABORT TASK: {other}"),
            None => (),
        }
    }

    /// A function that ends all commands of this host. Whatever was not answered before it never is.
    fn end_own(&mut self, function: u8) {
        let sent = |tag: &u32| self.host.is_sent(*tag);
        let sent: Vec<u32> = self.open.keys().copied().filter(sent).collect();
        assert_eq!(self.manage(function, None), Some(COMPLETE));
        for task in sent {
            self.ended += u64::from(self.open.remove(&task).is_some());
        }
    }

    /// A function that ends the commands of all hosts.
    fn end_all(&mut self, function: u8) {
        self.functions.begun.fetch_add(1, Ordering::SeqCst);
        self.end_own(function);
        self.functions.complete.fetch_add(1, Ordering::SeqCst);
    }

    fn ask(&mut self, function: u8) {
        let answer = self.manage(function, None);
        assert!(matches!(answer, Some(COMPLETE | SUCCEEDED)), "{answer:?}");
    }

    fn query_one(&mut self) {
        let Some(task) = self.any_open() else { return };
        match self.manage(QUERY_TASK, Some(task)) {
            Some(SUCCEEDED) | None => (),
            Some(COMPLETE) => self.assert_ended_by_others(task),
            Some(other) => panic!("QUERY TASK: {other}"),
        }
    }

    /// A task that the target does not know was answered, or another host has ended it meanwhile.
    fn assert_ended_by_others(&mut self, task: u32) {
        if let Some(complete) = self.open.get(&task) {
            let begun = self.functions.begun.load(Ordering::SeqCst);
            assert!(begun > *complete, "command {task} is gone without an end");
        }
    }

    /// Sends a request and takes what comes until it is answered; returns the response. `None` for a
    /// command that still waits for the window.
    fn manage(&mut self, function: u8, task: Option<u32>) -> Option<u8> {
        let request = self.host.start_management(function, task)?;
        loop {
            match self.host.event() {
                Some(InitiatorEvent::Finished(finished)) => {
                    let known = self.open.remove(&finished.task_tag);
                    assert!(known.is_some(), "ended twice: {finished:?}");
                    self.finished += 1;
                }
                Some(InitiatorEvent::ManagementDone {
                    task_tag, response, ..
                }) => {
                    assert_eq!(task_tag, request);
                    return Some(response);
                }
                // A ping comes after a long silence: nobody is going to answer any more.
                other => panic!("no answer to {function}: {other:?}"),
            }
        }
    }

    /// Waits until the target has nothing of ours any more.
    fn wait_for_all(&mut self) {
        eventually("no command is left", || {
            let all_sent = self.open.keys().all(|tag| self.host.is_sent(*tag));
            self.manage(QUERY_TASK_SET, None) == Some(COMPLETE) && all_sent
        });
    }

    /// Waits for all commands; whatever is open then was ended by others.
    fn settle(mut self) -> (u64, u64) {
        self.wait_for_all();
        assert_eq!(self.host.nop(b"all is told"), b"all is told");
        let open: Vec<u32> = self.open.keys().copied().collect();
        for task in open {
            self.assert_ended_by_others(task);
            self.ended += 1;
        }
        self.host.attentions();
        self.host.write_block(b"and the session lives");
        self.host.log_out();
        (self.finished, self.ended)
    }
}

#[test]
fn commands_end_once_or_never_under_random_task_management() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let mut sum = (0, 0);
    for seed in SEEDS {
        let (finished, ended) = run(&gateway, seed);
        sum = (sum.0 + finished, sum.1 + ended);
    }
    let (finished, ended) = sum;
    assert!(
        finished > 100 && ended > 100,
        "nothing was tried: {finished} and {ended}"
    );
}

/// Runs all hosts; returns how many commands were answered, and how many were ended.
fn run(gateway: &TestGateway, seed: u64) -> (u64, u64) {
    let functions = Arc::default();
    // All log in before the first function, which would end the first commands of others.
    let log_in = |number| Client::log_in(gateway, number, seed, &functions);
    let clients: Vec<Client> = (0..HOSTS).map(log_in).collect();
    let clients: Vec<Client> = thread::scope(|scope| {
        let run = |mut client: Client| {
            for _ in 0..STEPS {
                client.step();
            }
            client
        };
        let threads: Vec<_> = clients
            .into_iter()
            .map(|client| scope.spawn(move || run(client)))
            .collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    clients
        .into_iter()
        .map(Client::settle)
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

const REWIND: [u8; 6] = [0x01, 0, 0, 0, 0, 0];
const READ_POSITION: [u8; 10] = [0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0];
