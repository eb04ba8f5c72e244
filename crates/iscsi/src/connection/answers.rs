//! What the environment says: answers to events, and its own wishes.

use scsi::{Lun, Response, Sense, TaskTag};

use super::{Connection, Phase, WINDOW_MAX};
use crate::event::{
    CloseReason, Event, LoggedIn, LoginDecision, LoginStatus, ManagementOutcome, ManagementTag,
    TargetRecord,
};
use crate::session::{Session, session_memory};
use crate::wire::Tsih;

impl Connection {
    /// Answers [`Event::LoginRequested`]. Without one, or when the connection is over, nothing
    /// happens; the same holds for all answers, so that late ones do no harm.
    pub fn login_decision(&mut self, decision: LoginDecision) {
        if let (Phase::Login(login), false) = (&mut self.phase, self.core.closed) {
            login.decide(decision, &mut self.core);
        }
    }

    /// Answers [`Event::EstablishSession`]: the old session, if there was one, is gone, and the new
    /// one has this handle. When there is no memory for another session, the login fails all the
    /// same, with 0302.
    ///
    /// # Panics
    /// When `tsih` is zero, which stands for "no session" (RFC 7143 §11.13.3).
    pub fn session_established(&mut self, tsih: Tsih) {
        assert_ne!(tsih, Tsih(0), "a session has a handle");
        let (Phase::Login(login), false) = (&mut self.phase, self.core.closed) else {
            return;
        };
        let Some((kind, keys)) = login.agreed() else {
            return;
        };
        let (meter, waker) = (self.meter.clone(), self.memory_waker.clone());
        let Some(share) = session_memory(kind, keys, meter, waker, &mut self.core) else {
            login.refuse_for_memory(&mut self.core);
            return;
        };
        let Some(established) = login.establish(tsih, &mut self.core) else {
            return;
        };
        // The final response still goes without digests (RFC 7143 §13.1: full feature phase).
        let keys = established.negotiated;
        let (header, data) = (keys.header_digest, keys.data_digest);
        self.receiver.set_digests(header, data);
        self.core.output.set_digests(header, data);
        let logged_in = Box::new(LoggedIn {
            login: established.login.clone(),
            negotiated: keys,
        });
        self.core.events.push_back(Event::LoggedIn(logged_in));
        let session = Session::new(established, share, self.core.now);
        self.phase = Phase::FullFeature(Box::new(session));
    }

    /// Answers [`Event::EstablishSession`] with no.
    pub fn session_refused(&mut self, status: LoginStatus) {
        if let (Phase::Login(login), false) = (&mut self.phase, self.core.closed) {
            login.refuse_established(status, &mut self.core);
        }
    }

    /// Answers [`Event::SendTargets`].
    pub fn send_targets(&mut self, targets: &[TargetRecord]) {
        self.in_session(|session, core| session.send_targets(targets, core));
    }

    /// Answers [`Event::Command`]. An answer to a task that is gone, because it was aborted
    /// meanwhile, is dropped.
    pub fn complete(&mut self, task: TaskTag, response: Response) {
        self.in_session(|session, core| {
            session.complete(task, response, core);
            session.settle(core);
        });
    }

    /// Ends a task that the device server ended without a response, because of another initiator's
    /// CLEAR TASK SET or reset.
    pub fn abandon(&mut self, task: TaskTag) {
        self.in_session(|session, core| session.abandon(task, core));
    }

    /// Ends the commands of a logical unit, or of all with `None`, that were not handed over yet:
    /// another initiator has cleared its task set or reset it. They are never answered, and data for
    /// them that is on its way is no error. Returns how many there were.
    pub fn end_waiting(&mut self, lun: Option<Lun>) -> usize {
        let mut ended = 0;
        self.in_session(|session, core| ended = session.end_waiting(lun, core));
        ended
    }

    /// Answers [`Event::TaskManagement`].
    pub fn management_done(&mut self, tag: ManagementTag, outcome: ManagementOutcome) {
        self.in_session(|session, core| session.management_done(tag, outcome, core));
    }

    /// Asks the initiator to log out, because we are about to end. A login that is not finished ends
    /// at once.
    pub fn request_logout(&mut self) {
        if let Phase::Login(_) = self.phase {
            self.core.close(CloseReason::Requested);
        }
        self.in_session(Session::request_logout);
    }

    /// Tells the initiator of something that happened to the whole target, such as REPORTED LUNS DATA
    /// HAS CHANGED (RFC 7143 §11.9.1, event 0). Only a normal session is told.
    pub fn report_event(&mut self, sense: Sense) {
        self.in_session(|session, core| session.report_event(sense, core));
    }

    /// Ends the connection: its session was replaced, or the administrator said so.
    pub fn close(&mut self) {
        self.core.close(CloseReason::Requested);
    }

    /// Goes on with commands that waited for memory, see [`Connection::set_memory_waker`].
    pub fn memory_available(&mut self) {
        self.in_session(Session::settle);
    }

    /// Lets the initiator have at most `commands` in flight from now on, at least one. What was
    /// promised stays promised: the window shrinks as commands come in.
    pub fn set_command_window(&mut self, commands: u32) {
        self.core.limits.command_window = commands.clamp(1, WINDOW_MAX);
        self.in_session(Session::settle);
    }
}
