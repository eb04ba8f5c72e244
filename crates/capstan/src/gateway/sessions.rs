//! Who is logged in, and how an administrator ends it.

use std::time::{Duration, Instant};

use scsi::Lun;
use tape_library::{Holding, NexusWatch};

use super::Gateway;
use crate::api::error::{Kind, Problem};
use crate::api::types::{DroppedSession, Hold, Session};
use crate::portal::LOGOUT_GRACE;
use crate::portal::sessions::{Ending, SessionFacts, SessionInfo, unix_ms};

impl Gateway {
    /// Returns who is logged in, in the order of the logins.
    pub fn sessions(&self) -> Vec<Session> {
        let sessions = self.sessions.list();
        sessions
            .iter()
            .map(|session| self.describe_session(session))
            .collect()
    }

    /// Returns one session.
    pub fn session(&self, id: u64) -> Result<Session, Problem> {
        let sessions = self.sessions.list();
        let session = sessions.iter().find(|session| session.id == id);
        session
            .map(|session| self.describe_session(session))
            .ok_or_else(|| no_session(id))
    }

    /// Ends a session and waits until what it held is free, or for [`DROP_TIMEOUT`]: an initiator
    /// that is gone is not waited for, and a command that runs cannot be stopped.
    pub fn drop_session(&self, id: u64, ending: Ending) -> Result<DroppedSession, Problem> {
        let deadline = Instant::now() + DROP_TIMEOUT;
        let left = || deadline.saturating_duration_since(Instant::now());
        let session = self.session(id)?;
        let ended = self
            .sessions
            .end(id, ending)
            .ok_or_else(|| no_session(id))?;
        let is_gone = self.sessions.wait_until_gone(id, left());
        let nexus = ended.facts.nexus;
        let released = is_gone && nexus.is_none_or(|nexus| nexus.wait_for_loss(left()));
        Ok(DroppedSession { session, released })
    }

    fn describe_session(&self, session: &SessionInfo) -> Session {
        let SessionFacts {
            login,
            negotiated,
            peer,
            local,
            traffic,
            memory,
            nexus,
        } = &session.facts;
        let counted = traffic.snapshot();
        let holdings = nexus.as_ref().map_or_else(Vec::new, NexusWatch::holdings);
        Session {
            id: session.id,
            tsih: session.tsih.0,
            initiator: login.initiator.clone(),
            alias: login.initiator_alias.clone(),
            isid: login.isid.to_string(),
            target: login.target.clone(),
            address: peer.to_string(),
            portal: local.to_string(),
            since_unix_ms: session.since_unix_ms,
            last_command_unix_ms: counted.idle.map(ago),
            commands: counted.commands,
            commands_in_flight: counted.in_flight,
            written_bytes: counted.written_bytes,
            read_bytes: counted.read_bytes,
            reserved_bytes: memory.reserved_bytes(),
            header_digest: negotiated.header_digest,
            data_digest: negotiated.data_digest,
            holds: holdings
                .iter()
                .map(|holding| self.describe_holding(login.target.as_deref(), holding))
                .collect(),
        }
    }

    fn describe_holding(&self, target: Option<&str>, holding: &Holding) -> Hold {
        Hold {
            device: self.device_name(target, holding.lun),
            prevents_removal: holding.prevents_removal,
            reservation: holding.reservation.map(|kind| kind.to_string()),
        }
    }

    /// Returns `drive:0`, or `drive:0 of east` in another library than the main one.
    fn device_name(&self, target: Option<&str>, lun: Lun) -> String {
        for library in self.libraries() {
            let plan = library
                .plans
                .iter()
                .find(|plan| Some(&*plan.name) == target);
            let unit = plan.and_then(|plan| plan.units.iter().find(|(number, _)| *number == lun));
            match unit {
                Some((_, device)) if library.name().is_main() => return device.to_string(),
                Some((_, device)) => return format!("{device} of {}", library.name()),
                None => {}
            }
        }
        lun.to_string()
    }
}

fn ago(idle: Duration) -> u64 {
    let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
    unix_ms().saturating_sub(idle)
}

fn no_session(id: u64) -> Problem {
    Problem::new(Kind::NotFound, format!("session {id}: there is none"))
        .hint("`capstan session list` shows all sessions")
}

/// How long whoever drops a session waits for its end: longer than an initiator that is asked may
/// take, and no longer than a person likes to wait.
pub const DROP_TIMEOUT: Duration = Duration::from_secs(5);

const _: () = assert!(DROP_TIMEOUT.as_millis() > LOGOUT_GRACE.as_millis());
