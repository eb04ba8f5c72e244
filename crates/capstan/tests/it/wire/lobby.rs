//! The lobby: who logs in beside whom, who has to go, and how a session leaves: L13, X6, B4.

use std::net::TcpStream;
use std::os::fd::AsFd as _;
use std::thread;
use std::time::Duration;

use capstan::gateway::targets::Device;
use capstan::portal::lobby::Places;
use iscsi::wire::{NopIn, Opcode, Stage};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tempfile::TempDir;

use super::bare::{BarePortal, TARGET};
use super::logout::{CLOSE_SESSION, log_out};
use super::peer::{Login, OPERATIONAL, Peer, status, text_of};
use super::scsi::TEST_UNIT_READY;
use super::storm::connect_from;
use crate::support::TestGateway;
use crate::support::child::Child;

const NEGOTIATION: Stage = Stage::LoginOperationalNegotiation;

fn changer(gateway: &TestGateway) -> Login {
    Login::to(&gateway.target(Device::Changer))
}

/// Waits until the target has closed a connection that was told nothing.
fn is_closed_within(stream: &TcpStream, patience: Duration) -> bool {
    let patience = Timespec::try_from(patience).unwrap();
    let mut ready = [PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::IN)];
    poll(&mut ready, Some(&patience)).unwrap() > 0
}

/// Begins a login that goes on.
fn speak(peer: &mut Peer, login: &Login) {
    let (response, _) = peer.exchange(&login.request(NEGOTIATION, None), &login.names());
    assert_eq!(status(&response), 0);
}

/// Ends a login that was begun.
fn finish(mut peer: Peer, login: &Login) -> Peer {
    let (response, keys) = peer.exchange(&login.request(OPERATIONAL.0, OPERATIONAL.1), &[]);
    peer.logged_in(login, &response, keys);
    peer
}

/// A login that comes byte by byte succeeds, and between any two of its bytes others log in.
#[test]
fn l13_a_login_byte_by_byte_delays_nobody() {
    let gateway = TestGateway::start();
    let login = changer(&gateway);
    let mut slow = Peer::connect(gateway.portal());
    let request = login.request(OPERATIONAL.0, OPERATIONAL.1).emit();
    let bytes = slow.bytes_of(request, &text_of(&login.names()));
    for (number, byte) in bytes.iter().enumerate() {
        slow.send_bytes(&[*byte]);
        if number % 8 == 0 {
            Peer::log_in(gateway.portal(), &login.clone().port(9)).ping();
        }
    }
    let (response, keys) = slow.login_response();
    slow.logged_in(&login, &response, keys);
    slow.ping();
}

/// A login that has always something to say takes turns with the others.
#[test]
fn l13_a_chatty_login_delays_nobody() {
    let gateway = TestGateway::start();
    let login = changer(&gateway);
    let mut chatty = Peer::connect(gateway.portal());
    let request = login.request(NEGOTIATION, None).emit();
    let mut bytes = chatty.bytes_of(request, &text_of(&login.names()));
    bytes.extend(chatty.bytes_of(request, b"").repeat(200));
    chatty.send_bytes(&bytes);
    for _ in 0..5 {
        Peer::log_in(gateway.portal(), &login.clone().port(9)).ping();
    }
    for _ in 0..=200 {
        let (response, _) = chatty.login_response();
        assert_eq!(status(&response), 0);
    }
}

/// A source that has all the places it may have makes room itself: the oldest that never spoke goes.
#[test]
fn b4_a_source_over_its_limit_displaces_its_own_half_open_connections() {
    let places = Places {
        total: 64,
        per_source: 8,
    };
    let portal = BarePortal::with_places(places, |_| {});
    let greedy = "127.0.0.9".parse().unwrap();
    let connect = || connect_from(greedy, portal.address);
    let login = Login::to(TARGET);
    let mut spoke = Peer::over(connect());
    speak(&mut spoke, &login);
    let bystander = connect_from("127.0.0.10".parse().unwrap(), portal.address);
    let mut half_open: Vec<TcpStream> = (0..places.per_source + 2).map(|_| connect()).collect();
    // One place is taken by the login that spoke, so three had to go.
    for gone in half_open.drain(..3) {
        assert!(is_closed_within(&gone, Duration::from_secs(10)));
    }
    for there in half_open.iter().chain([&bystander]) {
        assert!(!is_closed_within(there, Duration::ZERO));
    }
    // From the same address as from another, good logins come in and go on.
    finish(spoke, &login).ping();
    let again = login.clone().port(2);
    let mut same_source = Peer::over(connect());
    speak(&mut same_source, &again);
    finish(same_source, &again).ping();
    Peer::log_in(portal.address, &login.port(3)).ping();
}

/// With all places taken, connections displace each other, and not the login of somebody else.
#[test]
fn b4_in_a_full_lobby_half_open_connections_displace_each_other() {
    let places = Places {
        total: 16,
        per_source: 16,
    };
    let portal = BarePortal::with_places(places, |_| {});
    let login = Login::to(TARGET);
    let mut spoke = Peer::connect(portal.address);
    speak(&mut spoke, &login);
    let mut half_open = Vec::new();
    for number in 0..40 {
        let source = [127, 0, 0, 20 + number % 5].into();
        half_open.push(connect_from(source, portal.address));
        if number % 8 == 0 {
            // Still making progress.
            let (response, _) = spoke.exchange(&login.request(NEGOTIATION, None), &[]);
            assert_eq!(status(&response), 0);
        }
    }
    // Fifteen places are left for forty: the first twenty-five have gone.
    for gone in &half_open[..25] {
        assert!(is_closed_within(gone, Duration::from_secs(10)));
    }
    Peer::log_in(portal.address, &login.clone().port(2)).ping();
    finish(spoke, &login).ping();
}

/// RFC 7143 §4.3: discovery sessions and logins take no thread, sessions take one each.
#[test]
fn x6_discovery_sessions_stay_in_the_lobby() {
    let data = TempDir::new().unwrap();
    let child = Child::serve(data.path());
    let mut discovery: Vec<Peer> = (0..40)
        .map(|_| Peer::log_in(child.portal, &Login::discovery()))
        .collect();
    let _half_open: Vec<Peer> = (0..40).map(|_| Peer::connect(child.portal)).collect();
    for peer in &mut discovery {
        peer.ping();
        let told = peer.text(&[("SendTargets", "All")]);
        assert_eq!(
            told.iter().filter(|(key, _)| key == "TargetName").count(),
            5
        );
    }
    let sessions = || {
        let threads = child.threads().into_iter();
        threads.filter(|name| name.starts_with("iscsi")).count()
    };
    assert_eq!(sessions(), 0);
    let _session = Peer::log_in(child.portal, &Login::to(&child.targets[0]));
    assert_eq!(sessions(), 1);
    assert!(child.threads().contains(&"lobby".to_owned()));
}

/// Whoever looks for targets asks and goes; who does not is shown the door.
#[test]
fn x6_an_idle_discovery_session_is_ended_and_a_busy_one_is_not() {
    assert_eq!(capstan::portal::DISCOVERY_IDLE_MAX, Duration::from_secs(10));
    let portal = BarePortal::open(|shared| shared.discovery_idle_max = Duration::from_millis(600));
    let mut idle = Peer::log_in(portal.address, &Login::discovery());
    let mut busy = Peer::log_in(portal.address, &Login::discovery());
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(100)); // a host that takes its time between questions
        busy.text(&[("SendTargets", "All")]);
    }
    idle.expect_end();
    busy.ping();
}

/// RFC 7143 §6.3: the session begins with the last response, and with what was sent behind the last
/// request, in whichever pieces it comes.
#[test]
fn l13_what_comes_right_behind_a_login_reaches_its_session() {
    let gateway = TestGateway::start();
    for pieces in [1, 2, 3, 7, 40] {
        let login = changer(&gateway);
        let mut peer = Peer::connect(gateway.portal());
        let request = login.request(OPERATIONAL.0, OPERATIONAL.1).emit();
        let mut bytes = peer.bytes_of(request, &text_of(&login.names()));
        let command = peer.command(&TEST_UNIT_READY);
        bytes.extend(peer.bytes_of(command.emit(), b""));
        bytes.extend(peer.bytes_of(peer.nop(0x77).emit(), b"pipelined"));
        for piece in bytes.chunks(bytes.len().div_ceil(pieces)) {
            peer.send_bytes(piece);
        }
        // Each round but the first replaces the session of the one before, and waits for its end.
        let (response, _) = peer.login_response();
        assert_eq!((status(&response), response.transit), (0, true));
        let mut answers = [peer.receive(), peer.receive()];
        answers.sort_by_key(|pdu| pdu.opcode() as u8);
        let [echo, status] = &answers;
        assert_eq!(NopIn::parse(&echo.header).unwrap().task_tag, 0x77);
        assert_eq!(echo.data, b"pipelined");
        assert_eq!(status.opcode(), Opcode::ScsiResponse);
        assert_eq!(status.header.task_tag(), command.task_tag);
    }
}

/// A stop does not wait for logins, and discovery sessions are asked to log out like others (O7).
#[test]
fn l13_o7_a_shut_down_ends_logins_and_asks_discovery_sessions_to_log_out() {
    let mut gateway = TestGateway::start();
    let login = changer(&gateway);
    let mut half_open: Vec<Peer> = (0..50).map(|_| Peer::connect(gateway.portal())).collect();
    let mut spoke = Peer::connect(gateway.portal());
    speak(&mut spoke, &login);
    let mut discovery = Peer::log_in(gateway.portal(), &Login::discovery());
    discovery.ping();
    let portal = gateway.portal();
    let stopping = thread::spawn(move || gateway.stop());
    for peer in half_open.iter_mut().chain([&mut spoke]) {
        peer.expect_end();
    }
    let request = discovery.receive();
    assert_eq!(request.opcode(), Opcode::AsyncMessage);
    assert_eq!(request.header.0[36], 1, "a logout is requested");
    assert_eq!(log_out(&mut discovery, CLOSE_SESSION, 0), 0);
    stopping.join().unwrap();
    assert!(TcpStream::connect(portal).is_err(), "nobody listens");
}
