//! What `capstan serve` prints: where it listens, which targets there are, and the lines to type on
//! the machine that backs up.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use scsi::Lun;

use super::libraries::ServedLibrary;
use super::targets::{self as plans, Device, TargetPlan};

/// What the text is about.
pub struct Facts<'a> {
    /// The gateway's name.
    pub gateway: &'a str,
    /// The data directory.
    pub data: String,
    /// What is listened on.
    pub portals: &'a [SocketAddr],
    /// What discovery tells instead, if the administrator said so.
    pub advertised: Vec<String>,
    /// The targets of the main library.
    pub targets: &'a [TargetPlan],
    /// Vendor and product of each device.
    pub models: &'a dyn Fn(Device) -> String,
    /// The other libraries.
    pub others: &'a [ServedLibrary],
    /// The block length of the first drive; 0 when blocks are variable.
    pub block_length: u32,
    /// A slot with a tape in it, as `mtx` counts; none when the library has no tape yet.
    pub full_slot: Option<u16>,
    /// The number of the first import/export slot, as `mtx` counts.
    pub first_import_export: u16,
}

/// Returns the text.
pub fn text(facts: &Facts<'_>) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "Capstan {}   gateway {}   data in {}\n",
        env!("CARGO_PKG_VERSION"),
        facts.gateway,
        facts.data
    );
    for portal in facts.portals {
        let _ = writeln!(out, "Portal  {portal}");
    }
    targets(&mut out, facts.targets, facts.models);
    for library in facts.others {
        let _ = writeln!(out, "Library {}", library.name());
        targets(&mut out, &library.plans, &|device| library.model(device));
    }
    let _ = write!(out, "\n{}", instructions(facts));
    out
}

fn targets(out: &mut String, plans: &[TargetPlan], models: &dyn Fn(Device) -> String) {
    for target in plans {
        let _ = writeln!(out, "Target  {}", target.name);
        for (lun, device) in &target.units {
            let what = match device {
                Device::Changer => "changer".to_owned(),
                Device::Drive(number) => format!("drive {number}"),
            };
            let _ = writeln!(out, "        {lun}: {what}, {}", models(*device));
        }
    }
}

fn instructions(facts: &Facts<'_>) -> String {
    let portal = contact(facts);
    let device = |device, suffix| {
        plans::find(facts.targets, device)
            .map(|(target, lun)| by_path(&portal, &target.name, lun, suffix))
            .unwrap_or_default()
    };
    let changer = device(Device::Changer, "-changer");
    let drive = device(Device::Drive(0), "-nst");
    let record_size = match facts.block_length {
        0 => String::new(),
        length => format!("--record-size={length} "),
    };
    let (create, slot) = match facts.full_slot {
        Some(slot) => (String::new(), slot),
        None => (
            "On this machine, to make the first tape:\n\n  \
             capstan tape create --count 1 --prefix CAP\n\n"
                .to_owned(),
            facts.first_import_export,
        ),
    };
    format!(
        "{create}On the machine that backs up (Linux with open-iscsi, mtx, mt-st and tar), as root:\n\n  \
         iscsiadm --mode discovery --type sendtargets --portal {portal}\n  \
         iscsiadm --mode node --portal {portal} --login\n  \
         modprobe -a st sg && udevadm settle\n  \
         mtx -f {changer} status\n  \
         mtx -f {changer} load {slot} 0\n  \
         tar {record_size}-cf {drive} /etc\n  \
         mt -f {drive} rewind\n  \
         tar {record_size}-tf {drive}\n"
    )
}

/// Returns the name that udev gives a device (systemd, 60-persistent-storage-tape.rules and
/// `path_id`): addresses of IPv6 stand there without brackets.
fn by_path(portal: &str, target: &str, lun: Lun, suffix: &str) -> String {
    let portal = portal.replace(['[', ']'], "");
    format!(
        "/dev/tape/by-path/ip-{portal}-iscsi-{target}-lun-{}{suffix}",
        lun.number()
    )
}

/// Returns the address to give to `iscsiadm`.
fn contact(facts: &Facts<'_>) -> String {
    if let Some(advertised) = facts.advertised.first() {
        return advertised.clone();
    }
    match facts.portals.first() {
        None => String::new(),
        Some(portal) if portal.ip().is_unspecified() => {
            SocketAddr::new(own_address(portal.ip()), portal.port()).to_string()
        }
        Some(portal) => portal.to_string(),
    }
}

/// Returns the address of ours that faces the world: what the system would send from. Nothing is
/// sent; 192.0.2.1 and 2001:db8::1 are for documentation (RFC 5737, RFC 3849).
fn own_address(any: IpAddr) -> IpAddr {
    let world = if any.is_ipv6() {
        "[2001:db8::1]:9"
    } else {
        "192.0.2.1:9"
    };
    UdpSocket::bind(SocketAddr::new(any, 0))
        .and_then(|socket| {
            socket.connect(world)?;
            socket.local_addr()
        })
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{IqnPrefix, TargetLayout};

    fn banner(layout: TargetLayout, block_length: u32, full_slot: Option<u16>) -> String {
        let targets = plans::plan(&IqnPrefix::default(), "lab", layout, 1);
        text(&Facts {
            gateway: "lab",
            data: "./capstan-data".to_owned(),
            portals: &["[::1]:3260".parse().unwrap()],
            advertised: vec![],
            targets: &targets,
            models: &|_| "STK L700".to_owned(),
            others: &[],
            block_length,
            full_slot,
            first_import_export: 1601,
        })
    }

    #[test]
    fn the_lines_name_the_devices_as_udev_does() {
        let text = banner(TargetLayout::PerDevice, 0, Some(1));
        for line in [
            "iscsiadm --mode discovery --type sendtargets --portal [::1]:3260\n",
            "mtx -f /dev/tape/by-path/ip-::1:3260-iscsi-iqn.2026-11.io.capstan:lab-mediachanger\
             -lun-0-changer load 1 0\n",
            "tar -cf /dev/tape/by-path/ip-::1:3260-iscsi-iqn.2026-11.io.capstan:lab-tapedrive-01\
             -lun-0-nst /etc\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("tape create"));
    }

    #[test]
    fn fixed_blocks_and_an_empty_library_are_thought_of() {
        let text = banner(TargetLayout::Single, 65536, None);
        assert!(text.contains("tar --record-size=65536 -cf"), "{text}");
        assert!(text.contains("capstan tape create"), "{text}");
        assert!(text.contains("load 1601 0"), "{text}");
        assert!(text.contains("capstan:lab-lun-1-nst"), "{text}");
    }
}
