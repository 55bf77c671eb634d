//! uris.json: which URIs, realm names and identifiers are valid, and what patterns match.

use std::sync::Arc;

use wamp_messages::uri::{Empty, is_realm_name};
use wamp_messages::validate::{is_enc_algo, is_enc_serializer};
use wamp_messages::{MatchPolicy, Uri, UriRules, Value};

use crate::check::{Check, Outcome, Verdict, ensure};
use crate::data::{Case, Data};
use crate::missing::Missing;

pub(crate) fn checks(data: &Data) -> Vec<Check> {
    data.cases
        .iter()
        .map(|case| {
            let case = Arc::clone(case);
            Check::new(case.name.clone(), move || check(&case))
        })
        .collect()
}

fn check(case: &Case) -> Outcome {
    let checked = match case.text("kind")? {
        "uri" => uri(case),
        "realm" => realm(case),
        "enc-identifier" => identifier(case),
        "pattern" => pattern(case),
        "best-match" => Ok(Verdict::Skipped(Missing::BestMatch)),
        "all-matches" => Ok(Verdict::Skipped(Missing::AllMatches)),
        kind => Err(format!("the kind {kind:?} is not known").into()),
    };
    match checked {
        Ok(Verdict::Skipped(missing)) => Ok(Verdict::Skipped(missing)),
        _ if !case.is_binding() => Ok(Verdict::NotBinding),
        checked => checked,
    }
}

/// A URI under each set of rules.
fn uri(case: &Case) -> Outcome {
    let uri = case.field("uri")?;
    let rules = case.list("valid")?;
    ensure(!rules.is_empty(), || "the case has no rules".into())?;
    for rule in rules {
        let rule = rule.as_dict().ok_or("a set of rules is no object")?;
        let flag = |name: &str| {
            let flag = rule.get(name).and_then(Value::as_bool);
            flag.ok_or_else(|| format!("a set of rules has no {name:?}"))
        };
        let rules = if flag("strict")? {
            UriRules::STRICT
        } else {
            UriRules::LOOSE
        };
        // Where both are set, the last component wins.
        let empty = if flag("allow_last_empty")? {
            Empty::Last
        } else if flag("allow_empty_components")? {
            Empty::Any
        } else {
            Empty::None
        };
        let valid = match uri {
            Value::Null => flag("allow_none")?,
            Value::String(text) => Uri::from_wire(text.clone())
                .check(rules.with_empty(empty))
                .is_ok(),
            other => return Err(format!("{other:?} is neither string nor null").into()),
        };
        let wanted = flag("valid")?;
        ensure(valid == wanted, || {
            format!("{uri:?} is valid: {valid} instead of {wanted}, with {rule:?}")
        })?;
    }
    Ok(Verdict::Passed)
}

fn realm(case: &Case) -> Outcome {
    let realm = case.text("realm")?;
    for (field, allow_ethereum) in [("valid", true), ("valid_without_eth", false)] {
        let valid = is_realm_name(realm, allow_ethereum);
        ensure(valid == case.bool(field)?, || {
            format!("{realm:?} is a name of a realm: {valid}, with {field:?}")
        })?;
    }
    Ok(Verdict::Passed)
}

fn identifier(case: &Case) -> Outcome {
    let name = case.text("value")?;
    for (field, valid) in [
        ("valid_enc_algo", is_enc_algo(name)),
        ("valid_enc_serializer", is_enc_serializer(name)),
    ] {
        ensure(valid == case.bool(field)?, || {
            format!("{name:?} is valid: {valid}, for {field:?}")
        })?;
    }
    Ok(Verdict::Passed)
}

fn pattern(case: &Case) -> Outcome {
    let policy = MatchPolicy::new(case.text("policy")?);
    ensure(policy.is_known(), || {
        format!("the policy {policy} is not known")
    })?;
    let (pattern, uri) = (case.text("pattern")?, case.text("uri")?);
    let matches = policy.matches(pattern, uri);
    ensure(matches == case.bool("match")?, || {
        format!("{pattern:?} matches {uri:?} by {policy}: {matches}")
    })?;
    Ok(Verdict::Passed)
}
