//! Converts seconds since 1970 to date and time.
//!
//! A calendar crate would add 140 KB to every program for this one function.

const DAY: i64 = 86_400;
/// The seconds of `0000-01-01T00:00:00` and `9999-12-31T23:59:59`.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;

/// Formats seconds since 1970 as `2026-11-22T23:59:50`, limited to years of four digits.
pub(super) fn date_time(seconds: i64) -> [u8; 19] {
    let seconds = seconds.clamp(FIRST, LAST);
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let mut text = *b"0000-00-00T00:00:00";
    let century_and_year = [(year / 100, 0), (year % 100, 2)];
    for (number, at) in century_and_year.into_iter().chain([
        (month, 5),
        (day, 8),
        (hour, 11),
        (minute, 14),
        (second, 17),
    ]) {
        text[at] = b'0' + (number / 10) as u8;
        text[at + 1] = b'0' + (number % 10) as u8;
    }
    text
}

/// Converts days since 1970-01-01 to year, month and day of the proleptic Gregorian calendar.
///
/// This is `civil_from_days` of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms":
/// years begin in March, so that the leap day is the last day of a year, and 400 years are an era.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seconds: i64) -> String {
        String::from_utf8_lossy(&date_time(seconds)).into_owned()
    }

    /// Checks every day of ten thousand years.
    #[test]
    fn agrees_with_jiff_on_every_day() {
        // jiff excludes the last days, so that offsets can't leave its range.
        for day in FIRST / DAY..LAST / DAY - 2 {
            let seconds = day * DAY + day.rem_euclid(DAY);
            let theirs = jiff::Timestamp::from_second(seconds).unwrap().to_string();
            assert_eq!(text(seconds), theirs[..19]);
        }
    }

    #[test]
    fn years_outside_of_four_digits_become_the_nearest_inside() {
        assert_eq!(text(i64::MIN), "0000-01-01T00:00:00");
        assert_eq!(text(i64::MAX), "9999-12-31T23:59:59");
    }
}
