//! The command line: flags, options with a value, and the words between them.

use std::env;

use anyhow::{Result, bail};

/// The arguments that no one has taken yet.
pub(crate) struct Args {
    rest: Vec<String>,
}

impl Args {
    pub(crate) fn from_env() -> Self {
        Self {
            rest: env::args().skip(1).collect(),
        }
    }

    /// Takes the flag `name`; true if it was given.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.rest.len();
        self.rest.retain(|arg| arg != name);
        self.rest.len() < before
    }

    /// Takes `--help` or `-h`.
    pub(crate) fn help(&mut self) -> bool {
        let long = self.flag("--help");
        self.flag("-h") || long
    }

    /// Takes the option `name` with its value, given as `--name value` or `--name=value`.
    pub(crate) fn option(&mut self, name: &str) -> Result<Option<String>> {
        for at in 0..self.rest.len() {
            if self.rest[at] == name {
                if self
                    .rest
                    .get(at + 1)
                    .is_none_or(|value| value.starts_with("--"))
                {
                    bail!("{name} needs a value");
                }
                let value = self.rest.remove(at + 1);
                self.rest.remove(at);
                return Ok(Some(value));
            }
            let value = self.rest[at]
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('='));
            if let Some(value) = value.map(str::to_owned) {
                self.rest.remove(at);
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Takes the first word that is no flag. Options must have been taken before.
    pub(crate) fn positional(&mut self) -> Option<String> {
        let at = self.rest.iter().position(|arg| !arg.starts_with('-'))?;
        Some(self.rest.remove(at))
    }

    /// Refuses what is left.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.help();
        match self.rest.first() {
            None => Ok(()),
            Some(arg) => bail!("unexpected argument {arg:?}; `--help` says what there is"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Args {
        Args {
            rest: words.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    #[test]
    fn takes_flags_options_and_words_in_any_order() {
        let mut args = args(&["--seconds", "5", "json", "--list", "--jobs=3"]);
        assert_eq!(args.option("--seconds").unwrap().as_deref(), Some("5"));
        assert_eq!(args.option("--jobs").unwrap().as_deref(), Some("3"));
        assert_eq!(args.option("--absent").unwrap(), None);
        assert!(args.flag("--list"));
        assert!(!args.flag("--list"));
        assert_eq!(args.positional().as_deref(), Some("json"));
        args.finish().unwrap();
    }

    #[test]
    fn refuses_an_option_without_value_and_what_nobody_took() {
        assert!(args(&["--seconds"]).option("--seconds").is_err());
        assert!(args(&["--seconds", "--list"]).option("--seconds").is_err());
        let message = args(&["--lst"]).finish().unwrap_err().to_string();
        assert!(message.contains("--lst"), "{message}");
    }
}
