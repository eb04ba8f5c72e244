//! Beginning and end of a daemon.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use iscsi::initiator::InitiatorEvent;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::TestGateway;
use crate::support::child::{Child, capstan, capstan_fails, capstan_ok};
use crate::support::host::Host;
use crate::support::noise;
use crate::support::tape::Found;

/// An end in good order may take this long.
const STOP_MAX: Duration = Duration::from_secs(5);

#[test]
fn sigterm_asks_for_logout_synchronises_and_exits_with_zero() {
    let data = TempDir::new().unwrap();
    let child = Child::serve(data.path());
    capstan_ok(data.path(), &["drive", "load", "0", "CAP001L5"]);
    let mut host = Host::log_in(child.portal, &child.targets[1]);
    host.attentions();
    host.write_block(&noise(1, 200_000));
    child.signal(Signal::TERM);
    // RFC 7143 §11.9: AsyncEvent 1, the target requests a logout.
    match host.event() {
        Some(InitiatorEvent::Async { event: 1, .. }) => {}
        other => panic!("no logout request: {other:?}"),
    }
    host.log_out();
    let (status, took, log) = child.wait();
    assert!(status.success(), "{status}: {log}");
    assert!(took < STOP_MAX, "{took:?}");
    for word in ["login", "loaded", "logout", "SIGTERM"] {
        assert!(log.contains(word), "a line about {word} in the log:\n{log}");
    }

    let child = Child::serve(data.path());
    let mut host = Host::log_in(child.portal, &child.targets[1]);
    host.attentions();
    assert_eq!(host.read_block(1 << 20), Found::Block(noise(1, 200_000)));
    host.log_out();
    child.signal(Signal::INT);
    assert!(child.wait().0.success(), "Ctrl-C too");
}

/// The pipe of the child's standard error takes 64 KiB and is not read before its end. Each login and
/// logout is a line of more than a hundred bytes.
#[test]
fn a_log_that_nobody_reads_holds_up_nobody() {
    let data = TempDir::new().unwrap();
    let child = Child::serve(data.path());
    for _ in 0..400 {
        Host::log_in(child.portal, &child.targets[0]).log_out();
    }
    capstan_ok(data.path(), &["status"]);
    child.signal(Signal::TERM);
    let status = child.wait_unread();
    assert!(status.success(), "{status}");
}

#[test]
fn a_session_that_was_idle_for_long_gets_its_time_to_log_out_too() {
    let data = TempDir::new().unwrap();
    let child = Child::serve(data.path());
    let mut host = Host::log_in(child.portal, &child.targets[0]);
    // The grace must not be counted from the last time that anything happened.
    std::thread::sleep(capstan::portal::LOGOUT_GRACE + Duration::from_millis(100));
    child.signal(Signal::TERM);
    assert!(matches!(
        host.event(),
        Some(InitiatorEvent::Async { event: 1, .. })
    ));
    host.log_out();
    let (status, _, log) = child.wait();
    assert!(
        status.success() && log.contains("the initiator logged out"),
        "{log}"
    );
}

#[test]
fn sigterm_does_not_wait_for_a_host_that_does_not_log_out() {
    let data = TempDir::new().unwrap();
    let child = Child::serve(data.path());
    let _host = Host::log_in(child.portal, &child.targets[0]);
    child.signal(Signal::TERM);
    let (status, took, log) = child.wait();
    assert!(status.success(), "{status}: {log}");
    assert!(took < STOP_MAX, "{took:?}");
}

#[test]
fn a_second_instance_on_the_same_data_is_refused() {
    let gateway = TestGateway::start();
    let complaint = capstan_fails(gateway.data(), &["serve", "--listen", "127.0.0.1:0"]);
    let expected = format!("is in use by process {}", std::process::id());
    assert!(complaint.contains(&expected), "{complaint}");
    assert!(
        capstan(gateway.data(), &["status"]).status.success(),
        "the first is unhurt"
    );
}

#[test]
fn a_port_in_use_is_named_and_nothing_stays_behind() {
    let gateway = TestGateway::start();
    let portal = gateway.portal().to_string();
    let data = TempDir::new().unwrap();
    let complaint = capstan_fails(data.path(), &["serve", "--listen", &portal]);
    assert!(
        complaint.contains(&portal) && complaint.contains("--listen"),
        "{complaint}"
    );
    Child::serve(data.path()).kill();
}

#[test]
fn a_socket_left_behind_by_a_crash_is_no_obstacle() {
    let data = TempDir::new().unwrap();
    Child::serve(data.path()).kill();
    assert!(data.path().join("capstan.sock").exists());
    let complaint = capstan_fails(data.path(), &["status"]);
    assert!(complaint.contains("capstan serve --data"), "{complaint}");
    let child = Child::serve(data.path());
    let mode = data
        .path()
        .join("capstan.sock")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "for its owner alone");
    child.signal(Signal::TERM);
    assert!(child.wait().0.success());
    assert!(
        !data.path().join("capstan.sock").exists(),
        "an orderly end takes it away"
    );
}

#[test]
fn a_deep_data_directory_has_a_socket_too() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("deep/".repeat(40));
    let child = Child::serve(&data);
    assert!(capstan_ok(&data, &["status"]).contains("Gateway"));
    child.signal(Signal::TERM);
    assert!(child.wait().0.success());
}
