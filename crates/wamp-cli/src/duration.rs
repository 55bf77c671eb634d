//! Times on the command line.

use std::time::Duration;

/// Reads a time such as `5s`, `1.5s`, `500ms` or `2m`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "" if !number.is_empty() => {
            return Err(format!("{number} has no unit; say {number}s for seconds"));
        }
        _ => return Err(FORM.to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| FORM.to_owned())?;
    Duration::try_from_secs_f64(number * unit).map_err(|_| FORM.to_owned())
}

const FORM: &str = "a time is a number with one of the units ms, s, m and h, as in 500ms or 5s";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        for (text, milliseconds) in [
            ("5s", 5_000),
            ("1.5s", 1_500),
            ("500ms", 500),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("0ms", 0),
        ] {
            assert_eq!(
                parse(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        assert_eq!(parse("5").unwrap_err(), "5 has no unit; say 5s for seconds");
        for text in [
            "", "0", "s", "5d", "-5s", "5 s", "1.2.3s", "5sec", "inf", "9e9h",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let endless = format!("{}h", "9".repeat(30));
        assert!(parse(&endless).is_err());
    }
}
