//! Where a key or a table belongs, as the sample shows: it has all of them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::router::SAMPLE;

/// What to say of a name that is not known in `table`, and is elsewhere.
pub(super) fn elsewhere(name: &str, table: &str) -> Option<String> {
    let homes = HOMES.get(name)?;
    Some(match (&*homes.tables, &*homes.keys) {
        ([], [one]) if is_within(table, one) => {
            format!("it is a key of {one}, and stands above {table}")
        }
        ([], tables) => format!("it is a key of {}", tables.join(" or ")),
        (tables, _) => format!("write {}", tables.join(" or ")),
    })
}

/// Where there is something of a name.
#[derive(Default)]
struct Homes {
    /// The tables that are called so.
    tables: Vec<&'static str>,
    /// The tables that have a key of that name.
    keys: Vec<&'static str>,
}

/// By name. A file may have as many unknown keys as it has lines.
static HOMES: LazyLock<BTreeMap<&str, Homes>> = LazyLock::new(|| {
    let mut homes = BTreeMap::<_, Homes>::new();
    let mut header = "";
    for line in SAMPLE.lines() {
        let line = line.strip_prefix('#').unwrap_or(line);
        let found = if line.starts_with('[') {
            header = line;
            &mut homes.entry(last(header)).or_default().tables
        } else if let Some((key, _)) = line.split_once(" = ") {
            &mut homes.entry(key).or_default().keys
        } else {
            continue;
        };
        if !found.contains(&header) {
            found.push(header);
        }
    }
    homes
});

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
