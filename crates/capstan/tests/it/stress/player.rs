//! One host at work on one drive, with the model of the tape in it.

use std::net::SocketAddr;

use bytes::Bytes;
use iscsi::initiator::{DataTransfer, Finished};

use super::model::{Object, Tape};
use crate::support::host::{Host, NAME, Sense, params};
use crate::support::tape::Found;

/// The connection has ended.
#[derive(Debug)]
pub(super) struct Ended;

/// A tape is written from the beginning again when it holds this much.
const TAPE_BYTES_MAX: usize = 24 << 20;

/// The longest block.
const BLOCK_BYTES_MAX: usize = 256 << 10;

/// Numbers that follow from a seed (SplitMix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}

/// A drive's tape and whoever writes it.
pub(super) struct Player {
    dice: Dice,
    pub(super) tape: Tape,
    next_seed: u64,
    /// Commands that were answered.
    pub(super) commands: u64,
}

impl Player {
    /// Returns the player of an empty tape.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            tape: Tape::default(),
            next_seed: seed << 32,
            commands: 0,
        }
    }

    /// Logs in and works until the connection ends, whenever that is.
    pub(super) fn stream(&mut self, portal: SocketAddr, target: &str) -> Ended {
        let params = params(NAME, Some(target));
        let Some(logged_in) = Host::log_in_unless_dead(portal, params) else {
            return Ended;
        };
        let mut host = logged_in.expect("nobody refuses the login");
        let end = self.tape.len();
        let began = self.take_attentions(&mut host);
        match began.and_then(|()| self.locate(&mut host, end)) {
            Ok(()) => {}
            Err(ended) => return ended,
        }
        loop {
            if let Err(ended) = self.step(&mut host) {
                return ended;
            }
        }
    }

    /// Does one thing that a host may do.
    pub(super) fn step(&mut self, host: &mut Host) -> Result<(), Ended> {
        if self.tape.bytes() > TAPE_BYTES_MAX {
            self.locate(host, 0)?;
        }
        match self.dice.below(400) {
            0..280 => self.write_block(host),
            280..330 => self.write_filemarks(host, false),
            330..350 => self.write_filemarks(host, true),
            350..360 => self.synchronize(host),
            360..365 => {
                let to = self.dice.below(self.tape.len() + 1);
                self.locate(host, to)
            }
            365..385 => self.look(host),
            385..390 => self.load_again(host),
            390..392 => self.erase(host),
            _ => self.go_on(host),
        }
    }

    /// Reads the whole tape and compares it with what must be there after a crash.
    pub(super) fn recover(&mut self, host: &mut Host) -> Result<(), String> {
        host.rewind();
        let found = host.read_to_end();
        self.tape.recovered(&found)
    }

    fn write_block(&mut self, host: &mut Host) -> Result<(), Ended> {
        let most = if self.dice.below(8) == 0 {
            BLOCK_BYTES_MAX
        } else {
            16 << 10
        };
        let length = 1 + self.dice.below(most);
        self.next_seed += 1;
        let seed = self.next_seed;
        self.tape.appending(Object::Block { seed, length });
        let data = DataTransfer::Out(Bytes::from(Object::bytes(seed, length)));
        let [_, high, middle, low] = u32::try_from(length).unwrap().to_be_bytes();
        self.good(host, &[0x0a, 0, high, middle, low, 0], data)?;
        self.tape.appended();
        Ok(())
    }

    fn write_filemarks(&mut self, host: &mut Host, immediate: bool) -> Result<(), Ended> {
        let count = 1 + self.dice.below(2);
        for _ in 0..count {
            self.tape.appending(Object::Filemark);
        }
        let cdb = [
            0x10,
            u8::from(immediate),
            0,
            0,
            u8::try_from(count).unwrap(),
            0,
        ];
        self.good(host, &cdb, DataTransfer::None)?;
        self.tape.appended();
        if !immediate {
            self.tape.synchronized();
        }
        Ok(())
    }

    fn synchronize(&mut self, host: &mut Host) -> Result<(), Ended> {
        self.good(host, &[0x10, 0, 0, 0, 0, 0], DataTransfer::None)?;
        self.tape.synchronized();
        Ok(())
    }

    /// LOCATE(10): what was appended is durable before the drive moves (SSC-5 §4.2.9).
    pub(super) fn locate(&mut self, host: &mut Host, to: usize) -> Result<(), Ended> {
        let [a, b, c, d] = u32::try_from(to).unwrap().to_be_bytes();
        self.good(host, &[0x2b, 0, 0, a, b, c, d, 0, 0, 0], DataTransfer::None)?;
        self.tape.moved_to(to);
        Ok(())
    }

    /// Reads a few objects somewhere, and goes on at the end of data.
    fn look(&mut self, host: &mut Host) -> Result<(), Ended> {
        let from = self.dice.below(self.tape.len() + 1);
        self.locate(host, from)?;
        let mut found = Vec::new();
        for _ in 0..8 {
            let length = u32::try_from(BLOCK_BYTES_MAX).unwrap();
            let [_, high, middle, low] = length.to_be_bytes();
            let cdb = [0x08, 0x02, high, middle, low, 0];
            let finished = self.run(host, &cdb, DataTransfer::In(length))?;
            let sense = Sense::of(&finished);
            match (finished.status, sense.key) {
                (0, _) => found.push(Found::Block(finished.data)),
                (2, 0) if sense.filemark => found.push(Found::Filemark),
                (2, 8) => break,
                _ => panic!("READ(6): status {}, {sense}", finished.status),
            }
        }
        if let Err(wrong) = self.tape.check(from, &found) {
            panic!("read back from {from}: {wrong}");
        }
        self.go_on(host)
    }

    fn go_on(&mut self, host: &mut Host) -> Result<(), Ended> {
        self.good(host, &[0x11, 3, 0, 0, 0, 0], DataTransfer::None)?;
        let end = self.tape.len();
        self.tape.moved_to(end);
        Ok(())
    }

    /// LOAD UNLOAD, out and in again.
    fn load_again(&mut self, host: &mut Host) -> Result<(), Ended> {
        self.good(host, &[0x1b, 0, 0, 0, 0, 0], DataTransfer::None)?;
        self.tape.synchronized();
        self.good(host, &[0x1b, 0, 0, 0, 1, 0], DataTransfer::None)?;
        self.take_attentions(host)?;
        self.go_on(host)
    }

    /// ERASE from somewhere in the last quarter on.
    fn erase(&mut self, host: &mut Host) -> Result<(), Ended> {
        let from = self.tape.len() - self.dice.below(self.tape.len() / 4 + 1);
        self.locate(host, from)?;
        self.tape.erasing();
        self.good(host, &[0x19, 0, 0, 0, 0, 0], DataTransfer::None)?;
        self.tape.synchronized();
        Ok(())
    }

    fn take_attentions(&mut self, host: &mut Host) -> Result<(), Ended> {
        loop {
            let finished = self.run(host, &[0; 6], DataTransfer::None)?;
            if Sense::of(&finished).key != 6 {
                return Ok(());
            }
        }
    }

    fn good(&mut self, host: &mut Host, cdb: &[u8], data: DataTransfer) -> Result<(), Ended> {
        let finished = self.run(host, cdb, data)?;
        assert_eq!(finished.status, 0, "{cdb:02x?}: {}", Sense::of(&finished));
        Ok(())
    }

    fn run(&mut self, host: &mut Host, cdb: &[u8], data: DataTransfer) -> Result<Finished, Ended> {
        let finished = host.try_run(cdb, data).ok_or(Ended)?;
        self.commands += 1;
        Ok(finished)
    }
}
