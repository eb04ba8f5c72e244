//! B2, B3 and B5 with a crowd: what peers can make the process hold, measured from outside.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use capstan::api::types::{Memory, Status};
use capstan::gateway::targets::Device;
use iscsi::wire::{DataOut, NopOut, RESERVED_TAG, ScsiCommand, SerialNumber, TextRequest};
use rustix::process::{Resource, getrlimit, setrlimit};
use tempfile::TempDir;

use super::peer::{Login, Peer};
use super::scsi::TEST_UNIT_READY;
use crate::support::child::{Child, capstan_ok};
use crate::support::host::{Host, params};
use crate::support::tape::Found;
use crate::support::{TestGateway, eventually, noise};

const MIB: u64 = 1 << 20;

/// The longest block of a tape (SSC-5 §5.4: three bytes of length).
const BLOCK_MAX: u32 = (1 << 24) - 1;

/// A block of this length that compresses well and tells its number.
fn block(number: u64, length: usize) -> Vec<u8> {
    let piece = noise(number, 4096.min(length));
    piece.iter().copied().cycle().take(length).collect()
}

/// Writes blocks and reads them back.
fn write_and_compare(host: &mut Host, seed: u64, lengths: &[usize]) {
    host.rewind();
    for (number, length) in lengths.iter().enumerate() {
        host.write_block(&block(seed + number as u64, *length));
    }
    host.write_filemarks(1);
    host.rewind();
    for (number, length) in lengths.iter().enumerate() {
        let found = host.read_block(u32::try_from(*length).unwrap());
        let Found::Block(read) = found else {
            panic!("no block {number} of {length} bytes: {found:?}");
        };
        assert!(
            read == block(seed + number as u64, *length),
            "block {number} of {length} bytes differs"
        );
    }
}

/// Lengths of tape blocks as backup software writes them: sessions own memory for these.
const USUAL: [usize; 7] = [512, 65_536, 262_144, 1 << 20, 65_536, 1 << 20, 1 << 20];

/// A daemon whose memory can be looked at.
struct Daemon {
    child: Child,
    folder: TempDir,
}

impl Daemon {
    fn start(settings: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("capstan.toml");
        fs::write(&config, settings).unwrap();
        let data = folder.path().join("data");
        let child = Child::serve_with(&data, &["--config", config.to_str().unwrap()]);
        Self { child, folder }
    }

    fn run(&self, arguments: &[&str]) -> String {
        capstan_ok(&self.folder.path().join("data"), arguments)
    }

    fn status(&self) -> Status {
        serde_json::from_str(&self.run(&["status", "--json"])).unwrap()
    }

    fn memory(&self) -> Memory {
        self.status().memory
    }

    /// Returns the bytes that the daemon has in use.
    fn resident(&self) -> u64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    }

    fn host(&self, name: &str, target: usize) -> Host {
        let params = params(name, Some(&self.child.targets[target]));
        let mut host = Host::try_log_in(self.child.portal, params).unwrap();
        host.attentions();
        host
    }
}

/// Who is in the crowd. None of them reads what it is sent.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Announces writes of 4 GiB.
    Announces,
    /// Announces writes of the longest block, and sends nothing.
    Promises,
    /// Sends most of the unsolicited data of its writes.
    StopsInABurst,
    /// Asks for the longest blocks, and takes nothing.
    Asks,
    /// Sends requests whose turn never comes.
    RunsAhead,
    /// Sends text without end, and most of a NOP of 1 MiB.
    Talks,
    /// Announces a segment of 16 MiB.
    Shouts,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Announces,
        Self::Promises,
        Self::StopsInABurst,
        Self::Asks,
        Self::RunsAhead,
        Self::Talks,
        Self::Shouts,
    ];

    /// Attacks, and returns how many bytes that took.
    fn attack(self, peer: &mut Peer) -> u64 {
        let filler = vec![b'K'; 1 << 20];
        let mut bytes = Vec::new();
        match self {
            Self::Announces => {
                for _ in 0..8 {
                    let command = ScsiCommand {
                        write: true,
                        expected_length: u32::MAX,
                        ..peer.command(&[0x0a, 0, 0xff, 0xff, 0xff, 0])
                    };
                    bytes.extend(peer.bytes_of(command.emit(), b""));
                }
            }
            Self::Promises => {
                for _ in 0..8 {
                    let command = peer.write_command(BLOCK_MAX);
                    bytes.extend(peer.bytes_of(command.emit(), b""));
                }
            }
            Self::StopsInABurst => {
                for _ in 0..2 {
                    let command = ScsiCommand {
                        is_final: false,
                        ..peer.write_command(1 << 20)
                    };
                    bytes.extend(peer.bytes_of(command.emit(), b""));
                    let part = DataOut {
                        is_final: false,
                        ..peer.unsolicited(&command, 0)
                    };
                    bytes.extend(peer.bytes_of(part.emit(), &filler[..200_000]));
                }
            }
            Self::Asks => {
                for _ in 0..8 {
                    let command = peer.read_command(BLOCK_MAX);
                    bytes.extend(peer.bytes_of(command.emit(), b""));
                }
            }
            Self::RunsAhead => {
                peer.take_cmd_sn();
                let command = peer.write_command(100_000);
                bytes.extend(peer.bytes_of(command.emit(), &filler[..100_000]));
                for tag in 0..3 {
                    let nop = NopOut {
                        immediate: false,
                        cmd_sn: peer.take_cmd_sn(),
                        ..peer.nop(0x9000 + tag)
                    };
                    bytes.extend(peer.bytes_of(nop.emit(), &filler[..100_000]));
                }
            }
            Self::Talks => {
                let text = TextRequest {
                    immediate: true,
                    is_final: false,
                    continues: true,
                    lun: [0; 8],
                    task_tag: 0x9000,
                    transfer_tag: RESERVED_TAG,
                    cmd_sn: SerialNumber(peer.cmd_sn),
                    expected_stat_sn: peer.expected_stat_sn(),
                };
                for _ in 0..10 {
                    bytes.extend(peer.bytes_of(text.emit(), &filler[..60_000]));
                }
                let nop = peer.nop(0x9001).emit();
                let nop = peer.bytes_of(nop, &filler);
                bytes.extend_from_slice(&nop[..200_000]);
            }
            Self::Shouts => {
                let mut header = peer.nop(0x9001).emit();
                header.0[4..8].fill(0xff);
                bytes.extend_from_slice(&header.0);
            }
        }
        peer.send_bytes(&bytes);
        bytes.len() as u64
    }
}

/// Lets this process, and those that it starts, have this many files open.
fn allow_open_files(count: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    assert!(hard >= count, "this test needs {count} open files");
    if limit.current.is_some_and(|current| current < count) {
        limit.current = Some(count);
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}

const SETTINGS: &str = r#"
[iscsi]
connections_max = 1100
memory_max = "3 GiB"
"#;

/// How many peers are in the crowd.
const CROWD: usize = 1000;

/// What a connection takes besides: its thread's stack, its tables, bytes that nobody wants.
const CONNECTION_BYTES_MAX: u64 = 256 << 10;

/// What the drives and the changer may take while they work on a command each.
const DEVICES_BYTES_MAX: u64 = 5 * 32 * MIB;

/// Lets a crowd log in, attack and go, while good hosts write and compare. How much more memory the
/// daemon may have follows from what status tells before the attack: what sessions own and the crowd
/// does fill, which is what it sends, and what there is to borrow. Without limits the crowd asks for
/// half a terabyte. Returns the most that the daemon had, and the most that it might have had.
fn besiege(daemon: &Daemon, good: &mut [Host], before: u64) -> (u64, u64) {
    let mut crowd: Vec<(Kind, Peer)> = (0..CROWD)
        .map(|number| {
            let kind = Kind::ALL[number % Kind::ALL.len()];
            let target = &daemon.child.targets[number % 2];
            let mut login = Login::to(target).with(&[
                ("InitialR2T", "No"),
                ("FirstBurstLength", "262144"),
                ("MaxRecvDataSegmentLength", "16777215"),
            ]);
            login.initiator = format!("iqn.2020-01.org.example:crowd-{number}");
            (kind, Peer::log_in(daemon.child.portal, &login))
        })
        .collect();
    let idle = daemon.resident();
    let reserved = daemon.memory().reserved_bytes;
    assert!(
        idle < before + CROWD as u64 * CONNECTION_BYTES_MAX,
        "sessions that do nothing: {before} grew to {idle}"
    );

    let is_over = AtomicBool::new(false);
    let (sent, most) = thread::scope(|scope| {
        let good: Vec<_> = good
            .iter_mut()
            .map(|host| {
                scope.spawn(|| {
                    let mut rounds = 0;
                    while !is_over.load(Ordering::Relaxed) || rounds < 2 {
                        write_and_compare(host, rounds, &USUAL);
                        rounds += 1;
                    }
                })
            })
            .collect();
        let mut most = 0;
        let mut sent = 0;
        for chunk in crowd.chunks_mut(50) {
            for (kind, peer) in chunk {
                sent += kind.attack(peer);
            }
            most = daemon.resident().max(most);
        }
        is_over.store(true, Ordering::Relaxed);
        while !good.iter().all(thread::ScopedJoinHandle::is_finished) {
            most = daemon.resident().max(most);
            thread::sleep(Duration::from_millis(10));
        }
        (sent, most)
    });
    let memory = daemon.memory();
    assert!(memory.reserved_bytes <= memory.max_bytes);
    let allowed = idle + sent + (memory.max_bytes - reserved) + DEVICES_BYTES_MAX;
    println!(
        "before {before}, idle {idle}, sent {sent}, most {most}, allowed {allowed}; {reserved} \
         reserved before the attack, {memory:?} after it"
    );
    assert!(most < allowed, "{most} of {allowed}");
    drop(crowd);
    eventually("the crowd is gone", || {
        daemon.status().sessions.len() == good.len()
    });
    (most, allowed)
}

#[test]
fn b2_b3_a_thousand_hostile_sessions_leave_memory_flat_and_hurt_nobody() {
    allow_open_files(4096);
    let daemon = Daemon::start(SETTINGS);
    for (drive, tape) in [("0", "CAP001L5"), ("1", "CAP002L5"), ("2", "CAP003L5")] {
        daemon.run(&["drive", "load", drive, tape]);
    }
    let mut prey = daemon.host("iqn.2020-01.org.example:prey", 1);
    prey.write_block(&block(1, BLOCK_MAX as usize));
    prey.rewind();
    drop(prey);
    let mut good = [2, 3].map(|target| {
        let name = format!("iqn.2020-01.org.example:good-{target}");
        daemon.host(&name, target)
    });
    for host in &mut good {
        write_and_compare(host, 1, &USUAL);
    }
    let before = daemon.resident();
    let (_, allowed) = besiege(&daemon, &mut good, before);
    // The allocator may keep what it has got; then it has to use it again.
    let kept = daemon.resident();
    let (most, _) = besiege(&daemon, &mut good, kept);
    assert!(most < allowed, "{most} of {allowed}");

    // Everything comes back, and who comes then is served.
    let two = daemon.memory();
    assert!(two.reserved_bytes <= 2 * 12 * MIB, "{two:?}");
    assert_eq!(two.sessions_waiting, 0);
    let mut newcomer = daemon.host("iqn.2020-01.org.example:newcomer", 1);
    write_and_compare(&mut newcomer, 5, &[BLOCK_MAX as usize, 65_536]);
    for host in &mut good {
        write_and_compare(host, 9, &USUAL);
    }
}

/// A peer that stops in the middle of long answers holds what it asked for, and nobody up.
#[test]
fn b5_whoever_stops_reading_in_a_long_answer_holds_nobody_up() {
    let gateway = TestGateway::start();
    for drive in 0..2 {
        let slot = format!("slot:{}", drive + 1);
        gateway.move_tape(&slot, &format!("drive:{drive}"));
    }
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0)));
    host.attentions();
    for number in 0..6 {
        host.write_block(&block(number, BLOCK_MAX as usize));
    }
    host.rewind();
    let login = Login::to(&gateway.target(Device::Drive(0)))
        .port(7)
        .with(&[("MaxRecvDataSegmentLength", "262144")]);
    let mut deaf = Peer::log_in(gateway.portal(), &login);
    deaf.attentions();
    let idle = memory(&gateway).reserved_bytes;
    for _ in 0..6 {
        let command = deaf.read_command(BLOCK_MAX);
        deaf.send(command.emit(), b"");
    }
    for _ in 0..4 {
        assert_eq!(deaf.receive().data.len(), 262_144);
    }
    // Of six blocks three fit its limit; they were read, and the others wait for it to go on.
    let held = || memory(&gateway).reserved_bytes - idle;
    eventually("it holds three blocks", || {
        held() > 5 * u64::from(BLOCK_MAX) / 2
    });
    assert!(held() < iscsi::memory::SESSION_BYTES_MAX, "{}", held());
    // Its own drive and the others serve everybody else, and it is told what is told without data.
    host.write_filemarks(0);
    let mut other = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(1)));
    other.attentions();
    write_and_compare(&mut other, 3, &[BLOCK_MAX as usize, 65_536, 1 << 20]);
    deaf.send(deaf.nop(0x77).emit(), b"still there");
    other.nop(b"and me");
    drop(deaf);
    eventually("what it held is free", || {
        memory(&gateway).reserved_bytes <= idle + 10 * MIB
    });
    host.attentions();
}

fn memory(gateway: &TestGateway) -> Memory {
    gateway.gateway().status().unwrap().memory
}

/// Four hosts move the longest blocks through a pool that holds two of them: they take turns.
#[test]
fn b5_hosts_with_the_longest_blocks_take_turns_when_memory_is_short() {
    let gateway = TestGateway::start_with(|config| {
        config.iscsi.memory_max = capstan::config::MEMORY_MAX_MIN;
    });
    for drive in 0..4 {
        let slot = format!("slot:{}", drive + 1);
        gateway.move_tape(&slot, &format!("drive:{drive}"));
    }
    thread::scope(|scope| {
        for drive in 0..4 {
            let gateway = &gateway;
            scope.spawn(move || {
                let target = gateway.target(Device::Drive(drive));
                let mut host = Host::log_in(gateway.portal(), &target);
                host.attentions();
                write_and_compare(&mut host, u64::from(drive) * 100, &[BLOCK_MAX as usize; 3]);
                let memory = memory(gateway);
                assert!(memory.reserved_bytes <= memory.max_bytes, "{memory:?}");
            });
        }
    });
}

/// RFC 7143 §11.13.5: 0302, out of resources, and the log says which limit it was.
#[test]
fn b4_a_login_for_which_there_is_no_memory_is_told_so() {
    let gateway = TestGateway::start_with(|config| {
        config.iscsi.memory_max = capstan::config::MEMORY_MAX_MIN;
    });
    let login = |number: u8| {
        let login = Login::to(&gateway.target(Device::Changer)).port(number);
        Peer::try_log_in(gateway.portal(), &login)
    };
    let mut peers = Vec::new();
    let status = loop {
        match login(u8::try_from(peers.len()).unwrap()) {
            Ok(peer) => peers.push(peer),
            Err(status) => break status,
        }
    };
    assert_eq!(status, 0x0302);
    assert!(peers.len() >= 12, "{} sessions", peers.len());
    for peer in &mut peers {
        peer.attentions();
        peer.plain(&TEST_UNIT_READY).assert_good();
    }
    drop(peers.pop());
    eventually("there is room again", || login(250).is_ok());
}
