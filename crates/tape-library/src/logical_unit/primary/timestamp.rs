//! REPORT TIMESTAMP and SET TIMESTAMP (SPC-5 §5.2).
//!
//! The clock of a unit shows the time of the computer until an initiator sets it; then it goes on from
//! what was set, at the computer's pace (TCMOS=1 and SCSIP=1 in the control extension mode page).

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use scsi::spc::timestamp::{ReportTimestamp, TimestampOrigin, set_timestamp};
use scsi::{AdditionalSense, Cdb, Command, NexusId, Response};

use super::Primary;

/// How far the unit's clock is ahead of the computer's, in milliseconds; [`NOT_SET`] until an
/// initiator sets it.
#[derive(Debug)]
pub(super) struct Clock(AtomicI64);

/// No initiator sets a clock so far back: its 48 bits are not negative.
const NOT_SET: i64 = i64::MIN;

impl Default for Clock {
    fn default() -> Self {
        Self(AtomicI64::new(NOT_SET))
    }
}

impl Clock {
    pub(super) fn switched_on(&self) {
        self.0.store(NOT_SET, Ordering::Relaxed);
    }

    fn set(&self, unix_ms: u64, now: SystemTime) {
        let ahead = unix_ms.cast_signed().wrapping_sub(since_1970(now));
        self.0.store(ahead, Ordering::Relaxed);
    }

    fn report(&self, now: SystemTime) -> ReportTimestamp {
        let (origin, ahead) = match self.0.load(Ordering::Relaxed) {
            NOT_SET => (TimestampOrigin::Outside, 0),
            ahead => (TimestampOrigin::Initiator, ahead),
        };
        ReportTimestamp {
            origin,
            unix_ms: since_1970(now).saturating_add(ahead).max(0).cast_unsigned(),
        }
    }
}

fn since_1970(now: SystemTime) -> i64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Primary {
    pub(in super::super) fn report_timestamp(&self, cdb: &Cdb) -> Response {
        let data = self.clock.report(SystemTime::now()).to_bytes();
        Response::allocated(data.to_vec(), cdb.u32(6) as usize)
    }

    pub(in super::super) fn set_timestamp(&self, nexus: NexusId, command: &Command) -> Response {
        let response = match set_timestamp(&command.cdb, &command.data_out) {
            Ok(Some(unix_ms)) => {
                self.clock.set(unix_ms, SystemTime::now());
                self.tell_others(nexus, AdditionalSense::TIMESTAMP_CHANGED);
                Response::good()
            }
            Ok(None) => Response::good(),
            Err(sense) => sense.into(),
        };
        response.with_data_out_length(command.cdb.u32(6))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_goes_on_from_what_was_set() {
        let clock = Clock::default();
        let start = UNIX_EPOCH + Duration::from_millis(1_800_000_000_123);
        assert_eq!(
            clock.report(start),
            ReportTimestamp {
                origin: TimestampOrigin::Outside,
                unix_ms: 1_800_000_000_123
            }
        );
        for set in [5_000, (1 << 48) - 1] {
            clock.set(set, start);
            let later = clock.report(start + Duration::from_millis(70));
            assert_eq!(later.origin, TimestampOrigin::Initiator);
            assert_eq!(later.unix_ms, set + 70);
        }
        clock.switched_on();
        assert_eq!(clock.report(start).origin, TimestampOrigin::Outside);
    }
}
