//! Storms at the door: B4, and what the log says of them.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use capstan::config::AccessRule;
use capstan::config::access::all_networks;
use capstan::gateway::targets::Device;
use socket2::{Domain, SockRef, Socket, Type};
use tempfile::TempDir;

use super::chap::{demand_chap, log_in_with_chap};
use super::peer::{Login, Peer};
use super::scsi::TEST_UNIT_READY;
use crate::support::child::Child;
use crate::support::{TestGateway, eventually};

/// Connects from this address of ours.
pub(super) fn connect_from(source: IpAddr, portal: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(portal), Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(source, 0).into()).unwrap();
    socket.connect(&portal.into()).unwrap();
    socket.into()
}

/// Somebody who connects a thousand times per second; it ends when dropped.
struct Storm {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU32>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Storm {
    /// Begins a storm. Of its connections some close at once, some with a reset, some say nonsense, and
    /// some stay as long as forty others take.
    fn begin(source: IpAddr, portal: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let count = Arc::new(AtomicU32::new(0));
        let thread = thread::spawn({
            let (stop, count) = (Arc::clone(&stop), Arc::clone(&count));
            move || blow(source, portal, &stop, &count)
        });
        Self {
            stop,
            count,
            thread: Some(thread),
        }
    }

    fn connections(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(thread::JoinHandle::join);
        assert!(thread::panicking() || ended.is_some_and(|it| it.is_ok()));
    }
}

fn blow(source: IpAddr, portal: SocketAddr, stop: &AtomicBool, count: &AtomicU32) {
    let begin = Instant::now();
    let mut kept = VecDeque::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let stream = connect_from(source, portal);
        count.fetch_add(1, Ordering::Relaxed);
        match number % 4 {
            0 => drop(stream),
            1 => SockRef::from(&stream)
                .set_linger(Some(Duration::ZERO))
                .unwrap(),
            2 => {
                use std::io::Write as _;
                let _ = (&stream).write_all(b"GET / HTTP/1.1\r\nHost: tapes.example.org\r\n\r\n");
            }
            _ => kept.push_back(stream),
        }
        if kept.len() > 40 {
            kept.pop_front();
        }
        // On average: who was held up makes up for it.
        let due = begin + Duration::from_millis(number);
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// How long good logins took, from connect to the last response; told, and never judged.
#[derive(Default)]
struct Latencies {
    without: Vec<Duration>,
    with_chap: Vec<Duration>,
}

impl Latencies {
    /// Logs in to `open` without CHAP and to `closed` with it; both must succeed and work.
    fn log_in(&mut self, gateway: &TestGateway, open: &Login, closed: &Login) {
        let start = Instant::now();
        let mut peer = Peer::log_in(gateway.portal(), open);
        self.without.push(start.elapsed());
        peer.ping();
        let start = Instant::now();
        let mut peer = log_in_with_chap(gateway, closed);
        self.with_chap.push(start.elapsed());
        peer.ping();
    }
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (kind, took) in [("without", &self.without), ("with", &self.with_chap)] {
            let mut took = took.clone();
            took.sort_unstable();
            let (median, high) = (took[took.len() / 2], took[took.len() * 99 / 100]);
            let count = took.len();
            write!(
                f,
                "{count} logins {kind} CHAP, 50% in {median:?}, 99% in {high:?}; "
            )?;
        }
        Ok(())
    }
}

/// 200 half-open connections and two storms, all from the address of the good host and from another,
/// and every good login succeeds, with and without CHAP.
#[test]
fn b4_half_open_connections_and_a_storm_of_connects_keep_nobody_out() {
    let gateway = TestGateway::start_with(|config| {
        demand_chap(config);
        let for_all = AccessRule {
            initiators: vec!["*".parse().unwrap()],
            networks: all_networks(),
            targets: vec!["*-mediachanger".parse().unwrap()],
            authentication: None,
        };
        config.iscsi.access.insert(0, for_all);
    });
    let changer = Login::to(&gateway.target(Device::Changer));
    let drive = Login::to(&gateway.target(Device::Drive(0)));
    let mut bystander = Peer::log_in(gateway.portal(), &changer.clone().port(99));
    bystander.attentions();
    let mut calm = Latencies::default();
    for port in (1..=8).cycle().take(200) {
        calm.log_in(
            &gateway,
            &changer.clone().port(port),
            &drive.clone().port(port),
        );
    }
    let own = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let other = "127.0.0.9".parse().unwrap();
    let mut half_open = Vec::new();
    for source in [own, other] {
        half_open.extend((0..100).map(|_| connect_from(source, gateway.portal())));
    }
    let storms = [own, other].map(|source| Storm::begin(source, gateway.portal()));
    let begin = Instant::now();
    let mut stormy = Latencies::default();
    for port in (1..=8).cycle() {
        stormy.log_in(
            &gateway,
            &changer.clone().port(port),
            &drive.clone().port(port),
        );
        bystander.plain(&TEST_UNIT_READY).assert_good();
        if begin.elapsed() > STORM && storms.iter().all(|storm| storm.connections() > 1000) {
            break;
        }
    }
    let connections: u32 = storms.iter().map(Storm::connections).sum();
    let took = begin.elapsed();
    println!("calm: {calm}");
    println!("{connections} connects of others in {took:?}: {stormy}");
    drop(storms);
    drop(half_open);
    bystander.ping();
}

/// How long the storm lasts at least.
const STORM: Duration = Duration::from_secs(3);

/// With hardly any file descriptors sessions go on, and when there are some again, so do logins.
#[test]
fn b4_without_file_descriptors_sessions_are_unharmed_and_logins_come_back() {
    let data = TempDir::new().unwrap();
    let child = Child::serve_with_open_files(data.path(), 64);
    let login = Login::to(&child.targets[0]);
    let mut session = Peer::log_in(child.portal, &login);
    session.attentions();
    let source = |number: u8| IpAddr::V4(Ipv4Addr::new(127, 0, 1, number));
    let half_open: Vec<TcpStream> = (0..200)
        .map(|number| connect_from(source(1 + number % 40), child.portal))
        .collect();
    for _ in 0..50 {
        session.plain(&TEST_UNIT_READY).assert_good();
        session.ping();
    }
    // They displace each other: even now somebody comes in.
    Peer::log_in(child.portal, &login.clone().port(2)).ping();
    drop(half_open);
    eventually("logins are as before", || {
        Peer::log_in(child.portal, &login.clone().port(3)).ping();
        true
    });
    session.ping();
    child.signal(rustix::process::Signal::TERM);
    let (_, _, log) = child.wait();
    assert!(log.contains("Too many open files"), "no shortage: {log}");
}

/// Every failure is told in a line or counted, with name, address and reason.
#[test]
fn c7_b4_failed_logins_are_told_in_the_log_or_counted_there() {
    const FAILURES: u64 = 200;
    let data = TempDir::new().unwrap();
    let child = Child::serve(data.path());
    let nowhere = Login::to("iqn.2020-01.org.example:nowhere");
    for _ in 0..FAILURES {
        let refused = Peer::try_log_in(child.portal, &nowhere);
        assert_eq!(refused.err(), Some(0x0203));
    }
    child.signal(rustix::process::Signal::TERM);
    let (status, _, log) = child.wait();
    assert!(status.success());
    let told = log.lines().filter(|line| line.contains("login refused"));
    let told: Vec<&str> = told.collect();
    for line in &told {
        for word in [&*nowhere.initiator, "127.0.0.1:", "0203", "nowhere"] {
            assert!(line.contains(word), "{word} in {line}");
        }
    }
    assert!(told.len() <= 20, "{} lines", told.len());
    let counted: u64 = log
        .lines()
        .filter_map(|line| {
            line.split_once(" count=")?
                .1
                .split(' ')
                .next()?
                .parse()
                .ok()
        })
        .inspect(|count: &u64| assert!(*count > 0))
        .sum();
    assert_eq!(told.len() as u64 + counted, FAILURES, "{log}");
}
