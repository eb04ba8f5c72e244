//! The report for people: the circumstances, the targets, then the tables.

use std::fmt::Write as _;

use super::Report;
use super::targets::{self, Line};

impl Report {
    /// Returns all of it.
    pub(crate) fn markdown(&self) -> String {
        let revision = self.circumstances.revision.as_deref().unwrap_or_default();
        format!(
            "# Capstan {revision} beside its peers and the machine's limits\n\n\
             Minimum / **median** / maximum over the rounds; ratios compare figures of the same round. \
             [How to read and repeat this](../README.md).\n\n{}\n## Targets\n\n{}{}",
            self.about(),
            self.targets(),
            self.tables(),
        )
    }

    /// Returns a list of what the figures were taken on.
    pub(crate) fn about(&self) -> String {
        let about = &self.circumstances;
        let loads: Vec<_> = about
            .load_averages
            .iter()
            .map(|load| format!("{load:.1}"))
            .collect();
        let mut text = format!(
            "- {}, {} processors, Linux {}; data on {}\n\
             - {} rounds{}, {:.0} minutes in all, {} MiB at a time with blocks of 1 MiB; \
             load average as each began: {}\n",
            about.machine.processor,
            about.machine.processors,
            about.machine.kernel,
            about.file_system,
            about.rounds,
            if about.quick { " of the quick run" } else { "" },
            about.seconds / 60.0,
            about.amount_mib,
            loads.join(", "),
        );
        let _ = match about.client_and_target_cpu {
            Some([client, target]) => writeln!(
                text,
                "- apart: the client on CPU {client}, the target with all its threads on CPU {target}; \
                 free: both on all CPUs",
            ),
            None => writeln!(text, "- one CPU: nothing was ever apart"),
        };
        for version in &about.versions {
            let _ = writeln!(text, "- {version}");
        }
        for who in &about.left_out {
            let _ = writeln!(text, "- **Left out: {who}**");
        }
        text
    }

    /// Returns the table of targets.
    pub(crate) fn targets(&self) -> String {
        let lines = targets::lines(self);
        let count = |wanted| lines.iter().filter(|line| line.reached == wanted).count();
        let mut text = format!(
            "{} reached, {} missed, {} not measured.\n\n\
             | | wanted | figure | |\n| --- | --- | --- | --- |\n",
            count(Some(true)),
            count(Some(false)),
            count(None),
        );
        for Line {
            what,
            wanted,
            figure,
            reached,
        } in &lines
        {
            let verdict = match reached {
                Some(true) => "reached",
                Some(false) => "**missed**",
                None => "not measured",
            };
            let _ = writeln!(text, "| {what} | {wanted} | {figure} | {verdict} |");
        }
        text
    }
}
