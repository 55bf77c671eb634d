//! A TOML document, read strictly: everything that is wrong is gathered, each with its place.

use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::value::{self, Interval};

/// The text of a document, and what was found wrong in it.
#[derive(Debug)]
pub(super) struct Document<'a> {
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
}

/// What is wrong, or odd, at a place of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) severity: Severity,
    /// `None` if it is the document as a whole.
    pub(super) place: Option<Place>,
    pub(super) text: String,
}

/// A place in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Counted from 1.
    line: usize,
    /// In characters, counted from 1.
    column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// The document cannot be used.
    Error,
    /// It can, and is hardly meant so.
    Warning,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}: ")?;
        }
        f.write_str(&self.text)
    }
}

impl<'a> Document<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self {
            text,
            problems: RefCell::new(Vec::new()),
        }
    }

    /// Lets `read` read the document; `None` if it is not TOML.
    pub(super) fn read<T>(&self, read: impl FnOnce(&mut Section<'_>) -> T) -> Option<T> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        if !errors.is_empty() {
            // What could be made of it is passed over: errors in that would mislead.
            for error in errors {
                let at = error.span().map_or(0, |span| span.start);
                self.error(at, format!("this is not TOML: {}", error.message()));
            }
            return None;
        }
        let mut section = Section::new(self, root.get_ref(), 0, "");
        let value = read(&mut section);
        section.finish();
        Some(value)
    }

    /// What was found, in the order of its places.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.place);
        problems
    }

    pub(super) fn has_errors(&self) -> bool {
        let problems = self.problems.borrow();
        let mut severities = problems.iter().map(|problem| problem.severity);
        severities.any(|severity| severity == Severity::Error)
    }

    pub(super) fn error(&self, at: usize, text: impl Into<String>) {
        self.add(Severity::Error, at, text.into());
    }

    pub(super) fn warn(&self, at: usize, text: impl Into<String>) {
        self.add(Severity::Warning, at, text.into());
    }

    fn add(&self, severity: Severity, at: usize, text: String) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        self.problems.borrow_mut().push(Problem {
            severity,
            place: Some(Place {
                line: before.matches('\n').count() + 1,
                column: line.chars().count() + 1,
            }),
            text,
        });
    }
}

/// A value, and where in its document it stands. Two are equal if their values are.
#[derive(Debug, Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    /// In octets, from the beginning of the document.
    pub(super) at: usize,
}

impl<T> Located<T> {
    pub(super) const fn new(value: T, at: usize) -> Self {
        Self { value, at }
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located::new(change(self.value), self.at)
    }
}

impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A table of a document. What is asked for is what is known: every other key is an error.
///
/// Each of its methods asks for a key. `None` is that it is not there, or not as it has to be, which
/// then was found wrong. Errors never repeat the value: it may be a secret.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) document: &'a Document<'a>,
    table: &'a DeTable<'a>,
    /// Where it begins.
    pub(super) at: usize,
    /// What it is called in errors, such as `[[listener]]`; empty for the document as a whole.
    name: &'static str,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    fn new(
        document: &'a Document<'a>,
        table: &'a DeTable<'a>,
        at: usize,
        name: &'static str,
    ) -> Self {
        Self {
            document,
            table,
            at,
            name,
            asked: Vec::new(),
        }
    }

    /// Reports the keys that nothing has asked for.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let name = key.get_ref();
            if self.asked.iter().any(|asked| asked == name) {
                continue;
            }
            let mut text = format!("unknown key `{}`", name.escape_debug());
            if !self.name.is_empty() {
                text.push_str(&format!(" in {}", self.name));
            }
            match nearest(name, &self.asked) {
                Some(near) => text.push_str(&format!(", did you mean `{near}`?")),
                None => text.push_str(&format!("; known are {}", quoted(&self.asked, '`'))),
            }
            self.document.error(key.span().start, text);
        }
    }

    pub(super) fn error(&self, at: usize, text: impl Into<String>) {
        self.document.error(at, text);
    }

    /// Says that a key must be there, if `value` is none for want of it.
    pub(super) fn required<T>(&self, key: &str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.table.contains_key(key) {
            self.error(self.at, format!("{} needs the key `{key}`", self.name));
        }
        value
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<Located<String>> {
        self.value(key, "a text in quotes that is not empty", text)
    }

    /// A text that may be empty.
    pub(super) fn pattern(&mut self, key: &'static str) -> Option<Located<String>> {
        self.value(key, "a text in quotes", |value| {
            value.as_str().map(str::to_owned)
        })
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let flag = self.value(key, "true or false", |value| value.as_bool());
        flag.map(|flag| flag.value)
    }

    /// A number within a range.
    pub(super) fn count(
        &mut self,
        key: &'static str,
        range: &RangeInclusive<usize>,
    ) -> Option<usize> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let parse = |value: &DeValue<'_>| integer(value).filter(|count| range.contains(count));
        self.value(key, &wanted, parse).map(|count| count.value)
    }

    /// A number of octets within a range.
    pub(super) fn size(
        &mut self,
        key: &'static str,
        range: &RangeInclusive<usize>,
    ) -> Option<usize> {
        let (least, most) = (range.start(), range.end());
        let wanted = format!(
            "a size such as \"64KiB\" or \"16MiB\", or a number of octets, from {} to {}",
            value::show_size(*least),
            value::show_size(*most)
        );
        let parse = |value: &DeValue<'_>| {
            let size = match value {
                DeValue::String(text) => value::size(text).ok(),
                value => integer(value),
            };
            size.filter(|size| range.contains(size))
        };
        self.value(key, &wanted, parse).map(|size| size.value)
    }

    pub(super) fn time(&mut self, key: &'static str) -> Option<Duration> {
        let wanted = "a time such as \"500ms\", \"10s\", \"5m\" or \"1h\", in quotes";
        let parse = |value: &DeValue<'_>| value::time(value.as_str()?).ok();
        self.value(key, wanted, parse).map(|time| time.value)
    }

    /// A time, or never.
    pub(super) fn interval(&mut self, key: &'static str) -> Option<Interval> {
        let wanted = "a time such as \"20s\", in quotes, or \"off\"";
        let parse = |value: &DeValue<'_>| value::interval(value.as_str()?).ok();
        self.value(key, wanted, parse)
            .map(|interval| interval.value)
    }

    /// The permissions of a file.
    pub(super) fn mode(&mut self, key: &'static str) -> Option<Located<u32>> {
        self.value(
            key,
            "the permissions of a file in octal digits, such as 0o660",
            |value| {
                let number = value.as_integer().filter(|number| number.radix() == 8)?;
                let mode = u32::from_str_radix(number.as_str(), 8).ok()?;
                (mode <= 0o777).then_some(mode)
            },
        )
    }

    /// One of several names.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<Located<T>> {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let wanted = format!("one of {}", quoted(&names, '"'));
        self.value(key, &wanted, |value| chosen(value.as_str()?, choices))
    }

    /// An array of texts.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Located<Vec<Located<String>>>> {
        self.array(key, "an array of texts that are not empty", text)
    }

    /// An array of some of several names.
    pub(super) fn choices<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<Located<Vec<Located<T>>>> {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let wanted = format!("an array of some of {}", quoted(&names, '"'));
        self.array(key, &wanted, |value| chosen(value.as_str()?, choices))
    }

    /// Lets `read` read a table.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        name: &'static str,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> Option<T> {
        let (at, value) = self.raw(key)?;
        match value.get_ref() {
            DeValue::Table(table) => {
                let mut section = Section::new(self.document, table, at, name);
                let value = read(&mut section);
                section.finish();
                Some(value)
            }
            _ => {
                self.error(at, format!("`{key}` must be a table, {name}"));
                None
            }
        }
    }

    /// Lets `read` read each table of an array.
    pub(super) fn sections<T>(
        &mut self,
        key: &'static str,
        name: &'static str,
        mut read: impl FnMut(&mut Section<'a>) -> Option<T>,
    ) -> Vec<T> {
        let Some((at, value)) = self.raw(key) else {
            return Vec::new();
        };
        let wrong = format!("`{key}` must be an array of tables, {name}");
        let DeValue::Array(array) = value.get_ref() else {
            self.error(at, wrong);
            return Vec::new();
        };
        let mut values = Vec::new();
        for item in array.iter() {
            let DeValue::Table(table) = item.get_ref() else {
                self.error(item.span().start, &*wrong);
                continue;
            };
            let mut section = Section::new(self.document, table, item.span().start, name);
            values.extend(read(&mut section));
            section.finish();
        }
        values
    }

    fn array<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        parse: impl Fn(&DeValue<'_>) -> Option<T>,
    ) -> Option<Located<Vec<Located<T>>>> {
        let (at, value) = self.raw(key)?;
        let wrong = |at| self.error(at, format!("`{key}` must be {wanted}"));
        let Some(array) = value.get_ref().as_array() else {
            wrong(value.span().start);
            return None;
        };
        let mut values = Vec::new();
        for item in array.iter() {
            let at = item.span().start;
            match parse(item.get_ref()) {
                Some(value) => values.push(Located::new(value, at)),
                None => wrong(at),
            }
        }
        // What was wrong was told; what is left is not to be taken for what is missing.
        Some(Located::new(values, at))
    }

    fn value<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        parse: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Option<Located<T>> {
        let (_, value) = self.raw(key)?;
        let at = value.span().start;
        let parsed = parse(value.get_ref());
        if parsed.is_none() {
            self.error(at, format!("`{key}` must be {wanted}"));
        }
        parsed.map(|value| Located::new(value, at))
    }

    /// The value of a key, and where the key stands.
    fn raw(&mut self, key: &'static str) -> Option<(usize, &'a Spanned<DeValue<'a>>)> {
        self.asked.push(key);
        let (found, value) = self.table.get_key_value(key)?;
        Some((found.span().start, value))
    }
}

/// Puts a value in place of another, if there is one.
pub(super) fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

fn text(value: &DeValue<'_>) -> Option<String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned)
}

fn integer(value: &DeValue<'_>) -> Option<usize> {
    let number = value.as_integer()?;
    usize::from_str_radix(number.as_str(), number.radix()).ok()
}

fn chosen<T: Copy>(text: &str, choices: &[(&'static str, T)]) -> Option<T> {
    let found = choices.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value)
}

/// The name that somebody may have meant.
fn nearest<'n>(unknown: &str, known: &[&'n str]) -> Option<&'n str> {
    let distance = |name: &&&str| strsim::damerau_levenshtein(unknown, name);
    let near = known.iter().min_by_key(distance)?;
    // As far as a third of it may be mistyped.
    (distance(&near) <= near.len().div_ceil(3)).then_some(near)
}

fn quoted(names: &[&str], quote: char) -> String {
    let quoted: Vec<_> = names
        .iter()
        .map(|name| format!("{quote}{name}{quote}"))
        .collect();
    quoted.join(", ")
}
