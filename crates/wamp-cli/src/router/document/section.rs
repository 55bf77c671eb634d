//! A table of a document, key by key.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Document, Located, sample};
use crate::router::value::{self, Interval};

/// A table of a document. What is asked for is what is known: every other key is an error.
///
/// Each of its methods asks for a key. `None` is that it is not there, or not as it has to be, which
/// then was found wrong. Errors never repeat the value, which may be a secret, unless it was to be one
/// of several names.
#[derive(Debug)]
pub(in crate::router) struct Section<'a> {
    pub(in crate::router) document: &'a Document<'a>,
    table: &'a DeTable<'a>,
    /// Where it begins.
    pub(in crate::router) at: usize,
    /// What it is called in errors, such as `[[listener]]`; empty for the document as a whole.
    name: &'static str,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(super) fn new(
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
    pub(in crate::router) fn finish(self) {
        for key in self.table.keys() {
            let name = key.get_ref();
            if self.asked.iter().any(|asked| asked == name) {
                continue;
            }
            let mut text = format!("unknown key `{}`", name.escape_debug());
            if !self.name.is_empty() {
                text.push_str(&format!(" in {}", self.name));
            }
            let hint = sample::elsewhere(name, self.name);
            match (hint, nearest(name, &self.asked)) {
                (Some(hint), _) => text.push_str(&format!("; {hint}")),
                (None, Some(near)) => text.push_str(&format!(", did you mean `{near}`?")),
                (None, None) => text.push_str(&format!("; known are {}", quoted(&self.asked, '`'))),
            }
            self.document.error(key.span().start, text);
        }
    }

    pub(in crate::router) fn error(&self, at: usize, text: impl Into<String>) {
        self.document.error(at, text);
    }

    /// Says that a key must be there, if `value` is none for want of it.
    pub(in crate::router) fn required<T>(&self, key: &str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.table.contains_key(key) {
            self.error(self.at, format!("{} needs the key `{key}`", self.name));
        }
        value
    }

    pub(in crate::router) fn text(&mut self, key: &'static str) -> Option<Located<String>> {
        self.value(key, "a text in quotes that is not empty", text)
    }

    /// A text that may be empty.
    pub(in crate::router) fn pattern(&mut self, key: &'static str) -> Option<Located<String>> {
        self.value(key, "a text in quotes", |value| {
            value.as_str().map(str::to_owned)
        })
    }

    pub(in crate::router) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let flag = self.value(key, "true or false", |value| value.as_bool());
        flag.map(|flag| flag.value)
    }

    /// A number within a range.
    pub(in crate::router) fn count(
        &mut self,
        key: &'static str,
        range: &RangeInclusive<usize>,
    ) -> Option<usize> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let parse = |value: &DeValue<'_>| integer(value).filter(|count| range.contains(count));
        self.value(key, &wanted, parse).map(|count| count.value)
    }

    /// A number of octets within a range.
    pub(in crate::router) fn size(
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

    pub(in crate::router) fn time(&mut self, key: &'static str) -> Option<Duration> {
        let wanted = "a time such as \"500ms\", \"10s\", \"5m\" or \"1h\", in quotes";
        let parse = |value: &DeValue<'_>| value::time(value.as_str()?).ok();
        self.value(key, wanted, parse).map(|time| time.value)
    }

    /// A time, or never.
    pub(in crate::router) fn interval(&mut self, key: &'static str) -> Option<Interval> {
        let wanted = "a time such as \"20s\", in quotes, or \"off\"";
        let parse = |value: &DeValue<'_>| value::interval(value.as_str()?).ok();
        self.value(key, wanted, parse)
            .map(|interval| interval.value)
    }

    /// The permissions of a file.
    pub(in crate::router) fn mode(&mut self, key: &'static str) -> Option<Located<u32>> {
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
    pub(in crate::router) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Option<Located<T>> {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let wanted = format!("one of {}", quoted(&names, '"'));
        let (_, value) = self.raw(key)?;
        let at = value.span().start;
        let found = chosen(value.get_ref(), choices);
        if found.is_none() {
            let instead = instead(value.get_ref(), &names);
            self.error(at, format!("`{key}` must be {wanted}{instead}"));
        }
        found.map(|value| Located::new(value, at))
    }

    /// An array of texts.
    pub(in crate::router) fn texts(
        &mut self,
        key: &'static str,
    ) -> Option<Located<Vec<Located<String>>>> {
        self.array(key, "an array of texts that are not empty", &[], text)
    }

    /// An array of some of several names.
    pub(in crate::router) fn choices<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Option<Located<Vec<Located<T>>>> {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let wanted = format!("an array of some of {}", quoted(&names, '"'));
        self.array(key, &wanted, &names, |value| chosen(value, choices))
    }

    /// Lets `read` read a table.
    pub(in crate::router) fn section<T>(
        &mut self,
        key: &'static str,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> T,
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
    pub(in crate::router) fn sections<T>(
        &mut self,
        key: &'static str,
        name: &'static str,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Vec<T> {
        let Some((at, value)) = self.raw(key) else {
            return Vec::new();
        };
        let wrong = format!("`{key}` must be an array of tables, {name}");
        let array = match value.get_ref() {
            DeValue::Array(array) => array,
            DeValue::Table(_) => {
                self.error(at, format!("write {name}, with two brackets"));
                return Vec::new();
            }
            _ => {
                self.error(at, wrong);
                return Vec::new();
            }
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
        names: &[&str],
        parse: impl Fn(&DeValue<'_>) -> Option<T>,
    ) -> Option<Located<Vec<Located<T>>>> {
        let (at, value) = self.raw(key)?;
        let wrong = |value: &Spanned<DeValue<'_>>| {
            let instead = instead(value.get_ref(), names);
            let text = format!("`{key}` must be {wanted}{instead}");
            self.error(value.span().start, text);
        };
        let Some(array) = value.get_ref().as_array() else {
            wrong(value);
            return None;
        };
        let mut values = Vec::new();
        for item in array.iter() {
            let at = item.span().start;
            match parse(item.get_ref()) {
                Some(value) => values.push(Located::new(value, at)),
                None => wrong(item),
            }
        }
        // What was wrong was told; what is left is not to be taken for what is missing, nor nothing
        // for an array of nothing.
        if values.is_empty() && !array.is_empty() {
            return None;
        }
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

fn text(value: &DeValue<'_>) -> Option<String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned)
}

fn integer(value: &DeValue<'_>) -> Option<usize> {
    let number = value.as_integer()?;
    usize::from_str_radix(number.as_str(), number.radix()).ok()
}

fn chosen<T: Copy>(value: &DeValue<'_>, choices: &[(&str, T)]) -> Option<T> {
    let text = value.as_str()?;
    let found = choices.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value)
}

/// What to say of a value that is none of several names, and which one may have been meant.
fn instead(value: &DeValue<'_>, names: &[&str]) -> String {
    let word = value.as_str().filter(|word| word.len() <= LONGEST_WORD);
    let Some(word) = word.filter(|word| !names.contains(word) && !names.is_empty()) else {
        return String::new();
    };
    match nearest(word, names) {
        Some(near) => format!("; {word:?} is none, did you mean {near:?}?"),
        None => format!("; {word:?} is none"),
    }
}

/// Of a value that is told, in octets: more is no name that was mistyped.
const LONGEST_WORD: usize = 64;

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
