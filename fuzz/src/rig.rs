//! What the targets have in common: input, randomness, and a connection with somebody at each end.

use std::time::Duration;

use arbitrary::Unstructured;
use iscsi::{
    Authentication, Connection, ConnectionParams, Event, Limits, LoginDecision, LoginTerms, Offer,
    Tsih,
};

use crate::wire::{Deframer, Digests, Header, Pdu, frame};

/// Reads choices from the input; zeros when it has ended.
pub struct Choices<'a>(Unstructured<'a>);

impl<'a> Choices<'a> {
    /// Returns the choices that `input` makes.
    pub fn new(input: &'a [u8]) -> Self {
        Self(Unstructured::new(input))
    }

    /// Returns whether there is none left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns one byte.
    pub fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// Returns two bytes, the lower first.
    pub fn short(&mut self) -> u16 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// Returns four bytes, the lowest first.
    pub fn word(&mut self) -> u32 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// Returns the next `length` bytes, or as many as there are.
    pub fn bytes(&mut self, length: usize) -> &'a [u8] {
        let length = length.min(self.0.len());
        self.0.bytes(length).unwrap_or_default()
    }

    /// Returns one of `list`.
    pub fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::from(self.byte()) % list.len()]
    }
}

/// Returns bytes that can be predicted: runs are repeated.
pub fn random(seed: u8) -> Box<dyn iscsi::RandomSource> {
    let mut state = u32::from(seed) << 8 | 1;
    Box::new(move |bytes: &mut [u8]| {
        for byte in bytes {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
    })
}

/// The initiator's name.
pub const INITIATOR: &str = "iqn.2026-11.io.example:host";
/// The target's name.
pub const TARGET: &str = "iqn.2026-11.io.capstan:test";

/// Login request flags: from operational negotiation to full feature phase at once.
pub const STRAIGHT: u8 = 0x80 | 1 << 2 | 3;

/// The first CmdSN: the numbers wrap soon (N6).
pub const FIRST_CMD_SN: u32 = 0xffff_fff0;
/// The first StatSN.
pub const FIRST_STAT_SN: u32 = 0xffff_fffc;

/// Returns a login request's header with these flags in byte 1.
pub fn login_header(flags: u8) -> Header {
    let mut header = [0; 48];
    header[0] = 0x43;
    header[1] = flags;
    header[8..14].copy_from_slice(&[0x80, 0, 0, 0, 0, 1]);
    header[16..20].copy_from_slice(&0x10_u32.to_be_bytes());
    header[20..22].copy_from_slice(&[0, 1]);
    header[24..28].copy_from_slice(&FIRST_CMD_SN.to_be_bytes());
    header[28..32].copy_from_slice(&FIRST_STAT_SN.to_be_bytes());
    header
}

/// Returns the keys that introduce an initiator.
pub fn names(discovery: bool) -> Vec<(&'static str, &'static str)> {
    let mut names = vec![("InitiatorName", INITIATOR)];
    if discovery {
        names.push(("SessionType", "Discovery"));
    } else {
        names.push(("SessionType", "Normal"));
        names.push(("TargetName", TARGET));
    }
    names
}

/// Returns pairs as they stand in a data segment.
pub fn text_of<K: AsRef<str>, V: AsRef<str>>(pairs: &[(K, V)]) -> Vec<u8> {
    let mut text = Vec::new();
    for (key, value) in pairs {
        text.extend(format!("{}={}\0", key.as_ref(), value.as_ref()).bytes());
    }
    text
}

/// Returns terms of a login.
pub fn terms(authentication: Authentication) -> LoginDecision {
    LoginDecision::Allow(LoginTerms {
        authentication,
        portal_group_tag: 1,
        target_alias: None,
        inherited: None,
    })
}

/// A connection and the wire to it.
pub struct Line {
    /// The connection.
    pub connection: Connection,
    /// The clock.
    pub now: Duration,
    /// How many bytes arrive at once.
    pub step: usize,
    deframer: Deframer,
    /// Which digests the initiator's PDUs have.
    pub digests: Digests,
}

impl Line {
    /// Returns a line on which nothing has been said.
    pub fn new(offer: Offer, limits: Limits) -> Self {
        let now = Duration::from_secs(1000);
        Self {
            connection: Connection::new(ConnectionParams {
                limits,
                offer,
                now,
                random: random(1),
            }),
            now,
            step: usize::MAX,
            deframer: Deframer::default(),
            digests: Digests::default(),
        }
    }

    /// Gives bytes to the connection, and what happens to `answer`.
    ///
    /// # Panics
    /// When the connection wants no bytes.
    pub fn feed(&mut self, mut bytes: &[u8], mut answer: impl FnMut(&mut Connection, Event)) {
        while !bytes.is_empty() {
            bytes = &bytes[self.receive(bytes)..];
            self.answer(&mut answer);
            while self.connection.advance(self.now) {
                self.answer(&mut answer);
            }
        }
    }

    /// Does what one vectored read does, of at most [`Line::step`] bytes; returns of how many.
    ///
    /// # Panics
    /// When the connection wants no bytes.
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        let mut rest = &bytes[..bytes.len().min(self.step.max(1))];
        let there = rest.len();
        let places = self.connection.want_ahead();
        assert!(!places[0].is_empty(), "certain bytes are never none");
        for place in places {
            let (now, later) = rest.split_at(place.len().min(rest.len()));
            place[..now.len()].copy_from_slice(now);
            rest = later;
        }
        let count = there - rest.len();
        self.connection.received(count, self.now);
        count
    }

    /// Gives everything that happened to `answer`.
    pub fn answer(&mut self, mut answer: impl FnMut(&mut Connection, Event)) {
        while let Some(event) = self.connection.next_event() {
            answer(&mut self.connection, event);
        }
    }

    /// Sends a PDU.
    pub fn send(
        &mut self,
        header: Header,
        data: &[u8],
        answer: impl FnMut(&mut Connection, Event),
    ) {
        let bytes = frame(header, &[], data, self.digests);
        self.feed(&bytes, answer);
    }

    /// Turns digests on in both directions.
    pub fn set_digests(&mut self, digests: Digests) {
        self.digests = digests;
        self.deframer.digests = digests;
    }

    /// Takes what the connection sends, at most `limit` bytes.
    ///
    /// # Panics
    /// When it says that it has something to send, and has nothing.
    pub fn take(&mut self, limit: usize) -> Vec<Pdu> {
        let mut left = limit;
        while left > 0 && self.connection.has_output() {
            let mut count = 0;
            for slice in self.connection.transmit() {
                assert!(!slice.is_empty(), "an empty slice");
                let part = slice.len().min(left - count);
                self.deframer.push(&slice[..part]);
                count += part;
                if count == left {
                    break;
                }
            }
            assert!(count > 0, "has_output() and nothing to send");
            self.connection.sent(count);
            left -= count;
        }
        std::iter::from_fn(|| self.deframer.next_pdu()).collect()
    }

    /// Takes all that the connection sends; it ends with a whole PDU.
    ///
    /// # Panics
    /// When it does not.
    pub fn drain(&mut self) -> Vec<Pdu> {
        let pdus = self.take(usize::MAX);
        assert!(self.deframer.is_empty(), "half a PDU");
        pdus
    }

    /// Logs in at once with these operational keys, and returns the target's pairs.
    ///
    /// # Panics
    /// When the login fails.
    pub fn log_in(&mut self, discovery: bool, keys: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut pairs = names(discovery);
        pairs.extend_from_slice(keys);
        self.send(login_header(STRAIGHT), &text_of(&pairs), accept);
        let responses = self.drain();
        assert_eq!(responses.len(), 1, "one response to one request");
        assert_eq!(responses[0].header[36..38], [0, 0], "the login succeeds");
        let negotiated = *self.connection.negotiated().unwrap();
        self.set_digests(Digests {
            header: negotiated.header_digest,
            data: negotiated.data_digest,
        });
        pairs_of(&responses[0].data)
    }
}

/// Lets everybody in.
#[allow(clippy::needless_pass_by_value)] // the shape of an answer
pub fn accept(connection: &mut Connection, event: Event) {
    match event {
        Event::LoginRequested(_) => connection.login_decision(terms(Authentication::None)),
        Event::EstablishSession(_) => connection.session_established(Tsih(7)),
        _ => (),
    }
}

/// Returns the pairs of a target's text.
///
/// # Panics
/// When it is not text.
pub fn pairs_of(data: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(data).expect("a target sends UTF-8");
    let pairs = text.split_terminator('\0').map(|pair| {
        let (key, value) = pair.split_once('=').expect("a pair has '='");
        (key.to_owned(), value.to_owned())
    });
    pairs.collect()
}
