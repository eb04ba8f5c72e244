//! `docs/scsi-support.md`: what the devices answer, from the table of commands and from the devices
//! themselves.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use cartridge::Codec;
use scsi::command::{CommandSpec, DataDirection, Presence, Restriction, UnitAttention};
use scsi::{CommandTable, DeviceType, Lun, SenseKey, Status};
use uuid::Uuid;

use super::{Bench, Initiator};
use crate::drive::{Drive, DriveConfig};
use crate::identity::DeviceIdentity;
use crate::logical_unit::LogicalUnit;
use crate::profile::{ChangerProfile, MachineSpec, Preset, Profiles};
use crate::target::Target;
use crate::unit_attention::UnitAttentions;

const WRITE_IT: &str = "CAPSTAN_WRITE_DOCS=1 cargo test -p tape-library support_document";
/// Set to anything, it makes the test write the document instead of comparing it.
const WRITE: &str = "CAPSTAN_WRITE_DOCS";
const LUN: u16 = 0;

#[test]
fn the_support_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scsi-support.md");
    let generated = document();
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == generated,
        "docs/scsi-support.md is not what the devices answer; write it with\n{WRITE_IT}"
    );
}

/// An initiator at a device.
struct Device {
    name: String,
    initiator: Initiator,
}

impl Device {
    /// Returns the data of a command that ends GOOD.
    fn good(&self, cdb: &[u8]) -> Option<Vec<u8>> {
        let response = self.initiator.send(LUN, cdb, &[]);
        (response.status == Status::Good).then(|| response.data_in.to_vec())
    }
}

fn document() -> String {
    let drives = drives();
    let benches: Vec<_> = Profiles::builtin().changers().map(changer).collect();
    let changers: Vec<_> = benches.iter().map(|(_, device)| device).collect();
    let mut text = String::from(INTRODUCTION);
    let (drive, library) = (DeviceType::SequentialAccess, DeviceType::MediaChanger);
    let primary = CommandTable::with(&[]);
    let own = |device| {
        let common: Vec<_> = primary.rows().map(std::ptr::from_ref).collect();
        let rows = CommandTable::of(device).rows();
        rows.filter(move |row| !common.contains(&std::ptr::from_ref(*row)))
    };
    text.push_str("\n## Commands of drives and changers (SPC-5)\n");
    commands(&mut text, primary.rows(), Some(&drives[0]));
    text.push_str("\n## Commands of drives (SSC-5)\n");
    commands(&mut text, own(drive), Some(&drives[0]));
    text.push_str("\n## Commands of changers (SMC-3)\n");
    commands(&mut text, own(library), None);
    text.push_str("\n## Pages of drives\n");
    pages(&mut text, &drives.iter().collect::<Vec<_>>());
    text.push_str("\n## Pages of changers\n");
    pages(&mut text, &changers);
    text.push_str(NOT_THERE);
    text
}

/// An empty drive of every built-in profile.
fn drives() -> Vec<Device> {
    Profiles::builtin()
        .drives()
        .map(|profile| {
            let config = DriveConfig {
                number: 0,
                identity: DeviceIdentity::drive(profile, Uuid::from_u128(1), 0),
                profile: Arc::clone(profile),
                codec: Codec::Zstd,
            };
            let attentions = Arc::new(UnitAttentions::new());
            let drive = Arc::new(Drive::new(config, Arc::clone(&attentions)));
            let unit = Arc::new(LogicalUnit::start("test", drive, attentions).unwrap());
            let target = Target::new("iqn.t,t,0x0001", vec![(Lun::new(LUN), unit)]);
            Device {
                name: profile.name.clone(),
                initiator: Initiator::new(&target, "a"),
            }
        })
        .collect()
}

/// A library with a changer of `profile`.
fn changer(profile: &Arc<ChangerProfile>) -> (Bench, Device) {
    // Every model has room for so few.
    let machine = MachineSpec {
        changer: profile.name.clone(),
        drives: vec!["ibm-ult3580-td5".into()],
        import_export_elements: 1,
        ..Preset::Default.machine()
    };
    let bench = Bench::with_machine(Preset::Default, machine);
    let device = Device {
        name: profile.name.clone(),
        initiator: bench.initiator("a"),
    };
    (bench, device)
}

/// A table of commands; with `empty`, a drive, also what it answers without a cartridge.
fn commands(
    text: &mut String,
    rows: impl Iterator<Item = &'static CommandSpec>,
    empty: Option<&Device>,
) {
    let without = empty.map_or("", |_| " Without cartridge |");
    writeln!(
        text,
        "\n| Code | Command | CDB usage | Data | Attention first | RESERVE | Write Exclusive | \
         Exclusive Access | Timeouts, s |{without}\n|---|---|---|---|---|---|---|---|---|{}",
        if without.is_empty() { "" } else { "---|" }
    )
    .unwrap();
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|row| (row.operation_code, row.service_action));
    for row in rows {
        let action = row
            .service_action
            .map_or_else(String::new, |action| format!("/{action:02X}"));
        let bytes = row.usage.iter().map(|byte| format!("{byte:02x} "));
        let usage = bytes.collect::<Vec<_>>().concat();
        let data = match row.direction {
            DataDirection::None => "–",
            DataDirection::In => "in",
            DataDirection::Out => "out",
        };
        let attention = match row.unit_attention {
            UnitAttention::Report => "yes",
            UnitAttention::Ignore => "no",
        };
        write!(
            text,
            "| {:02X}{action} | {} | `{}` | {data} | {attention} |",
            row.operation_code,
            row.name,
            usage.trim_end()
        )
        .unwrap();
        for restriction in [
            Restriction::Reserved,
            Restriction::WriteExclusive,
            Restriction::ExclusiveAccess,
        ] {
            write!(text, " {} |", presence(row, restriction)).unwrap();
        }
        let timeouts = row.timeouts;
        write!(
            text,
            " {} / {} |",
            timeouts.nominal_s, timeouts.recommended_s
        )
        .unwrap();
        if let Some(empty) = empty {
            write!(text, " {} |", not_ready(row, empty)).unwrap();
        }
        text.push('\n');
    }
}

fn presence(row: &CommandSpec, restriction: Restriction) -> String {
    match row.reservations.presence(restriction) {
        Presence::Allowed => "runs".into(),
        Presence::Conflict => "conflict".into(),
        Presence::AllowedWhen { byte, mask, value } => {
            format!("runs when byte {byte} & {mask:02x}h is {value:02x}h")
        }
    }
}

/// What the command, with all fields zero, is answered by a drive without a cartridge.
fn not_ready(row: &CommandSpec, device: &Device) -> &'static str {
    let cdb = [row.operation_code, row.service_action.unwrap_or(0)];
    let response = device.initiator.send(LUN, &cdb, &[]);
    match response.sense {
        Some(sense) if sense.key == SenseKey::NotReady => "not ready",
        _ => "answered",
    }
}

/// A page: code and sub-page.
type Code = (u8, u8);
type Found = BTreeMap<Code, (String, Vec<String>)>;

fn pages(text: &mut String, devices: &[&Device]) {
    let mut mode = Found::new();
    let mut log = Found::new();
    let mut vital = Found::new();
    for device in devices {
        for (code, details) in mode_pages(device) {
            let found = mode.entry(code).or_insert_with(|| (details, Vec::new()));
            found.1.push(device.name.clone());
        }
        for code in log_pages(device) {
            let found = log.entry(code).or_default();
            found.1.push(device.name.clone());
        }
        let data = device.good(&[0x12, 1, 0, 0, 0xff, 0]).unwrap();
        for code in &data[4..] {
            let found = vital.entry((*code, 0)).or_default();
            found.1.push(device.name.clone());
        }
    }
    text.push_str("\n| Mode page | Bits that MODE SELECT changes | Devices |\n|---|---|---|\n");
    rows(text, &mode, devices, |details| format!(" {details} |"));
    text.push_str("\n| Log page | Devices |\n|---|---|\n");
    rows(text, &log, devices, |_| String::new());
    text.push_str("\n| Vital product data page | Devices |\n|---|---|\n");
    rows(text, &vital, devices, |_| String::new());
}

fn rows(text: &mut String, found: &Found, all: &[&Device], middle: impl Fn(&str) -> String) {
    for ((page, subpage), (details, devices)) in found {
        let code = match subpage {
            0 => format!("{page:02X}"),
            subpage => format!("{page:02X}/{subpage:02X}"),
        };
        let devices = if devices.len() == all.len() {
            "all".to_owned()
        } else {
            devices.join(", ")
        };
        writeln!(text, "| {code} |{} {devices} |", middle(details)).unwrap();
    }
}

/// The pages with the masks of what can be changed.
fn mode_pages(device: &Device) -> Vec<(Code, String)> {
    const CHANGEABLE: u8 = 0x40 | 0x3f;
    let cdb = [0x5a, 0x08, CHANGEABLE, 0xff, 0, 0, 0, 0x0f, 0xff, 0];
    let data = device.good(&cdb).unwrap();
    let mut rest = &data[8..];
    let mut found = Vec::new();
    while let [code, second, third, fourth, ..] = *rest {
        let (id, header, length) = if code & 0x40 == 0 {
            ((code, 0), 2, usize::from(second))
        } else {
            let length = u16::from_be_bytes([third, fourth]);
            ((code & 0x3f, second), 4, usize::from(length))
        };
        let (page, behind) = rest.split_at(header + length);
        let changeable: Vec<String> = (header..page.len())
            .filter(|at| page[*at] != 0)
            .map(|at| format!("byte {at}: {:02x}h", page[at]))
            .collect();
        let details = if changeable.is_empty() {
            "none".to_owned()
        } else {
            changeable.join(", ")
        };
        found.push((id, details));
        rest = behind;
    }
    found
}

/// The list of pages and sub-pages, which is log page 00h with sub-page FFh.
fn log_pages(device: &Device) -> Vec<Code> {
    let data = device
        .good(&[0x4d, 0, 0x40, 0xff, 0, 0, 0, 0x0f, 0xff, 0])
        .unwrap();
    let pages = data[4..].chunks_exact(2);
    pages.map(|page| (page[0] & 0x3f, page[1])).collect()
}

const INTRODUCTION: &str = "\
# SCSI: what the devices answer

Generated from the table of commands (`crates/scsi/src/command`) and from the devices themselves, and compared with them by a
test; `CAPSTAN_WRITE_DOCS=1 cargo test -p tape-library support_document` writes it anew. Standards: SPC-5 (r22), SSC-5 (r06),
SMC-3 (r16), SAM-5 (r21). What clients ask a device itself says the same: `sg_opcodes --rctd`, `sg_modes --all --all`,
`sg_logs --all`, `sg_vpd`.

- **CDB usage**: for each byte the bits that may be set. Any other bit ends the command with INVALID FIELD IN CDB and a pointer
  at the bit. Bits 7 to 5 of byte 1 are let through where SCSI-2 had the logical unit number. Commands without a row end with
  INVALID COMMAND OPERATION CODE; service actions without one with INVALID FIELD IN CDB.
- **Attention first**: whether a pending unit attention is told in place of the command's answer. REQUEST SENSE returns it and
  clears it; INQUIRY and REPORT LUNS leave it, but REPORT LUNS clears REPORTED LUNS DATA HAS CHANGED.
- **RESERVE**, **Write Exclusive**, **Exclusive Access**: what the command does while another nexus holds such a reservation. See
  [reservations](reservations.md).
- **Timeouts**: nominal and recommended, as REPORT SUPPORTED OPERATION CODES tells them.
- **Without cartridge**: what an empty drive answers when all fields are zero. A command that is answered may still be refused
  for its fields.
";

const NOT_THERE: &str = "
## What is not there, and why

- Aliases (REPORT ALIASES, CHANGE ALIASES) and priorities: they serve third-party copies and schedulers, which we do not have.
- Well known logical units: every unit answers REPORT LUNS itself. A LUN field that names one is a unit that is not there.
- Saved mode pages: PS is zero, SP is refused, and saved values end with SAVING PARAMETERS NOT SUPPORTED, as on LTO drives.
- Mode pages 18h and 19h: iSCSI gives their fields no meaning.
- Microcode: it comes with a release and not over the bus; the modes of WRITE BUFFER for it are refused.
- Self-tests in the background: a self-test ends with its command.
- SET TARGET PORT GROUPS: there is one group, always active and optimized.
";
