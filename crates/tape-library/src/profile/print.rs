//! A profile as a file of its own: complete, so that it stands on nothing else.

use std::fmt::Write as _;

use serde::Serialize;

use super::{ChangerProfile, DriveProfile};

impl ChangerProfile {
    /// Returns the profile as a file that reads back as the same.
    pub fn to_toml(&self) -> String {
        print("changer", self)
    }
}

impl DriveProfile {
    /// Returns the profile as a file that reads back as the same.
    pub fn to_toml(&self) -> String {
        print("drive", self)
    }
}

fn print(kind: &str, profile: &impl Serialize) -> String {
    let plain = toml::to_string(profile).expect("profiles are tables of texts, numbers and lists");
    let mut text = format!("kind = \"{kind}\"\n");
    for line in plain.lines() {
        let _ = match line.split_once(" = ") {
            Some((key, value)) => match hex_digits(key) {
                Some(digits) => writeln!(text, "{key} = {}", in_hex(value, digits)),
                None => writeln!(text, "{line}"),
            },
            None => writeln!(text, "{line}"),
        };
    }
    text
}

/// Returns with how many digits the numbers of a key are usually written, if not decimal.
fn hex_digits(key: &str) -> Option<usize> {
    match key {
        "pages" | "page" | "t10_code_set" => Some(2),
        "version_descriptors" | "picker" | "import_export" | "drives" | "storage" => Some(4),
        _ => None,
    }
}

/// Writes each decimal number in `value` in hexadecimal digits.
fn in_hex(value: &str, digits: usize) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        out.push_str(before);
        match number.parse::<u32>() {
            Ok(number) => {
                let _ = write!(out, "0x{number:0digits$x}");
            }
            Err(_) => out.push_str(number),
        }
        rest = after;
    }
    out + rest
}
