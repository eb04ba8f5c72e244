//! A command on one line, for people.

use crate::api::types::{TracePosition, TracedCommand};

/// Returns what stands over the lines.
pub(super) fn heading() -> String {
    row(
        "TIME (UTC)",
        "TOOK",
        "SESSION",
        "TAPE FILE,BLOCK",
        "DATA",
        "COMMAND",
    )
}

/// Returns a command as a line.
pub(super) fn line(command: &TracedCommand) -> String {
    let session = match command.session {
        Some(session) => session.to_string(),
        None => "ended".to_owned(),
    };
    row(
        &time_of_day(command.began_unix_us),
        &duration(command.took_us),
        &session,
        &positions(command.before, command.after),
        &data(command.data_out_bytes, command.data_in_bytes),
        &what(command),
    )
}

fn row(time: &str, took: &str, session: &str, at: &str, data: &str, what: &str) -> String {
    format!("{time:<15}  {took:>10}  {session:<7}  {at:<19}  {data:<12}  {what}")
}

/// The command and, unless it ended well, how it ended.
fn what(command: &TracedCommand) -> String {
    let mut text = if command.name.is_empty() {
        format!("unknown command {}", command.cdb)
    } else {
        command.name.clone()
    };
    if !command.fields.is_empty() {
        text.push(' ');
        text.push_str(&command.fields);
    }
    match &command.sense {
        Some(sense) => {
            text.push_str(" → ");
            text.push_str(sense);
        }
        None if command.status_code != 0 => {
            text.push_str(" → ");
            text.push_str(&command.status);
        }
        None => {}
    }
    if !command.answered {
        text.push_str(" (aborted)");
    }
    text
}

fn positions(before: Option<TracePosition>, after: Option<TracePosition>) -> String {
    match (before, after) {
        (None, None) => String::new(),
        (before, after) if before == after => position(before),
        (before, after) => format!("{} → {}", position(before), position(after)),
    }
}

/// The partition only where there is more than one to be in.
fn position(position: Option<TracePosition>) -> String {
    match position {
        None => "—".to_owned(),
        Some(at) if at.partition == 0 => format!("{},{}", at.file, at.block),
        Some(at) => format!("p{}:{},{}", at.partition, at.file, at.block),
    }
}

fn data(bytes_out: u64, bytes_in: u64) -> String {
    match (bytes_out, bytes_in) {
        (0, 0) => String::new(),
        (bytes_out, 0) => format!("{bytes_out} out"),
        (0, bytes_in) => format!("{bytes_in} in"),
        (bytes_out, bytes_in) => format!("{bytes_out} out, {bytes_in} in"),
    }
}

fn duration(us: u64) -> String {
    match us {
        0..10_000 => format!("{us} µs"),
        10_000..10_000_000 => format!("{}.{} ms", us / 1000, us / 100 % 10),
        _ => format!("{}.{} s", us / 1_000_000, us / 100_000 % 10),
    }
}

fn time_of_day(unix_us: u64) -> String {
    let (seconds, us) = (unix_us / 1_000_000 % 86_400, unix_us % 1_000_000);
    format!(
        "{:02}:{:02}:{:02}.{us:06}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_happened() {
        let at = |file, block| {
            Some(TracePosition {
                partition: 0,
                block,
                file,
            })
        };
        let command = TracedCommand {
            number: 1,
            began_unix_us: 3_723_000_045,
            took_us: 12_345,
            initiator: "iqn.x,i,0x1".into(),
            session: Some(3),
            nexus: 1,
            cdb: "080200280000".into(),
            name: "READ(6)".into(),
            fields: "10240 bytes".into(),
            before: at(0, 7),
            after: at(1, 8),
            data_out_bytes: 0,
            data_out: String::new(),
            data_in_bytes: 0,
            data_in: String::new(),
            status: "CHECK CONDITION".into(),
            status_code: 2,
            sense: Some("NO SENSE 0/00/01 FILEMARK DETECTED, FILEMARK".into()),
            sense_data: None,
            answered: true,
        };
        assert_eq!(
            line(&command),
            "01:02:03.000045     12.3 ms  3        0,7 → 1,8                          \
             READ(6) 10240 bytes → NO SENSE 0/00/01 FILEMARK DETECTED, FILEMARK"
        );
    }

    #[test]
    fn durations_have_few_digits() {
        assert_eq!(duration(84), "84 µs");
        assert_eq!(duration(10_000), "10.0 ms");
        assert_eq!(duration(61_234_567), "61.2 s");
    }
}
