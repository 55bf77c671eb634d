//! Who is known, by a ticket.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use wamp::messages::Secret;

use crate::router::config::{is_read_by_others, within};
use crate::router::document::{Document, Located, Section};

/// One `[[realm.principal]]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Principal {
    pub(super) authid: Located<String>,
    pub(super) role: Located<String>,
    ticket: Located<Ticket>,
}

#[derive(Debug, Clone, PartialEq)]
enum Ticket {
    Text(Secret),
    File(PathBuf),
    Variable(String),
}

impl Principal {
    pub(super) fn read(section: &mut Section<'_>, folder: &Path) -> Option<Self> {
        let authid = section.text("authid");
        let authid = section.required("authid", authid);
        let role = section.text("role");
        let role = section.required("role", role);
        let text = section.text("ticket");
        let file = section.text("ticket_file");
        let variable = section.text("ticket_env");
        let text = text.map(|text| text.map(|text| Ticket::Text(Secret::new(text))));
        let file = file.map(|file| file.map(|file| Ticket::File(within(folder, &file))));
        let variable = variable.map(|name| name.map(Ticket::Variable));
        let mut given = [text, file, variable].into_iter().flatten();
        let ticket = given.next();
        if ticket.is_none() || given.next().is_some() {
            let text = "[[realm.principal]] needs one of the keys `ticket`, `ticket_file` and \
                        `ticket_env`";
            section.error(section.at, text);
        }
        Some(Self {
            authid: authid?,
            role: role?,
            ticket: ticket?,
        })
    }

    /// The ticket, as far as it is known.
    pub(super) const fn secret(&self) -> Option<&Secret> {
        match &self.ticket.value {
            Ticket::Text(secret) => Some(secret),
            Ticket::File(_) | Ticket::Variable(_) => None,
        }
    }

    /// Takes up the ticket, where it is not in the file itself.
    pub(super) fn resolve(&mut self, document: &Document<'_>) {
        let Located { value, at } = &mut self.ticket;
        let found = match value {
            Ticket::Text(secret) => Ok(secret.clone()),
            Ticket::File(path) => {
                if is_read_by_others(path) {
                    let text = "others than its owner and group may read that file; take \
                                that away with `chmod o-r`";
                    document.warn(*at, text);
                }
                read_ticket(path)
                    .map_err(|error| format!("{} cannot be read: {error}", path.display()))
            }
            Ticket::Variable(name) => std::env::var(&*name)
                .map(Secret::new)
                .map_err(|_| format!("there is no environment variable {name}, or it is no text")),
        };
        match found {
            Ok(secret) if secret.expose().is_empty() => {
                document.error(*at, "the ticket is empty");
            }
            Ok(secret) => {
                if secret.expose().len() < SHORTEST {
                    let text =
                        format!("the ticket has less than {SHORTEST} octets, and can be guessed");
                    document.warn(*at, text);
                }
                if secret.expose().starts_with(SAMPLE) {
                    let text = "the ticket is that of the sample, which everybody knows: put \
                                another in its place";
                    document.warn(*at, text);
                }
                *value = Ticket::Text(secret);
            }
            Err(error) => document.error(*at, error),
        }
    }
}

/// Reads a ticket, without the end of its line. What is no ordinary file is not opened: that might
/// never end.
fn read_ticket(path: &Path) -> io::Result<Secret> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no ordinary file"));
    }
    let mut text = String::new();
    File::open(path)?
        .take(LONGEST + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than a ticket can be"));
    }
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(Secret::new(text))
}

/// What the ticket of the sample begins with.
const SAMPLE: &str = "change me";

/// In octets; less can be guessed.
const SHORTEST: usize = 8;

/// Of the file of a ticket, in octets.
const LONGEST: u64 = 64 << 10;
