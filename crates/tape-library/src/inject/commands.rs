//! Which commands a fault is about.

use std::fmt;

use scsi::command::{CommandSpec, CommandTable, UnitAttention};

/// A choice of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands(Choice);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    /// All but INQUIRY, REPORT LUNS and REQUEST SENSE, which look at nothing that could be broken.
    Any,
    /// Those with these names, without the length in brackets: `READ` is READ(6) and READ(16).
    Named(Vec<String>),
    /// Those with this operation code.
    Code(u8),
}

impl Commands {
    /// Returns all commands but INQUIRY, REPORT LUNS and REQUEST SENSE.
    pub const fn any() -> Self {
        Self(Choice::Any)
    }

    /// Reads names and operation codes: `any`, `READ`, `write(6)`, `write-filemarks`, `0x08`, `8h`.
    /// The error says which commands `table` has.
    pub fn parse(text: &str, table: CommandTable) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("any") {
            return Ok(Self::any());
        }
        let lower = text.to_ascii_lowercase();
        let digits = lower
            .strip_prefix("0x")
            .or_else(|| lower.strip_suffix('h').filter(|it| it.len() <= 2));
        if let Some(code) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            return Ok(Self(Choice::Code(code)));
        }
        let wanted = plain(text);
        let named: Vec<String> = table
            .rows()
            .filter(|spec| plain(spec.name) == wanted || plain(base(spec.name)) == wanted)
            .map(|spec| spec.name.to_owned())
            .collect();
        if named.is_empty() {
            let mut known: Vec<&str> = table.rows().map(|spec| base(spec.name)).collect();
            known.sort_unstable();
            known.dedup();
            return Err(format!(
                "`{text}` is no command of this device; it has {}; or write any, or an operation code \
                 such as 0x08",
                known.join(", ")
            ));
        }
        Ok(Self(Choice::Named(named)))
    }

    /// Returns whether `spec` is one of them.
    pub(super) fn contain(&self, spec: &CommandSpec) -> bool {
        match &self.0 {
            Choice::Any => spec.unit_attention == UnitAttention::Report,
            Choice::Named(names) => names.iter().any(|name| name == spec.name),
            Choice::Code(code) => spec.operation_code == *code,
        }
    }
}

impl fmt::Display for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Choice::Any => f.write_str("any command"),
            Choice::Named(names) => f.write_str(&names.join(", ")),
            Choice::Code(code) => write!(f, "operation code {code:02X}h"),
        }
    }
}

/// The name without its length or its service action.
fn base(name: &str) -> &str {
    let end = name.find(['(', ':']).unwrap_or(name.len());
    name[..end].trim_end()
}

/// Spaces, hyphens and case make no difference.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|it| !matches!(it, ' ' | '-' | '_'))
        .map(|it| it.to_ascii_lowercase())
        .collect()
}
