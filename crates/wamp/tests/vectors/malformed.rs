//! malformed.json: octets that are refused, by decoding or by validation, and at no great expense.

use std::collections::VecDeque;
use std::fs;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use wamp_messages::{UriRules, Value};
use wamp_serializers::Serializer;

use crate::check::{Check, Failure, Outcome, Verdict, ensure};
use crate::data::{Case, Data, hex};
use crate::missing::Missing;
use crate::plain::plain;

/// How much more memory a case may take than the process had, in KiB. The longest of them has a
/// few hundred; what is declared and not there is in the gigabytes.
const ALLOWANCE: u64 = 256 * 1024;

pub(crate) fn checks(data: &Data) -> Vec<Check> {
    data.cases
        .iter()
        .map(|case| {
            let case = Arc::clone(case);
            Check::new(case.name.clone(), move || refused(&case))
        })
        .collect()
}

fn refused(case: &Case) -> Outcome {
    let name = case.text("serializer")?;
    let requirement = case.text("requirement")?;
    ensure(matches!(requirement, "must" | "should" | "may"), || {
        format!("the requirement {requirement:?} is not known")
    })?;
    let Some(mut serializer) = Serializer::from_name(name) else {
        return match Missing::serializer(name) {
            Some(missing) => Ok(Verdict::Skipped(missing)),
            None => Err(format!("there is no serializer {name:?}").into()),
        };
    };
    let octets = octets(case)?;

    let before = memory();
    let mut messages = VecDeque::new();
    let decoded = serializer.decode(octets, &mut messages);
    let taken = memory().saturating_sub(before);
    ensure(taken < ALLOWANCE, || {
        format!("it took {taken} KiB of memory")
    })?;
    ensure(decoded.is_ok() || messages.is_empty(), || {
        format!(
            "{} messages of what is refused were delivered",
            messages.len()
        )
    })?;
    let invalid = |message: &wamp_messages::Message| message.validate(UriRules::LOOSE).is_err();
    let refused = decoded.is_err() || messages.iter().any(invalid);
    if !case.is_binding() {
        // Whoever gets such a message may look into it.
        messages.iter().for_each(|message| drop(plain(message)));
        return Ok(Verdict::NotBinding);
    }
    ensure(refused, || {
        let reason = case.optional("reason").and_then(Value::as_str);
        let taken: Vec<_> = messages.iter().map(plain).collect();
        format!(
            "it is taken as {taken:?}: {}",
            reason.unwrap_or("malformed")
        )
    })?;
    Ok(Verdict::Passed)
}

/// The octets: in one piece, or in pieces that are repeated.
fn octets(case: &Case) -> Result<Bytes, Failure> {
    if case.optional("hex").is_some() {
        return case.octets("hex");
    }
    let mut octets = BytesMut::new();
    for part in case.list("hex_parts")? {
        let digits = part.as_dict().and_then(|part| part["hex"].as_str());
        let repeat = part.as_dict().and_then(|part| part["repeat"].as_u64());
        let (Some(digits), Some(repeat)) = (digits, repeat) else {
            return Err("a part has no hex or no repeat".into());
        };
        let part = hex(digits)?;
        for _ in 0..repeat {
            octets.extend_from_slice(&part);
        }
    }
    Ok(octets.freeze())
}

/// The most memory that the process has ever asked for, in KiB; 0 where that cannot be known.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}
