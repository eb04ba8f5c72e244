//! Session reinstatement (RFC 7143 §6.3.5): a host that comes again takes the place of what it left.

use std::thread;

use capstan::gateway::targets::Device;
use iscsi::initiator::DataTransfer;

use crate::support::host::{Host, NAME, params};
use crate::support::{TestGateway, eventually};

/// Waits until this many sessions are listed: those that end do so on their own threads.
fn wait_for_sessions(gateway: &TestGateway, count: usize) {
    eventually("sessions", || gateway.gateway().sessions().len() == count);
}

#[test]
fn a_new_login_ends_the_old_session_first() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let target = gateway.target(Device::Drive(0));
    let mut old = Host::log_in(gateway.portal(), &target);
    old.attentions();
    old.good(&[0x1e, 0, 0, 0, 1, 0], DataTransfer::None); // PREVENT

    let mut new = Host::log_in(gateway.portal(), &target);
    assert_ne!(new.tsih, old.tsih);
    assert_eq!(old.event(), None, "the old connection is closed");
    let attentions = new.attentions();
    assert!(
        attentions.contains(&(0x29, 0x07)),
        "I_T NEXUS LOSS OCCURRED: {attentions:02x?}"
    );
    // What the old session held is gone with it.
    eventually("removal is allowed again", || {
        gateway.library().unload(0, None).is_ok()
    });
    wait_for_sessions(&gateway, 1);
    assert_eq!(gateway.gateway().sessions()[0].tsih, new.tsih);
    new.log_out();
}

#[test]
fn other_ports_and_other_targets_are_left_alone() {
    let gateway = TestGateway::start();
    let target = gateway.target(Device::Drive(0));
    let mut first = Host::log_in(gateway.portal(), &target);
    let mut other_port = params(NAME, Some(&target));
    other_port.isid = [0x80, 0, 0, 0, 0, 2];
    let mut second = Host::try_log_in(gateway.portal(), other_port).unwrap();
    let mut third = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(1)));
    for host in [&mut first, &mut second, &mut third] {
        assert_eq!(host.nop(b"alive"), b"alive");
    }
    assert_eq!(gateway.gateway().sessions().len(), 3);
    for host in [first, second, third] {
        host.log_out();
    }
    wait_for_sessions(&gateway, 0);
}

#[test]
fn logins_that_race_for_one_session_end_with_one() {
    let gateway = TestGateway::start();
    let (portal, target) = (gateway.portal(), gateway.target(Device::Changer));
    let logins: Vec<_> = (0..8)
        .map(|_| {
            let target = target.clone();
            thread::spawn(move || {
                // Whoever is overtaken while it waits is closed without an answer.
                std::panic::catch_unwind(|| Host::log_in(portal, &target)).ok()
            })
        })
        .collect();
    let mut hosts: Vec<Host> = logins
        .into_iter()
        .filter_map(|login| login.join().unwrap())
        .collect();
    wait_for_sessions(&gateway, 1);
    let owner = gateway.gateway().sessions()[0].tsih;
    hosts.retain_mut(|host| host.tsih == owner);
    let mut host = hosts.pop().expect("the session's owner is one of us");
    assert!(hosts.is_empty());
    assert_eq!(host.nop(b"alive"), b"alive");
    host.log_out();
    wait_for_sessions(&gateway, 0);
}

#[test]
fn a_host_that_vanishes_is_forgotten() {
    let gateway = TestGateway::start();
    let host = Host::log_in(gateway.portal(), &gateway.target(Device::Changer));
    wait_for_sessions(&gateway, 1);
    drop(host);
    wait_for_sessions(&gateway, 0);
}

#[test]
fn the_session_can_be_taken_up_again_by_its_handle() {
    let gateway = TestGateway::start();
    let target = gateway.target(Device::Changer);
    let mut old = Host::log_in(gateway.portal(), &target);
    let mut again = params(NAME, Some(&target));
    again.tsih = old.tsih;
    let mut new = Host::try_log_in(gateway.portal(), again).unwrap();
    assert_eq!(
        new.tsih, old.tsih,
        "connection reinstatement keeps the session's handle"
    );
    assert_eq!(old.event(), None, "implicit logout of the old connection");
    assert_eq!(new.nop(b"alive"), b"alive");

    let mut second = params(NAME, Some(&target));
    second.tsih = new.tsih;
    second.cid = 1;
    assert_eq!(
        Host::try_log_in(gateway.portal(), second).err(),
        Some(0x0206)
    );
    assert_eq!(new.nop(b"unhurt"), b"unhurt");
    new.log_out();
}
