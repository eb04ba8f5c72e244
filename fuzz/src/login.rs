//! Login text: the `key=value` codec, and the negotiation against its model.

use iscsi::wire::text::{self, TextWriter};
use iscsi::{DigestPolicy, Limits, Offer};

use crate::negotiation::{self, KEYS, VALUES};
use crate::rig::{Choices, Line, STRAIGHT, accept, login_header, names, pairs_of, text_of};
use crate::wire::Pdu;

/// Runs the target.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    match choices.byte() % 4 {
        0 => codec(&mut choices),
        1 => any_requests(&mut choices),
        _ => one_step(&mut choices),
    }
}

/// What is read is what stands there, and writes back as it was.
fn codec(choices: &mut Choices<'_>) {
    let bytes = choices.bytes(4096);
    let read = text::parse(bytes);
    assert_eq!(read.is_ok(), is_text(bytes), "{read:?}");
    let Ok(pairs) = read else {
        return;
    };
    let mut writer = TextWriter::new();
    for (key, value) in &pairs {
        writer.pair(key, value);
    }
    let written = writer.into_bytes();
    assert_eq!(text::parse(&written), Ok(pairs.clone()));
    let expected: Vec<(String, String)> = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    assert_eq!(pairs_of(&written), expected);
}

/// RFC 7143 §6.1, as a yes or no.
fn is_text(bytes: &[u8]) -> bool {
    let Some((last, pairs)) = bytes.split_last() else {
        return true;
    };
    *last == 0
        && pairs.split(|byte| *byte == 0).all(|pair| {
            let Ok(pair) = std::str::from_utf8(pair) else {
                return false;
            };
            if pair.is_empty() {
                return true;
            }
            let Some((key, value)) = pair.split_once('=') else {
                return false;
            };
            let longest = if key == "CHAP_C" || key == "CHAP_R" {
                2050
            } else {
                255
            };
            key.len() <= 63
                && value.len() <= longest
                && key.starts_with(|c: char| c.is_ascii_alphabetic())
                && key
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || ".-+@_/#".contains(c))
        })
}

/// Any offers of ours against any offers of theirs, in one step: the answers are the model's.
fn one_step(choices: &mut Choices<'_>) {
    let offer = offer(choices);
    let flags = choices.byte();
    let discovery = flags & 1 != 0;
    let mut offers: Vec<(String, String)> = Vec::new();
    let mut length = 0;
    while !choices.is_empty() && length < 7000 {
        let (key, value) = any_pair(choices);
        if offers.iter().all(|(known, _)| *known != key) {
            length += key.len() + value.len() + 2;
            offers.push((key, value));
        }
    }
    let mut text = text_of(&names(discovery));
    text.extend(text_of(&offers));
    if !is_text(&text) || !offers.iter().all(|(key, _)| is_negotiable(key)) {
        return;
    }
    let mut line = Line::new(offer.clone(), Limits::default());
    let (answers, status) = exchange(&mut line, &text, usize::from(flags >> 1));
    let expected = negotiation::answers(&offers, discovery, &offer);
    if !negotiation::satisfies(&expected, &offer) {
        assert_eq!(status, [2, 0], "digests are demanded");
        return;
    }
    assert_eq!(status, [0, 0]);
    let mut told = answers.clone();
    told.sort();
    let expected: Vec<_> = expected.into_iter().collect();
    assert_eq!(told, expected);
    let negotiated = line.connection.negotiated().unwrap();
    assert!(negotiated.first_burst_length <= negotiated.max_burst_length);
}

/// Sends a text, in as many requests as `pieces` says, and returns all that comes back.
fn exchange(line: &mut Line, text: &[u8], pieces: usize) -> (Vec<(String, String)>, [u8; 2]) {
    let size = text.len().div_ceil(pieces % 4 + 1);
    let mut chunks = text.chunks(size).peekable();
    let mut answer = Vec::new();
    while let Some(chunk) = chunks.next() {
        let last = chunks.peek().is_none();
        let flags = if last { STRAIGHT } else { 0x40 | 1 << 2 };
        line.send(login_header(flags), chunk, accept);
        let mut response = one(line);
        if !last {
            assert!(response.data.is_empty(), "L9: no keys before the last part");
            assert_eq!(response.header[1] & 0xc0, 0);
        }
        // L10: a long answer comes in parts, each asked for with an empty request.
        while response.header[1] & 0x40 != 0 {
            answer.append(&mut response.data);
            line.send(login_header(STRAIGHT), &[], accept);
            response = one(line);
        }
        answer.append(&mut response.data);
        let status = [response.header[36], response.header[37]];
        if last || status != [0, 0] {
            return (pairs_of(&answer), status);
        }
    }
    unreachable!("a text has a last part")
}

fn one(line: &mut Line) -> Pdu {
    let mut pdus = line.drain();
    assert_eq!(pdus.len(), 1, "one response to one request");
    assert_eq!(pdus[0].opcode(), 0x23);
    pdus.remove(0)
}

/// Requests of any stage, with any flags and any text: one answer each, and the numbers right.
fn any_requests(choices: &mut Choices<'_>) {
    let mut line = Line::new(offer(choices), Limits::default());
    line.step = usize::from(choices.short()).max(1);
    let mut stat_sn = None;
    let mut in_session = false;
    let mut requests = 0;
    while !choices.is_empty() && requests < 40 && !in_session {
        let flags = choices.byte();
        let mut text = match choices.byte() % 4 {
            0 if requests == 0 => text_of(&names(flags & 0x10 != 0)),
            1 => {
                let length = usize::from(choices.short());
                choices.bytes(length).to_vec()
            }
            _ => Vec::new(),
        };
        for _ in 0..choices.byte() % 8 {
            let (key, value) = any_pair(choices);
            text.extend(text_of(&[(key, value)]));
        }
        let mut header = login_header(flags);
        if let 0 = choices.byte() % 8 {
            let at = usize::from(choices.byte()) % 48;
            header[at] = choices.byte();
        }
        let mut closed = false;
        line.send(header, &text, |connection, event| match event {
            iscsi::Event::Closed(_) => closed = true,
            other => accept(connection, other),
        });
        requests += 1;
        let responses = line.drain();
        assert!(responses.len() <= 1);
        in_session = line.connection.negotiated().is_some();
        for response in responses {
            assert_eq!(response.opcode(), 0x23);
            let this = response.u32(24);
            assert!(stat_sn.is_none_or(|last: u32| last.wrapping_add(1) == this));
            stat_sn = Some(this);
            assert!(response.data.len() <= 8192, "L10");
            assert_eq!(response.header[36] != 0, closed, "L15");
            let full = response.header[1] & 0x83 == 0x83 && response.header[36] == 0;
            assert_eq!(full, in_session);
        }
        if closed {
            return;
        }
    }
}

/// Our side: each key is varied.
fn offer(choices: &mut Choices<'_>) -> Offer {
    let flags = choices.byte();
    let policy = |bit: u8| {
        if flags & bit == 0 {
            DigestPolicy::Optional
        } else {
            DigestPolicy::Required
        }
    };
    Offer {
        max_burst_length: choices.one_of(&[16_776_192, 512, 65_536, 16_777_215]),
        first_burst_length: choices.one_of(&[262_144, 512, 65_536, 16_777_215]),
        max_outstanding_r2t: choices.one_of(&[4, 1, 65_535]),
        default_time_to_wait: choices.one_of(&[0, 2, 3600]),
        initial_r2t: flags & 1 != 0,
        immediate_data: flags & 2 == 0,
        header_digest: policy(4),
        data_digest: policy(8),
        ..Offer::default()
    }
}

fn any_pair(choices: &mut Choices<'_>) -> (String, String) {
    let key = choices.byte();
    let key = match KEYS.get(usize::from(key)) {
        Some(key) => (*key).to_owned(),
        None => word(choices, usize::from(key) % 70),
    };
    let value = choices.byte();
    let value = match VALUES.get(usize::from(value)) {
        Some(value) => (*value).to_owned(),
        None if value < 100 => choices.word().to_string(),
        None if value < 150 => format!("{:#x}", choices.word()),
        None => {
            let length = usize::from(choices.byte());
            word(choices, length)
        }
    };
    (key, value)
}

fn word(choices: &mut Choices<'_>, length: usize) -> String {
    let text = String::from_utf8_lossy(choices.bytes(length));
    text.replace('\0', "0")
}

/// Keys that the table answers: not the names, and not those of authentication.
fn is_negotiable(key: &str) -> bool {
    let special = [
        "InitiatorName",
        "InitiatorAlias",
        "TargetName",
        "SessionType",
        "AuthMethod",
        "CHAP_A",
        "CHAP_I",
        "CHAP_C",
        "CHAP_N",
        "CHAP_R",
    ];
    !special.contains(&key) && !key.contains('=')
}
