//! The benchmark's own logic with tiny sizes, so that it works when somebody wants figures.

use std::process::Command;

/// Runs the benchmark and returns its report.
fn bench(arguments: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(arguments.split_whitespace())
        .output()
        .expect("it was built before this test");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).expect("reports are text")
}

const TINY: &str = "--quick --rounds 1 --amount 1 --blocks 64 --compression none,lz4 --peers \
                    --places 2000 --filemarks 20 --files 3 --loads 2 --round-trips 20 --liveness 5 --depth 2";

#[test]
fn a_tiny_run_measures_everything_of_ours() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("report");
    let to = directory.path().display();
    let text = bench(&format!(
        "{TINY} --revision tiny --capstan {} --directory {to} --output {to}/report",
        env!("CARGO_BIN_EXE_bench-gateway"),
    ));

    assert!(text.starts_with("# Capstan tiny beside"), "{text}");
    for part in [
        "| exchange, durable file behind |",
        "| durable file |",
        "| lz4 alone | encode | text |",
        "| AES-256-GCM alone | decode |",
        "| capstan, null cartridge |",
        "| capstan, none, encrypted |",
        "| capstan, lz4, encrypted at rest |",
        "2 commands at a time",
        "4 drives at once, text",
        "| LOCATE to a random one of 2000 blocks, and READ |",
        "| SPACE over 20 filemarks |",
        "| a block of 64 KiB and a filemark |",
        "| unload and load |",
        "| ABORT TASK; busy with 4 writes of 4 MiB at a time |",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for line in text.lines().filter(|line| line.ends_with("not measured |")) {
        let expected = ["peer", "256 KiB", "1024 KiB", "zstd"];
        assert!(expected.iter().any(|part| line.contains(part)), "{line}");
    }
    assert!(!text.contains("Left out"), "{text}");
    assert!(!output.with_extension("journal").exists());
    let written = std::fs::read_to_string(output.with_extension("md")).unwrap();
    assert_eq!(written, text);

    std::fs::remove_file(output.with_extension("md")).unwrap();
    bench(&format!("report {}", output.display()));
    let again = std::fs::read_to_string(output.with_extension("md")).unwrap();
    assert_eq!(again, text, "JSON has everything");
}
