//! What paths cost: as it is on file, as it is now, and what has moved.

use std::{fmt, str::FromStr};

use anyhow::{Context, Result};

/// The costs of all paths, in the order of the bench.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    /// The compiler and whatever else instructions depend on.
    pub(super) made_with: String,
    pub(super) paths: Vec<(String, Cost)>,
}

/// What one operation costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    pub(super) instructions: u64,
    /// With two digits behind the point.
    pub(super) allocations: f64,
}

/// How far instructions may be from those on file, in hundredths.
const TOLERANCE: f64 = 1.0;

const HEAD: &str = "\
# What an operation costs: path, instructions, allocations.
# `cargo xtask counts` compares, and with --bless it writes this.
";

const MADE_WITH: &str = "# Instructions by ";

impl Table {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut table = Self::default();
        for line in text.lines() {
            if let Some(made_with) = line.strip_prefix(MADE_WITH) {
                table.made_with = made_with.to_owned();
            } else if !line.starts_with('#') {
                let path =
                    path(line).with_context(|| format!("{line:?} is no path with counts"))?;
                table.paths.push(path);
            }
        }
        Ok(table)
    }

    /// Every path of either table beside what it was.
    pub(super) fn compared(&self, on_file: &Self) -> Compared {
        let rows = self.paths.iter().map(|(name, cost)| Row {
            name: name.clone(),
            on_file: on_file.cost(name),
            now: Some(*cost),
        });
        let gone = on_file
            .paths
            .iter()
            .filter(|(name, _)| self.cost(name).is_none());
        let gone = gone.map(|(name, cost)| Row {
            name: name.clone(),
            on_file: Some(*cost),
            now: None,
        });
        Compared {
            rows: rows.chain(gone).collect(),
            is_judged: self.made_with == on_file.made_with,
        }
    }

    /// The table to be put on file: what has not moved stays.
    pub(super) fn blessed(&self, on_file: &Self) -> Self {
        let mut blessed = self.clone();
        if self.made_with == on_file.made_with {
            for (name, cost) in &mut blessed.paths {
                if let Some(before) = on_file.cost(name)
                    && cost.allocations == before.allocations
                    && cost.change(before).abs() <= TOLERANCE
                {
                    *cost = before;
                }
            }
        }
        blessed
    }

    fn cost(&self, name: &str) -> Option<Cost> {
        let mut paths = self.paths.iter();
        paths.find_map(|(path, cost)| (path == name).then_some(*cost))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}{MADE_WITH}{}", self.made_with)?;
        for (name, cost) in &self.paths {
            let Cost {
                instructions,
                allocations,
            } = cost;
            writeln!(f, "{name:<28}{instructions:>10}{allocations:>8.2}")?;
        }
        Ok(())
    }
}

fn path(line: &str) -> Option<(String, Cost)> {
    fn number<T: FromStr>(word: Option<&str>) -> Option<T> {
        word?.parse().ok()
    }
    let mut words = line.split_whitespace();
    let name = words.next()?.to_owned();
    let cost = Cost {
        instructions: number(words.next())?,
        allocations: number(words.next())?,
    };
    words.next().is_none().then_some((name, cost))
}

impl Cost {
    /// How many hundredths more instructions it takes than before.
    fn change(self, before: Self) -> f64 {
        (self.instructions as f64 / before.instructions.max(1) as f64 - 1.0) * 100.0
    }
}

/// Two tables side by side.
pub(super) struct Compared {
    rows: Vec<Row>,
    /// Whether instructions were counted with the same compiler.
    is_judged: bool,
}

struct Row {
    name: String,
    on_file: Option<Cost>,
    now: Option<Cost>,
}

impl Compared {
    /// How many paths cost something else than on file.
    pub(super) fn moved(&self) -> usize {
        let rows = self.rows.iter();
        rows.filter(|row| row.verdict(self.is_judged).is_some())
            .count()
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<28}{:>14}{:>10}{:>10}{:>14}{:>8}",
            "path", "instructions", "now", "change", "allocations", "now"
        )?;
        for row in &self.rows {
            let number = |cost: Option<Cost>| cost.map(|cost| cost.instructions.to_string());
            let blocks = |cost: Option<Cost>| cost.map(|cost| format!("{:.2}", cost.allocations));
            let change = row.now.zip(row.on_file);
            let change = change.map(|(now, before)| format!("{:+.2} %", now.change(before)));
            writeln!(
                f,
                "{:<28}{:>14}{:>10}{:>10}{:>14}{:>8}  {}",
                row.name,
                number(row.on_file).unwrap_or_default(),
                number(row.now).unwrap_or_default(),
                change.unwrap_or_default(),
                blocks(row.on_file).unwrap_or_default(),
                blocks(row.now).unwrap_or_default(),
                row.verdict(self.is_judged).unwrap_or_default()
            )?;
        }
        Ok(())
    }
}

impl Row {
    /// What has moved, if something has.
    fn verdict(&self, is_judged: bool) -> Option<&'static str> {
        let (on_file, now) = match (self.on_file, self.now) {
            (Some(on_file), Some(now)) => (on_file, now),
            (None, _) => return Some("is not on file"),
            (_, None) => return Some("is there no more"),
        };
        let change = now.change(on_file);
        if now.allocations > on_file.allocations {
            Some("allocates more")
        } else if now.allocations < on_file.allocations {
            Some("allocates less")
        } else if is_judged && change > TOLERANCE {
            Some("is dearer")
        } else if is_judged && change < -TOLERANCE {
            Some("is cheaper")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(made_with: &str, paths: &[(&str, u64, f64)]) -> Table {
        let paths = paths.iter().map(|&(name, instructions, allocations)| {
            let cost = Cost {
                instructions,
                allocations,
            };
            (name.to_owned(), cost)
        });
        Table {
            made_with: made_with.to_owned(),
            paths: paths.collect(),
        }
    }

    fn verdicts(now: &Table, on_file: &Table) -> Vec<String> {
        let compared = now.compared(on_file);
        let rows = compared.rows.iter().filter_map(|row| {
            let verdict = row.verdict(compared.is_judged)?;
            Some(format!("{} {verdict}", row.name))
        });
        rows.collect()
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let table = table(
            "rustc 1",
            &[("call/cbor", 7_354, 4.0), ("scan/1k/json", 12, 0.25)],
        );
        assert_eq!(Table::parse(&table.to_string()).unwrap(), table);
        assert!(Table::parse("call/cbor 12\n").is_err());
        assert!(Table::parse("call/cbor 12 4.00 5\n").is_err());
    }

    #[test]
    fn more_and_fewer_instructions_than_tolerated_are_found_and_others_are_not() {
        let on_file = table(
            "rustc 1",
            &[("a", 1_000, 4.0), ("b", 1_000, 4.0), ("c", 1_000, 4.0)],
        );
        let now = table(
            "rustc 1",
            &[("a", 1_011, 4.0), ("b", 989, 4.0), ("c", 1_009, 4.0)],
        );
        assert_eq!(verdicts(&now, &on_file), ["a is dearer", "b is cheaper"]);
        assert_eq!(now.compared(&on_file).moved(), 2);
    }

    #[test]
    fn every_allocation_is_found_with_another_compiler_too() {
        let on_file = table(
            "rustc 1",
            &[("a", 1_000, 4.0), ("b", 1_000, 4.0), ("c", 1_000, 4.0)],
        );
        let now = table(
            "rustc 2",
            &[("a", 1_000, 5.0), ("b", 1_000, 3.99), ("c", 2_000, 4.0)],
        );
        assert_eq!(
            verdicts(&now, &on_file),
            ["a allocates more", "b allocates less"]
        );
    }

    #[test]
    fn a_path_that_is_in_one_of_them_only_is_found() {
        let on_file = table("rustc 1", &[("a", 1_000, 4.0), ("b", 1_000, 4.0)]);
        let now = table("rustc 1", &[("a", 1_000, 4.0), ("c", 1_000, 4.0)]);
        assert_eq!(
            verdicts(&now, &on_file),
            ["c is not on file", "b is there no more"]
        );
    }

    #[test]
    fn what_has_not_moved_stays_on_file_unless_the_compiler_is_another() {
        let on_file = table(
            "rustc 1",
            &[("a", 1_000, 4.0), ("b", 1_000, 4.0), ("c", 1_000, 4.0)],
        );
        let costs = [("a", 1_009, 4.0), ("b", 1_011, 4.0), ("c", 1_001, 3.0)];
        let blessed = table("rustc 1", &costs).blessed(&on_file);
        let kept = [("a", 1_000, 4.0), ("b", 1_011, 4.0), ("c", 1_001, 3.0)];
        assert_eq!(blessed, table("rustc 1", &kept));
        let anew = table("rustc 2", &costs);
        assert_eq!(anew.blessed(&on_file), anew);
    }
}
