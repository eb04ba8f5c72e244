//! The PDU codec and the framing: what is parsed and emitted parses the same; whatever the lengths,
//! digests and splits, what was sent arrives, and what was damaged does not.

use iscsi::wire::ahs;
use iscsi::wire::{
    AsyncMessage, DataIn, DataOut, Header, LoginRequest, LoginResponse, LogoutRequest,
    LogoutResponse, NopIn, NopOut, Opcode, ReadyToTransfer, Reject, ScsiCommand, ScsiResponse,
    Snack, TaskManagementRequest, TaskManagementResponse, TextRequest, TextResponse,
};
use iscsi::{CloseReason, Event, Limits, Offer};

use crate::rig::{Choices, Line, accept};
use crate::wire::{Header as Bytes, frame};

/// Runs the target.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    if choices.byte() & 1 == 0 {
        codec(&mut choices);
    } else {
        framing(&mut choices);
    }
}

/// Any 48 bytes can be printed, and what is a value stays the same value.
fn codec(choices: &mut Choices<'_>) {
    let mut bytes: Bytes = [0; 48];
    let given = choices.bytes(48);
    bytes[..given.len()].copy_from_slice(given);
    let header = Header(bytes);
    assert!(!format!("{header:?}").is_empty());
    macro_rules! round_trip {
        ($($name:ident),*) => {
            match header.opcode() {
                $(Some(Opcode::$name) => if let Ok(value) = $name::parse(&header) {
                    let emitted = value.emit();
                    assert_eq!($name::parse(&emitted), Ok(value));
                    assert_eq!($name::parse(&emitted).unwrap().emit(), emitted);
                    assert_subset(&header.0, &emitted.0);
                },)*
                None => (),
            }
        };
    }
    round_trip!(
        NopOut,
        ScsiCommand,
        TaskManagementRequest,
        LoginRequest,
        TextRequest,
        DataOut,
        LogoutRequest,
        Snack,
        NopIn,
        ScsiResponse,
        TaskManagementResponse,
        LoginResponse,
        TextResponse,
        DataIn,
        LogoutResponse,
        ReadyToTransfer,
        AsyncMessage,
        Reject
    );
    if let Ok(request) = LoginRequest::parse(&Header(with_opcode(bytes, 0x03))) {
        // RFC 7143 §11.12.3: forward only, and never to stage 2.
        if let Ok(Some(next)) = request.next_stage() {
            assert!(next > request.current_stage);
        }
    }
    additional(choices);
}

fn with_opcode(mut bytes: Bytes, opcode: u8) -> Bytes {
    bytes[0] = opcode;
    bytes
}

/// What is emitted stood in the header before; only byte 1 has bits that are always set.
fn assert_subset(before: &Bytes, after: &Bytes) {
    for (at, (before, after)) in before.iter().zip(after).enumerate() {
        let invented = after & !before;
        assert!(
            invented == 0 || (at == 1 && invented == 0x80),
            "byte {at} of {before:02x} became {after:02x}"
        );
    }
}

/// Additional header segments never go beyond their bytes, and account for each of them.
fn additional(choices: &mut Choices<'_>) {
    let length = choices.bytes(1020).len() / 4 * 4;
    let bytes = choices.bytes(length);
    let mut counted = 0;
    let mut good = true;
    for segment in ahs::segments(bytes) {
        assert!(good, "nothing follows an error");
        match segment {
            Ok(segment) => counted += (3 + segment.specific.len()).next_multiple_of(4),
            Err(_) => good = false,
        }
    }
    assert!(!good || counted == bytes.len());
}

/// NOP-Outs of any shape: the echo is what was sent, and only of what came in good order.
fn framing(choices: &mut Choices<'_>) {
    let digests = choices.byte();
    let digest = |on| if on { "CRC32C" } else { "None" };
    let mut line = Line::new(Offer::default(), Limits::default());
    line.log_in(
        false,
        &[
            ("HeaderDigest", digest(digests & 1 != 0)),
            ("DataDigest", digest(digests & 2 != 0)),
            ("MaxRecvDataSegmentLength", "65536"),
        ],
    );
    let mut tag = 0_u32;
    while !choices.is_empty() && tag < 200 {
        tag += 1;
        let damage = choices.byte();
        let words = usize::from(choices.byte());
        let length = usize::from(choices.short());
        line.step = usize::from(choices.byte()) + 1;
        let given = choices.bytes(length % 64);
        let data: Vec<u8> = given.iter().copied().cycle().take(length).collect();
        let mut header = [0; 48];
        header[0] = 0x40;
        header[1] = 0x80;
        header[16..20].copy_from_slice(&tag.to_be_bytes());
        header[20..24].fill(0xff);
        let additional = if words % 4 == 0 {
            vec![damage; words * 4]
        } else {
            Vec::new()
        };
        let mut bytes = frame(header, &additional, &data, line.digests);
        let trailer = bytes.len();
        let bad_header = line.digests.header && damage == 1;
        let bad_data = line.digests.data && damage == 2 && !data.is_empty();
        if bad_header {
            bytes[48 + additional.len()] ^= 0x10;
        } else if bad_data {
            bytes[trailer - 1] ^= 0x01;
        }
        let mut closed = None;
        line.feed(&bytes, |connection, event| match event {
            Event::Closed(reason) => closed = Some(reason),
            other => accept(connection, other),
        });
        let answers = line.drain();
        if bad_header {
            assert_eq!(closed, Some(CloseReason::HeaderDigestError));
            assert!(answers.is_empty());
            return;
        }
        assert_eq!((closed, answers.len()), (None, 1));
        let answer = &answers[0];
        if bad_data {
            assert_eq!((answer.opcode(), answer.header[2]), (0x3f, 0x02), "Reject");
        } else {
            assert_eq!((answer.opcode(), answer.tag()), (0x20, tag), "NOP-In");
            assert_eq!(answer.data, data);
        }
    }
}
