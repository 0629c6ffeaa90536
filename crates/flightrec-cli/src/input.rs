//! Reading a dump that may be broken, hostile or huge.

mod budget;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flightrec::Dump;

use crate::look::count::{bytes, grouped};
use crate::outcome::{Result, Trouble};
use crate::summary::Summary;

/// A value of JSON takes some 50 bytes of memory or more, however few it has in the file; that
/// many bytes of the permitted size are reckoned for one.
const BYTES_A_VALUE: u64 = 64;

/// What is read at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_size: u64,
}

impl Limits {
    /// How many values of JSON a file may hold.
    pub(crate) fn max_values(self) -> u64 {
        self.max_size / BYTES_A_VALUE
    }
}

/// Reads a dump from a file, or from standard input if the path is `-`.
pub(crate) fn read_dump(path: &Path, limits: Limits) -> Result<Dump> {
    let json = read(path, limits)?;
    parse(&json, limits).map_err(|why| Trouble::at(&named(path), why))
}

/// Reads the head of a dump, with a buffer that is used again.
pub(crate) fn read_summary(path: &Path, limits: Limits, json: &mut Vec<u8>) -> Result<Summary> {
    /// A smaller file can't take much memory, whatever it holds.
    const HARMLESS: usize = 4 << 20;
    read_into(path, limits, json)?;
    let summary = if json.len() > HARMLESS {
        check(json, limits).and_then(Summary::of)
    } else {
        Summary::of(json)
    };
    summary.map_err(|why| Trouble::at(&named(path), why))
}

/// The bytes of a file, or of standard input if the path is `-`.
pub(crate) fn read(path: &Path, limits: Limits) -> Result<Vec<u8>> {
    let mut json = Vec::new();
    read_into(path, limits, &mut json)?;
    Ok(json)
}

/// The same into a buffer that is used again.
pub(crate) fn read_into(path: &Path, limits: Limits, json: &mut Vec<u8>) -> Result<()> {
    json.clear();
    let failed = |error: io::Error| Trouble::at(&named(path), format!("cannot read it: {error}"));
    if is_stdin(path) {
        return take(io::stdin().lock(), 0, limits, json).map_err(failed);
    }
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(Trouble::at(path, "this is a directory, not a dump"));
    }
    take(file, metadata.len(), limits, json).map_err(failed)
}

/// `size` is what the reader is thought to hold; it may be wrong.
fn take(reader: impl Read, size: u64, limits: Limits, json: &mut Vec<u8>) -> io::Result<()> {
    let too_large = || {
        let limit = bytes(limits.max_size);
        io::Error::other(format!("it is larger than {limit}; --max-size allows more"))
    };
    if size > limits.max_size {
        return Err(too_large());
    }
    json.reserve(size as usize);
    reader.take(limits.max_size + 1).read_to_end(json)?;
    if json.len() as u64 > limits.max_size {
        Err(too_large())
    } else {
        Ok(())
    }
}

/// A dump out of JSON, or why it is none.
pub(crate) fn parse(json: &[u8], limits: Limits) -> std::result::Result<Dump, String> {
    // A value and what separates it take two bytes: few bytes can't hold too many values.
    let is_small = json.len() as u64 / 2 < limits.max_values();
    if is_small && let Ok(dump) = Dump::from_json(json) {
        return Ok(dump);
    }
    let json = check(json, limits)?;
    Dump::from_json(json).map_err(|error| error.to_string())
}

/// The JSON without a byte-order mark, once it is known to be valid and not to swallow the memory.
pub(crate) fn check(json: &[u8], limits: Limits) -> std::result::Result<&[u8], String> {
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    if json.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".to_owned());
    }
    budget::check(json, limits.max_values()).map_err(|error| {
        if error.is_data() {
            let most = grouped(limits.max_values());
            return format!("it has more than {most} values; --max-size allows more");
        }
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let message = message.trim_end_matches(&format!(" at line {line} column {column}"));
        let byte = byte_of(json, line, column);
        format!("not valid JSON at byte {byte} (line {line}, column {column}): {message}")
    })?;
    Ok(json)
}

/// The place of a line and column, both counted from 1 and in bytes.
fn byte_of(json: &[u8], line: usize, column: usize) -> usize {
    let lines = json.split_inclusive(|byte| *byte == b'\n');
    lines
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum::<usize>()
        + column.saturating_sub(1)
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn named(path: &Path) -> PathBuf {
    if is_stdin(path) {
        PathBuf::from("standard input")
    } else {
        path.to_owned()
    }
}

/// `1048576`, `1024K`, `1M` or `1MiB`.
pub(crate) fn parse_size(text: &str) -> std::result::Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_lowercase().trim_end_matches("ib") {
        "" | "b" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return Err("expected a number of bytes, or one with K, M or G".to_owned()),
    };
    let number: u64 = number.parse().map_err(|error| format!("{error}"))?;
    number
        .checked_mul(1 << shift)
        .filter(|size| *size < 1 << 46)
        .ok_or_else(|| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_size: 64 << 10 };

    #[test]
    fn a_broken_dump_is_told_by_its_byte() {
        let why = parse(b"{\"schema\":\n  \"flightrec/1\",,}", LIMITS).unwrap_err();
        assert_eq!(
            why,
            "not valid JSON at byte 27 (line 2, column 17): key must be a string"
        );
        let why = parse(b"{\"schema\": \"flight", LIMITS).unwrap_err();
        assert!(
            why.starts_with("not valid JSON at byte 17 (line 1, column 18): EOF"),
            "{why}"
        );
        assert_eq!(parse(b" \n", LIMITS).unwrap_err(), "it is empty");
    }

    #[test]
    fn what_would_swallow_the_memory_is_refused() {
        let many = format!(
            "{{\"schema\":\"flightrec/1\",\"x\":[{}0]}}",
            "0,".repeat(2000)
        );
        assert_eq!(
            parse(many.as_bytes(), LIMITS).unwrap_err(),
            "it has more than 1,024 values; --max-size allows more"
        );
        let deep = "[".repeat(20_000);
        assert!(
            parse(deep.as_bytes(), LIMITS)
                .unwrap_err()
                .contains("recursion limit")
        );
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!(parse_size("17"), Ok(17));
        assert_eq!(parse_size("4K"), Ok(4096));
        assert_eq!(parse_size("1GiB"), Ok(1 << 30));
        assert!(parse_size("many").is_err());
        assert!(parse_size("99999999999G").is_err());
    }
}
