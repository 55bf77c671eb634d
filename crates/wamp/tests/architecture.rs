//! The guide's chapter on the architecture names functions by file: they are there.

use std::path::Path;

/// Cells of a row of a table that are set as code, such as `Driver::poll`.
fn code(cell: &str) -> Option<&str> {
    cell.trim().strip_prefix('`')?.strip_suffix('`')
}

#[test]
fn every_function_that_the_architecture_names_is_in_its_file() {
    let chapter = include_str!("../src/docs/architecture.md");
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crates lie beside each other");
    let mut rows = 0;
    for line in chapter.lines() {
        let mut cells = line.split('|').skip(1);
        let (Some(function), Some(file)) =
            (cells.next().and_then(code), cells.next().and_then(code))
        else {
            continue;
        };
        let Some((owner, name)) = function.split_once("::") else {
            continue;
        };
        rows += 1;
        let source = std::fs::read_to_string(crates.join(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(source.contains(&format!("fn {name}")), "{file}: {function}");
        // A module is named by its file.
        let is_module = file.ends_with(&format!("/{owner}.rs"));
        assert!(is_module || source.contains(owner), "{file}: {function}");
    }
    assert!(rows > 20, "the table has {rows} rows");
}
