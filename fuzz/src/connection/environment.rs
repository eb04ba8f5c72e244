//! The model environment: it keeps commands and answers them when the input says so.

use std::collections::BTreeSet;
use std::time::Duration;

use iscsi::{
    CloseReason, CommandReceived, Connection, Event, ManagementOutcome, TargetRecord,
    TaskManagement,
};
use scsi::{Lun, Response, Sense, SenseKey, Status, TaskManagementFunction, TaskTag};

use super::World;
use crate::rig::{Choices, TARGET};

/// What is at the environment.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) held: Vec<CommandReceived>,
    /// With the commands that the device had when it was asked.
    pub(super) management: Vec<(TaskManagement, Vec<TaskTag>)>,
    pub(super) asked_for_targets: bool,
    pub(super) closed: Option<CloseReason>,
    tags: BTreeSet<u64>,
}

/// Returns the bytes that task `itt` writes or reads.
pub(super) fn pattern(itt: u32, salt: u8, length: usize) -> Vec<u8> {
    let seed = (itt as u8).wrapping_mul(151) ^ salt;
    (0..length)
        .map(|i| (i as u8).wrapping_mul(31) ^ (i >> 8) as u8 ^ (i >> 16) as u8 ^ seed)
        .collect()
}

/// What the device answers to a CDB of the model: operation code, variant, length and tag are in it.
pub(super) fn device(cdb: &[u8; 16]) -> Response {
    let length = u32::from_be_bytes([0, cdb[2], cdb[3], cdb[4]]).min(1 << 20);
    let itt = u32::from_be_bytes(cdb[12..16].try_into().unwrap());
    let mut response = match cdb[1] & 3 {
        1 => Response::check(Sense::new(
            SenseKey::MediumError,
            scsi::AdditionalSense::NONE,
        )),
        2 => Response::status(Status::Busy),
        _ => Response::good(),
    };
    match cdb[0] {
        READ if cdb[1] & 3 != 2 => response.data_in = pattern(itt, 0x80, length as usize).into(),
        WRITE => response.data_out_length = length,
        _ => (),
    }
    response
}

pub(super) const READ: u8 = 0x08;
pub(super) const WRITE: u8 = 0x0a;

/// The answer to SendTargets.
pub(super) fn targets() -> Vec<TargetRecord> {
    vec![TargetRecord {
        name: TARGET.into(),
        addresses: (0..20).map(|i| format!("192.0.2.{i}:3260,1")).collect(),
    }]
}

impl Environment {
    pub(super) fn answer_all(&mut self, connection: &mut Connection) {
        for command in std::mem::take(&mut self.held) {
            connection.complete(command.task, device(command.command.cdb.as_bytes()));
        }
        for (request, _) in std::mem::take(&mut self.management) {
            connection.management_done(request.tag, ManagementOutcome::TaskDoesNotExist);
        }
        if std::mem::take(&mut self.asked_for_targets) {
            connection.send_targets(&targets());
        }
    }

    /// Lets go of the commands that a function ends.
    fn end(&mut self, request: &TaskManagement, present: &[TaskTag]) {
        self.held.retain(|command| {
            let hit = match request.function {
                TaskManagementFunction::AbortTask(task) => command.task == task,
                _ => request.lun.is_none() || command.lun == request.lun,
            };
            !(hit && present.contains(&command.task))
        });
    }
}

impl World {
    /// Takes what the connection reports.
    pub(super) fn take_events(&mut self) {
        while let Some(event) = self.line.connection.next_event() {
            assert_eq!(self.environment.closed, None, "nothing follows Closed");
            match event {
                Event::Command(command) => self.take_command(command),
                Event::TaskManagement(request) => {
                    let held = self.environment.held.iter();
                    let present = held.map(|command| command.task).collect();
                    self.environment.management.push((request, present));
                }
                Event::SendTargets(_) => self.environment.asked_for_targets = true,
                Event::Closed(reason) => {
                    self.environment.closed = Some(reason);
                    if self.is_legal() {
                        self.initiator.check_end(reason, self.reading);
                    }
                }
                Event::LoginRequested(_)
                | Event::EstablishSession(_)
                | Event::LoggedIn(_)
                | Event::LoginFailed(_) => panic!("a second login"),
            }
        }
    }

    fn take_command(&mut self, command: CommandReceived) {
        assert!(self.environment.tags.insert(command.task.0), "a tag again");
        let length = command.command.data_out.len();
        assert!(length <= self.limits.data_out_max as usize);
        if self.is_legal() {
            self.initiator.check_delivery(&command);
        }
        self.environment.held.push(command);
    }

    /// The device ends a command: any of those that it has.
    pub(super) fn complete(&mut self, choices: &mut Choices<'_>) {
        let count = self.environment.held.len();
        if count == 0 {
            return;
        }
        let index = usize::from(choices.byte()) % count;
        let command = self.environment.held.swap_remove(index);
        let response = device(command.command.cdb.as_bytes());
        self.line
            .connection
            .complete(command.task, response.clone());
        // A second answer, or a late one, does no harm.
        self.line.connection.complete(command.task, response);
    }

    /// The environment answers task management.
    pub(super) fn manage_done(&mut self, choices: &mut Choices<'_>) {
        let count = self.environment.management.len();
        if count == 0 {
            return;
        }
        let choice = choices.byte();
        let index = usize::from(choice) % count;
        let (request, present) = self.environment.management.swap_remove(index);
        let is_query = matches!(
            request.function,
            TaskManagementFunction::QueryTask(_)
                | TaskManagementFunction::QueryTaskSet
                | TaskManagementFunction::QueryAsynchronousEvent
        );
        let outcome = match choice >> 5 {
            0..=2 if is_query => ManagementOutcome::FunctionSucceeded(None),
            0..=5 => ManagementOutcome::FunctionComplete,
            6 => ManagementOutcome::TaskDoesNotExist,
            _ => ManagementOutcome::Rejected,
        };
        if outcome == ManagementOutcome::FunctionComplete && !is_query {
            self.environment.end(&request, &present);
        }
        self.line.connection.management_done(request.tag, outcome);
    }

    /// What the environment does of its own accord.
    pub(super) fn environment_acts(&mut self, choices: &mut Choices<'_>) {
        let choice = choices.byte();
        if choice % 8 < 4 {
            // Whose commands are lost hears no more of them, but does hear what was said before; and
            // what its reading makes room for is handed over, not waiting.
            self.read_all();
            self.take_events();
        }
        match choice % 8 {
            0 | 1 => {
                let count = self.environment.held.len();
                if count > 0 {
                    let index = usize::from(choice >> 3) % count;
                    let command = self.environment.held.swap_remove(index);
                    self.line.connection.abandon(command.task);
                    self.lose(|_, task| task == command.task);
                }
            }
            2 => {
                let lun = Lun::new(u16::from(choice >> 3 & 3));
                self.line.connection.end_waiting(Some(lun));
                self.initiator.lose_waiting(Some(lun), &mut self.checker);
            }
            3 => {
                self.line.connection.end_waiting(None);
                self.initiator.lose_waiting(None, &mut self.checker);
            }
            4 | 5 => {
                let commands = u32::from(choice >> 3);
                self.window_max = self.window_max.max(commands);
                self.window_is_as_it_was = false;
                self.line.connection.set_command_window(commands);
            }
            6 => {
                let targets = targets();
                if std::mem::take(&mut self.environment.asked_for_targets) {
                    self.line.connection.send_targets(&targets);
                }
            }
            _ if choice > 0xf0 => {
                self.initiator.asked_to_leave = true;
                self.line.connection.request_logout();
            }
            _ if choice > 0xe0 => {
                self.initiator.told_to_leave = true;
                self.line.connection.close();
            }
            _ if choice > 0xc0 => {
                let sense = Sense::new(SenseKey::UnitAttention, scsi::AdditionalSense::NONE);
                self.line.connection.report_event(sense);
            }
            _ => (),
        }
    }

    /// The environment has ended commands that nobody will answer.
    fn lose(&mut self, is_lost: impl Fn(u32, TaskTag) -> bool) {
        self.initiator.lose(is_lost, &mut self.checker);
    }

    /// Time passes. What was due is done: nobody is sent back to the same moment for ever.
    pub(super) fn wait(&mut self, time: Duration) {
        self.line.now += time;
        self.line.connection.tick(self.line.now);
        let next = self.line.connection.next_deadline();
        assert!(
            next.is_none_or(|next| next > self.line.now),
            "a deadline in the past"
        );
    }
}
