//! The results of a run, as a table that a README can show.

use std::collections::HashMap;

use crate::cell::Cell;

/// The results as a Markdown table: a row for each router, transport,
/// serializer and pair, a column for each scenario.
#[derive(Default)]
pub(crate) struct Table {
    columns: Vec<&'static str>,
    rows: Vec<(String, HashMap<&'static str, bool>)>,
}

impl Table {
    pub(crate) fn enter(&mut self, cell: &Cell, passed: bool) {
        let column = cell.scenario.name;
        if !self.columns.contains(&column) {
            self.columns.push(column);
        }
        let name = cell.row();
        let at = self
            .rows
            .iter()
            .position(|(row, _)| *row == name)
            .unwrap_or_else(|| {
                self.rows.push((name, HashMap::new()));
                self.rows.len() - 1
            });
        self.rows[at].1.insert(column, passed);
    }

    pub(crate) fn render(&self) -> String {
        let mut text = format!(
            "| router | transport | serializer | caller-callee | {} |\n",
            self.columns.join(" | ")
        );
        text.push_str(&format!("|{}\n", "---|".repeat(4 + self.columns.len())));
        for (row, results) in &self.rows {
            let cells: Vec<&str> = self
                .columns
                .iter()
                .map(|column| mark(results.get(column)))
                .collect();
            text.push_str(&format!("| {row} | {} |\n", cells.join(" | ")));
        }
        text
    }
}

fn mark(result: Option<&bool>) -> &'static str {
    match result {
        Some(true) => "ok",
        Some(false) => "FAIL",
        None => "",
    }
}
