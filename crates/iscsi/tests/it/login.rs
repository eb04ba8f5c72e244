//! The login phase, PDU by PDU (RFC 7143 §6.3, §11.12, §11.13).

use crate::rig::*;
use iscsi::wire::{AsyncMessage, Header, LoginRequest, LoginResponse, SerialNumber, Stage, Tsih};
use iscsi::{
    Authentication, ChapPolicy, CloseReason, DigestPolicy, Limits, LoginDecision, LoginStatus,
    Offer, Permanence,
};
use std::time::Duration;

fn to_full_feature() -> LoginRequest {
    login_request(
        Stage::LoginOperationalNegotiation,
        Some(Stage::FullFeaturePhase),
    )
}

/// Gives bytes to the connection and answers nothing.
fn feed_unanswered(target: &mut Target, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let want = target.connection.want();
        let count = want.len().min(bytes.len());
        want[..count].copy_from_slice(&bytes[..count]);
        target.connection.received(count, target.now);
        bytes = &bytes[count..];
    }
}

/// Sends one request on a fresh connection and returns the status that refuses it.
fn refusal(request: LoginRequest, pairs: &[(&str, &str)]) -> u16 {
    let mut target = Target::plain();
    let (response, _) = exchange(&mut target, request, pairs);
    assert_eq!(
        target.closed,
        Some(CloseReason::LoginRefused),
        "L15: then closed"
    );
    let failed = target.failed.expect("LoginFailed for the log");
    assert_eq!(failed.status, status(&response));
    assert!(!response.transit);
    status(&response)
}

#[test]
fn a_login_in_bytes() {
    let mut target = Target::plain();
    #[rustfmt::skip]
    let mut request = vec![
        0x43,                   // Login Request, immediate
        0x87,                   // T, CSG 1, NSG 3
        0, 0,                   // versions
        0, 0, 0, 0,             // lengths, filled in below
        0x80, 0, 0, 0, 0, 1,    // ISID
        0, 0,                   // TSIH: a new session
        0, 0, 0, 0x10,          // initiator task tag
        0, 1, 0, 0,             // CID
        0xff, 0xff, 0xff, 0xf0, // CmdSN
        0xff, 0xff, 0xff, 0xfc, // ExpStatSN
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let text = b"InitiatorName=iqn.2026-11.io.example:host\0\
                 TargetName=iqn.2026-11.io.capstan:test\0\
                 HeaderDigest=None\0";
    request[7] = text.len() as u8;
    request.extend_from_slice(text);
    request.resize(request.len().next_multiple_of(4), 0);
    target.feed(&request);
    let response = target.pdus().remove(0);
    #[rustfmt::skip]
    let expected = [
        0x23,                   // Login Response
        0x87,                   // T, CSG 1, NSG 3
        0, 0,                   // versions
        0, 0, 0, response.data.len() as u8,
        0x80, 0, 0, 0, 0, 1,    // ISID, echoed
        0, 7,                   // TSIH of the new session
        0, 0, 0, 0x10,          // initiator task tag, echoed
        0, 0, 0, 0,
        0xff, 0xff, 0xff, 0xfc, // StatSN
        0xff, 0xff, 0xff, 0xf0, // ExpCmdSN: that of the login, which is immediate
        0x00, 0x00, 0x00, 0x0f, // MaxCmdSN: a window of 32, over the wrap
        0, 0,                   // status: success
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(response.header.0, expected);
    assert_eq!(
        response.data,
        b"TargetPortalGroupTag=1\0HeaderDigest=None\0MaxRecvDataSegmentLength=1048576\0"
    );
}

#[test]
fn l1_anything_but_login_first_is_dropped_without_a_word() {
    for opcode in (0..64).filter(|opcode| *opcode != 0x03) {
        let mut target = Target::plain();
        let mut header = [0; 48];
        header[0] = opcode;
        target.feed(&header);
        assert!(matches!(target.closed, Some(CloseReason::ProtocolError(_))));
        assert!(target.pdus().is_empty());
    }
}

#[test]
fn l1_another_pdu_in_the_middle_of_login_is_refused() {
    let mut target = Target::plain();
    exchange(
        &mut target,
        login_request(Stage::SecurityNegotiation, None),
        &NAMES,
    );
    target.feed(&bytes_of(nop_out(1).emit(), &[]));
    let response = LoginResponse::parse(&target.pdus()[0].header).unwrap();
    assert_eq!(status(&response), 0x020b);
    assert_eq!(target.closed, Some(CloseReason::LoginRefused));
}

#[test]
fn l2_only_version_0_exists() {
    let mut request = to_full_feature();
    request.version_min = 1;
    request.version_max = 1;
    assert_eq!(refusal(request, &NAMES), 0x0205);
    request.version_min = 0;
    let (response, _) = exchange(&mut Target::plain(), request, &NAMES);
    assert_eq!((status(&response), response.version_active), (0, 0));
}

#[test]
fn l3_missing_and_wrong_names_have_their_own_status() {
    let cases: [(&[(&str, &str)], u16); 7] = [
        (&[("TargetName", TARGET)], 0x0207),
        (&[("InitiatorName", INITIATOR)], 0x0207),
        (
            &[("InitiatorName", INITIATOR), ("SessionType", "Normal")],
            0x0207,
        ),
        (
            &[
                ("InitiatorName", INITIATOR),
                ("SessionType", "Other"),
                ("TargetName", TARGET),
            ],
            0x0209,
        ),
        (
            &[
                ("InitiatorName", INITIATOR),
                ("TargetName", "iqn.2026-11.io.capstan:none"),
            ],
            0x0203,
        ),
        (
            &[("InitiatorName", INITIATOR), ("TargetName", "nonsense")],
            0x0203,
        ),
        (
            &[("InitiatorName", "nonsense"), ("TargetName", TARGET)],
            0x0200,
        ),
    ];
    for (pairs, expected) in cases {
        assert_eq!(refusal(to_full_feature(), pairs), expected, "{pairs:?}");
    }
}

#[test]
fn l3_whoever_is_not_allowed_is_told_so() {
    let mut target = Target::plain();
    target.decide = Box::new(|_| LoginDecision::Refuse(LoginStatus::AuthorizationFailure));
    let (response, _) = exchange(&mut target, to_full_feature(), &NAMES);
    assert_eq!(status(&response), 0x0202);
}

#[test]
fn l4_the_environment_sees_tsih_and_the_last_response_carries_the_new_one() {
    let mut target = Target::plain();
    target.decide = Box::new(|request| {
        assert_eq!(request.tsih, Tsih(5));
        LoginDecision::Refuse(LoginStatus::SessionDoesNotExist)
    });
    let mut request = to_full_feature();
    request.tsih = Tsih(5);
    let (response, _) = exchange(&mut target, request, &NAMES);
    assert_eq!(status(&response), 0x020a);

    let mut target = Target::plain();
    let (response, _) = exchange(&mut target, to_full_feature(), &NAMES);
    assert_eq!(response.tsih, Tsih(7));
}

#[test]
fn l5_the_final_response_waits_until_the_old_session_is_gone() {
    let mut target = Target::plain();
    let request = bytes_of(to_full_feature().emit(), &text_of(&NAMES));
    feed_unanswered(&mut target, &request);
    let event = target.connection.next_event().unwrap();
    assert!(matches!(event, iscsi::Event::LoginRequested(_)));
    assert!(target.pdus().is_empty(), "undecided");
    let allow = LoginDecision::Allow(terms(Authentication::None));
    target.connection.login_decision(allow);
    let event = target.connection.next_event().unwrap();
    let iscsi::Event::EstablishSession(it) = event else {
        panic!("{event:?}");
    };
    assert_eq!(it.login.initiator, INITIATOR);
    assert!(target.pdus().is_empty(), "the old session still lives");
    target.connection.session_established(Tsih(9));
    let response = LoginResponse::parse(&target.pdus()[0].header).unwrap();
    assert_eq!((status(&response), response.tsih), (0, Tsih(9)));
}

#[test]
fn a_request_before_the_response_to_the_last_one_is_an_error() {
    let mut target = Target::plain();
    let request = bytes_of(to_full_feature().emit(), &text_of(&NAMES));
    feed_unanswered(&mut target, &request);
    feed_unanswered(&mut target, &request);
    let response = LoginResponse::parse(&target.pdus()[0].header).unwrap();
    assert_eq!(status(&response), 0x0200);
    // The decision comes too late and does no harm.
    let allow = LoginDecision::Allow(terms(Authentication::None));
    target.connection.login_decision(allow);
    assert!(target.pdus().is_empty());
}

#[test]
fn l10_text_before_ours_is_complete_is_an_error() {
    let mut target = Target::plain();
    let mut text = text_of(&NAMES);
    for i in 0..500 {
        text.extend(text_of(&[(&format!("X-k{i}"), "1")]));
    }
    let stay = login_request(Stage::LoginOperationalNegotiation, None);
    target.feed(&bytes_of(stay.emit(), &text));
    assert_eq!(target.pdus()[0].byte(1) & 0x40, 0x40, "C: there is more");
    target.feed(&bytes_of(stay.emit(), &text_of(&[("X-more", "1")])));
    let response = LoginResponse::parse(&target.pdus()[0].header).unwrap();
    assert_eq!(status(&response), 0x0200);
}

#[test]
fn l5_a_session_can_be_refused_at_the_last_moment() {
    let mut target = Target::plain();
    let request = bytes_of(to_full_feature().emit(), &text_of(&NAMES));
    feed_unanswered(&mut target, &request);
    target.connection.next_event();
    let allow = LoginDecision::Allow(terms(Authentication::None));
    target.connection.login_decision(allow);
    target.connection.next_event();
    target
        .connection
        .session_refused(LoginStatus::TooManyConnections);
    target.answer();
    let response = LoginResponse::parse(&target.pdus()[0].header).unwrap();
    assert_eq!(status(&response), 0x0206, "L7");
    assert_eq!(target.closed, Some(CloseReason::LoginRefused));
}

#[test]
fn l6_a_connection_that_rejoins_its_session_inherits_what_was_negotiated() {
    let mut first = Target::plain();
    log_in_by_hand(
        &mut first,
        &[("MaxBurstLength", "70000"), ("InitialR2T", "No")],
    );
    let negotiated = *first.connection.negotiated().unwrap();
    let mut second = Target::plain();
    second.decide = Box::new(move |_| {
        let mut terms = terms(Authentication::None);
        terms.inherited = Some(negotiated);
        LoginDecision::Allow(terms)
    });
    let mut request = to_full_feature();
    request.tsih = Tsih(7);
    let (response, _) = exchange(&mut second, request, &NAMES);
    assert_eq!(status(&response), 0);
    let inherited = second.connection.negotiated().unwrap();
    assert_eq!(
        (inherited.max_burst_length, inherited.initial_r2t),
        (70_000, false)
    );
}

#[test]
fn l8_stages_only_go_forward_and_only_when_asked() {
    for (current, next) in [(0, 0), (1, 0), (1, 1), (0, 2), (1, 2), (2, 3), (3, 3)] {
        let mut header = login_request(Stage::SecurityNegotiation, None).emit();
        header.0[1] = 0x80 | current << 2 | next;
        let mut target = Target::plain();
        target.feed(&bytes_of(header, &text_of(&NAMES)));
        let pdus = target.pdus();
        assert_eq!(
            pdus[0].header.0[36..38],
            [0x02, 0x00],
            "from {current} to {next}"
        );
    }
    // Without T the target stays where it is.
    let mut target = Target::plain();
    let stay = login_request(Stage::LoginOperationalNegotiation, None);
    let (response, _) = exchange(&mut target, stay, &NAMES);
    assert_eq!((status(&response), response.transit), (0, false));
    // And the stage cannot change without it.
    let back = login_request(Stage::SecurityNegotiation, None);
    let (response, _) = exchange(&mut target, back, &[]);
    assert_eq!(status(&response), 0x0200);
}

#[test]
fn l8_what_identifies_a_login_must_not_change() {
    let base = login_request(Stage::LoginOperationalNegotiation, None);
    let changes: [fn(&mut LoginRequest); 4] = [
        |r| r.isid.0[5] = 9,
        |r| r.tsih = Tsih(1),
        |r| r.cid = 9,
        |r| r.task_tag = 9,
    ];
    for change in changes {
        let mut target = Target::plain();
        exchange(&mut target, base, &NAMES);
        let mut request = base;
        change(&mut request);
        let (response, _) = exchange(&mut target, request, &[]);
        assert_eq!(status(&response), 0x0200);
    }
}

#[test]
fn l9_text_split_with_c_is_one_text_and_the_answer_in_between_has_no_keys() {
    let mut target = Target::plain();
    let mut text = text_of(&NAMES);
    text.extend(text_of(&[("MaxBurstLength", "65536")]));
    let (first, second) = text.split_at(text.len() - 8); // inside a key
    let mut request = login_request(Stage::LoginOperationalNegotiation, None);
    request.continues = true;
    target.feed(&bytes_of(request.emit(), first));
    let pdus = target.pdus();
    assert!(pdus[0].data.is_empty());
    assert_eq!(pdus[0].byte(1) & 0xc0, 0, "neither T nor C");
    target.feed(&bytes_of(to_full_feature().emit(), second));
    let pdus = target.pdus();
    let pairs = pairs_of(&pdus[0].data);
    assert_eq!(value(&pairs, "MaxBurstLength"), Some("65536"));
    assert!(target.logged_in);
}

#[test]
fn l9_t_and_c_together_are_an_error_and_endless_text_has_an_end() {
    let mut request = to_full_feature();
    request.continues = true;
    assert_eq!(refusal(request, &NAMES), 0x0200);

    let mut target = Target::plain();
    let mut request = login_request(Stage::LoginOperationalNegotiation, None);
    request.continues = true;
    let text = vec![b'x'; 8192];
    for _ in 0..8 {
        target.feed(&bytes_of(request.emit(), &text));
        assert_eq!(target.pdus().len(), 1);
        assert_eq!(target.closed, None);
    }
    target.feed(&bytes_of(request.emit(), &text));
    let response = LoginResponse::parse(&target.pdus()[0].header).unwrap();
    assert_eq!(status(&response), 0x0302, "65536 bytes are enough");
}

#[test]
fn l10_a_long_answer_is_split_with_c() {
    let mut target = Target::plain();
    let keys: Vec<String> = (0..500)
        .map(|i| format!("X-example.com.key-{i:04}"))
        .collect();
    let mut text = text_of(&NAMES);
    for key in &keys {
        text.extend(text_of(&[(key, "1")]));
    }
    let mut request = login_request(Stage::LoginOperationalNegotiation, None);
    request.continues = true;
    for piece in text.chunks(8000) {
        target.feed(&bytes_of(request.emit(), piece));
        target.pdus();
    }
    target.feed(&bytes_of(to_full_feature().emit(), &[]));
    let mut answer = Vec::new();
    let mut pieces = 0;
    loop {
        let pdu = target.pdus().remove(0);
        let response = LoginResponse::parse(&pdu.header).unwrap();
        assert_eq!(status(&response), 0);
        assert!(pdu.data.len() <= 8192);
        answer.extend_from_slice(&pdu.data);
        pieces += 1;
        assert_eq!(
            response.transit, !response.continues,
            "T only with the last piece"
        );
        if !response.continues {
            break;
        }
        target.feed(&bytes_of(to_full_feature().emit(), &[]));
    }
    assert!(pieces > 1);
    let pairs = pairs_of(&answer);
    for key in &keys {
        assert_eq!(value(&pairs, key), Some("NotUnderstood"), "K1");
    }
    assert!(target.logged_in);
}

#[test]
fn l11_the_first_response_names_the_portal_group_and_the_alias() {
    let mut target = Target::plain();
    target.decide = Box::new(|_| {
        let mut terms = terms(Authentication::None);
        terms.portal_group_tag = 3;
        terms.target_alias = Some("Tape drive 1".into());
        LoginDecision::Allow(terms)
    });
    let first = login_request(
        Stage::SecurityNegotiation,
        Some(Stage::LoginOperationalNegotiation),
    );
    let mut pairs = NAMES.to_vec();
    pairs.push(("AuthMethod", "CHAP,None"));
    let (response, answers) = exchange(&mut target, first, &pairs);
    assert_eq!(value(&answers, "TargetPortalGroupTag"), Some("3"));
    assert_eq!(value(&answers, "TargetAlias"), Some("Tape drive 1"));
    assert_eq!(value(&answers, "AuthMethod"), Some("None"));
    assert!(response.transit);
    let (_, answers) = exchange(&mut target, to_full_feature(), &[]);
    assert_eq!(value(&answers, "TargetPortalGroupTag"), None, "once");
    assert_eq!(
        value(&answers, "MaxRecvDataSegmentLength"),
        Some("1048576"),
        "K8"
    );
}

#[test]
fn l12_stat_sn_counts_responses() {
    let mut target = Target::plain();
    let stay = login_request(Stage::LoginOperationalNegotiation, None);
    let (first, _) = exchange(&mut target, stay, &NAMES);
    let (second, _) = exchange(&mut target, stay, &[]);
    assert_eq!(first.counters.stat_sn, SerialNumber(FIRST_STAT_SN));
    assert_eq!(second.counters.stat_sn, first.counters.stat_sn.next());
    assert_eq!(second.counters.expected_cmd_sn, cmd_sn(0));
}

#[test]
fn l13_a_login_that_takes_too_long_is_dropped() {
    let mut target = Target::plain();
    let stay = login_request(Stage::LoginOperationalNegotiation, None);
    let deadline = target.now + Duration::from_secs(15);
    assert_eq!(target.connection.next_deadline(), Some(deadline));
    target.wait(Duration::from_secs(10));
    exchange(&mut target, stay, &NAMES);
    target.wait(Duration::from_millis(4999));
    assert_eq!(target.closed, None);
    target.wait(Duration::from_millis(1));
    assert_eq!(
        target.closed,
        Some(CloseReason::LoginTimeout),
        "progress does not count"
    );
}

#[test]
fn l14_redirection_tells_the_other_address() {
    for (permanence, expected) in [
        (Permanence::Temporary, 0x0101),
        (Permanence::Permanent, 0x0102),
    ] {
        let mut target = Target::plain();
        target.decide = Box::new(move |_| LoginDecision::Redirect {
            permanence,
            address: "192.0.2.7:3260".into(),
        });
        let (response, answers) = exchange(&mut target, to_full_feature(), &NAMES);
        assert_eq!(status(&response), expected);
        assert_eq!(value(&answers, "TargetAddress"), Some("192.0.2.7:3260"));
        assert_eq!(target.closed, Some(CloseReason::LoginRefused));
    }
}

#[test]
fn l16_authentication_cannot_be_skipped() {
    let chap = || -> Decide {
        Box::new(|_| {
            let policy = ChapPolicy::new(Vec::new(), None);
            LoginDecision::Allow(terms(Authentication::Chap(policy)))
        })
    };
    let mut pairs = NAMES.to_vec();
    pairs.push(("AuthMethod", "None"));
    let security = login_request(
        Stage::SecurityNegotiation,
        Some(Stage::LoginOperationalNegotiation),
    );
    for (request, pairs) in [
        (to_full_feature(), &NAMES[..]),
        (security, &NAMES[..]),
        (security, &pairs[..]),
    ] {
        let mut target = Target::plain();
        target.decide = chap();
        let (response, _) = exchange(&mut target, request, pairs);
        assert_eq!(status(&response), 0x0201);
    }
}

#[test]
fn l16_nothing_acceptable_is_an_authentication_failure() {
    let mut pairs = NAMES.to_vec();
    pairs.push(("AuthMethod", "KRB5,SRP"));
    let security = login_request(Stage::SecurityNegotiation, None);
    assert_eq!(refusal(security, &pairs), 0x0201);
}

#[test]
fn k7_a_key_is_negotiated_once() {
    let mut pairs = NAMES.to_vec();
    pairs.push(("MaxBurstLength", "65536"));
    pairs.push(("MaxBurstLength", "65536"));
    assert_eq!(refusal(to_full_feature(), &pairs), 0x0200);
    // Also over two requests.
    let mut target = Target::plain();
    let stay = login_request(Stage::LoginOperationalNegotiation, None);
    exchange(&mut target, stay, &pairs[..4]);
    let (response, _) = exchange(&mut target, to_full_feature(), &pairs[3..4]);
    assert_eq!(status(&response), 0x0200);
}

#[test]
fn k7_names_may_be_repeated_but_not_changed() {
    let mut target = Target::plain();
    let stay = login_request(Stage::LoginOperationalNegotiation, None);
    exchange(&mut target, stay, &NAMES);
    let again = ("InitiatorName", "IQN.2026-11.IO.EXAMPLE:HOST");
    let (response, _) = exchange(&mut target, stay, &[again]);
    assert_eq!(status(&response), 0, "the same after normalisation (K12)");
    let other = ("InitiatorName", "iqn.2026-11.io.example:other");
    let (response, _) = exchange(&mut target, stay, &[other]);
    assert_eq!(status(&response), 0x0200);
}

#[test]
fn k12_the_environment_gets_normalised_names() {
    let mut target = Target::plain();
    target.decide = Box::new(|request| {
        assert_eq!(request.initiator, INITIATOR);
        assert_eq!(request.target.as_deref(), Some(TARGET));
        LoginDecision::Allow(terms(Authentication::None))
    });
    let (response, _) = exchange(
        &mut target,
        to_full_feature(),
        &[
            ("InitiatorName", "iqn.2026-11.io.EXAMPLE:Host"),
            ("TargetName", "IQN.2026-11.io.capstan:TEST"),
        ],
    );
    assert_eq!(status(&response), 0);
    let long = format!("iqn.{}", "a".repeat(220));
    let pairs = [("InitiatorName", long.as_str()), ("TargetName", TARGET)];
    assert_eq!(refusal(to_full_feature(), &pairs), 0x0200, "224 bytes");
}

#[test]
fn demanded_digests_are_a_condition() {
    let offer = Offer {
        data_digest: DigestPolicy::Required,
        ..Offer::default()
    };
    let mut target = Target::new(offer.clone(), Limits::default());
    let mut pairs = NAMES.to_vec();
    pairs.push(("DataDigest", "None"));
    let (response, answers) = exchange(&mut target, to_full_feature(), &pairs);
    assert_eq!(status(&response), 0x0200);
    assert!(answers.is_empty());
    let mut target = Target::new(offer, Limits::default());
    pairs[3] = ("DataDigest", "None,CRC32C");
    let (response, answers) = exchange(&mut target, to_full_feature(), &pairs);
    assert_eq!(status(&response), 0);
    assert_eq!(value(&answers, "DataDigest"), Some("CRC32C"));
}

#[test]
fn a_segment_over_8192_is_no_login() {
    let mut target = Target::plain();
    let mut header = to_full_feature().emit();
    header.set_data_length(8193);
    target.feed(&header.0);
    assert!(matches!(target.closed, Some(CloseReason::ProtocolError(_))));
}

#[test]
fn shutdown_during_login_closes() {
    let mut target = Target::plain();
    target.connection.request_logout();
    target.answer();
    assert_eq!(target.closed, Some(CloseReason::Requested));
}

#[test]
fn shutdown_in_a_session_asks_for_logout_and_does_not_wait_for_ever() {
    let mut target = session(&[]);
    target.connection.request_logout();
    let pdus = target.pdus();
    let message = AsyncMessage::parse(&Header(pdus[0].header.0)).unwrap();
    assert_eq!((message.event, message.parameter3), (1, 3), "O7");
    target.wait(Duration::from_secs(3));
    assert_eq!(target.closed, Some(CloseReason::LogoutTimeout));
}

/// Text is bounded for the login as a whole: many small negotiations are as much as a large one.
#[test]
fn l9_a_login_ends_after_so_much_text_so_many_keys_and_so_many_requests() {
    let going_on = login_request(Stage::LoginOperationalNegotiation, None);
    let last_status = |target: &mut Target, text: &mut dyn FnMut(usize) -> Vec<u8>| {
        for count in 1.. {
            target.feed(&bytes_of(going_on.emit(), &text(count)));
            for pdu in target.pdus() {
                let told = status(&LoginResponse::parse(&pdu.header).unwrap());
                if told != 0 {
                    return (count, told);
                }
            }
        }
        unreachable!("the target answers")
    };
    let introduced = || {
        let mut target = Target::plain();
        exchange(&mut target, going_on, &NAMES);
        target
    };
    // The same name, which is no negotiation, again and again.
    let again = text_of(&[("InitiatorName", NAMES[0].1)]).repeat(170);
    let (count, told) = last_status(&mut introduced(), &mut |_| again.clone());
    assert_eq!(told, 0x0302);
    assert_eq!(count, (65536 - text_of(&NAMES).len()) / again.len() + 1);
    // Keys that nobody knows: each is answered and remembered.
    let (count, told) = last_status(&mut introduced(), &mut |count| {
        let keys = (0..64).map(|number| (format!("X-{count}-{number}"), "1".to_owned()));
        let keys: Vec<_> = keys.collect();
        let pairs: Vec<_> = keys.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        text_of(&pairs)
    });
    assert_eq!((count, told), (17, 0x0302), "1024 keys are enough");
    // Nothing at all.
    let (count, told) = last_status(&mut introduced(), &mut |_| Vec::new());
    assert_eq!((count, told), (256, 0x0200));
}
