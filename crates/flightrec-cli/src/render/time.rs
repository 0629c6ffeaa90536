//! Formats times: absolute, relative to now, and relative to the failure.

use jiff::{SignedDuration, Timestamp};

/// A time of a dump; `None` if the dump does not have it.
pub(crate) fn known(time: flightrec_dump::Timestamp) -> Option<Timestamp> {
    let known = time != flightrec_dump::Timestamp::default();
    known.then(|| Timestamp::try_from(time.system_time()).ok())?
}

/// `2026-11-23 00:30:15 UTC`
pub(crate) fn absolute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `2026-11-23`, in UTC
pub(crate) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// `2026-11-23 00:30`, in UTC
pub(crate) fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// `00:30:15.500`, in UTC
pub(crate) fn of_day(time: Timestamp) -> String {
    time.strftime("%H:%M:%S.%3f").to_string()
}

/// `3 minutes ago`
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    let (number, unit) = match seconds {
        ..0 => return format!("at {}", absolute(then)),
        0..2 => return "just now".to_owned(),
        2..120 => (seconds, "seconds"),
        120..7_200 => (seconds / 60, "minutes"),
        7_200..172_800 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{number} {unit} ago")
}

/// `3m`, for narrow tables
pub(crate) fn short_ago(then: Timestamp, now: Timestamp) -> String {
    match now.duration_since(then).as_secs() {
        ..0 => day(then),
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7_200 => format!("{}m", seconds / 60),
        seconds @ 7_200..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// `-2.134s`, `-97µs`: the time of a record relative to the failure.
pub(crate) fn relative(record: Timestamp, failure: Timestamp) -> String {
    let between = record.duration_since(failure);
    if between.as_micros() == 0 {
        return "0".to_owned();
    }
    let sign = if between.is_negative() { '-' } else { '+' };
    format!("{sign}{}", length(between))
}

/// `97µs`, `1.9ms`, `61ms`, `2.134s`, `16m40s`, `2h46m`, `1d03h`
pub(crate) fn length(duration: SignedDuration) -> String {
    let micros = duration.as_micros().unsigned_abs();
    let seconds = micros / 1_000_000;
    match micros {
        0..1_000 => return format!("{micros}µs"),
        1_000..10_000 => return format!("{}.{}ms", micros / 1_000, micros / 100 % 10),
        10_000..1_000_000 => return format!("{}ms", micros / 1_000),
        _ => {}
    }
    match seconds {
        0..1_000 => format!("{seconds}.{:03}s", micros / 1_000 % 1_000),
        1_000..10_000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        10_000..100_000 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_has_a_unit_that_fits() {
        let failure: Timestamp = "2026-11-23T00:30:15.5Z".parse().unwrap();
        let at = |text: &str| relative(text.parse().unwrap(), failure);
        assert_eq!(at("2026-11-23T00:30:13.366Z"), "-2.134s");
        assert_eq!(at("2026-11-23T00:30:15.5Z"), "0");
        assert_eq!(at("2026-11-23T00:30:15.499903Z"), "-97µs");
        assert_eq!(at("2026-11-23T00:30:15.498100Z"), "-1.9ms");
        assert_eq!(at("2026-11-23T00:30:15.439Z"), "-61ms");
        assert_eq!(at("2026-11-23T00:30:15.502Z"), "+2.0ms");
        assert_eq!(at("2026-11-23T00:00:15.5Z"), "-30m00s");
        assert_eq!(at("2026-11-22T20:30:15.5Z"), "-4h00m");
        assert_eq!(at("0001-01-01T00:00:00Z"), "-739942d00h");

        let now = |text: &str| ago(failure, text.parse().unwrap());
        assert_eq!(now("2026-11-23T00:30:15.7Z"), "just now");
        assert_eq!(now("2026-11-23T00:33:16Z"), "3 minutes ago");
        assert_eq!(now("2026-11-24T00:33:16Z"), "24 hours ago");
        assert_eq!(now("2026-12-24T00:33:16Z"), "31 days ago");
        assert_eq!(now("2026-11-23T00:30:00Z"), "at 2026-11-23 00:30:15 UTC");
    }
}
