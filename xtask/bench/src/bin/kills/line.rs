//! Lines of which every byte is known from their number.

use std::fmt::Write;

use crate::child::WRITERS;

/// What no logger puts in front of a message.
const MARK: char = '#';

/// The line, of a length that varies, so that remains of another one show.
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

/// The writer and the number of a line with what a logger has put in front of it; none if it is not
/// whole.
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
    fn a_line_is_known_and_a_part_of_it_is_not() {
        for number in 0..200 {
            let whole = format!("INFO kills: {}", line(1, number));
            assert_eq!(identify(&whole), Some((1, number)));
            assert_eq!(identify(&whole[..whole.len() - 1]), None);
            assert_eq!(identify(&whole.replace(" 1 ", " ")), None);
        }
    }
}
