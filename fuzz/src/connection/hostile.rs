//! What an initiator must not do.

use super::World;
use crate::checker::Peer;
use crate::rig::Choices;
use crate::wire::{Header, frame, put_u32};

/// What happens to the next PDU.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mutation {
    /// A byte of the header changes.
    Field(u8, u8),
    /// A byte of the whole PDU changes on its way.
    Damage(u16, u8),
    /// It comes twice.
    Twice,
}

impl World {
    /// Sends a PDU of the model initiator.
    pub(super) fn send(&mut self, mut header: Header, data: &[u8]) {
        let mut damage = None;
        let mut times = 1;
        match self.mutation.take() {
            None => (),
            Some(Mutation::Field(at, bits)) => {
                let at = usize::from(at) % 44;
                // The lengths stay true: otherwise it would be mere noise.
                let at = if at < 4 { at } else { at + 4 };
                header[at] ^= bits;
            }
            Some(Mutation::Damage(at, bits)) => damage = Some((at, bits)),
            Some(Mutation::Twice) => times = 2,
        }
        let mut bytes = frame(header, &[], data, self.line.digests);
        if let Some((at, bits)) = damage {
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= bits;
            self.framed &= !(4..8).contains(&at);
        }
        for _ in 0..times {
            self.feed(&bytes);
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        // Events are taken as they come, as the calling loop does.
        while !rest.is_empty() && self.closed().is_none() {
            rest = &rest[self.line.receive(rest)..];
            self.take_events();
            while self.closed().is_none() && self.line.connection.advance(self.line.now) {
                self.take_events();
            }
        }
    }

    fn turn_hostile(&mut self) {
        self.checker.peer = Peer::Hostile;
    }

    /// The next PDU is not as it should be.
    pub(super) fn mutate_next(&mut self, choices: &mut Choices<'_>) {
        self.turn_hostile();
        self.mutation = Some(match choices.byte() % 4 {
            0 | 1 => Mutation::Field(choices.byte(), choices.byte()),
            2 => Mutation::Damage(choices.short(), choices.byte()),
            _ => Mutation::Twice,
        });
    }

    /// A PDU made of likely fields.
    pub(super) fn raw_pdu(&mut self, choices: &mut Choices<'_>) {
        self.turn_hostile();
        let mut header: Header = [0; 48];
        header[0] = choices.byte() & 0x7f;
        header[1] = choices.byte();
        header[9] = choices.byte() & 3;
        let tag = choices.byte();
        put_u32(&mut header, 16, likely(tag, self.initiator.next_tag));
        let second = choices.byte();
        put_u32(
            &mut header,
            20,
            likely(second, self.initiator.last_transfer_tag),
        );
        let ahead = choices.byte().cast_signed();
        let cmd_sn = self
            .initiator
            .cmd_sn
            .wrapping_add_signed(i32::from(ahead) / 2);
        put_u32(&mut header, 24, cmd_sn);
        let tail = choices.byte();
        if tail & 1 == 0 {
            let bytes = choices.bytes(16);
            header[32..32 + bytes.len()].copy_from_slice(bytes);
        } else {
            put_u32(&mut header, 36, u32::from(tail >> 1 & 3));
            put_u32(&mut header, 40, u32::from(choices.short()));
        }
        let length = usize::from(choices.short()) % 9000;
        let words = if tail & 0xf0 == 0xf0 { 2 } else { 0 };
        let additional = choices.bytes(words * 4);
        let additional = &additional[..additional.len() / 4 * 4];
        let data = vec![tail; length];
        let bytes = frame(header, additional, &data, self.line.digests);
        self.feed(&bytes);
    }

    /// Noise.
    pub(super) fn raw_bytes(&mut self, choices: &mut Choices<'_>) {
        self.turn_hostile();
        self.framed = false;
        let length = usize::from(choices.byte());
        let bytes = choices.bytes(length).to_vec();
        self.feed(&bytes);
    }
}

/// Returns a number near `near`, or a special one.
fn likely(choice: u8, near: u32) -> u32 {
    match choice {
        0xff => u32::MAX,
        0xfe => 0,
        0xfd => 0x8000_0000,
        0xfc => 0xffff_fc00,
        other => near.wrapping_sub(u32::from(other % 32)),
    }
}
