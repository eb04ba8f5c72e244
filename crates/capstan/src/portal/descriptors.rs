//! File descriptors: how many this process may have, and how many of them logins may take.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::lobby::{FAIR_SHARE, Places};

/// Raises this process's limit of open files as far as the system lets it: the usual soft limit of
/// 1024 is meant for programs that use `select`, which we do not.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(errno) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!("cannot raise the limit of open files: {errno}");
    }
}

/// Returns the places of a lobby that leaves enough descriptors for sessions and cartridges.
pub fn places(sessions_max: usize) -> Places {
    let limit = getrlimit(Resource::Nofile).current;
    // No limit is as good as a large one.
    let limit = limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let places = places_within(limit, sessions_max);
    if places.total < PLACES_MAX {
        tracing::warn!(
            open_files = limit,
            logins = places.total,
            "the limit of open files is low: so many logins at one time, and no more"
        );
    }
    places
}

fn places_within(limit: usize, sessions_max: usize) -> Places {
    let others = OTHER_DESCRIPTORS + sessions_max * DESCRIPTORS_PER_CONNECTION;
    let total = limit.saturating_sub(others) / DESCRIPTORS_PER_CONNECTION;
    let total = total.clamp(PLACES_MIN, PLACES_MAX);
    Places {
        total,
        per_source: (total / 4).max(FAIR_SHARE.min(total)),
    }
}

/// Logins at one time, discovery sessions included.
pub const PLACES_MAX: usize = 1024;
/// As many are let in however few descriptors there are.
const PLACES_MIN: usize = 32;
/// A socket and an inbox.
const DESCRIPTORS_PER_CONNECTION: usize = 2;
/// What the rest of the process needs: segment files of drives that are loaded, the catalogue, the
/// HTTP interface, listening sockets.
const OTHER_DESCRIPTORS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_leave_descriptors_to_sessions() {
        let total = |limit, sessions| places_within(limit, sessions).total;
        assert_eq!(total(524_288, 256), PLACES_MAX);
        assert_eq!(total(usize::MAX, 256), PLACES_MAX);
        assert_eq!(total(2048, 256), 512);
        assert_eq!(total(1024, 256), PLACES_MIN);
        assert_eq!(total(0, 256), PLACES_MIN);
        assert_eq!(places_within(524_288, 256).per_source, 256);
        assert_eq!(places_within(1024, 256).per_source, PLACES_MIN);
    }
}
