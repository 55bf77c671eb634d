//! The report for people.

use std::fmt::Write;

use super::{Bottleneck, MemoryRow, Ratio, Report, Row, Side, Verdict};

impl Report {
    /// All of it.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if !self.rows.is_empty() {
            let _ = writeln!(text, "{}", head(self.against.as_deref()));
        }
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.line());
        }
        for row in &self.memory {
            let _ = writeln!(text, "{}", row.line());
        }
        if let Some(soak) = &self.soak {
            let _ = writeln!(text, "{}", soak.line());
        }
        text
    }
}

/// What stands above the columns.
fn head(against: Option<&str>) -> String {
    let mut head = format!(
        "{:30} {:>9} {:>9} {:>6} {:>13} {:>7} {:>7} {:>5} {:>10} {:>10} {:>15} {:>7} {:>8}  ",
        "workload",
        "ours/s",
        "limit/s",
        "ratio",
        "spread",
        "µs",
        "limit",
        "times",
        "shares",
        "limit",
        "held up by",
        "sleeps",
        "syscalls"
    );
    if against.is_some() {
        let _ = write!(
            head,
            "{:>9} {:>6} {:>13} {:>7} {:>10} {:>7}  ",
            "theirs/s", "ratio", "spread", "µs", "held up by", "lost"
        );
    }
    head + "verdict"
}

impl Row {
    /// The row for people.
    pub(crate) fn line(&self) -> String {
        let name = match self.awake {
            true => format!("{} awake", self.name),
            false => self.name.clone(),
        };
        let limit = self.limit.as_ref();
        let mut line = format!(
            "{name:30} {:>9} {:>9} {:>6} {:>13} {:>7} {:>7} {:>5} {:>10} {:>10} {:>15} {:>7} {:>8}  ",
            number(self.ours.rate, 0),
            number(limit.and_then(|limit| limit.rate), 0),
            number(self.ratio.map(|ratio| ratio.median), 2),
            spread(self.ratio),
            number(self.ours.micros, 2),
            number(limit.and_then(|limit| limit.micros), 2),
            number(self.cpu_ratio, 1),
            self.ours.shares(),
            limit.map_or_else(String::new, Side::shares),
            match limit {
                Some(limit) => format!("{}/{}", self.ours.held_up_by(), limit.held_up_by()),
                None => self.ours.held_up_by().to_owned(),
            },
            number(self.ours.sleeps, 3),
            number(self.syscalls, 2),
        );
        if let Some(against) = &self.against {
            let _ = write!(
                line,
                "{:>9} {:>6} {:>13} {:>7} {:>10} {:>7}  ",
                number(against.rate, 0),
                number(self.against_ratio.map(|ratio| ratio.median), 1),
                spread(self.against_ratio),
                number(against.micros, 2),
                against.held_up_by(),
                against.lost
            );
        }
        line += self.verdict.in_words();
        if !self.missed.is_empty() {
            let _ = write!(line, ": {}", self.missed.join(", "));
        }
        for (who, side) in [
            ("the router", Some(&self.ours)),
            ("the limit", limit),
            ("the other router", self.against.as_ref()),
        ] {
            if let Some(failed) = side.and_then(|side| side.failed.as_ref()) {
                let _ = write!(line, "; {who} failed: {failed}");
            }
        }
        if let Some(lock) = &self.lock {
            let _ = write!(line, "; {}", lock.line());
        }
        line.trim_end().to_owned()
    }
}

impl Side {
    /// Those of router and load.
    fn shares(&self) -> String {
        format!(
            "{}+{}",
            number(self.router_share, 2),
            number(self.load_share, 2)
        )
    }

    const fn held_up_by(&self) -> &'static str {
        match self.bottleneck {
            Some(Bottleneck::Load) => "load",
            Some(Bottleneck::Router) => "router",
            Some(Bottleneck::Cores) => "cores",
            Some(Bottleneck::Waiting) => "waiting",
            None => "",
        }
    }
}

impl MemoryRow {
    /// The row for people.
    pub(crate) fn line(&self) -> String {
        let kib = |octets: u64| octets as f64 / 1024.0;
        let mut line = format!(
            "{:30} {:>9} KiB of {:.1}  {}",
            self.name,
            number(self.octets.map(kib), 1),
            kib(self.allowed),
            self.verdict.in_words()
        );
        if let Some(failed) = &self.failed {
            let _ = write!(line, ": it failed: {failed}");
        }
        line
    }
}

impl Verdict {
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Reached => "reached",
            Self::Missed => "MISSED",
        }
    }
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.digits$}"))
}

fn spread(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(String::new, |ratio| {
        format!("{:.2}..{:.2}", ratio.least, ratio.most)
    })
}
