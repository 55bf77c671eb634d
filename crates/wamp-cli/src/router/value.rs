//! Times and sizes, as people write them.

use std::time::Duration;

use crate::duration;

/// A time, or never.
pub(super) type Interval = Option<Duration>;

/// Reads a time above zero.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let time = duration::parse(text)?;
    if time < SHORTEST || time > LONGEST {
        return Err(format!("{text:?} is no time from 1ms to 8760h"));
    }
    Ok(time)
}

/// Reads a time, or `off`.
pub(super) fn interval(text: &str) -> Result<Interval, String> {
    match text {
        "off" => Ok(None),
        text => time(text).map(Some),
    }
}

/// Reads a number of octets, such as `4096`, `64KiB` or `16MiB`.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let wrong = || format!("{text:?} is no size; write 4096, 64KiB, 16MiB or 1GiB");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let octets: u64 = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let size = number.checked_mul(octets).ok_or_else(wrong)?;
    usize::try_from(size).map_err(|_| wrong())
}

/// Writes a number of octets as [`size`] reads it.
pub(super) fn show_size(octets: usize) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if octets >= 1 << shift && octets.is_multiple_of(1 << shift) {
            return format!("{}{unit}", octets >> shift);
        }
    }
    octets.to_string()
}

/// Timers know no less.
const SHORTEST: Duration = Duration::from_millis(1);

/// Nobody means more, and a deadline so far ahead can still be told.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_above_zero_and_no_longer_than_can_be_meant() {
        let read = |text: &str| time(text).ok().map(|time| time.as_millis());
        assert_eq!(read("500ms"), Some(500));
        assert_eq!(read("8760h"), Some(31_536_000_000));
        for wrong in ["", "0s", "-1s", "8761h", "99999999999999999999h", "off"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        assert_eq!(interval("off"), Ok(None));
        assert_eq!(interval("1s"), Ok(Some(Duration::from_secs(1))));
    }

    #[test]
    fn sizes_are_of_units_of_1024_and_are_shown_as_they_are_read() {
        let cases = [
            ("512", 512),
            ("64KiB", 64 << 10),
            ("16MiB", 16 << 20),
            ("1GiB", 1 << 30),
        ];
        for (text, octets) in cases {
            assert_eq!(size(text), Ok(octets));
            assert_eq!(show_size(octets), text);
        }
        assert_eq!(show_size(1_000), "1000");
        for wrong in [
            "",
            "16MB",
            "16m",
            "MiB",
            "-1",
            "1.5MiB",
            "1 MiB",
            "99999999999GiB",
        ] {
            assert!(size(wrong).is_err(), "{wrong:?}");
        }
    }
}
