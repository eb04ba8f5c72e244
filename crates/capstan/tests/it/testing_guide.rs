//! The examples of docs/testing-backup-software.md, run as they stand there.

use std::process::Command;

use crate::support::TestGateway;
use crate::support::child::BINARY;

const GUIDE: &str = include_str!("../../../../docs/testing-backup-software.md");

#[test]
fn every_example_of_the_guide_works() {
    let gateway = TestGateway::start();
    let examples = examples(GUIDE);
    assert!(examples.len() > 20, "{examples:?}");
    for example in examples {
        let words = words(example);
        assert_eq!(words[0], "capstan", "{example}");
        let output = Command::new(BINARY)
            .args(&words[1..])
            .current_dir(gateway.data())
            .env("CAPSTAN_DATA", gateway.data())
            .env_remove("CAPSTAN_CONFIG")
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{example}: {error}");
    }
    assert!(gateway.data().join("backup.pcapng").exists());
}

/// The lines in blocks of shell.
fn examples(document: &str) -> Vec<&str> {
    let mut blocks = document.split("```sh\n").skip(1);
    let mut lines = Vec::new();
    for block in &mut blocks {
        let (block, _) = block.split_once("```").expect("a block that ends");
        lines.extend(block.lines());
    }
    lines
}

/// Splits a line as a shell does that knows double quotes and nothing else.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
