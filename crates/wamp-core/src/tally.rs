//! A tally: how often what has happened.

use std::collections::BTreeMap;

/// Counts by name. The names are few and written in the code: no peer can add one.
///
/// ```
/// use wamp_core::Tally;
///
/// let mut fruit = Tally::default();
/// fruit.count("apple");
/// fruit.add("pear", 2);
/// assert_eq!(fruit.of("pear"), 2);
/// assert_eq!(fruit.of("plum"), 0);
/// assert_eq!(fruit.total(), 3);
/// assert_eq!(fruit.iter().collect::<Vec<_>>(), [("apple", 1), ("pear", 2)]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    /// Counts one.
    pub fn count(&mut self, name: &'static str) {
        self.add(name, 1);
    }

    /// Counts several; also none, so that the name is there.
    pub fn add(&mut self, name: &'static str, count: u64) {
        *self.0.entry(name).or_default() += count;
    }

    /// How many there were of a name.
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// How many there were of all names.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Every name that was counted, in alphabetical order, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().map(|(name, count)| (*name, *count))
    }
}

impl FromIterator<(&'static str, u64)> for Tally {
    fn from_iter<I: IntoIterator<Item = (&'static str, u64)>>(counts: I) -> Self {
        let mut tally = Self::default();
        for (name, count) in counts {
            tally.add(name, count);
        }
        tally
    }
}
