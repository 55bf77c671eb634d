//! The files: one JSON object each, with cases that have a name.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use wamp_messages::{Dict, Value};

use crate::check::Failure;

/// The cases of one file.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) cases: Vec<Arc<Case>>,
    file: Dict,
}

/// One case.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    fields: Dict,
}

impl Data {
    pub(crate) fn parse(octets: &[u8]) -> Result<Self, Failure> {
        let file: Value = serde_json::from_slice(octets).map_err(|error| error.to_string())?;
        let Value::Dict(file) = file else {
            return Err("it is no JSON object".into());
        };
        let cases = cases(&file, "cases")?;
        Ok(Self { cases, file })
    }

    /// The cases of another list in the file, if it is there.
    pub(crate) fn more_cases(&self, list: &str) -> Result<Vec<Arc<Case>>, Failure> {
        if self.file.contains_key(list) {
            cases(&self.file, list)
        } else {
            Ok(Vec::new())
        }
    }
}

fn cases(file: &Dict, list: &str) -> Result<Vec<Arc<Case>>, Failure> {
    let Some(cases) = file.get(list).and_then(Value::as_list) else {
        return Err(format!("it has no list {list:?}").into());
    };
    let mut names = HashSet::new();
    let mut read = Vec::with_capacity(cases.len());
    for (at, case) in cases.iter().enumerate() {
        let fields = case.as_dict();
        let name = fields.and_then(|fields| fields["name"].as_str());
        let (Some(fields), Some(name)) = (fields, name) else {
            return Err(format!("number {at} of {list:?} has no name").into());
        };
        if !names.insert(name) {
            return Err(format!("the name {name:?} stands twice in {list:?}").into());
        }
        read.push(Arc::new(Case {
            name: name.to_owned(),
            fields: fields.clone(),
        }));
    }
    Ok(read)
}

impl Case {
    /// A field, if it is there and not null.
    pub(crate) fn optional(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// A field, which may be null.
    pub(crate) fn field(&self, field: &str) -> Result<&Value, Failure> {
        let missing = || Failure::from(format!("the case has no field {field:?}"));
        self.fields.get(field).ok_or_else(missing)
    }

    pub(crate) fn text(&self, field: &str) -> Result<&str, Failure> {
        self.field(field)?
            .as_str()
            .ok_or_else(|| format!("the field {field:?} is no string").into())
    }

    pub(crate) fn bool(&self, field: &str) -> Result<bool, Failure> {
        self.field(field)?
            .as_bool()
            .ok_or_else(|| format!("the field {field:?} is no boolean").into())
    }

    pub(crate) fn list(&self, field: &str) -> Result<&[Value], Failure> {
        self.field(field)?
            .as_list()
            .ok_or_else(|| format!("the field {field:?} is no list").into())
    }

    /// A list of strings.
    pub(crate) fn texts(&self, field: &str) -> Result<Vec<&str>, Failure> {
        self.list(field)?
            .iter()
            .map(|item| item.as_str())
            .collect::<Option<_>>()
            .ok_or_else(|| format!("the field {field:?} is no list of strings").into())
    }

    /// Octets in hexadecimal digits.
    pub(crate) fn octets(&self, field: &str) -> Result<Bytes, Failure> {
        hex(self.text(field)?)
    }

    /// Whether a boolean field is there and set.
    pub(crate) fn is_set(&self, field: &str) -> bool {
        self.fields.get(field) == Some(&Value::Bool(true))
    }

    /// Whether the case is about what must be so, and not only for information.
    pub(crate) fn is_binding(&self) -> bool {
        let may = self.fields.get("requirement").and_then(Value::as_str) == Some("may");
        !(may || self.is_set("either") || self.is_set("may"))
    }

    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        let tags = self.fields.get("tags").and_then(Value::as_list);
        tags.is_some_and(|tags| tags.iter().any(|found| found.as_str() == Some(tag)))
    }
}

/// Reads hexadecimal digits.
pub(crate) fn hex(digits: &str) -> Result<Bytes, Failure> {
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(digits.as_bytes())
        .map(Bytes::from)
        .map_err(|error| format!("no hexadecimal digits: {error}").into())
}

/// Reads a plain value: byte strings stand as `{"$bytes": "<hex>"}`.
pub(crate) fn value(plain: &Value) -> Result<Value, Failure> {
    Ok(match plain {
        Value::List(items) => Value::List(items.iter().map(value).collect::<Result<_, _>>()?),
        Value::Dict(dict) => {
            if let (1, Some(digits)) = (dict.len(), dict.get("$bytes")) {
                let digits = digits.as_str().ok_or("$bytes holds no string")?;
                return Ok(Value::Bytes(hex(digits)?));
            }
            let pairs = dict
                .iter()
                .map(|(key, item)| Ok((key.clone(), value(item)?)));
            Value::Dict(pairs.collect::<Result<Dict, Failure>>()?)
        }
        other => other.clone(),
    })
}

/// Shows octets in a few hexadecimal digits.
pub(crate) fn shown(octets: &[u8]) -> String {
    const SHOWN: usize = 120;
    let digits = data_encoding::HEXLOWER.encode(octets);
    match digits.get(..SHOWN) {
        Some(head) if digits.len() > SHOWN => format!("{head}.. ({} octets)", octets.len()),
        _ => digits,
    }
}
