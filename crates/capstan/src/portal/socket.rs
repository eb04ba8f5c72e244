//! Sockets: how they are opened, tuned, read and written. None of them blocks.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

/// Opens a listening socket. An IPv6 address stands for IPv6 alone, so that `0.0.0.0` and `[::]` can
/// be listened on together.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for connections of the former life in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Makes an accepted socket fit for iSCSI: answers leave at once, and a peer that is gone is noticed
/// within `PEER_TIMEOUT` whether or not anything is on the way.
pub fn tune(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(PEER_TIMEOUT))?;
    socket.set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(KEEPALIVE_AFTER)
            .with_interval(KEEPALIVE_INTERVAL)
            .with_retries(KEEPALIVE_RETRIES),
    )
}

/// What came of one attempt to move bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// This many bytes; not zero.
    Bytes(usize),
    /// None now.
    WouldBlock,
    /// The peer has closed its side.
    End,
}

/// Receives into `buffer`.
pub fn receive(mut stream: &TcpStream, buffer: &mut [u8]) -> io::Result<Moved> {
    loop {
        return match stream.read(buffer) {
            Ok(0) => Ok(Moved::End),
            Ok(count) => Ok(Moved::Bytes(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Moved::WouldBlock),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
    }
}

/// Receives into `places`, one after the other, with one system call.
pub fn receive_ahead(mut stream: &TcpStream, places: [&mut [u8]; 2]) -> io::Result<Moved> {
    let [certain, ahead] = places;
    if ahead.is_empty() {
        return receive(stream, certain);
    }
    let mut slices = [IoSliceMut::new(certain), IoSliceMut::new(ahead)];
    loop {
        return match stream.read_vectored(&mut slices) {
            Ok(0) => Ok(Moved::End),
            Ok(count) => Ok(Moved::Bytes(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Moved::WouldBlock),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
    }
}

/// Sends `slices` with one system call.
pub fn send(mut stream: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<Moved> {
    loop {
        return match stream.write_vectored(slices) {
            Ok(0) => Ok(Moved::End),
            Ok(count) => Ok(Moved::Bytes(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Moved::WouldBlock),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
    }
}

/// Connections that the system accepts ahead of us.
const BACKLOG: i32 = 1024;
/// How long sent bytes may stay unacknowledged.
const PEER_TIMEOUT: Duration = Duration::from_secs(20);
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
