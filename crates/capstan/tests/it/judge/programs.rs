//! What libiscsi's other programs find: another initiator's discovery, REPORT LUNS and CHAP.

use std::process::Command;

use capstan::config::access::all_networks;
use capstan::config::chap::{ChapAccount, Secret};
use capstan::config::{AccessRule, Authentication, Config};
use capstan::gateway::targets::Device;

use super::tool::{skip, url};
use crate::support::TestGateway;

const SECRET: &str = "secret-of-the-host";
const OWN_SECRET: &str = "secret-of-our-own";

/// Runs a program of libiscsi and returns whether it was content and what it printed; `None` where
/// it is not installed.
fn run(program: &str, arguments: &[&str]) -> Option<(bool, String)> {
    let Ok(ended) = Command::new(program).args(arguments).output() else {
        skip(&format!("{program} is not there (Debian: libiscsi-bin)"));
        return None;
    };
    let mut printed = String::from_utf8_lossy(&ended.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&ended.stderr));
    Some((ended.status.success(), printed))
}

#[test]
fn iscsi_ls_shows_every_target_and_every_unit() {
    let gateway = TestGateway::start();
    gateway.move_tape("slot:1", "drive:0");
    let portal = format!("iscsi://{}", gateway.portal());
    let Some((is_content, printed)) = run("iscsi-ls", &["--show-luns", &portal]) else {
        return;
    };
    assert!(is_content, "{printed}");
    for name in gateway.targets() {
        let line = format!("Target:{name} Portal:{},1", gateway.portal());
        assert!(printed.contains(&line), "{line}: {printed}");
    }
    let count = |unit: &str| printed.lines().filter(|line| *line == unit).count();
    assert_eq!(count("Lun:0    Type:MEDIA_CHANGER"), 1, "{printed}");
    let empty = "Lun:0    Type:SEQUENTIAL_ACCESS (No media loaded)";
    assert_eq!(count(empty), 3, "{printed}");
    assert_eq!(count("Lun:0    Type:SEQUENTIAL_ACCESS"), 1, "{printed}");
}

#[test]
fn chap_with_libiscsi_one_way_and_mutual() {
    let gateway = TestGateway::start_with(demand_chap);
    let plain = url(gateway.portal(), &gateway.target(Device::Drive(0)));
    let one_way = |secret: &str| plain.replace("iscsi://", &format!("iscsi://backup%{secret}@"));
    let mutual = |secret: &str| {
        let ours = one_way(SECRET);
        format!("{ours}?target_user=capstan&target_password={secret}")
    };
    for (url, is_let_in) in [
        (plain.clone(), false),
        (one_way(SECRET), true),
        (one_way("secret-of-somebody"), false),
        (mutual(OWN_SECRET), true),
        (mutual("secret-of-somebody"), false),
    ] {
        let Some((_, printed)) = run("iscsi-inq", &[&url]) else {
            return;
        };
        let has_answer = printed.contains("Product:ULT3580-TD5");
        assert_eq!(has_answer, is_let_in, "{url}: {printed}");
    }
}

/// Demands CHAP of everybody, and can prove itself in return.
fn demand_chap(config: &mut Config) {
    let account = |user: &str, secret: &str| ChapAccount {
        user: user.to_owned(),
        secret_file: "in the test".into(),
        secret: Secret::new(secret.as_bytes().to_vec()).unwrap(),
    };
    config.iscsi.access = vec![AccessRule {
        initiators: vec!["*".parse().unwrap()],
        networks: all_networks(),
        targets: vec!["*".parse().unwrap()],
        authentication: Some(Authentication {
            initiator: account("backup", SECRET),
            target: Some(account("capstan", OWN_SECRET)),
        }),
    }];
}
