//! Lines whose bytes are all determined by their number.

use std::fmt::Write;

use crate::child::WRITERS;

/// No logger writes this before a message.
const MARK: char = '#';

/// The line. Lengths vary, so that remains of another line are noticed.
pub(crate) fn line(writer: usize, number: u64) -> String {
    let mut line = format!("{MARK}{writer} {number} ");
    for at in 0..number * 7 % 60 {
        let letter = b'a' + ((number + at) % 26) as u8;
        line.push(char::from(letter));
    }
    // Writing to a string cannot fail.
    let _ = write!(line, " {writer} {number}");
    line
}

/// The writer and the number of a line, which may have a logger's prefix. `None` if it is incomplete.
pub(crate) fn identify(shown: &str) -> Option<(usize, u64)> {
    let (_, text) = shown.rsplit_once(MARK)?;
    let mut words = text.split(' ');
    let writer = words
        .next()?
        .parse()
        .ok()
        .filter(|writer| *writer < WRITERS)?;
    let number = words.next()?.parse().ok()?;
    (line(writer, number).strip_prefix(MARK) == Some(text)).then_some((writer, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_identified_and_a_part_of_it_is_not() {
        for number in 0..200 {
            let whole = format!("INFO kills: {}", line(1, number));
            assert_eq!(identify(&whole), Some((1, number)));
            assert_eq!(identify(&whole[..whole.len() - 1]), None);
            assert_eq!(identify(&whole.replace(" 1 ", " ")), None);
        }
    }
}
