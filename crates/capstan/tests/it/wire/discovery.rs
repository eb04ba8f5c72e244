//! Text in full feature phase, and discovery: X1 to X7 (RFC 7143 §11.10, §11.11, appendix C).

use capstan::config::access::all_networks;
use capstan::config::{AccessRule, ListenAddress};
use capstan::gateway::targets::Device;
use iscsi::wire::{LogoutRequest, Opcode, RESERVED_TAG, TextRequest, TextResponse};

use super::peer::{Login, Peer, pairs_of, text_of, value};
use super::scsi::TEST_UNIT_READY;
use crate::support::TestGateway;

/// RFC 7143 §11.17.1.
const PROTOCOL_ERROR: u8 = 0x04;
const INVALID_PDU_FIELD: u8 = 0x09;

fn discovery(gateway: &TestGateway) -> Peer {
    Peer::log_in(gateway.portal(), &Login::discovery())
}

/// Returns the values of a key.
fn all<'a>(pairs: &'a [(String, String)], key: &str) -> Vec<&'a str> {
    pairs
        .iter()
        .filter(|(name, _)| name == key)
        .map(|(_, value)| value.as_str())
        .collect()
}

/// Sends text and returns the response.
fn say(peer: &mut Peer, request: TextRequest, text: &[u8]) -> (TextResponse, Vec<u8>) {
    peer.send(request.emit(), text);
    let pdu = peer.receive();
    assert_eq!(pdu.opcode(), Opcode::TextResponse, "{:?}", pdu.header);
    let response = TextResponse::parse(&pdu.header).unwrap();
    assert_eq!(response.task_tag, request.task_tag);
    assert_eq!(response.is_final, response.transfer_tag == RESERVED_TAG);
    (response, pdu.data)
}

fn rejection(peer: &mut Peer, request: TextRequest, text: &[u8]) -> u8 {
    peer.send(request.emit(), text);
    peer.receive().reject_reason()
}

/// Appendix C: All and a name are for discovery sessions, the empty value for normal ones.
#[test]
fn x1_send_targets_tells_all_one_or_the_own_target() {
    let gateway = TestGateway::start();
    let names = gateway.targets();
    let mut peer = discovery(&gateway);
    let told = peer.text(&[("SendTargets", "All")]);
    assert_eq!(all(&told, "TargetName"), names);
    let told = peer.text(&[("SendTargets", &names[2])]);
    assert_eq!(all(&told, "TargetName"), [names[2].as_str()]);
    assert_eq!(
        all(&told, "TargetAddress"),
        [format!("{},1", gateway.portal())]
    );
    let told = peer.text(&[("SendTargets", "iqn.2020-01.org.example:none")]);
    assert!(all(&told, "TargetName").is_empty(), "{told:?}");

    let mut peer = Peer::log_in(gateway.portal(), &Login::to(&names[1]));
    for own in ["", &names[1]] {
        let told = peer.text(&[("SendTargets", own)]);
        assert_eq!(all(&told, "TargetName"), [names[1].as_str()], "{own:?}");
    }
    // DECIDED: "All" is for discovery sessions alone, as appendix C says; some targets answer it.
    let told = peer.text(&[("SendTargets", "All")]);
    assert_eq!(value(&told, "SendTargets"), Some("Reject"));
    assert!(all(&told, "TargetName").is_empty());
}

/// Appendix C leaves it to us: nobody learns of a target that the rules keep from it.
#[test]
fn x2_targets_that_the_initiator_may_not_use_are_not_shown() {
    let gateway = TestGateway::start_with(|config| {
        let rule = |initiator: &str, target: &str| AccessRule {
            initiators: vec![initiator.parse().unwrap()],
            networks: all_networks(),
            targets: vec![target.parse().unwrap()],
            authentication: None,
        };
        config.iscsi.access = vec![rule("*:host", "*-tapedrive-*"), rule("*:admin", "*")];
    });
    let names = gateway.targets();
    let ask = |initiator: &str| {
        let login = Login {
            initiator: format!("iqn.2020-01.org.example:{initiator}"),
            ..Login::discovery()
        };
        let mut peer = Peer::log_in(gateway.portal(), &login);
        let all_told = peer.text(&[("SendTargets", "All")]);
        let changer = peer.text(&[("SendTargets", &names[0])]);
        (
            all(&all_told, "TargetName").len(),
            all(&changer, "TargetName").len(),
        )
    };
    assert_eq!(ask("admin"), (5, 1));
    assert_eq!(ask("host"), (4, 0));
    assert_eq!(ask("stranger"), (0, 0));
}

/// RFC 7143 §11.11, appendix C: what does not fit one PDU goes on in the next.
#[test]
fn x3_a_list_longer_than_a_segment_goes_over_several_pdus() {
    let gateway = TestGateway::start_with(|config| {
        let more = (0..5).map(|_| ListenAddress("127.0.0.1:0".parse().unwrap()));
        config.iscsi.listen.extend(more);
    });
    let login = Login::discovery().with(&[("MaxRecvDataSegmentLength", "512")]);
    let mut peer = Peer::log_in(gateway.portal(), &login);
    let mut request = peer.text_request();
    let mut text = Vec::new();
    let (mut response, part) = say(&mut peer, request, &text_of(&[("SendTargets", "All")]));
    text.extend(part);
    let mut pdus = 1;
    while !response.is_final {
        request.transfer_tag = response.transfer_tag;
        let (next, part) = say(&mut peer, request, b"");
        assert!(part.len() <= 512);
        text.extend(part);
        response = next;
        pdus += 1;
    }
    assert!(pdus > 1);
    let told = pairs_of(&text);
    assert_eq!(all(&told, "TargetName"), gateway.targets());
    assert_eq!(all(&told, "TargetAddress").len(), 5 * 6);
}

/// RFC 7143 §11.10.4, §11.11.4: target transfer tags hold an exchange together.
#[test]
fn x4_exchanges_go_on_with_their_transfer_tag_and_with_no_other() {
    let gateway = TestGateway::start();
    let mut peer = discovery(&gateway);
    let open = TextRequest {
        is_final: false,
        ..peer.text_request()
    };
    let (response, data) = say(&mut peer, open, &text_of(&[("X-a", "1")]));
    assert!(!response.is_final);
    assert_eq!(data, text_of(&[("X-a", "NotUnderstood")]));
    let last = TextRequest {
        is_final: true,
        transfer_tag: response.transfer_tag,
        ..open
    };
    let (response, data) = say(&mut peer, last, &text_of(&[("X-b", "1")]));
    assert!(response.is_final);
    assert_eq!(data, text_of(&[("X-b", "NotUnderstood")]));
    // It is over, and others never were.
    assert_eq!(rejection(&mut peer, last, b""), INVALID_PDU_FIELD);
    let (response, _) = say(&mut peer, open, b"");
    let wrong = TextRequest {
        transfer_tag: response.transfer_tag.wrapping_add(1),
        ..last
    };
    assert_eq!(rejection(&mut peer, wrong, b""), INVALID_PDU_FIELD);
    // The reserved tag begins anew.
    assert_eq!(peer.text(&[("X-c", "1")])[0].1, "NotUnderstood");
}

/// Returns how long an echo may be: our MaxRecvDataSegmentLength as the target knows it.
fn echo_length(peer: &mut Peer) -> usize {
    let tag = peer.tag();
    peer.send(peer.nop(tag).emit(), &[b'x'; 8192]);
    peer.receive().data.len()
}

/// RFC 7143 §13.12, §11.10: a new length holds from the end of its exchange.
#[test]
fn x5_a_new_segment_length_holds_when_its_exchange_has_ended() {
    let gateway = TestGateway::start();
    let mut peer = Peer::log_in(
        gateway.portal(),
        &Login::to(&gateway.target(Device::Changer)),
    );
    assert_eq!(echo_length(&mut peer), 8192, "the default");
    let shorter = text_of(&[("MaxRecvDataSegmentLength", "1024")]);
    let open = TextRequest {
        is_final: false,
        ..peer.text_request()
    };
    let (response, _) = say(&mut peer, open, &shorter);
    assert_eq!(echo_length(&mut peer), 8192, "not yet");
    let last = TextRequest {
        is_final: true,
        transfer_tag: response.transfer_tag,
        ..open
    };
    say(&mut peer, last, b"");
    assert_eq!(echo_length(&mut peer), 1024);
    // An exchange that another one resets changes nothing.
    let (_, _) = say(
        &mut peer,
        open,
        &text_of(&[("MaxRecvDataSegmentLength", "4096")]),
    );
    peer.text(&[("X-reset", "1")]);
    assert_eq!(echo_length(&mut peer), 1024);
}

/// RFC 7143 §4.3: a discovery session is for discovery.
#[test]
fn x6_discovery_sessions_take_text_logout_and_nop_only() {
    let gateway = TestGateway::start();
    let mut peer = discovery(&gateway);
    let command = peer.command(&TEST_UNIT_READY);
    peer.send(command.emit(), b"");
    assert_eq!(peer.receive().reject_reason(), PROTOCOL_ERROR);
    let request = peer.management(5, RESERVED_TAG);
    peer.send(request.emit(), b"");
    assert_eq!(peer.receive().reject_reason(), PROTOCOL_ERROR);
    peer.ping();
    let logout = |reason, task_tag| LogoutRequest {
        immediate: true,
        reason,
        task_tag,
        cid: 0,
        cmd_sn: iscsi::wire::SerialNumber(1),
        expected_stat_sn: iscsi::wire::SerialNumber(0),
    };
    // §11.14.1: in a discovery session there is only "close the session".
    peer.send(logout(1, 0x51).emit(), b"");
    assert_eq!(peer.receive().opcode(), Opcode::Reject);
    peer.send(logout(0, 0x52).emit(), b"");
    let pdu = peer.receive();
    assert_eq!((pdu.opcode(), pdu.header.0[2]), (Opcode::LogoutResponse, 0));
    peer.expect_end();
}

/// RFC 7143 §13.8, appendix C: addresses that this initiator can use, the one that works first.
#[test]
fn x7_the_address_in_use_comes_first_and_the_others_follow() {
    let gateway = TestGateway::start_with(|config| {
        for address in ["[::1]:0", "0.0.0.0:0", "127.0.0.2:0"] {
            config
                .iscsi
                .listen
                .push(ListenAddress(address.parse().unwrap()));
        }
    });
    let [first, v6, wildcard, second] = gateway.gateway().portals() else {
        panic!("four portals")
    };
    let addresses = |portal| {
        let mut peer = Peer::log_in(portal, &Login::discovery());
        let told = peer.text(&[("SendTargets", &gateway.targets()[0])]);
        let addresses = all(&told, "TargetAddress").into_iter().map(str::to_owned);
        addresses.collect::<Vec<_>>()
    };
    let (one, six, two) = (
        format!("{first},1"),
        format!("[::1]:{},1", v6.port()),
        format!("{second},1"),
    );
    assert_eq!(addresses(*first), [&*one, &six, &two]);
    assert_eq!(addresses(*v6), [&*six, &one, &two]);
    assert_eq!(addresses(*second), [&*two, &one, &six]);
    // Through a wildcard: the address that was really used, and never 0.0.0.0.
    let used = std::net::SocketAddr::from(([127, 0, 0, 3], wildcard.port()));
    assert_eq!(addresses(used), [&*format!("{used},1"), &one, &six, &two]);
}

/// RFC 7143 §13.8 allows names; behind NAT only what the administrator says is of use.
#[test]
fn x7_advertised_addresses_are_told_instead_of_ours() {
    let gateway = TestGateway::start_with(|config| {
        config.iscsi.advertise = vec![
            "tapes.example.org:13260".parse().unwrap(),
            "[2001:db8::7]:3260".parse().unwrap(),
        ];
    });
    let told = discovery(&gateway).text(&[("SendTargets", "All")]);
    assert_eq!(
        all(&told, "TargetAddress")[..2],
        ["tapes.example.org:13260,1", "[2001:db8::7]:3260,1"]
    );
}
