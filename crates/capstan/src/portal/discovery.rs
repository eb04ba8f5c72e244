//! The answer to SendTargets (RFC 7143 appendix C): an initiator sees only what it may log in to.

use std::net::SocketAddr;

use iscsi::{TargetRecord, WhichTargets};

use super::Shared;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The initiator's name.
    pub initiator: &'a str,
    /// Where it comes from.
    pub peer: SocketAddr,
    /// The address of ours that it uses.
    pub local: SocketAddr,
    /// The target of its session, unless it is a discovery session.
    pub own: Option<&'a str>,
}

/// Returns the targets that `which` means and the initiator may log in to.
pub fn targets(shared: &Shared, asker: Asker<'_>, which: &WhichTargets) -> Vec<TargetRecord> {
    let is_meant = |name: &str| match which {
        WhichTargets::All => true,
        WhichTargets::Named(wanted) => wanted.eq_ignore_ascii_case(name),
        WhichTargets::Own => asker.own == Some(name),
    };
    let addresses = shared.addresses.for_initiator_on(asker.local);
    shared
        .targets
        .iter()
        .map(|target| target.name.as_str())
        .filter(|name| is_meant(name))
        .filter(|name| shared.policy.shows(asker.initiator, asker.peer.ip(), name))
        .map(|name| TargetRecord {
            name: name.to_owned(),
            addresses: addresses.clone(),
        })
        .collect()
}
