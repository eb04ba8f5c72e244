//! kill -9 at random times under four streams.
//!
//! `CAPSTAN_KILL_ROUNDS` sets how often (10; the nightly run 200).

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::player::{Dice, Player};
use super::{seed, setting};
use crate::support::child::{Child, capstan_ok};
use crate::support::host::Host;

const DRIVES: usize = 4;

#[test]
fn nothing_acknowledged_is_lost_when_the_daemon_dies_under_four_streams() {
    storm(&[]);
}

#[test]
fn nor_is_it_when_the_tapes_are_encrypted_at_rest() {
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("tapes.key");
    let key = key.to_str().unwrap();
    capstan_ok(folder.path(), &["key", "generate", key]);
    storm(&["--encryption-key", key]);
}

/// Kills daemons that were started with `arguments`.
fn storm(arguments: &[&str]) {
    let rounds = setting("CAPSTAN_KILL_ROUNDS", 10);
    let seed = seed();
    let data = TempDir::new().unwrap();
    let serve = || Child::serve_with(data.path(), arguments);
    prepare(serve(), data.path());
    let mut dice = Dice::new(seed);
    let mut players: Vec<Player> = (1..)
        .take(DRIVES)
        .map(|drive| Player::new(seed + drive))
        .collect();
    let began = Instant::now();
    for round in 0..rounds {
        let child = serve();
        verify(&child, &mut players, round);
        let patience = Duration::from_millis(dice.below(300) as u64);
        std::thread::scope(|scope| {
            for (drive, player) in players.iter_mut().enumerate() {
                let (portal, target) = (child.portal, child.targets[1 + drive].clone());
                scope.spawn(move || player.stream(portal, &target));
            }
            std::thread::sleep(patience);
            child.kill();
        });
    }
    let child = serve();
    verify(&child, &mut players, rounds);
    let commands: u64 = players.iter().map(|player| player.commands).sum();
    println!(
        "{rounds} deaths, {commands} commands answered, {:.0?}",
        began.elapsed()
    );
    assert!(commands > rounds, "the drives were at work");
}

fn prepare(child: Child, data: &Path) {
    for drive in 0..DRIVES {
        let barcode = format!("CAP{:03}L5", 1 + drive);
        capstan_ok(data, &["drive", "load", &drive.to_string(), &barcode]);
    }
    child.kill();
}

/// Reads all four tapes from beginning to end.
fn verify(child: &Child, players: &mut [Player], round: u64) {
    std::thread::scope(|scope| {
        for (drive, player) in players.iter_mut().enumerate() {
            let (portal, target) = (child.portal, &child.targets[1 + drive]);
            scope.spawn(move || {
                let mut host = Host::log_in(portal, target);
                host.attentions();
                if let Err(wrong) = player.recover(&mut host) {
                    panic!("round {round}, drive {drive}: {wrong}");
                }
                host.log_out();
            });
        }
    });
}
