//! One connection: its thread, and the loop between socket, inbox and the sans-IO core.

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use iscsi::{
    CloseReason, CommandReceived, ConnectionParams, EstablishSession, Event, LoggedIn,
    LoginDecision, LoginFailed, LoginRequested, LoginStatus, LoginTerms, ManagementOutcome,
    SessionFate, SessionKind, TaskManagement, Tsih,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use scsi::InitiatorPort;
use tape_library::{ManagementResponse, Nexus};

use super::admission::Permit;
use super::discovery::{self, Asker};
use super::inbox::{Inbox, Message};
use super::policy::{PORTAL_GROUP_TAG, Verdict};
use super::sessions::{Claim, Join, Turn};
use super::{Shared, socket};

/// A connection and everything that ends with it.
///
/// The order of the fields is the order of their drops: the nexus is gone before the claim lets the
/// next session in, and the permit is given back last.
pub struct Connection {
    core: iscsi::Connection,
    nexus: Option<Nexus>,
    claim: Option<Claim>,
    socket: TcpStream,
    inbox: Arc<Inbox>,
    shared: Arc<Shared>,
    peer: SocketAddr,
    local: SocketAddr,
    started: Instant,
    /// Who logged in, since it did.
    login: Option<LoginRequested>,
    /// A login that waits for [`Message::SessionFree`].
    waiting: Option<EstablishSession>,
    /// Why we refused, for the log.
    refusal: Option<String>,
    /// Since the core said that it is over: until when the rest of the output is worth sending.
    flush_until: Option<Instant>,
    permit: Permit,
}

impl Connection {
    /// Returns the connection for an accepted socket.
    pub fn new(
        socket: TcpStream,
        peer: SocketAddr,
        shared: Arc<Shared>,
        inbox: Arc<Inbox>,
        permit: Permit,
    ) -> io::Result<Self> {
        let local = canonical(socket.local_addr()?);
        let peer = canonical(peer);
        let core = iscsi::Connection::new(ConnectionParams {
            limits: shared.limits.clone(),
            offer: iscsi::Offer::default(),
            random: Box::new(fill_from_the_system),
            now: Duration::ZERO,
        });
        Ok(Self {
            core,
            nexus: None,
            claim: None,
            socket,
            inbox,
            shared,
            peer,
            local,
            started: Instant::now(),
            login: None,
            waiting: None,
            refusal: None,
            flush_until: None,
            permit,
        })
    }

    /// Serves until the connection is over.
    pub fn run(mut self) {
        let result = self.serve();
        if self.flush_until.is_none() {
            match result {
                Ok(()) => self.log_end("the initiator closed without logging out", Orderly::Yes),
                Err(error) => self.log_end(&error.to_string(), Orderly::No),
            }
        }
        self.close_politely();
    }

    fn serve(&mut self) -> io::Result<()> {
        loop {
            self.read_inbox();
            self.handle_events();
            let more = match self.flush_until {
                None => self.receive()?,
                Some(_) => More::Perhaps,
            };
            if more == More::Never {
                return Ok(());
            }
            self.core.tick(self.now());
            self.handle_events();
            self.send()?;
            if let Some(deadline) = self.flush_until
                && (!self.core.has_output() || Instant::now() >= deadline)
            {
                return Ok(());
            }
            if more != More::Surely {
                self.wait()?;
            }
        }
    }

    /// Receives and handles until the socket has no more, but at most so much that answers do not
    /// wait for ever.
    fn receive(&mut self) -> io::Result<More> {
        for _ in 0..RECEIVES_PER_TURN {
            match socket::receive(&self.socket, self.core.want())? {
                socket::Moved::Bytes(count) => {
                    self.core.received(count, self.now());
                    self.handle_events();
                    if self.flush_until.is_some() {
                        return Ok(More::Perhaps);
                    }
                }
                socket::Moved::WouldBlock => return Ok(More::Perhaps),
                socket::Moved::End => return Ok(More::Never),
            }
        }
        Ok(More::Surely)
    }

    fn send(&mut self) -> io::Result<()> {
        while self.core.has_output() {
            let slices: Vec<IoSlice<'_>> = self.core.transmit().map(IoSlice::new).collect();
            match socket::send(&self.socket, &slices)? {
                socket::Moved::Bytes(count) => self.core.sent(count),
                socket::Moved::WouldBlock => break,
                socket::Moved::End => return Err(io::ErrorKind::WriteZero.into()),
            }
        }
        Ok(())
    }

    /// Sleeps until the socket, the inbox or the clock has something.
    fn wait(&self) -> io::Result<()> {
        let mut interest = PollFlags::empty();
        if self.flush_until.is_none() {
            interest |= PollFlags::IN;
        }
        if self.core.has_output() {
            interest |= PollFlags::OUT;
        }
        let now = self.now();
        let flush_until = self
            .flush_until
            .map(|deadline| deadline.duration_since(self.started));
        let deadline = [self.core.next_deadline(), flush_until]
            .into_iter()
            .flatten()
            .min();
        let timeout = deadline.map(|deadline| timespec(deadline.saturating_sub(now)));
        let mut ready = [
            PollFd::new(&self.socket, interest),
            PollFd::new(&*self.inbox, PollFlags::IN),
        ];
        match poll(&mut ready, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn read_inbox(&mut self) {
        for message in self.inbox.take() {
            match message {
                Message::Completed(task, response) => self.core.complete(task, response),
                Message::Aborted(task) => self.core.abandon(task),
                Message::SessionFree => self.establish(),
                Message::Replaced => {
                    self.refusal = Some("replaced by a newer login".to_owned());
                    self.core.close();
                }
                Message::ShutDown if self.login.is_some() => self.core.request_logout(),
                Message::ShutDown | Message::TargetReset => self.core.close(),
            }
        }
    }

    fn handle_events(&mut self) {
        while let Some(event) = self.core.next_event() {
            match event {
                Event::Command(command) => self.command(command),
                Event::LoginRequested(request) => {
                    let decision = self.decide(&request);
                    self.core.login_decision(decision);
                }
                Event::EstablishSession(session) => self.claim(session),
                Event::LoggedIn(logged_in) => self.logged_in(*logged_in),
                Event::LoginFailed(failed) => self.login_failed(&failed),
                Event::SendTargets(which) => {
                    let login = self.login.as_ref();
                    let asker = Asker {
                        initiator: login.map_or("", |login| &login.initiator),
                        peer: self.peer,
                        local: self.local,
                        own: login.and_then(|login| login.target.as_deref()),
                    };
                    let targets = discovery::targets(&self.shared, asker, &which);
                    self.core.send_targets(&targets);
                }
                Event::TaskManagement(request) => self.manage(&request),
                Event::Closed(reason) => self.closed(reason),
            }
        }
    }

    fn command(&mut self, received: CommandReceived) {
        let CommandReceived {
            task,
            lun,
            command,
            attribute: _,
        } = received;
        let Some(nexus) = &self.nexus else {
            // The core lets no command through in a discovery session.
            self.core.abandon(task);
            return;
        };
        if let Some(response) = nexus.submit(task, lun, command) {
            self.core.complete(task, response);
        }
    }

    fn manage(&mut self, request: &TaskManagement) {
        let outcome = match &self.nexus {
            None => ManagementOutcome::Rejected,
            Some(nexus) => match nexus.manage(request.lun, request.function) {
                ManagementResponse::FunctionComplete => ManagementOutcome::FunctionComplete,
                ManagementResponse::TaskDoesNotExist => ManagementOutcome::TaskDoesNotExist,
                ManagementResponse::LunDoesNotExist => ManagementOutcome::LunDoesNotExist,
                ManagementResponse::NotSupported => ManagementOutcome::NotSupported,
            },
        };
        tracing::info!(
            peer = %self.peer,
            initiator = self.login.as_ref().map(|login| login.initiator.as_str()),
            function = ?request.function,
            ?outcome,
            "task management"
        );
        // Commands that were aborted are told to the core before the function's response.
        self.read_inbox();
        self.core.management_done(request.tag, outcome);
        if request.sessions == SessionFate::Close
            && let Some((target, claim)) = self.login.as_ref().zip(self.claim.as_ref())
            && let Some(target) = &target.target
        {
            self.shared.sessions.reset_target(target, claim);
        }
    }

    fn decide(&mut self, request: &LoginRequested) -> LoginDecision {
        let inherited = if request.tsih == Tsih(0) {
            None
        } else {
            match self.shared.sessions.join(request) {
                Join::Reinstate(negotiated) => Some(negotiated),
                Join::Unknown => {
                    return self.refuse(LoginStatus::SessionDoesNotExist, "no such session");
                }
                Join::Full => {
                    return self.refuse(
                        LoginStatus::TooManyConnections,
                        "one connection per session",
                    );
                }
            }
        };
        let verdict = match (request.kind, &request.target) {
            (SessionKind::Discovery, _) => Verdict::Allowed(self.shared.policy.discovery()),
            (SessionKind::Normal, Some(target)) => {
                self.shared
                    .policy
                    .login(&request.initiator, self.peer.ip(), target)
            }
            (SessionKind::Normal, None) => {
                Verdict::Refused(LoginStatus::MissingParameter, "no target named".to_owned())
            }
        };
        match verdict {
            Verdict::Allowed(authentication) => LoginDecision::Allow(LoginTerms {
                authentication,
                portal_group_tag: PORTAL_GROUP_TAG,
                target_alias: Some(self.shared.alias.clone()),
                inherited,
            }),
            Verdict::Refused(status, reason) => self.refuse(status, &reason),
        }
    }

    fn refuse(&mut self, status: LoginStatus, reason: &str) -> LoginDecision {
        self.refusal = Some(reason.to_owned());
        LoginDecision::Refuse(status)
    }

    fn claim(&mut self, session: EstablishSession) {
        let (claim, turn) = self.shared.sessions.claim(&session.login, &self.inbox);
        self.claim = Some(claim);
        self.waiting = Some(session);
        if turn == Turn::Now {
            self.establish();
        }
    }

    /// The session is ours: the nexus begins, and the last login response may go.
    fn establish(&mut self) {
        let Some((session, claim)) = self.waiting.take().zip(self.claim.as_ref()) else {
            return; // the login ended while it waited
        };
        if let Some(name) = &session.login.target {
            let Some(target) = self
                .shared
                .targets
                .iter()
                .find(|target| target.name == *name)
            else {
                self.core.session_refused(LoginStatus::NotFound);
                return;
            };
            let LoginRequested {
                initiator, isid, ..
            } = &session.login;
            // SPC-5 §7.6.4.6: the SCSI name string of an iSCSI initiator port.
            let port = format!("{initiator},i,0x{isid}");
            let sink: Arc<Inbox> = Arc::clone(&self.inbox);
            self.nexus = Some(target.target.attach(InitiatorPort(port.into()), sink));
        }
        self.core.session_established(claim.tsih());
    }

    fn logged_in(&mut self, logged_in: LoggedIn) {
        let LoggedIn { login, negotiated } = logged_in;
        self.permit.logged_in();
        let target = login.target.as_deref().unwrap_or("discovery");
        if login.kind == SessionKind::Normal {
            tracing::info!(initiator = login.initiator, target, peer = %self.peer, "login");
        } else {
            tracing::debug!(initiator = login.initiator, peer = %self.peer, "discovery");
        }
        if let Some(claim) = &self.claim {
            claim.established(login.clone(), negotiated, self.peer, self.local);
        }
        self.login = Some(login);
    }

    fn login_failed(&mut self, failed: &LoginFailed) {
        let reason = self
            .refusal
            .take()
            .unwrap_or_else(|| failed.reason.to_owned());
        tracing::warn!(
            initiator = failed.initiator.as_deref().unwrap_or("?"),
            peer = %self.peer,
            status = format_args!("{:04x}", failed.status),
            reason,
            "login refused"
        );
    }

    fn closed(&mut self, reason: CloseReason) {
        // Now and not with the last byte: somebody may wait for the session.
        self.waiting = None;
        self.nexus = None;
        self.claim = None;
        self.flush_until = Some(Instant::now() + FLUSH_TIMEOUT);
        let why = match (reason, self.refusal.take()) {
            (CloseReason::Requested, Some(why)) => why,
            (reason, _) => describe(reason).to_owned(),
        };
        let orderly = match reason {
            CloseReason::LoggedOut | CloseReason::LoginRefused | CloseReason::Requested => {
                Orderly::Yes
            }
            _ => Orderly::No,
        };
        self.log_end(&why, orderly);
    }

    fn log_end(&self, why: &str, orderly: Orderly) {
        let peer = self.peer;
        let Some(LoginRequested {
            initiator,
            target: Some(target),
            ..
        }) = &self.login
        else {
            tracing::debug!(%peer, why, "connection closed");
            return;
        };
        match orderly {
            Orderly::Yes => tracing::info!(initiator, target, %peer, why, "logout"),
            Orderly::No => tracing::warn!(initiator, target, %peer, why, "session lost"),
        }
    }

    /// Closes so that the peer gets the last of what we said: with unread bytes in the socket the
    /// system would send a reset, which overtakes.
    fn close_politely(self) {
        if self.socket.shutdown(Shutdown::Write).is_err() {
            return; // the peer was faster
        }
        let mut scratch = [0; 16 << 10];
        for _ in 0..RECEIVES_PER_TURN {
            match socket::receive(&self.socket, &mut scratch) {
                Ok(socket::Moved::Bytes(_)) => {}
                Ok(socket::Moved::WouldBlock | socket::Moved::End) | Err(_) => return,
            }
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(peer = %self.peer, "the connection ended in a bug");
        }
    }
}

/// Whether the socket has more to receive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    /// There was more when we stopped.
    Surely,
    /// Only waiting tells.
    Perhaps,
    /// The peer has closed.
    Never,
}

/// Whether a person should look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Orderly {
    Yes,
    No,
}

fn describe(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::LoggedOut => "the initiator logged out",
        CloseReason::LoginRefused => "login refused",
        CloseReason::LoginTimeout => "the login took too long",
        CloseReason::PingTimeout => "the initiator does not answer",
        CloseReason::LogoutTimeout => "the initiator did not log out when asked to",
        CloseReason::HeaderDigestError => "header digest mismatch",
        CloseReason::ProtocolError(what) => what,
        CloseReason::NotReading => "the initiator sends and does not read",
        CloseReason::TargetReset => "target cold reset",
        CloseReason::Requested => "closed by the gateway",
    }
}

/// An IPv4 address in an IPv6 socket is an IPv4 address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn timespec(duration: Duration) -> Timespec {
    // Rounded up by a millisecond, so that the deadline has passed when we wake.
    let duration = duration + Duration::from_millis(1);
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

/// CHAP challenges come from here (RFC 7143 §9.2.1).
fn fill_from_the_system(bytes: &mut [u8]) {
    // Without randomness every challenge could be foretold; there is nothing sensible to do but end.
    getrandom::fill(bytes).expect("the system has randomness once it has booted");
}

/// How many receives before we look at answers and other business again.
const RECEIVES_PER_TURN: usize = 64;
/// How long the last output of a closed connection is worth waiting for.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
