//! When it was, as RFC 3339.

use std::cell::Cell;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use super::civil;

/// How a format writes the time: RFC 3339, in UTC with milliseconds by default.
///
/// The offset is decided when this is made and stays the same. A program that runs on when
/// daylight saving begins keeps writing the old offset, which is still the right time.
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
    /// Seconds east of UTC, whole minutes of them.
    offset: i32,
    digits: usize,
}

impl Default for Time {
    fn default() -> Time {
        Time::utc()
    }
}

impl Time {
    /// In UTC, written with a `Z`.
    pub fn utc() -> Time {
        Time {
            clock: SystemTime::now,
            offset: 0,
            digits: 3,
        }
    }

    /// At an offset from UTC in seconds, which is rounded to minutes and kept within a day;
    /// east is positive.
    pub fn at_offset(seconds: i32) -> Time {
        let seconds = seconds.clamp(-86_340, 86_340) / 60 * 60;
        Time {
            offset: seconds,
            ..Time::utc()
        }
    }

    /// At the offset of the system's time zone as it is now; UTC where that is not known.
    #[cfg(feature = "local-time")]
    pub fn local() -> Time {
        let zone = jiff::tz::TimeZone::system();
        Time::at_offset(zone.to_offset(jiff::Timestamp::now()).seconds())
    }

    /// How many digits the fraction of a second has: 0, 3, 6 or 9; other numbers are rounded up.
    #[must_use = "returns the changed time"]
    pub fn digits(mut self, digits: usize) -> Time {
        self.digits = digits.div_ceil(3).min(3) * 3;
        self
    }

    /// Asks `clock` instead of the system, so that a test can say what it expects.
    #[must_use = "returns the changed time"]
    pub fn clock(mut self, clock: fn() -> SystemTime) -> Time {
        self.clock = clock;
        self
    }

    /// The present moment as text.
    pub fn now(&self) -> String {
        self.text((self.clock)())
    }

    /// A moment as text.
    ///
    /// Only the years 0 to 9999 have one; any other moment becomes the nearest day that has.
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
        let second = second_text(seconds, self.offset);
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
        if self.offset == 0 {
            out.push(b'Z');
        } else {
            out.extend_from_slice(&second.offset);
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Time")
            .field("offset", &self.offset)
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

/// The text of a second. Making it costs more than the rest of a line, and many lines share it.
#[derive(Clone, Copy)]
struct Second {
    seconds: i64,
    in_offset: i32,
    /// `2026-11-22T23:59:50`
    digits: [u8; 19],
    /// `+01:00`
    offset: [u8; 6],
}

thread_local! {
    static LAST: Cell<Option<Second>> = const { Cell::new(None) };
}

fn second_text(seconds: i64, offset: i32) -> Second {
    let last = LAST.try_with(Cell::get).unwrap_or(None);
    match last {
        Some(last) if last.seconds == seconds && last.in_offset == offset => last,
        _ => {
            let second = make_second_text(seconds, offset);
            let _ = LAST.try_with(|last| last.set(Some(second)));
            second
        }
    }
}

#[cold]
fn make_second_text(seconds: i64, offset: i32) -> Second {
    let minutes = offset.abs() / 60;
    let sign = if offset < 0 { '-' } else { '+' };
    let offset_text = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    let mut second = Second {
        seconds,
        in_offset: offset,
        digits: civil::date_time(seconds.saturating_add(offset.into())),
        offset: *b"+00:00",
    };
    if let Ok(offset) = offset_text.as_bytes().try_into() {
        second.offset = offset;
    }
    second
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
    fn times_that_no_calendar_has_are_no_reason_to_panic() {
        let before = Time::utc().clock(|| UNIX_EPOCH - Duration::from_millis(1));
        assert_eq!(before.now(), "1969-12-31T23:59:59.999Z");
        let far = Time::utc().clock(|| UNIX_EPOCH + Duration::from_secs(1 << 60));
        assert!(far.now().starts_with("9999-12-31T"), "{}", far.now());
    }
}
