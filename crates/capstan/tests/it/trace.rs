//! What devices were asked, seen by an administrator: on the terminal, as JSON, and as a capture that
//! tshark reads.

use std::path::Path;
use std::process::Command;

use capstan::gateway::targets::Device;
use iscsi::initiator::DataTransfer;
use serde_json::Value;

use crate::support::TestGateway;
use crate::support::child::{capstan_fails, capstan_ok};
use crate::support::host::Host;

/// A tape in drive 0, written and read a little, and moved by a host.
fn used_gateway() -> TestGateway {
    let gateway = TestGateway::start();
    let mut changer = Host::log_in(gateway.portal(), &gateway.target(Device::Changer));
    changer.attentions();
    changer.move_medium(gateway.address("slot:1"), gateway.address("drive:0"));
    let mut host = Host::log_in(gateway.portal(), &gateway.target(Device::Drive(0)));
    host.attentions();
    host.good(&[0x12, 0, 0, 0, 96, 0], DataTransfer::In(96));
    host.write_block(b"a block that a trace has to keep to itself");
    host.write_filemarks(1);
    host.rewind();
    host.read_block(4096);
    host.read_block(4096);
    // MODE SELECT(6): header alone; a field of it is wrong.
    let list = DataTransfer::Out(vec![0, 0, 0x7f, 0].into());
    assert_eq!(host.run(&[0x15, 0x10, 0, 0, 4, 0], list).status, 2);
    host.log_out();
    changer.log_out();
    gateway
}

fn find<'a>(trace: &'a Value, name: &str) -> &'a Value {
    let commands = trace["commands"].as_array().unwrap();
    let mut named = commands.iter().filter(|it| it["name"] == name);
    named
        .next()
        .unwrap_or_else(|| panic!("no {name} in {trace}"))
}

#[test]
fn every_command_is_there_with_positions_data_and_outcome() {
    let gateway = used_gateway();
    let text = capstan_ok(gateway.data(), &["trace", "drive", "0", "--json"]);
    assert!(
        !text.contains(&capstan::hex::encode(b"to itself")),
        "{text}"
    );
    let trace: Value = serde_json::from_str(&text).unwrap();
    let write = find(&trace, "WRITE(6)");
    assert_eq!(write["fields"], "42 bytes");
    assert_eq!(write["data_out_bytes"], 42);
    assert_eq!(write["data_out"], "");
    assert_eq!(
        (&write["before"]["block"], &write["after"]["block"]),
        (&0.into(), &1.into())
    );
    assert_eq!(write["status"], "GOOD");
    let mark = find(&trace, "WRITE FILEMARKS(6)");
    assert_eq!(
        (&mark["before"]["file"], &mark["after"]["file"]),
        (&0.into(), &1.into())
    );
    assert_eq!(find(&trace, "REWIND")["after"]["block"], 0);
    let select = find(&trace, "MODE SELECT(6)");
    assert_eq!(select["data_out"], "00007f00", "parameters are kept");
    let sense = select["sense"].as_str().unwrap();
    assert!(sense.starts_with("ILLEGAL REQUEST 5/26/00"), "{sense}");
    let inquiry = find(&trace, "INQUIRY");
    assert_eq!(inquiry["data_in_bytes"], 96);
    assert!(inquiry["session"].is_null(), "the session has ended");

    let changer = capstan_ok(gateway.data(), &["trace", "changer"]);
    assert!(
        changer.contains("MOVE MEDIUM from element 1000 to 500"),
        "{changer}"
    );
    let lines = capstan_ok(gateway.data(), &["trace", "drive:0", "--last", "1"]);
    assert_eq!(lines.lines().count(), 2, "a heading and a command: {lines}");
    assert!(
        lines.contains("MODE SELECT(6) 4 bytes → ILLEGAL REQUEST"),
        "{lines}"
    );
    let nothing = capstan_ok(gateway.data(), &["trace", "drive", "3"]);
    assert_eq!(nothing, "drive:3 has not been sent a command yet\n");
    let complaint = capstan_fails(gateway.data(), &["trace", "tape", "0"]);
    assert!(complaint.contains("changer or drive:N"), "{complaint}");
    let complaint = capstan_fails(gateway.data(), &["trace", "drive", "9"]);
    assert!(complaint.contains("from 0 to 3"), "{complaint}");
}

#[test]
fn tshark_reads_the_capture_as_scsi_over_iscsi() {
    let gateway = used_gateway();
    let file = gateway.data().join("drive.pcapng");
    let path = file.to_str().unwrap();
    let said = capstan_ok(gateway.data(), &["trace", "drive", "0", "--pcapng", path]);
    assert!(said.contains("commands of drive:0 written to"), "{said}");
    let Some(summary) = tshark(&file, &[]) else {
        return;
    };
    for wanted in [
        "SCSI: Write(6) LUN: 0x00 (Len: 42)",
        "SCSI: Write Filemarks(6) LUN: 0x00 (Len: 1)",
        "SCSI: Rewind LUN: 0x00",
        "SCSI: Read(6) LUN: 0x00 (Len: 4096)",
        "SCSI: Data Out LUN: 0x00 (Mode Select(6) Request Data)",
        "SCSI: Data In LUN: 0x00 (Inquiry Response Data)",
        "SCSI: Response LUN: 0x00 (Rewind) (Good)",
        "SCSI Response (Check Condition) LUN:0x00",
    ] {
        assert!(summary.contains(wanted), "no {wanted} in:\n{summary}");
    }
    let malformed = tshark(&file, &["-Y", "_ws.malformed || tcp.analysis.flags"]).unwrap();
    assert_eq!(malformed, "", "malformed, or out of order");
    let checks = [
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "tcp.check_checksum:TRUE",
    ];
    let bad = ["-Y", "ip.checksum.status == 0 || tcp.checksum.status == 0"];
    let bad = tshark(&file, &[&checks[..], &bad[..]].concat()).unwrap();
    assert_eq!(bad, "", "checksums");
    // FILEMARK DETECTED of the second READ, and the vendor in INQUIRY data.
    let filemark = tshark(&file, &["-Y", "scsi.sns.ascascq == 0x0001"]).unwrap();
    assert_eq!(filemark.lines().count(), 1, "{filemark}");
    let inquiry = tshark(&file, &["-V", "-Y", "scsi.inquiry.peripheral == 0x01"]).unwrap();
    assert!(inquiry.contains("Vendor Id: IBM"), "{inquiry}");

    let file = gateway.data().join("changer.pcapng");
    let path = file.to_str().unwrap();
    capstan_ok(gateway.data(), &["trace", "changer", "--pcapng", path]);
    let summary = tshark(&file, &[]).unwrap();
    assert!(summary.contains("SCSI: Move Medium"), "{summary}");
}

/// Returns what tshark prints; `None` on a machine without it, where CI has it (scripts/setup).
fn tshark(file: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("tshark")
        .args(["-n", "-r"])
        .arg(file)
        .args(arguments)
        .output();
    let output = match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            assert!(std::env::var_os("CI").is_none(), "tshark is missing");
            eprintln!("tshark is not installed; the capture was not judged");
            return None;
        }
        output => output.unwrap(),
    };
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    Some(String::from_utf8(output.stdout).unwrap())
}
