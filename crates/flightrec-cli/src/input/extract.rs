//! Finds dumps in files with other text, for instance in the log of a container.

use std::borrow::Cow;
use std::collections::HashMap;

use memchr::memmem;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// Converts UTF-16 to UTF-8, and removes a byte-order mark.
pub(super) fn to_utf8<'a>(bytes: &'a [u8], damage: &mut Vec<String>) -> Cow<'a, [u8]> {
    if let Some(text) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return Cow::Borrowed(text);
    }
    let read: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] | [b'{', 0, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] | [0, b'{', ..] => u16::from_be_bytes,
        _ => return Cow::Borrowed(bytes),
    };
    let units = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units)
        .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    damage.push("it was in UTF-16".to_owned());
    Cow::Owned(text.trim_start_matches('\u{feff}').as_bytes().to_vec())
}

/// The text without the wrapping that container runtimes add to each line.
///
/// Docker writes `{"log":"…","stream":"stderr","time":"…"}`, Kubernetes (CRI)
/// `2026-11-23T00:30:15.123456789Z stderr F …`; both split long lines. Other JSON loggers put the
/// line into another member.
pub(super) fn without_containers(text: &[u8]) -> Cow<'_, [u8]> {
    let is_wrapped = |line: &[u8]| cri(line).is_some() || is_json_line(line);
    let first = text.split(|byte| *byte == b'\n').take(100).any(is_wrapped);
    if !first {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    // The beginnings of incomplete lines, by stream.
    let mut partial: HashMap<String, Vec<u8>> = HashMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let (stream, content, is_whole) = if let Some((stream, is_whole, content)) = cri(line) {
            (stream.to_owned(), content.to_vec(), is_whole)
        } else if is_json_line(line)
            && let Some((stream, content)) = json_line(line)
        {
            let whole = content.ends_with('\n') || stream.is_empty();
            let content = content.trim_end_matches('\n').as_bytes().to_vec();
            (stream, content, whole)
        } else {
            out.extend_from_slice(line);
            out.push(b'\n');
            continue;
        };
        let before = partial.entry(stream).or_default();
        before.extend(content);
        if is_whole {
            out.append(before);
            out.push(b'\n');
        }
    }
    // The log may end in incomplete lines.
    for (_, rest) in partial {
        out.extend(rest);
        out.push(b'\n');
    }
    Cow::Owned(out)
}

/// The stream, whether the line is complete, and the content, of a line in CRI format.
fn cri(line: &[u8]) -> Option<(&str, bool, &[u8])> {
    let mut parts = line.splitn(4, |byte| *byte == b' ');
    let time = parts.next()?;
    let stream = std::str::from_utf8(parts.next()?).ok()?;
    let tags = parts.next()?;
    let content = parts.next()?;
    let is_time = time.len() > 18 && time[4] == b'-' && time[10] == b'T';
    let is_cri =
        is_time && matches!(stream, "stdout" | "stderr") && matches!(tags[..], [b'P' | b'F', ..]);
    is_cri.then_some((stream, tags.starts_with(b"F"), content))
}

/// Whether a line may be a JSON object with a line of text in a member.
fn is_json_line(line: &[u8]) -> bool {
    let is_dump = starts(line).next() == Some(0);
    line.starts_with(b"{")
        && !is_dump
        && (line.starts_with(b"{\"log\":") || memmem::find(line, b"\\\"schema\\\"").is_some())
}

/// The stream and the text of such a line. Without a stream each line is complete.
fn json_line(line: &[u8]) -> Option<(String, String)> {
    let object: Map<String, Value> = serde_json::from_slice(line.trim_ascii()).ok()?;
    let stream = object.get("stream").and_then(Value::as_str);
    let stream = stream.unwrap_or_default().to_owned();
    let is_dump = |text: &&str| starts(text.as_bytes()).next().is_some();
    let text = match object.get("log") {
        Some(Value::String(log)) => log.as_str(),
        _ => object.values().filter_map(Value::as_str).find(is_dump)?,
    };
    Some((stream, text.to_owned()))
}

/// The positions where a dump begins: `{"schema":"flightrec/`, with or without spaces.
fn starts(text: &[u8]) -> impl Iterator<Item = usize> {
    let schema = memmem::find_iter(text, b"\"schema\"");
    schema.filter_map(|at| {
        let after = text[at + 8..].trim_ascii_start();
        let after = after.strip_prefix(b":")?.trim_ascii_start();
        after.strip_prefix(b"\"flightrec/")?;
        let before = text[..at].trim_ascii_end();
        before.ends_with(b"{").then(|| before.len() - 1)
    })
}

/// The dumps in a text, in their order. A damaged dump extends to the next one, or to the end.
pub(super) fn dumps(text: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut found = Vec::new();
    let mut starts = starts(text).peekable();
    let mut end = 0;
    while let Some(start) = starts.next() {
        // This dump is inside a string of another one.
        if start < end {
            continue;
        }
        let next = starts.peek().copied().unwrap_or(text.len());
        let mut values = serde_json::Deserializer::from_slice(&text[start..]).into_iter();
        end = match values.next() {
            Some(Ok(IgnoredAny)) => start + values.byte_offset(),
            _ => next,
        };
        found.push(Cow::Borrowed(&text[start..end]));
    }
    // The keys of a dump may be in another order.
    if found.is_empty() && text.trim_ascii_start().starts_with(b"{") {
        found.push(Cow::Borrowed(text));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let text = without_containers(text.as_bytes()).into_owned();
        let dumps = dumps(&text);
        let text = |dump: &Cow<'_, [u8]>| String::from_utf8(dump.to_vec()).unwrap();
        dumps.iter().map(text).collect()
    }

    const A: &str = r#"{"schema":"flightrec/1","app":"a"}"#;
    const B: &str = r#"{ "schema": "flightrec/1", "app": "b {\"schema\":\"flightrec/1\"}" }"#;

    #[test]
    fn a_line_with_spaces_only_is_not_one_of_cri() {
        assert_eq!(cri(b"2026-11-25T12:00:00.000Z stdout  text"), None);
        assert_eq!(cri(b"a   b"), None);
    }

    #[test]
    fn dumps_are_found_between_other_lines() {
        assert_eq!(
            found(&format!("starting\n{A}\nError: no\n{B}{A}")),
            [A, B, A]
        );
        assert_eq!(
            found(&format!("Nov 23 00:30:15 host app[17]: {A} end")),
            [A]
        );
        assert_eq!(found("nothing {} here"), [""; 0]);
    }

    #[test]
    fn a_damaged_dump_does_not_swallow_the_next() {
        let cut = &A[..20];
        assert_eq!(found(&format!("x {cut}")), [] as [&str; 0]);
        let cut = &A[..30];
        assert_eq!(found(&format!("{cut}\n{B}\n")), [&format!("{cut}\n"), B]);
    }

    #[test]
    fn the_prefixes_of_container_logs_are_removed() {
        let time = "2026-11-23T00:30:15.123456789Z";
        let (head, tail) = A.split_at(25);
        let cri = format!(
            "{time} stdout F before\n{time} stderr P {head}\n{time} stdout F between\n{time} stderr F {tail}\n"
        );
        assert_eq!(found(&cri), [A]);
        let docker = |text: &str| {
            let log = serde_json::to_string(text).unwrap();
            format!("{{\"log\":{log},\"stream\":\"stderr\",\"time\":\"{time}\"}}\n")
        };
        let split = docker("before\n") + &docker(head) + &docker(&format!("{tail}\n"));
        assert_eq!(found(&split), [A]);
        let other = format!(
            "{{\"level\":\"error\",\"message\":{}}}\n",
            serde_json::to_string(B).unwrap()
        );
        assert_eq!(found(&other), [B]);
    }

    #[test]
    fn utf_16_is_converted() {
        for bytes in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
            let text: Vec<u8> = "\u{feff}{\"ä\"}".encode_utf16().flat_map(bytes).collect();
            let mut damage = Vec::new();
            assert_eq!(*to_utf8(&text, &mut damage), *"{\"ä\"}".as_bytes());
            assert_eq!(damage, ["it was in UTF-16"]);
        }
    }
}
