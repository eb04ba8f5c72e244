//! How long the mechanics take. A robot in memory takes no time; a real one takes seconds to minutes,
//! and backup software has to bear that.

use std::fmt;
use std::time::Duration;

/// How long the mechanics take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    /// From the moment in which a cartridge is in the drive until it is ready.
    pub load: Duration,
    /// To unthread a tape.
    pub unload: Duration,
    /// REWIND.
    pub rewind: Duration,
    /// LOCATE and SPACE.
    pub locate: Duration,
    /// The robot's way from an element to another.
    pub transport: Duration,
    /// To clean a drive.
    pub clean: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            load: Duration::ZERO,
            unload: Duration::ZERO,
            rewind: Duration::ZERO,
            locate: Duration::ZERO,
            transport: Duration::ZERO,
            clean: CLEAN_DEFAULT,
        }
    }
}

/// Delays of one device in place of the configured ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DelayOverrides {
    /// See [`Delays::load`].
    pub load: Option<Duration>,
    /// See [`Delays::unload`].
    pub unload: Option<Duration>,
    /// See [`Delays::rewind`].
    pub rewind: Option<Duration>,
    /// See [`Delays::locate`].
    pub locate: Option<Duration>,
    /// See [`Delays::transport`].
    pub transport: Option<Duration>,
    /// See [`Delays::clean`].
    pub clean: Option<Duration>,
}

impl DelayOverrides {
    /// Returns `delays` with what is overridden.
    pub(super) fn over(self, delays: Delays) -> Delays {
        Delays {
            load: self.load.unwrap_or(delays.load),
            unload: self.unload.unwrap_or(delays.unload),
            rewind: self.rewind.unwrap_or(delays.rewind),
            locate: self.locate.unwrap_or(delays.locate),
            transport: self.transport.unwrap_or(delays.transport),
            clean: self.clean.unwrap_or(delays.clean),
        }
    }
}

impl fmt::Display for DelayOverrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            ("load", self.load),
            ("unload", self.unload),
            ("rewind", self.rewind),
            ("locate", self.locate),
            ("transport", self.transport),
            ("clean", self.clean),
        ];
        let set = all
            .iter()
            .filter_map(|(name, delay)| Some((name, (*delay)?)));
        for (index, (name, delay)) in set.enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{name} {delay:?}")?;
        }
        Ok(())
    }
}

/// Long enough for software that polls to see that the drive is being cleaned.
const CLEAN_DEFAULT: Duration = Duration::from_secs(2);
