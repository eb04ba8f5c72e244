//! Room for what is written: how much a file system has left, and what that means for writers.
//!
//! # Purpose
//! A disk that runs full in the middle of a backup ends it at a place that nobody chose, and leaves no
//! room for anything else on the machine. So the drives are slowed below one mark of free space, the more
//! the less there is, and refuse to take blocks below another, while a filemark, what closes a tape and
//! all reading still go.
//!
//! # Guarantees
//! - The host learns of it by WRITE ERROR, as of a disk that is full; never by an early end of medium, at
//!   which it would take the tape for full.
//! - Nobody is refused on old news: the file system is asked once more before.
//! - What cuts off something that was there is let through, and a little of what follows: it makes room,
//!   soon.
//!
//! # Ordering
//! One `Room` for all drives of a library. The file system is asked once for [`LOOK_EACH_BYTES`] of what
//! is written or for [`LOOK_EACH`], whatever comes first; [`Room::is_ample`] never asks it.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// As much as a segment reserves in one step.
pub const LOOK_EACH_BYTES: u64 = 16 << 20;
/// Others may fill and empty the disk too.
pub const LOOK_EACH: Duration = Duration::from_secs(1);
/// The longest that a command is held up: no host takes that for a drive that hangs.
pub const SLOWED_MAX: Duration = Duration::from_millis(250);
/// The most that the mark for slowing is by itself: half a minute for one fast writer.
pub const SLOW_BELOW_DEFAULT_BYTES: u64 = 2 << 30;
/// The most that the mark for stopping is by itself: open segments, indexes and catalogues of many drives.
pub const STOP_BELOW_DEFAULT_BYTES: u64 = 256 << 20;
/// How long files that are dead since an overwrite may take to go.
const GRACE: Duration = Duration::from_secs(5);

/// What a file system has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Bytes that may still be written.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

/// The marks as somebody set them; without, they follow from the size of the file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Writers are slowed below so much free space; 0: never.
    pub slow_below_bytes: Option<u64>,
    /// Writers are stopped below so much free space; 0: never.
    pub stop_below_bytes: Option<u64>,
}

impl Marks {
    /// Returns below how much writers are slowed: by itself 2 GiB or 2 %, whichever is less.
    pub fn slow_below(&self, total_bytes: u64) -> u64 {
        self.slow_below_bytes
            .unwrap_or_else(|| SLOW_BELOW_DEFAULT_BYTES.min(total_bytes / 50))
    }

    /// Returns below how much writers are stopped: by itself 256 MiB or 0.25 %, whichever is less, and
    /// no more than the mark for slowing, if that is set.
    pub fn stop_below(&self, total_bytes: u64) -> u64 {
        let slow = self.slow_below_bytes.filter(|slow| *slow > 0);
        self.stop_below_bytes.unwrap_or_else(|| {
            let default = STOP_BELOW_DEFAULT_BYTES.min(total_bytes / 400);
            default.min(slow.unwrap_or(u64::MAX))
        })
    }

    /// Returns what `space` means for writers who were at `before`. A mark that was crossed is left again
    /// with a sixteenth more than it, so that nobody goes back and forth.
    pub fn judge(&self, space: Space, before: Writers) -> Writers {
        let left_behind = |mark: u64| mark.saturating_add(mark / 16);
        let (slow, stop) = (
            self.slow_below(space.total_bytes),
            self.stop_below(space.total_bytes),
        );
        let free = space.free_bytes;
        if free < stop || before == Writers::Stopped && free < left_behind(stop) {
            Writers::Stopped
        } else if free < slow || before != Writers::Free && free < left_behind(slow) {
            Writers::Slowed
        } else {
            Writers::Free
        }
    }

    /// Returns how long a slowed command is held up: nothing at the upper mark, [`SLOWED_MAX`] at the
    /// lower one, and as the square between, so that it begins gently.
    pub fn delay(&self, space: Space) -> Duration {
        let slow = self.slow_below(space.total_bytes);
        let stop = self.stop_below(space.total_bytes).min(slow);
        let width = u128::from(slow - stop).max(1);
        let missing = u128::from(slow.saturating_sub(space.free_bytes)).min(width);
        // Thousandths first: the square of bytes would not fit.
        let missing = missing * 1000 / width;
        let us = SLOWED_MAX.as_micros() * missing * missing / 1_000_000;
        Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX))
    }
}

/// How writers fare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writers {
    /// As they like.
    #[default]
    Free,
    /// Held up, each command a little.
    Slowed,
    /// No block is taken.
    Stopped,
}

/// What becomes of a command that writes blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It is run.
    Go,
    /// It is run, and answered so much later.
    Slow(Duration),
    /// It is refused.
    Stop,
}

/// Asks how much a file system has.
pub type Probe = Box<dyn Fn() -> io::Result<Space> + Send + Sync>;

/// The room for what a library's drives write.
pub struct Room {
    directory: PathBuf,
    marks: Marks,
    probe: Probe,
    seen: Mutex<Seen>,
}

/// What was seen the last time.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    space: Space,
    writers: Writers,
    /// `None` before the first look.
    looked: Option<Instant>,
    /// What was written since.
    unseen_bytes: u64,
    /// Dead files go until then.
    grace: Option<Instant>,
}

impl Seen {
    fn is_old(&self) -> bool {
        self.unseen_bytes >= LOOK_EACH_BYTES
            || self
                .looked
                .is_none_or(|looked| looked.elapsed() >= LOOK_EACH)
    }
}

impl Room {
    /// Returns the room in the file system of `directory`.
    pub fn of_directory(directory: &Path, marks: Marks) -> Self {
        let path = directory.to_owned();
        let probe = move || {
            let system = rustix::fs::statvfs(&path)?;
            Ok(Space {
                free_bytes: system.f_bavail.saturating_mul(system.f_frsize),
                total_bytes: system.f_blocks.saturating_mul(system.f_frsize),
            })
        };
        Self::with_probe(directory, marks, Box::new(probe))
    }

    /// The same with another way to know.
    pub fn with_probe(directory: &Path, marks: Marks, probe: Probe) -> Self {
        Self {
            directory: directory.to_owned(),
            marks,
            probe,
            seen: Mutex::default(),
        }
    }

    /// Returns the directory whose file system it is about.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns whether a command that writes can go on without asking the file system and without a
    /// delay. Does not wait for a disk.
    pub fn is_ample(&self) -> bool {
        let seen = self.lock();
        seen.writers == Writers::Free && !seen.is_old()
    }

    /// Decides on a command that writes `bytes`; `cuts` says that it cuts something off first.
    pub fn admit(&self, bytes: u64, cuts: bool) -> Passage {
        let is_old = {
            let mut seen = self.lock();
            seen.unseen_bytes = seen.unseen_bytes.saturating_add(bytes);
            seen.writers == Writers::Stopped || seen.is_old()
        };
        if is_old {
            self.look();
        }
        let mut seen = self.lock();
        if cuts {
            seen.grace = Some(Instant::now() + GRACE);
        }
        match seen.writers {
            Writers::Free => Passage::Go,
            Writers::Slowed => Passage::Slow(self.marks.delay(seen.space)),
            Writers::Stopped if seen.grace.is_some_and(|grace| Instant::now() < grace) => {
                Passage::Slow(SLOWED_MAX)
            }
            Writers::Stopped => Passage::Stop,
        }
    }

    /// Asks the file system, logs what has changed, and returns how writers fare.
    pub fn look(&self) -> (Space, Writers) {
        let asked = (self.probe)();
        let mut seen = self.lock();
        seen.looked = Some(Instant::now());
        seen.unseen_bytes = 0;
        let space = match asked {
            Ok(space) => space,
            Err(error) => {
                // Then only the disk itself can say that it is full.
                let directory = self.directory.display();
                tracing::debug!(%directory, %error, "cannot ask for free space");
                *seen = Seen {
                    looked: seen.looked,
                    ..Seen::default()
                };
                return (Space::default(), Writers::Free);
            }
        };
        let before = seen.writers;
        let after = self.marks.judge(space, before);
        seen.writers = after;
        seen.space = space;
        drop(seen);
        if before != after {
            self.tell(space, after);
        }
        (space, after)
    }

    /// Returns below how much free space writers are slowed, and below how much they are stopped.
    pub fn marks_of(&self, space: Space) -> (u64, u64) {
        (
            self.marks.slow_below(space.total_bytes),
            self.marks.stop_below(space.total_bytes),
        )
    }

    fn tell(&self, space: Space, writers: Writers) {
        let (slow_below_bytes, stop_below_bytes) = self.marks_of(space);
        let (directory, free_bytes) = (self.directory.display(), space.free_bytes);
        let advice = "make room: delete or export tapes, or give the file system more; \
                      [storage] in the configuration has the marks";
        match writers {
            Writers::Free => tracing::info!(%directory, free_bytes, "there is room again"),
            Writers::Slowed => tracing::warn!(
                %directory, free_bytes, slow_below_bytes, stop_below_bytes, advice,
                "disk nearly full: writers are slowed"
            ),
            Writers::Stopped => tracing::error!(
                %directory, free_bytes, stop_below_bytes, advice,
                "disk nearly full: writers are stopped; filemarks and reading still work"
            ),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Whole between any two statements that could panic.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room")
            .field("directory", &self.directory)
            .field("marks", &self.marks)
            .finish_non_exhaustive()
    }
}
