//! Numbers for people.

/// `1,204`
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 record`, `2 records`
pub(crate) fn of(number: usize, one: &str) -> String {
    format!(
        "{} {one}{}",
        grouped(number as u64),
        if number == 1 { "" } else { "s" }
    )
}

/// `17 B`, `4.2 KiB`, `256 MiB`
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = number as f64;
    let mut unit = 0;
    // From 999.95 on it would be printed as 1000.0.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value.fract() == 0.0 {
        return format!("{value:.0} {}", UNITS[unit]);
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_204), "1,204");
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(of(1, "record"), "1 record");
        assert_eq!(of(1_000, "record"), "1,000 records");
        assert_eq!(bytes(17), "17 B");
        assert_eq!(bytes(4_301), "4.2 KiB");
        assert_eq!(bytes(256 << 20), "256 MiB");
    }
}
