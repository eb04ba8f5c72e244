//! CHAP (RFC 7143 §12.1.3): binary values in every encoding, and both sides of the exchange. Nobody
//! gets in without the right response to the challenge of this very login.

use iscsi::chap::{BinaryEncoding, ChapAlgorithm, decode_binary, encode_binary};
use iscsi::initiator::{Initiator, InitiatorChap, InitiatorEvent, InitiatorParams};
use iscsi::{Authentication, ChapPolicy, Credential, Event, Limits, Offer, Secret, Tsih};

use crate::rig::{
    Choices, FIRST_STAT_SN, INITIATOR, Line, TARGET, login_header, names, pairs_of, random, terms,
    text_of,
};
use crate::wire::{Deframer, Digests, frame};

/// Runs the target.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    match choices.byte() % 3 {
        0 => codec(&mut choices),
        1 => target(&mut choices),
        _ => initiator(&mut choices),
    }
}

const USER: &str = "host";
const USER_SECRET: &[u8] = b"0123456789abcdef";
const OUR_NAME: &str = "library";
const OUR_SECRET: &[u8] = b"fedcba9876543210";

fn credential(name: &str, secret: &[u8]) -> Credential {
    Credential {
        name: name.to_owned(),
        secret: Secret::new(secret.to_vec()),
    }
}

/// Binary values are read as the standard says, and written so that they read back.
fn codec(choices: &mut Choices<'_>) {
    let limit = usize::from(choices.short());
    let bytes = choices.bytes(4096);
    let text = String::from_utf8_lossy(bytes);
    let expected = binary(&text).filter(|bytes| (1..=limit).contains(&bytes.len()));
    assert_eq!(
        decode_binary(&text, limit).map(|(bytes, _)| bytes),
        expected
    );
    for encoding in [BinaryEncoding::Hexadecimal, BinaryEncoding::Base64] {
        let written = encode_binary(bytes, encoding);
        let back = decode_binary(&written, bytes.len());
        let expected = (!bytes.is_empty()).then(|| (bytes.to_vec(), encoding));
        assert_eq!(back, expected);
        assert_eq!(binary(&written), Some(bytes.to_vec()));
    }
}

/// Reads a binary value (RFC 7143 §6.1): `0x` and digits, or `0b` and base64 whose padding may be
/// left out (some initiators do).
fn binary(text: &str) -> Option<Vec<u8>> {
    let (prefix, digits) = text.split_at_checked(2)?;
    match prefix {
        "0x" | "0X" => {
            let odd = if digits.len() % 2 == 1 { "0" } else { "" };
            let digits: Vec<u32> = odd
                .chars()
                .chain(digits.chars())
                .map(|digit| digit.to_digit(16))
                .collect::<Option<_>>()?;
            let pairs = digits.chunks(2);
            Some(pairs.map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
        }
        "0b" | "0B" => base64(digits),
        _ => None,
    }
}

fn base64(digits: &str) -> Option<Vec<u8>> {
    let data = digits.trim_end_matches('=');
    let padding = digits.len() - data.len();
    let whole = data.len().div_ceil(4) * 4;
    if padding > whole - data.len() || data.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in data.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(bytes) // what is left over says nothing and must be zero
}

/// Writes a binary value in one of the ways that initiators use.
fn write(bytes: &[u8], way: u8) -> String {
    let plain = encode_binary(bytes, BinaryEncoding::Hexadecimal);
    let base64 = encode_binary(bytes, BinaryEncoding::Base64);
    match way % 6 {
        0 => plain,
        1 => plain.to_uppercase().replacen("0X", "0x", 1),
        2 => plain.replacen("0x", "0X", 1),
        3 => base64,
        4 => base64.trim_end_matches('=').to_owned(),
        _ => base64.replacen("0b", "0B", 1),
    }
}

/// What one side has asked the other.
#[derive(Clone, Debug)]
struct Question {
    algorithm: ChapAlgorithm,
    identifier: u8,
    challenge: Vec<u8>,
}

impl Question {
    fn read(pairs: &[(String, String)], algorithm: Option<ChapAlgorithm>) -> Option<Self> {
        let find = |name: &str| Some(&pairs.iter().find(|(key, _)| key == name)?.1);
        Some(Self {
            algorithm: algorithm.or_else(|| ChapAlgorithm::parse(find("CHAP_A")?))?,
            identifier: find("CHAP_I")?.parse().ok()?,
            challenge: binary(find("CHAP_C")?)?,
        })
    }

    fn answer(&self, secret: &[u8]) -> Vec<u8> {
        let secret = Secret::new(secret.to_vec());
        self.algorithm
            .response(self.identifier, &secret, &self.challenge)
    }

    /// Returns whether these pairs answer the question.
    fn is_answered(&self, pairs: &[(String, String)], name: &str, secret: &[u8]) -> bool {
        let has = |key: &str, test: &dyn Fn(&str) -> bool| {
            pairs.iter().any(|(name, value)| name == key && test(value))
        };
        has("CHAP_N", &|value| value == name)
            && has("CHAP_R", &|value| {
                binary(value) == Some(self.answer(secret))
            })
    }
}

/// Where a legal initiator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Method,
    Algorithm,
    Proof,
    Done,
}

/// Any initiator against our target.
fn target(choices: &mut Choices<'_>) {
    let config = choices.byte();
    let discovery = config & 1 != 0;
    let ours = (config & 2 != 0).then(|| credential(OUR_NAME, OUR_SECRET));
    let can_prove = ours.is_some();
    let policy = ChapPolicy {
        users: vec![
            credential("other", b"another secret!!"),
            credential(USER, USER_SECRET),
        ],
        ours,
        algorithms: ChapAlgorithm::ALL[usize::from(config >> 2) % 4..].to_vec(),
    };
    let mut line = Line::new(Offer::default(), Limits::default());
    let mut step = Step::Method;
    let mut question: Option<Question> = None;
    let (mut legal, mut proven) = (true, false);
    for _ in 0..12 {
        let act = choices.byte();
        let (mut flags, mut pairs) = (0, Vec::new());
        let mut ours: Option<Question> = None;
        if step == Step::Method {
            let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
            pairs.extend(names(discovery).into_iter().map(own));
        }
        if act < 0xc0 {
            let method = ["CHAP", "CHAP,None", "SRP,CHAP", "KRB5,SPKM1,CHAP,None"];
            let lists = ["5", "7", "8,7,6,5", "5,6", "6", "5,7", "56,5", "1,8"];
            match step {
                Step::Method => push(&mut pairs, "AuthMethod", method[usize::from(act) % 4]),
                Step::Algorithm => push(&mut pairs, "CHAP_A", lists[usize::from(act) % 8]),
                Step::Proof => {
                    let Some(question) = &question else { return };
                    let response = question.answer(USER_SECRET);
                    push(&mut pairs, "CHAP_N", USER);
                    push(&mut pairs, "CHAP_R", &write(&response, act));
                    if can_prove && act & 0x80 != 0 {
                        let length = usize::from(choices.short()) % 1024 + 1;
                        let challenge: Vec<u8> = (0..length).map(|i| i as u8 ^ act).collect();
                        push(&mut pairs, "CHAP_I", &act.to_string());
                        push(&mut pairs, "CHAP_C", &write(&challenge, act >> 3));
                        ours = Some(Question {
                            algorithm: question.algorithm,
                            identifier: act,
                            challenge,
                        });
                    }
                    flags = 0x83; // T, to full feature phase
                }
                Step::Done => flags = 0x83,
            }
        }
        if act & 0x3f == 0x3f || act >= 0xc0 {
            legal = false;
            flags = choices.byte();
            disturb(choices, &mut pairs, question.as_ref());
        }
        if question
            .as_ref()
            .is_some_and(|question| question.is_answered(&pairs, USER, USER_SECRET))
            || other_is_proven(question.as_ref(), &pairs)
        {
            proven = true;
        }
        let text = text_of(&pairs);
        let (mut closed, mut established) = (false, false);
        line.send(
            login_header(flags),
            &text,
            |connection, event| match event {
                Event::LoginRequested(_) => {
                    connection.login_decision(terms(Authentication::Chap(policy.clone())));
                }
                Event::EstablishSession(it) => {
                    assert!(proven, "a session without the right response");
                    assert!(matches!(it.user.as_deref(), Some(USER | "other")));
                    established = true;
                    connection.session_established(Tsih(7));
                }
                Event::Closed(_) => closed = true,
                _ => (),
            },
        );
        let mut answer = Vec::new();
        for pdu in line.drain() {
            assert_eq!(pdu.opcode(), 0x23);
            assert!(pdu.data.len() <= 8192);
            if !legal && pdu.header[1] & 0x40 != 0 {
                return;
            }
            if closed {
                let status = &pdu.header[36..38];
                assert!(status[0] == 2, "no fault of ours: {pdu:?}");
                assert!(!legal || status == [2, 1], "C7: {pdu:?}");
            }
            answer = pairs_of(&pdu.data);
        }
        let find = |name: &str| answer.iter().find(|(key, _)| key == name);
        if let Some((_, response)) = find("CHAP_R") {
            assert!(proven, "C9: our proof before theirs");
            assert_eq!(
                find("CHAP_N").map(|(_, name)| name.as_str()),
                Some(OUR_NAME)
            );
            if let Some(ours) = &ours
                && legal
            {
                assert_eq!(binary(response), Some(ours.answer(OUR_SECRET)));
            }
        } else if legal && !closed {
            assert!(ours.is_none(), "mutual CHAP was asked and not answered");
        }
        if let Some(asked) = Question::read(&answer, None) {
            assert_eq!(asked.challenge.len(), 16, "C3");
            let before = question.replace(asked);
            assert!(before.is_none(), "a second challenge in one login");
        }
        if closed || established {
            let common = policy.algorithms.iter().any(|_| true) && question.is_some();
            assert!(
                !legal || established || !common,
                "a legal login was refused"
            );
            return;
        }
        step = match step {
            Step::Method => Step::Algorithm,
            Step::Algorithm => Step::Proof,
            Step::Proof | Step::Done => Step::Done,
        };
        if choices.is_empty() && !legal {
            return;
        }
    }
    assert!(!legal, "a legal login does not end");
}

fn other_is_proven(question: Option<&Question>, pairs: &[(String, String)]) -> bool {
    question.is_some_and(|question| question.is_answered(pairs, "other", b"another secret!!"))
}

fn push(pairs: &mut Vec<(String, String)>, key: &str, value: &str) {
    pairs.push((key.to_owned(), value.to_owned()));
}

/// Adds, changes and removes pairs.
fn disturb(
    choices: &mut Choices<'_>,
    pairs: &mut Vec<(String, String)>,
    question: Option<&Question>,
) {
    let keys = [
        "AuthMethod",
        "CHAP_A",
        "CHAP_I",
        "CHAP_C",
        "CHAP_N",
        "CHAP_R",
        "InitiatorName",
        "X-other",
    ];
    for _ in 0..choices.byte() % 6 {
        let key = choices.one_of(&keys);
        let way = choices.byte();
        let value = match way % 8 {
            0 => "CHAP".to_owned(),
            1 => choices
                .one_of(&["5", "7", "", "56", "None", USER, "other", "0x1ff"])
                .into(),
            2 => question.map_or(String::new(), |q| write(&q.challenge, way >> 3)), // reflected
            3 => question.map_or(String::new(), |q| write(&q.answer(USER_SECRET), way >> 3)),
            4 => question.map_or(String::new(), |q| write(&q.answer(OUR_SECRET), way >> 3)),
            5 => write(&vec![way; usize::from(choices.short()) % 1100], way >> 3),
            _ => {
                let length = usize::from(choices.byte());
                String::from_utf8_lossy(choices.bytes(length)).replace('\0', "0")
            }
        };
        match way & 0x80 {
            0 => pairs.push((key.to_owned(), value)),
            _ => match pairs.iter_mut().find(|(name, _)| name == key) {
                Some(pair) => pair.1 = value,
                None => {
                    pairs.pop();
                }
            },
        }
    }
}

/// Any target against our initiator.
fn initiator(choices: &mut Choices<'_>) {
    let config = choices.byte();
    let mutual = config & 1 != 0;
    let mut params = InitiatorParams::new(INITIATOR, Some(TARGET), random(9));
    params.chap = Some(InitiatorChap {
        ours: credential(USER, USER_SECRET),
        theirs: mutual.then(|| credential(OUR_NAME, OUR_SECRET)),
        algorithms: ChapAlgorithm::ALL[usize::from(config >> 1) % 4..].to_vec(),
        encoding: if config & 8 == 0 {
            BinaryEncoding::Hexadecimal
        } else {
            BinaryEncoding::Base64
        },
    });
    let mut initiator = Initiator::new(params);
    let mut wire = Deframer::default();
    let mut asked: Option<Question> = None;
    let mut proven = !mutual;
    for step in 0..8_u32 {
        let mut question = None;
        let mut offered = None;
        for pdu in requests(&mut initiator, &mut wire) {
            let pairs = pairs_of(&pdu);
            let algorithm = asked.as_ref().map(|asked| asked.algorithm);
            offered = pairs.iter().find(|(key, _)| key == "CHAP_A").cloned();
            if let Some(asked) = &asked
                && pairs.iter().any(|(key, _)| key == "CHAP_R")
            {
                assert!(asked.is_answered(&pairs, USER, USER_SECRET), "our proof");
            }
            question = Question::read(&pairs, algorithm.or(Some(ChapAlgorithm::Md5)))
                .filter(|_| pairs.iter().any(|(key, _)| key == "CHAP_C"));
        }
        let act = choices.byte();
        let (mut flags, mut pairs) = (0_u8, Vec::new());
        match (step, &offered, &question) {
            (0, ..) => push(&mut pairs, "AuthMethod", "CHAP"),
            (_, Some((_, list)), _) => {
                push(&mut pairs, "CHAP_A", list.split(',').next().unwrap());
                push(&mut pairs, "CHAP_I", &act.to_string());
                let length = usize::from(choices.short()) % 1024 + 1;
                push(&mut pairs, "CHAP_C", &write(&vec![act; length], act));
            }
            (_, _, Some(question)) => {
                push(&mut pairs, "CHAP_N", OUR_NAME);
                push(
                    &mut pairs,
                    "CHAP_R",
                    &write(&question.answer(OUR_SECRET), act),
                );
                flags = 0x81;
            }
            _ => flags = if step == 2 { 0x81 } else { 0x87 },
        }
        if act & 0x3f == 0x3f || act >= 0xe0 {
            flags = choices.byte() & !0x40; // all of it at once: whose question it is stays clear
            disturb(choices, &mut pairs, question.as_ref().or(asked.as_ref()));
        }
        if let Some(question) = &question {
            proven |= question.is_answered(&pairs, OUR_NAME, OUR_SECRET);
        }
        asked = Question::read(&pairs, None).or(asked);
        let mut header = login_header(flags);
        header[0] = 0x23;
        header[16..20].fill(0);
        header[14..16].copy_from_slice(&[0, 7]);
        header[20..24].fill(0);
        header[24..28].copy_from_slice(&FIRST_STAT_SN.wrapping_add(step).to_be_bytes());
        header[28..36].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 32]);
        let bytes = frame(header, &[], &text_of(&pairs), Digests::default());
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let space = initiator.want();
            let count = space.len().min(rest.len());
            space[..count].copy_from_slice(&rest[..count]);
            initiator.received(count);
            rest = &rest[count..];
        }
        while let Some(event) = initiator.next_event() {
            match event {
                InitiatorEvent::LoggedIn { .. } => {
                    assert!(proven, "the target has not proven itself");
                    return;
                }
                InitiatorEvent::LoginFailed { .. } | InitiatorEvent::Failed(_) => return,
                _ => (),
            }
        }
    }
}

/// Returns the texts of what the initiator sends.
fn requests(initiator: &mut Initiator, wire: &mut Deframer) -> Vec<Vec<u8>> {
    while initiator.has_output() {
        let bytes: Vec<u8> = initiator.transmit().flatten().copied().collect();
        wire.push(&bytes);
        initiator.sent(bytes.len());
    }
    std::iter::from_fn(|| wire.next_pdu())
        .map(|pdu| pdu.data)
        .collect()
}
