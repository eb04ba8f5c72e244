//! Task tags that were in use a moment ago.

use std::collections::VecDeque;

/// The last few task tags that ended while data for them may be on its way.
#[derive(Debug, Default)]
pub(super) struct RecentTags {
    tags: VecDeque<u32>,
}

/// A window of commands and as many again.
const RECENT_TAGS_MAX: usize = 64;

impl RecentTags {
    pub(super) fn push(&mut self, itt: u32) {
        if self.tags.len() == RECENT_TAGS_MAX {
            self.tags.pop_front();
        }
        self.tags.push_back(itt);
    }

    pub(super) fn contains(&self, itt: u32) -> bool {
        self.tags.contains(&itt)
    }
}
