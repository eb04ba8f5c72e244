//! Mixed work on all drives for a long time: `make soak`. A few seconds of it are in every run of the
//! tests, so that it works when it is wanted.
//!
//! `CAPSTAN_SOAK_SECONDS` sets how long (4).

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::player::{Dice, Player};
use super::{seed, setting};
use crate::support::child::{Child, capstan_ok};
use crate::support::host::Host;

const DRIVES: usize = 4;

/// Steps of a host between login and logout.
const STEPS: usize = 300;

/// How much more memory than after the first rounds is still flat: what the allocator keeps.
const GROWTH_KIB_MAX: u64 = 32 << 10;

/// How many more descriptors and threads: each drive keeps a few segments open, and one may be written.
/// Far fewer than the sessions that come and go.
const GROWTH_MAX: usize = 10 * DRIVES;

/// What the daemon has of the machine.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    memory_kib: u64,
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn of(child: &Child) -> Self {
        let process = format!("/proc/{}", child.id());
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = line.and_then(|line| line.split_whitespace().next());
        Self {
            memory_kib: memory.unwrap().parse().unwrap(),
            descriptors: std::fs::read_dir(format!("{process}/fd")).unwrap().count(),
            threads: child.threads().len(),
        }
    }
}

#[test]
fn memory_and_descriptors_stay_flat_and_nothing_is_lost() {
    let length = Duration::from_secs(setting("CAPSTAN_SOAK_SECONDS", 4));
    let seed = seed();
    let data = TempDir::new().unwrap();
    let child = Child::serve(data.path());
    for drive in 0..DRIVES {
        let barcode = format!("CAP{:03}L5", 1 + drive);
        capstan_ok(
            data.path(),
            &["drive", "load", &drive.to_string(), &barcode],
        );
    }
    let mut players: Vec<Player> = (1..)
        .take(DRIVES)
        .map(|drive| Player::new(seed + drive))
        .collect();
    let began = Instant::now();
    // Until here memory may grow: buffers are filled for the first time.
    play(&child, data.path(), &mut players, length / 4);
    let warm = Held::of(&child);
    let mut most = warm;
    while began.elapsed() < length {
        let left = length.saturating_sub(began.elapsed());
        play(
            &child,
            data.path(),
            &mut players,
            left.min(Duration::from_secs(20)),
        );
        let held = Held::of(&child);
        most.memory_kib = most.memory_kib.max(held.memory_kib);
        most.descriptors = most.descriptors.max(held.descriptors);
        most.threads = most.threads.max(held.threads);
        let commands: u64 = players.iter().map(|player| player.commands).sum();
        println!("{:5.0?}  {commands} commands  {held:?}", began.elapsed());
    }
    println!("warm {warm:?}, most {most:?}");
    assert!(
        most.memory_kib <= warm.memory_kib + GROWTH_KIB_MAX,
        "memory grows: {warm:?}, {most:?}"
    );
    assert!(
        most.descriptors <= warm.descriptors + GROWTH_MAX,
        "descriptors: {warm:?}, {most:?}"
    );
    assert!(
        most.threads <= warm.threads + GROWTH_MAX,
        "threads: {warm:?}, {most:?}"
    );
}

/// Works on all drives at once for a while, in sessions that come and go, and asks the API meanwhile. In
/// the end every tape is read from beginning to end, and nobody is logged in.
fn play(child: &Child, data: &Path, players: &mut [Player], length: Duration) {
    let deadline = Instant::now() + length;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                capstan_ok(data, &["status", "--json"]);
                capstan_ok(data, &["tape", "list", "--json"]);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        let hosts: Vec<_> = (0..)
            .zip(players.iter_mut())
            .map(|(drive, player)| {
                let target = &child.targets[1 + drive];
                scope.spawn(move || sessions(child, target, player, deadline, drive))
            })
            .collect();
        let ended: Vec<_> = hosts
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::Relaxed);
        assert!(
            ended.iter().all(Result::is_ok),
            "a host found something wrong"
        );
    });
}

fn sessions(child: &Child, target: &str, player: &mut Player, deadline: Instant, drive: usize) {
    let mut dice = Dice::new(drive as u64);
    while Instant::now() < deadline {
        let mut host = Host::log_in(child.portal, target);
        host.attentions();
        let end = player.tape.len();
        player.locate(&mut host, end).unwrap();
        for _ in 0..STEPS {
            player.step(&mut host).unwrap();
        }
        let end = player.tape.len();
        player.locate(&mut host, end).unwrap();
        if dice.below(2) == 0 {
            host.log_out();
        }
    }
    let mut host = Host::log_in(child.portal, target);
    host.attentions();
    if let Err(wrong) = player.recover(&mut host) {
        panic!("drive {drive}: {wrong}");
    }
    host.log_out();
}
