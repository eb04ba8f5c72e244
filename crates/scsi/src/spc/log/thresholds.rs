//! The thresholds of counters (SPC-5 §7.3.2.2).

use std::collections::BTreeMap;

use super::{Format, PageId, Parameter};

/// The thresholds that initiators have set. They are told again and never compared, so all they need
/// is to be kept; after a reset they are those of a new device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// Only for counters that the device has, so there are no more than these.
    set: BTreeMap<(PageId, u16), Vec<u8>>,
}

impl Thresholds {
    /// Returns the threshold of `parameter`, or its value when it is no counter.
    pub(super) fn of(&self, page: PageId, parameter: &Parameter) -> Vec<u8> {
        let set = self.set.get(&(page, parameter.code));
        set.cloned().unwrap_or_else(|| default_threshold(parameter))
    }

    pub(super) fn set(&mut self, page: PageId, code: u16, threshold: Vec<u8>) {
        self.set.insert((page, code), threshold);
    }

    /// Gives back the default thresholds of a page.
    pub(super) fn reset(&mut self, page: PageId) {
        self.set.retain(|(of, _), _| *of != page);
    }
}

/// Returns what a counter of this width never goes beyond.
pub(super) fn default_threshold(parameter: &Parameter) -> Vec<u8> {
    match parameter.format {
        Format::Counter => vec![0xff; parameter.value.len()],
        Format::Text | Format::Number | Format::Binary => parameter.value.clone(),
    }
}
