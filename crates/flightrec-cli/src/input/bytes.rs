//! Reads the bytes of a file up to a limit, and decompresses them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::shown;
use crate::error::{CliError, Result};
use crate::render::count::bytes as size;

/// How much is read, and whether damage is tolerated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The maximum size of a file in bytes, compressed or not.
    pub(crate) max_size: u64,
    /// Whether damaged dumps are read as far as possible.
    pub(crate) lenient: bool,
}

/// A smaller file can't take much memory, whatever it contains.
const HARMLESS: usize = 4 << 20;

/// The approximate maximum of memory that an object or a value of JSON takes, in bytes.
const OBJECT: u64 = 300;
const VALUE: u64 = 40;

/// The memory for a dump is at most this many times the permitted size of its file.
const MEMORY: u64 = 8;

impl Limits {
    /// Refuses JSON that takes far more memory than its size, for instance a list of empty objects.
    pub(crate) fn check_memory(self, json: &[u8]) -> std::result::Result<(), String> {
        if json.len() < HARMLESS {
            return Ok(());
        }
        let (mut objects, mut values) = (0, 0);
        let (mut in_string, mut escaped) = (false, false);
        for byte in json {
            match (in_string, byte) {
                (true, b'\\') if !escaped => {
                    escaped = true;
                    continue;
                }
                (true, b'"') if !escaped => in_string = false,
                (true, _) => {}
                (false, b'"') => in_string = true,
                (false, b'{') => objects += 1,
                (false, b',') => values += 1,
                (false, _) => {}
            }
            escaped = false;
        }
        let memory = objects * OBJECT + values * VALUE;
        let limit = self.max_size.saturating_mul(MEMORY);
        if memory > limit {
            return Err(format!(
                "it would take about {} of memory; a larger --max-size allows more",
                size(memory)
            ));
        }
        Ok(())
    }
}

/// The content of a file, and its problems.
#[derive(Debug)]
pub(super) struct Bytes {
    pub(super) content: Vec<u8>,
    pub(super) damage: Vec<String>,
}

/// The content of a file, or of standard input if the path is `-`, decompressed.
pub(super) fn read(path: &Path, limits: Limits) -> Result<Bytes> {
    let mut plain = Vec::new();
    read_plain(path, limits, &mut plain)?;
    decode(plain, limits).map_err(|why| CliError::at(&shown(path), why))
}

/// Reads the content of a file without decompression, into a reused buffer.
pub(super) fn read_plain(path: &Path, limits: Limits, buffer: &mut Vec<u8>) -> Result<()> {
    buffer.clear();
    let failed = |error: io::Error| CliError::reading(&shown(path), &error);
    if is_stdin(path) {
        return take(io::stdin().lock(), 0, limits, buffer)
            .map_err(|why| CliError::at(&shown(path), why));
    }
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(CliError::at(path, "it is a directory"));
    }
    take(file, metadata.len(), limits, buffer).map_err(|why| CliError::at(path, why))
}

/// `expected` is the expected size, which may be wrong.
fn take(
    reader: impl Read,
    expected: u64,
    limits: Limits,
    buffer: &mut Vec<u8>,
) -> std::result::Result<(), String> {
    let too_large = || {
        let limit = size(limits.max_size);
        format!("it is larger than {limit}; a larger --max-size allows more")
    };
    if expected > limits.max_size {
        return Err(too_large());
    }
    buffer.reserve(expected as usize);
    let read = reader.take(limits.max_size + 1).read_to_end(buffer);
    read.map_err(|error| format!("cannot read it: {error}"))?;
    if buffer.len() as u64 > limits.max_size {
        return Err(too_large());
    }
    Ok(())
}

/// Decompresses gzip and zstd. Other content is returned unchanged.
pub(super) fn decode(content: Vec<u8>, limits: Limits) -> std::result::Result<Bytes, String> {
    let mut reader: Box<dyn Read + '_> = if content.starts_with(b"\x1f\x8b") {
        Box::new(flate2::read::MultiGzDecoder::new(&*content))
    } else if content.starts_with(b"\x28\xb5\x2f\xfd") {
        let decoder = ruzstd::decoding::StreamingDecoder::new(&*content);
        Box::new(decoder.map_err(|error| format!("it is damaged zstd: {error}"))?)
    } else {
        return Ok(Bytes {
            content,
            damage: Vec::new(),
        });
    };
    let mut plain = Vec::new();
    let read = (&mut reader)
        .take(limits.max_size + 1)
        .read_to_end(&mut plain);
    if plain.len() as u64 > limits.max_size {
        let limit = size(limits.max_size);
        return Err(format!(
            "it is larger than {limit} when decompressed; a larger --max-size allows more"
        ));
    }
    let damage = match read {
        Ok(_) => Vec::new(),
        Err(error) if limits.lenient && !plain.is_empty() => vec![format!(
            "the compressed data is damaged after {}: {error}",
            size(plain.len() as u64)
        )],
        Err(error) => return Err(format!("cannot decompress it: {error}")),
    };
    Ok(Bytes {
        content: plain,
        damage,
    })
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The kind of a file that is not a dump, by its first bytes.
pub(super) fn kind(start: &[u8]) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"\x89PNG", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a zip archive; unpack it first"),
        (b"BZh", "compressed by bzip2; unpack it first"),
        (b"\xfd7zXZ", "compressed by xz; unpack it first"),
        (b"\x7fELF", "an executable (ELF)"),
        (b"MZ", "an executable (Windows)"),
        (b"\xcf\xfa\xed\xfe", "an executable (Mach-O)"),
        (b"SQLite format 3", "an SQLite database"),
        (b"<!DOCTYPE", "an HTML page"),
        (b"<html", "an HTML page"),
    ];
    let kind = KINDS.iter().find(|(magic, _)| start.starts_with(magic));
    if start.get(257..262) == Some(b"ustar") {
        return Some("a tar archive; unpack it first");
    }
    kind.map(|(_, kind)| *kind)
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

    #[test]
    fn json_that_would_take_too_much_memory_is_refused() {
        let limits = Limits {
            max_size: 64 << 20,
            lenient: true,
        };
        let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));
        assert!(
            limits
                .check_memory(list("{}", 10_000_000).as_bytes())
                .is_err()
        );
        // Braces and commas in strings need no memory besides their bytes.
        let text = list(&format!("\"{}\"", "{},\\\"".repeat(100)), 100_000);
        assert_eq!(limits.check_memory(text.as_bytes()), Ok(()));
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("17"), Ok(17));
        assert_eq!(parse_size("4K"), Ok(4096));
        assert_eq!(parse_size("1GiB"), Ok(1 << 30));
        assert!(parse_size("many").is_err());
        assert!(parse_size("99999999999G").is_err());
    }
}
