//! A TOML document, read strictly: everything that is wrong is gathered, each with its place.

mod sample;
mod section;

use std::cell::{OnceCell, RefCell};
use std::fmt;

use toml::de::DeTable;

pub(super) use section::Section;

/// The text of a document, and what was found wrong in it.
#[derive(Debug)]
pub(super) struct Document<'a> {
    text: &'a str,
    /// What is wrong, or odd, with the octet where it begins.
    found: RefCell<Vec<(usize, Severity, String)>>,
    /// Where its lines end, once somebody asks.
    ends: OnceCell<Vec<usize>>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl Problem {
    /// What is true of the document as a whole.
    pub(super) const fn whole(severity: Severity, text: String) -> Self {
        Self {
            severity,
            place: None,
            text,
        }
    }
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
            found: RefCell::new(Vec::new()),
            ends: OnceCell::new(),
        }
    }

    /// Lets `read` read the document; `None` if it is not TOML.
    pub(super) fn read<T>(&self, read: impl FnOnce(&mut Section<'_>) -> T) -> Option<T> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        if !errors.is_empty() {
            // What could be made of it is passed over: errors in that would mislead.
            let errors = errors
                .iter()
                .map(|error| (error.span().map_or(0, |span| span.start), error.message()));
            if !self.find_single_brackets(errors.clone().map(|(at, _)| at)) {
                for (at, message) in errors {
                    self.error(at, format!("this is not TOML: {message}"));
                }
            }
            return None;
        }
        let mut section = Section::new(self, root.get_ref(), 0, "");
        let value = read(&mut section);
        section.finish();
        Some(value)
    }

    /// Finds tables that come again and need two brackets for it; what else is wrong follows from
    /// that.
    fn find_single_brackets(&self, errors: impl Iterator<Item = usize>) -> bool {
        let mut found = Vec::new();
        for at in errors {
            let line = self.line(at);
            let begin = self.end_of(line - 1).map_or(0, |end| end + 1);
            let end = self.end_of(line).unwrap_or(self.text.len());
            // A line may be as long as the document, and be wrong at every octet.
            let header = self.text.get(begin..end.min(begin + LONGEST_HEADER));
            let Some(table) = header.and_then(sample::with_two_brackets) else {
                continue;
            };
            if !found.contains(&table) {
                found.push(table);
                self.error(begin, format!("write {table}, with two brackets"));
            }
        }
        !found.is_empty()
    }

    /// What was found, in the order of its places.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(at, ..)| *at);
        let mut places = Places::new(self.text);
        let problems = found.into_iter().map(|(at, severity, text)| Problem {
            severity,
            place: Some(places.next(at)),
            text,
        });
        problems.collect()
    }

    pub(super) fn has_errors(&self) -> bool {
        let found = self.found.borrow();
        let mut severities = found.iter().map(|(_, severity, _)| *severity);
        severities.any(|severity| severity == Severity::Error)
    }

    /// The line of an octet, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.ends().partition_point(|end| *end < at) + 1
    }

    /// Where a line ends, unless it is the last one.
    fn end_of(&self, line: usize) -> Option<usize> {
        self.ends().get(line.checked_sub(1)?).copied()
    }

    fn ends(&self) -> &[usize] {
        let ends = || self.text.match_indices('\n').map(|(end, _)| end).collect();
        self.ends.get_or_init(ends)
    }

    pub(super) fn error(&self, at: usize, text: impl Into<String>) {
        self.add(Severity::Error, at, text.into());
    }

    pub(super) fn warn(&self, at: usize, text: impl Into<String>) {
        self.add(Severity::Warning, at, text.into());
    }

    fn add(&self, severity: Severity, at: usize, text: String) {
        self.found.borrow_mut().push((at, severity, text));
    }
}

/// How far the header of a table is looked for in its line, in octets.
const LONGEST_HEADER: usize = 64;

/// Tells lines and columns, of one place after the other. It walks through the document once: a
/// file may have as many errors as it has lines.
struct Places<'a> {
    rest: &'a str,
    line: usize,
    column: usize,
    at: usize,
}

impl<'a> Places<'a> {
    const fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            line: 1,
            column: 1,
            at: 0,
        }
    }

    /// The place of an octet, which is not before the one that was asked for last.
    fn next(&mut self, at: usize) -> Place {
        let (passed, rest) = self
            .rest
            .split_at_checked(at.saturating_sub(self.at))
            .unwrap_or((self.rest, ""));
        match passed.rsplit_once('\n') {
            Some((lines, line)) => {
                self.line += lines.matches('\n').count() + 1;
                self.column = line.chars().count() + 1;
            }
            None => self.column += passed.chars().count(),
        }
        self.at += passed.len();
        self.rest = rest;
        Place {
            line: self.line,
            column: self.column,
        }
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

/// Puts a value in place of another, if there is one.
pub(super) fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}
