//! Where a key or a table belongs, as the sample shows: it has all of them.

use crate::router::SAMPLE;

/// What to say of a name that is not known in `table`, and is elsewhere.
pub(super) fn elsewhere(name: &str, table: &str) -> Option<String> {
    let mut tables: Vec<&str> = Vec::new();
    let mut keys: Vec<&str> = Vec::new();
    let mut header = "";
    for line in SAMPLE.lines() {
        let line = line.strip_prefix('#').unwrap_or(line);
        if line.starts_with('[') {
            header = line;
            if last(header) == name && !tables.contains(&header) {
                tables.push(header);
            }
        } else if line.split(" = ").next() == Some(name)
            && line.contains(" = ")
            && !keys.contains(&header)
        {
            keys.push(header);
        }
    }
    match (&*tables, &*keys) {
        ([], []) => None,
        ([], [one]) if is_within(table, one) => {
            Some(format!("it is a key of {one}, and stands above {table}"))
        }
        ([], keys) => Some(format!("it is a key of {}", keys.join(" or "))),
        (tables, _) => Some(format!("write {}", tables.join(" or "))),
    }
}

/// The name of the table that is to be in two brackets where a line has it in one.
pub(super) fn with_two_brackets(line: &str) -> Option<&'static str> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let is_single = line.starts_with('[') && !line.starts_with("[[");
    let mut headers = SAMPLE.lines().filter(|line| line.starts_with("[["));
    headers.find(|header| is_single && path(header) == path(line))
}

/// Whether a table is one of another's.
fn is_within(inner: &str, outer: &str) -> bool {
    let rest = path(inner).strip_prefix(path(outer));
    rest.is_some_and(|rest| rest.starts_with('.'))
}

fn last(header: &str) -> &str {
    let path = path(header);
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}

fn path(header: &str) -> &str {
    header.trim_matches(['[', ']', ' '])
}
