//! The environment of all connections: blocks that everybody sees, commands that act when they are
//! handed over and are answered later.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use iscsi::{Authentication, CommandReceived, Event, LoginDecision, ManagementOutcome, Tsih};
use scsi::{Response, TaskManagementFunction, TaskTag};

use super::world::{What, World};
use crate::rig::terms;

/// A command that is not answered.
pub(super) struct Held {
    line: usize,
    task: TaskTag,
    lun: Option<scsi::Lun>,
    response: Response,
}

#[derive(Default)]
pub(super) struct Library {
    pub(super) blocks: BTreeMap<(u16, u16), Bytes>,
    held: Vec<Held>,
    /// The lines of the sessions that live, by initiator port.
    ports: BTreeMap<(String, [u8; 6]), usize>,
    tsih: u16,
}

pub(super) const WRITE: u8 = 0x0a;
pub(super) const READ: u8 = 0x08;

impl Library {
    /// The session on this line is over: nobody hears its answers.
    pub(super) fn end(&mut self, line: usize) {
        self.held.retain(|held| held.line != line);
        self.ports.retain(|_, owner| *owner != line);
    }

    /// Acts at once, and returns the answer for later.
    fn execute(&mut self, received: &CommandReceived) -> Response {
        let cdb = received.command.cdb;
        let address = (received.lun.unwrap().number(), cdb.u16(2));
        match cdb.operation_code() {
            WRITE => {
                let data = received.command.data_out.clone();
                let length = data.len() as u32;
                self.blocks.insert(address, data);
                Response::good().with_data_out_length(length)
            }
            READ => Response::data(self.blocks.get(&address).cloned().unwrap_or_default()),
            _ => Response::good(),
        }
    }
}

impl World {
    /// Answers what a connection asks.
    pub(super) fn answer(&mut self, line: usize) {
        while let Some(event) = self.lines[line].connection.next_event() {
            assert!(!self.lines[line].is_over, "nothing follows the end");
            match event {
                Event::LoginRequested(_) => {
                    let decision = LoginDecision::Allow(terms(Authentication::None));
                    self.lines[line].connection.login_decision(decision);
                }
                Event::EstablishSession(it) => {
                    let port = (it.login.initiator, it.login.isid.0);
                    if let Some(old) = self.library.ports.get(&port).copied() {
                        self.end_old_session(old);
                    }
                    self.library.ports.insert(port, line);
                    self.library.tsih += 1;
                    let tsih = Tsih(self.library.tsih);
                    self.lines[line].connection.session_established(tsih);
                }
                Event::LoggedIn(_) => self.lines[line].in_session = true,
                Event::LoginFailed(failed) => panic!("{failed:?}"),
                Event::SendTargets(_) => panic!("nobody asked"),
                Event::Command(received) => self.take_command(line, &received),
                Event::TaskManagement(request) => {
                    let outcome = self.manage(line, &request);
                    let delay = self.random.micros(10, 30_000);
                    self.after(delay, What::Managed(line, request.tag, outcome));
                }
                Event::Closed(reason) => {
                    self.tell(|| format!("line {line} closed: {reason:?}"));
                    self.lines[line].is_over = true;
                    self.lines[line].reason = Some(reason);
                    self.library.end(line);
                }
            }
        }
    }

    /// L5: the old session of an initiator port ends before the new one begins.
    fn end_old_session(&mut self, old: usize) {
        self.tell(|| format!("line {old} is replaced"));
        self.library.end(old);
        self.lines[old].connection.close();
        self.answer(old);
        self.pump(old);
    }

    fn take_command(&mut self, line: usize, received: &CommandReceived) {
        assert!(
            self.library.ports.values().any(|owner| *owner == line),
            "L5"
        );
        let response = self.library.execute(received);
        self.library.held.push(Held {
            line,
            task: received.task,
            lun: received.lun,
            response,
        });
        let delay = match self.random.below(100) {
            0 => self.random.micros(1_000_000, 20_000_000),
            1..10 => self.random.micros(1000, 300_000),
            _ => self.random.micros(1, 3000),
        };
        self.after(delay, What::Complete(line, received.task));
    }

    /// The device ends a command, unless that was aborted.
    pub(super) fn complete(&mut self, line: usize, task: TaskTag) {
        let is_it = |held: &Held| held.line == line && held.task == task;
        let Some(index) = self.library.held.iter().position(is_it) else {
            return;
        };
        let held = self.library.held.remove(index);
        self.lines[line].connection.complete(task, held.response);
        self.pump(line);
    }

    /// Ends the commands that task management means: in this session, and in the others.
    fn manage(&mut self, line: usize, request: &iscsi::TaskManagement) -> ManagementOutcome {
        if let TaskManagementFunction::AbortTask(task) = request.function {
            let before = self.library.held.len();
            self.library
                .held
                .retain(|held| held.task != task || held.line != line);
            return if self.library.held.len() < before {
                ManagementOutcome::FunctionComplete
            } else {
                ManagementOutcome::TaskDoesNotExist
            };
        }
        let hit = |held: &Held| request.lun.is_none() || held.lun == request.lun;
        let (ended, kept) = std::mem::take(&mut self.library.held)
            .into_iter()
            .partition(hit);
        let ended: Vec<Held> = ended;
        self.library.held = kept;
        for session in &mut self.sessions {
            session.doubt(request.lun);
        }
        for held in ended.iter().filter(|held| held.line != line) {
            self.lines[held.line].connection.abandon(held.task);
        }
        let others: Vec<usize> = self.library.ports.values().copied().collect();
        for other in others.into_iter().filter(|other| *other != line) {
            self.lines[other].connection.end_waiting(request.lun);
            self.answer(other);
            self.pump(other);
        }
        ManagementOutcome::FunctionComplete
    }

    pub(super) fn after(&mut self, delay: Duration, what: What) {
        self.at(self.now + delay, what);
    }
}
