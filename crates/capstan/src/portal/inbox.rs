//! What others have to say to a connection's thread.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use scsi::{Lun, Response, TaskTag};
use tape_library::{ClearedBy, CompletionSink};

/// A message to a connection.
#[derive(Debug)]
pub enum Message {
    /// A logical unit's worker has finished a command.
    Completed(TaskTag, Response),
    /// A command was ended by task management and will never be answered.
    Aborted(TaskTag),
    /// Another initiator has ended what waits for this logical unit.
    Cleared(Lun, ClearedBy),
    /// The logical units of the target are others than before.
    UnitsChanged,
    /// The session that this login replaces is gone; the login may go on.
    SessionFree,
    /// Another login replaces this session.
    Replaced,
    /// An administrator ends this session: close.
    Dropped,
    /// An administrator ends this session, politely: log out.
    AskedToLogOut,
    /// The daemon goes: log out.
    ShutDown,
    /// The target is reset cold: close.
    TargetReset,
    /// There is memory for a command that waits.
    MemoryAvailable,
}

/// A queue that can be polled together with a socket.
pub struct Inbox {
    queue: Mutex<VecDeque<Message>>,
    /// Whether there is something that goes before bytes that come in later.
    urgent: AtomicBool,
    wake: OwnedFd,
}

impl Inbox {
    /// Returns an empty inbox.
    pub fn new() -> io::Result<Arc<Self>> {
        let wake = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Arc::new(Self {
            queue: Mutex::default(),
            urgent: AtomicBool::new(false),
            wake,
        }))
    }

    /// Adds a message and wakes the owner. Never blocks.
    pub fn post(&self, message: Message) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = queue.is_empty();
        if matches!(message, Message::Cleared(..)) {
            self.urgent.store(true, Ordering::Release);
        }
        queue.push_back(message);
        if was_empty {
            // The counter cannot overflow: it is written only when the owner has emptied the queue,
            // and the owner clears it before that.
            let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
        }
    }

    /// Returns whether there is something that has to be read before more is received: commands that
    /// another initiator has ended must not be completed by data that come after that.
    pub fn is_urgent(&self) -> bool {
        self.urgent.load(Ordering::Acquire)
    }

    /// Takes all messages, the oldest first, and clears the wake-up.
    pub fn take(&self) -> Vec<Message> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_empty() {
            return Vec::new();
        }
        let _ = rustix::io::read(&self.wake, &mut [0; 8]); // only would-block is possible
        self.urgent.store(false, Ordering::Release);
        queue.drain(..).collect()
    }
}

impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

impl CompletionSink for Inbox {
    fn complete(&self, task: TaskTag, response: Response) {
        self.post(Message::Completed(task, response));
    }

    fn aborted(&self, task: TaskTag) {
        self.post(Message::Aborted(task));
    }

    fn units_changed(&self) {
        self.post(Message::UnitsChanged);
    }

    fn cleared(&self, lun: Lun, by: ClearedBy) {
        self.post(Message::Cleared(lun, by));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn is_readable(inbox: &Inbox) -> bool {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut [PollFd::new(inbox, PollFlags::IN)], Some(&now)).unwrap() == 1
    }

    #[test]
    fn messages_wake_and_come_out_in_order() {
        let inbox = Inbox::new().unwrap();
        assert!(!is_readable(&inbox));
        inbox.post(Message::Aborted(TaskTag(1)));
        inbox.complete(TaskTag(2), Response::good());
        assert!(is_readable(&inbox));
        let messages = inbox.take();
        assert!(matches!(
            messages.as_slice(),
            [
                Message::Aborted(TaskTag(1)),
                Message::Completed(TaskTag(2), _)
            ]
        ));
        assert!(!is_readable(&inbox), "taking clears the wake-up");
        inbox.post(Message::SessionFree);
        assert!(is_readable(&inbox));
        assert!(!inbox.is_urgent());
        inbox.cleared(Lun::new(0), ClearedBy::Reset);
        assert!(inbox.is_urgent());
        assert_eq!(inbox.take().len(), 2);
        assert!(!inbox.is_urgent());
    }
}
