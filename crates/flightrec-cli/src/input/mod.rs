//! Reads dumps that may be damaged, hostile or huge.
//!
//! `find` turns arguments into files, `bytes` reads and decompresses them, `extract` finds the dumps in
//! them, and `repair` makes valid JSON of a damaged dump. `many` reads the heads of many files.

mod bytes;
mod extract;
mod find;
mod many;
mod repair;

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

use flightrec_dump::{Dump, ReadError, Summary};

pub(crate) use bytes::{Limits, is_stdin, parse_size};
pub(crate) use find::{
    Found, Source, all_dumps, each, files_in, newest_first, one, several, state_dir,
};
#[cfg(feature = "send")]
pub(crate) use many::progress;
pub(crate) use many::{Head, files, group_key, read_heads};

use crate::error::{CliError, Result};
use crate::render::screen;
use crate::render::style::WARN;
use crate::render::{count, text};

/// A dump as JSON, and the problems of its file.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) json: Vec<u8>,
    /// What was left out or replaced, one sentence each.
    pub(crate) damage: Vec<String>,
}

/// Reads the dump that a source names, and prints problems of the file to standard error.
pub(crate) fn read_dump(source: &Source, limits: Limits) -> Result<Dump> {
    let document = read_document(source, limits)?;
    Dump::from_json(&document.json).map_err(|why| CliError::at(&source.path, why))
}

/// The JSON of the dump that a source names. It is valid JSON, and a dump. Problems of the file are
/// printed to standard error.
pub(crate) fn read_document(source: &Source, limits: Limits) -> Result<Document> {
    let path = &source.path;
    let bytes = bytes::read(path, limits)?;
    let mut documents =
        documents(bytes.content, limits).map_err(|why| CliError::at(&shown(path), why))?;
    let count = documents.len();
    let at = match source.number {
        Some(number) if (1..=count).contains(&number) => number - 1,
        Some(number) => {
            let dumps = count::of(count, "dump");
            return Err(CliError::at(
                path,
                format!("there is no dump {number} in it; it has {dumps}"),
            ));
        }
        None => count - 1,
    };
    let mut document = documents.swap_remove(at);
    if source.number.is_none() && count > 1 {
        let name = shown(path);
        let name = name.to_string_lossy();
        let name = text::line(&name);
        note(&format!(
            "{name}: this is the last of {count} dumps in it; {name}:1 is the first"
        ));
    }
    document.damage.extend(bytes.damage);
    for damage in &document.damage {
        let error = CliError::at(&shown(path), damage);
        note(&error.to_string());
    }
    Ok(document)
}

#[cfg(feature = "send")]
/// The JSON of all dumps in a file, or of the one with the source's number.
pub(crate) fn read_documents(source: &Source, limits: Limits) -> Result<Vec<Document>> {
    if source.number.is_some() {
        return Ok(vec![read_document(source, limits)?]);
    }
    let bytes = bytes::read(&source.path, limits)?;
    documents(bytes.content, limits).map_err(|why| CliError::at(&shown(&source.path), why))
}

/// Prints a warning to standard error.
pub(crate) fn note(what: &str) {
    // Ignores the error: a warning that can't be printed is not a reason to stop.
    let _ = writeln!(screen::stderr(), "{WARN}flightrec:{WARN:#} {what}");
}

/// Reads the heads of all dumps in a file. An error in one does not affect the others.
pub(crate) fn read_summaries(
    path: &Path,
    limits: Limits,
    buffer: &mut Vec<u8>,
) -> Result<Vec<(Summary, bool)>> {
    bytes::read_plain(path, limits, buffer)?;
    if let Ok(summary) = Summary::from_json(buffer) {
        return Ok(vec![(summary, false)]);
    }
    let at = |why: String| CliError::at(path, why);
    let bytes = bytes::decode(std::mem::take(buffer), limits).map_err(at)?;
    let documents = documents(bytes.content, limits).map_err(at)?;
    let summary = |document: &Document| {
        let damaged = !document.damage.is_empty() || !bytes.damage.is_empty();
        Summary::from_json(&document.json).map(|summary| (summary, damaged))
    };
    let summaries: std::result::Result<_, ReadError> = documents.iter().map(summary).collect();
    summaries.map_err(|why| at(why.to_string()))
}

/// The dumps in a file, in their order. There is at least one.
///
/// # Errors
///
/// Returns the reason if there are none.
pub(crate) fn documents(
    bytes: Vec<u8>,
    limits: Limits,
) -> std::result::Result<Vec<Document>, String> {
    limits.check_memory(&bytes)?;
    // The fast path: nearly all files are one dump and nothing else. A summary skips most texts, so UTF-8
    // is checked separately.
    if std::str::from_utf8(&bytes).is_ok() && Summary::from_json(&bytes).is_ok() {
        return Ok(vec![Document {
            json: bytes,
            damage: Vec::new(),
        }]);
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".to_owned());
    }
    let mut damage = Vec::new();
    let text = extract::to_utf8(&bytes, &mut damage);
    let text = extract::without_containers(&text);
    let mut documents = Vec::new();
    let mut first_error = None;
    for piece in extract::dumps(&text) {
        match document(piece, limits) {
            Ok(mut document) => {
                document.damage.extend(damage.iter().cloned());
                documents.push(document);
            }
            Err(why) => {
                first_error.get_or_insert(why);
            }
        }
    }
    if documents.is_empty() {
        return Err(match (bytes::kind(&bytes), first_error) {
            (Some(kind), _) => format!("it is {kind}, not a dump"),
            (None, Some(why)) => why,
            (None, None) => "there is no dump in it: no JSON object with \"schema\": \
                             \"flightrec/…\""
                .to_owned(),
        });
    }
    Ok(documents)
}

/// The dump at the beginning of a text.
fn document(piece: Cow<'_, [u8]>, limits: Limits) -> std::result::Result<Document, String> {
    let is_text = std::str::from_utf8(&piece).is_ok();
    let (error, place) = match Summary::from_json(&piece) {
        Ok(_) if is_text => {
            return Ok(Document {
                json: piece.into_owned(),
                damage: Vec::new(),
            });
        }
        Ok(_) => ("not valid JSON".to_owned(), repair::place_of_error(&piece)),
        Err(error) => (error.to_string(), repair::place_of_error(&piece)),
    };
    if place.is_none() {
        // Valid JSON, but not a dump.
        return Err(error);
    }
    if !limits.lenient {
        let place = place.unwrap_or_default();
        return Err(format!("{error}; {place}"));
    }
    let repaired = repair::repair(&piece);
    match Summary::from_json(&repaired.json) {
        Ok(_) => Ok(Document {
            json: repaired.json,
            damage: repaired.damage,
        }),
        Err(_) => Err(error),
    }
}

/// The name of a source in messages.
pub(crate) fn shown(path: &Path) -> PathBuf {
    match is_stdin(path) {
        true => PathBuf::from("standard input"),
        false => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_size: 1 << 20,
        lenient: true,
    };

    fn read(bytes: &[u8]) -> std::result::Result<Vec<Document>, String> {
        documents(bytes.to_vec(), LIMITS)
    }

    #[test]
    fn files_without_a_dump_are_refused_with_what_they_are() {
        for (bytes, why) in [
            (&b""[..], "it is empty"),
            (b" \n", "it is empty"),
            (
                b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
                "it is a PNG image, not a dump",
            ),
            (
                b"\x7fELF\x02\x01\x01",
                "it is an executable (ELF), not a dump",
            ),
            (
                b"{\"a\":1}",
                "the JSON object has no \"schema\": \"flightrec/…\"",
            ),
            (
                b"just text",
                "there is no dump in it: no JSON object with \"schema\": \"flightrec/…\"",
            ),
        ] {
            assert_eq!(read(bytes).unwrap_err(), why);
        }
    }

    #[test]
    fn a_strict_reader_refuses_damage_and_says_where_it_is() {
        let strict = Limits {
            lenient: false,
            ..LIMITS
        };
        let json = b"{\"schema\":\n  \"flightrec/1\",,}";
        let why = documents(json.to_vec(), strict).unwrap_err();
        assert!(
            why.contains("not valid JSON") && why.contains("byte 27 (line 2, column 17)"),
            "{why}"
        );
    }
}
