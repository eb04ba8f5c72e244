//! Receiving ahead: Data-In is expected right behind its header, so both are received at once.

use super::Initiator;
use super::command::InitiatorTask;
use crate::wire::{DataIn, Opcode};

/// Where bytes were received ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    /// How many bytes were wanted in front of them.
    certain: usize,
    /// The task whose Data-In they may be.
    itt: u32,
    /// Where in its data.
    start: usize,
}

impl Initiator {
    /// Returns where the next received bytes go, as [`Initiator::want`] does, and a place for what may
    /// follow, often an empty one. Tell [`Initiator::received`] the sum.
    pub fn want_ahead(&mut self) -> [&mut [u8]; 2] {
        let guesses = self.receiver.expects_header() && self.login.is_none();
        let first = self.tasks.iter().position(InitiatorTask::lacks_data_in);
        let Some(index) = first.filter(|_| guesses) else {
            return [self.want(), &mut []];
        };
        let segment_max = self.parameters.max_recv_data_segment_length as usize;
        let (start, ahead) = self.tasks[index].rest_of_data_in(segment_max);
        let itt = self.tasks[index].itt;
        let certain = self.receiver.space();
        self.guess = Some(Guess {
            certain: certain.len(),
            itt,
            start,
        });
        let end = start + ahead;
        [certain, &mut self.tasks[index].data_in[start..end]]
    }

    /// Takes `count` bytes that were received by a guess.
    pub(super) fn received_ahead(&mut self, guess: Guess, count: usize) {
        let Some(ahead) = count.checked_sub(guess.certain) else {
            return self.take(count);
        };
        // The header is whole. Whatever it does, what lies behind it must not be lost.
        let header = self.receiver.header();
        let is_data_in = header.opcode() == Some(Opcode::DataIn) && header.ahs_length() == 0;
        let data_in = is_data_in.then(|| DataIn::parse(&header).ok()).flatten();
        let place = data_in.map(|pdu| (pdu.task_tag, pdu.buffer_offset as usize));
        let fits = if place == Some((guess.itt, guess.start)) {
            header.data_length().min(ahead)
        } else {
            0
        };
        let task = self.tasks.iter().find(|task| task.itt == guess.itt);
        let behind = task.map_or_else(Vec::new, |task| {
            task.data_in[guess.start + fits..guess.start + ahead].to_vec()
        });
        self.take(guess.certain);
        self.take(fits);
        let mut behind = &behind[..];
        while !behind.is_empty() && !self.failed {
            let space = self.want();
            let count = space.len().min(behind.len());
            space[..count].copy_from_slice(&behind[..count]);
            behind = &behind[count..];
            self.take(count);
        }
    }
}
