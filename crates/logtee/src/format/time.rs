//! The time of a record in RFC 3339.

use std::cell::Cell;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use super::civil;

/// How a format writes the time: RFC 3339, in UTC with milliseconds by default.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let time = logtee::Time::utc().clock(|| UNIX_EPOCH + Duration::from_millis(1_500));
/// assert_eq!(time.now(), "1970-01-01T00:00:01.500Z");
/// ```
#[derive(Clone, Copy)]
pub struct Time {
    clock: fn() -> SystemTime,
    zone: Zone,
    digits: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Zone {
    /// Seconds east of UTC, in whole minutes.
    Fixed(i32),
    #[cfg(feature = "local-time")]
    System,
}

impl Zone {
    /// The offset at a moment, in seconds east of UTC.
    #[cfg_attr(not(feature = "local-time"), expect(unused_variables))]
    fn offset(self, seconds: i64) -> i32 {
        match self {
            Zone::Fixed(offset) => offset,
            #[cfg(feature = "local-time")]
            Zone::System => system_offset(seconds),
        }
    }
}

/// The zone is looked up only once, so that logging reads no files later.
#[cfg(feature = "local-time")]
fn system_offset(seconds: i64) -> i32 {
    use jiff::tz::TimeZone;
    static ZONE: std::sync::OnceLock<TimeZone> = std::sync::OnceLock::new();
    let zone = ZONE.get_or_init(TimeZone::system);
    // jiff knows the moments of the years -9999 to 9999.
    let offset = jiff::Timestamp::from_second(seconds).map(|moment| zone.to_offset(moment));
    whole_minutes(offset.map_or(0, |offset| offset.seconds()))
}

fn whole_minutes(seconds: i32) -> i32 {
    seconds.clamp(-86_340, 86_340) / 60 * 60
}

impl Default for Time {
    fn default() -> Time {
        Time::utc()
    }
}

impl Time {
    /// Time in UTC, written with a `Z`.
    pub fn utc() -> Time {
        Time {
            clock: SystemTime::now,
            zone: Zone::Fixed(0),
            digits: 3,
        }
    }

    /// Time at an offset from UTC in seconds; east is positive. The offset is rounded to minutes and
    /// limited to a day.
    pub fn at_offset(seconds: i32) -> Time {
        Time {
            zone: Zone::Fixed(whole_minutes(seconds)),
            ..Time::utc()
        }
    }

    /// Time in the system's time zone, or in UTC if the zone is not known. The offset of each time
    /// follows daylight saving.
    ///
    /// The zone is looked up at the first call, and does not change until the process ends.
    #[cfg(feature = "local-time")]
    pub fn local() -> Time {
        system_offset(0);
        Time {
            zone: Zone::System,
            ..Time::utc()
        }
    }

    /// Sets how many digits the fraction of a second has: 0, 3, 6 or 9. Other numbers are rounded up.
    #[must_use = "returns the changed time"]
    pub fn digits(mut self, digits: usize) -> Time {
        self.digits = digits.div_ceil(3).min(3) * 3;
        self
    }

    /// Sets the clock, so that a test can use a constant. The default is `SystemTime::now`.
    #[must_use = "returns the changed time"]
    pub fn clock(mut self, clock: fn() -> SystemTime) -> Time {
        self.clock = clock;
        self
    }

    /// Formats the current time.
    pub fn now(&self) -> String {
        self.text((self.clock)())
    }

    /// Formats `time`. A time outside of the years 0 to 9999 becomes the nearest one inside.
    pub fn text(&self, time: SystemTime) -> String {
        let mut out = Vec::new();
        self.write_time(time, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.write_time((self.clock)(), out);
    }

    fn write_time(&self, time: SystemTime, out: &mut Vec<u8>) {
        let (seconds, nanos) = since_epoch(time);
        let second = second_text(seconds, self.zone);
        out.extend_from_slice(&second.digits);
        if self.digits > 0 {
            let mut fraction = *b".000000000";
            let mut rest = nanos;
            for digit in fraction[1..].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            out.extend_from_slice(&fraction[..=self.digits]);
        }
        if second.offset == *b"+00:00" {
            out.push(b'Z');
        } else {
            out.extend_from_slice(&second.offset);
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Time")
            .field("zone", &self.zone)
            .field("digits", &self.digits)
            .finish_non_exhaustive()
    }
}

/// Whole seconds, rounded down, and the nanoseconds above them.
fn since_epoch(time: SystemTime) -> (i64, u32) {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (after.as_secs() as i64, after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            match before.subsec_nanos() {
                0 => (-(before.as_secs() as i64), 0),
                nanos => (-(before.as_secs() as i64) - 1, 1_000_000_000 - nanos),
            }
        }
    }
}

/// The text of a second. It is cached, because many lines share it.
#[derive(Clone, Copy)]
struct Second {
    seconds: i64,
    zone: Zone,
    /// `2026-11-22T23:59:50`
    digits: [u8; 19],
    /// `+01:00`
    offset: [u8; 6],
}

thread_local! {
    static LAST: Cell<Option<Second>> = const { Cell::new(None) };
}

fn second_text(seconds: i64, zone: Zone) -> Second {
    let last = LAST.try_with(Cell::get).unwrap_or(None);
    match last {
        Some(last) if last.seconds == seconds && last.zone == zone => last,
        _ => {
            let second = make_second_text(seconds, zone);
            let _ = LAST.try_with(|last| last.set(Some(second)));
            second
        }
    }
}

#[cold]
fn make_second_text(seconds: i64, zone: Zone) -> Second {
    let offset = zone.offset(seconds);
    let minutes = offset.abs() / 60;
    let two_digits = |number: i32| [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
    let ([h1, h2], [m1, m2]) = (two_digits(minutes / 60), two_digits(minutes % 60));
    let sign = if offset < 0 { b'-' } else { b'+' };
    Second {
        seconds,
        zone,
        digits: civil::date_time(seconds.saturating_add(offset.into())),
        offset: [sign, h1, h2, b':', m1, m2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at_second(time: Time) -> String {
        time.clock(|| UNIX_EPOCH + Duration::new(1_795_391_990, 123_456_789))
            .now()
    }

    #[test]
    fn golden() {
        assert_eq!(at_second(Time::utc()), "2026-11-22T23:59:50.123Z");
        assert_eq!(at_second(Time::utc().digits(0)), "2026-11-22T23:59:50Z");
        assert_eq!(
            at_second(Time::utc().digits(7)),
            "2026-11-22T23:59:50.123456789Z"
        );
        assert_eq!(
            at_second(Time::at_offset(3600).digits(6)),
            "2026-11-23T00:59:50.123456+01:00"
        );
        assert_eq!(
            at_second(Time::at_offset(-12_600)),
            "2026-11-22T20:29:50.123-03:30"
        );
    }

    #[test]
    fn times_outside_of_the_calendar_do_not_panic() {
        let before = Time::utc().clock(|| UNIX_EPOCH - Duration::from_millis(1));
        assert_eq!(before.now(), "1969-12-31T23:59:59.999Z");
        let far = Time::utc().clock(|| UNIX_EPOCH + Duration::from_secs(1 << 60));
        assert!(far.now().starts_with("9999-12-31T"), "{}", far.now());
    }
}
