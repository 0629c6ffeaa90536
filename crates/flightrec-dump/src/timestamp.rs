//! Points in time.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A point in time: in JSON, RFC 3339 in UTC with microseconds.
///
/// The default is 1970-01-01, the Unix epoch. Times before the epoch or after the year 9999 are
/// written as the nearest time in that range.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// use flightrec_dump::Timestamp;
///
/// let time = Timestamp::from(UNIX_EPOCH + Duration::from_millis(1_500));
/// assert_eq!(time.to_string(), "1970-01-01T00:00:01.500000Z");
/// assert_eq!("1970-01-01T00:00:01.5Z".parse(), Ok(time));
/// assert_eq!("1970-01-01T02:00:01.5+02:00".parse(), Ok(time));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp(SystemTime);

/// The last second of the year 9999.
const LAST: Duration = Duration::from_secs(253_402_300_799);

impl Timestamp {
    /// The current time.
    #[must_use]
    pub fn now() -> Timestamp {
        SystemTime::now().into()
    }

    /// Converts this to a time of the standard library.
    #[must_use]
    pub fn system_time(self) -> SystemTime {
        self.0
    }

    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub fn duration_since(self, earlier: Timestamp) -> Duration {
        self.0.duration_since(earlier.0).unwrap_or_default()
    }
}

impl Default for Timestamp {
    fn default() -> Timestamp {
        Timestamp(UNIX_EPOCH)
    }
}

/// Keeps microseconds, as JSON does.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Timestamp {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanos = u64::from(since_epoch.subsec_nanos() % 1_000);
        Timestamp(time - Duration::from_nanos(nanos))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> SystemTime {
        time.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `humantime` panics outside of these bounds.
        let since_epoch = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = UNIX_EPOCH + since_epoch.min(LAST);
        fmt::Display::fmt(&humantime::format_rfc3339_micros(time), f)
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> String {
        time.to_string()
    }
}

/// A text that is not a time in RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseTimestampError(());

impl fmt::Display for ParseTimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a time such as 2026-11-23T00:30:15.123456Z")
    }
}

impl std::error::Error for ParseTimestampError {}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Timestamp, ParseTimestampError> {
        parse(text)
            .map(Timestamp::from)
            .ok_or(ParseTimestampError(()))
    }
}

impl TryFrom<String> for Timestamp {
    type Error = ParseTimestampError;

    fn try_from(text: String) -> Result<Timestamp, ParseTimestampError> {
        text.parse()
    }
}

/// `humantime` reads times in UTC; the offset of other times is added here.
fn parse(text: &str) -> Option<SystemTime> {
    if let Ok(time) = humantime::parse_rfc3339(text) {
        return Some(time);
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (sign, offset) = offset.split_at_checked(1)?;
    let (hours, minutes) = offset.split_once(':')?;
    let offset = hours.parse::<u8>().ok()? as u64 * 3600 + minutes.parse::<u8>().ok()? as u64 * 60;
    let offset = Duration::from_secs(offset);
    let local = humantime::parse_rfc3339(&format!("{local}Z")).ok()?;
    match sign {
        "+" => local.checked_sub(offset),
        "-" => local.checked_add(offset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_outside_of_the_format_are_written_as_the_nearest() {
        let before = Timestamp(UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(before.to_string(), "1970-01-01T00:00:00.000000Z");
        let after = Timestamp(UNIX_EPOCH + LAST + Duration::from_secs(1));
        assert_eq!(after.to_string(), "9999-12-31T23:59:59.000000Z");
    }

    #[test]
    fn text_that_is_no_time_is_refused() {
        for text in [
            "",
            "Z",
            "yesterday",
            "1970-01-01",
            "1970-01-01T00:00:00+aa:00",
            "é:00:00",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_time_reads_back(micros in 0..253_402_300_799_000_000_u64) {
            let time = Timestamp(UNIX_EPOCH + Duration::from_micros(micros));
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
