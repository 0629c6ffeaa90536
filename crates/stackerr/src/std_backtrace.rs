//! Reads the frames of a `std::backtrace::Backtrace` from its text, because it has no other stable
//! interface.

use crate::foreign_text::{contains, rsplit_once, split_once};
use crate::frame::Frame;
use crate::frame_kind::{FrameKind, is_bare, path_of_file};
use crate::trim;

/// The frames of such a text; empty if the text is something else.
pub(crate) fn frames(text: &str) -> Vec<Frame> {
    let mut frames = Vec::<Frame>::new();
    for line in text.lines() {
        let line = line.trim_start();
        if let Some(place) = line.strip_prefix("at ") {
            if let Some(frame) = frames.last_mut().filter(|frame| frame.file.is_none()) {
                (frame.file, frame.line, frame.column) = split_place(place);
            }
        } else if let Some(name) = numbered(line) {
            let name = without_hash(name);
            let known = !name.is_empty() && name != "<unknown>";
            frames.push(Frame {
                kind: FrameKind::App,
                name: known.then(|| Box::from(name)),
                file: None,
                line: None,
                column: None,
                ip: 0,
                address: 0,
                module: None,
            });
        }
    }
    for frame in &mut frames {
        frame.kind = kind_of(frame);
    }
    trim::trim(&mut frames, false);
    frames
}

/// Treats anyhow's frames like those of this crate, so that they are trimmed from the top.
fn kind_of(frame: &Frame) -> FrameKind {
    let Some(name) = frame.name.as_deref() else {
        return FrameKind::App;
    };
    let path = match frame.file() {
        Some(file) if is_bare(name) => path_of_file(file, name),
        _ => name.to_owned(),
    };
    if path.trim_start_matches('<').starts_with("anyhow::") || contains(&path, " as anyhow::") {
        return FrameKind::Capture;
    }
    FrameKind::of_function(name, frame.file())
}

/// The name in `12: name`.
fn numbered(line: &str) -> Option<&str> {
    let (number, name) = split_once(line, ": ")?;
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| name.trim())
}

/// The name without a trailing `::h0123456789abcdef`.
fn without_hash(name: &str) -> &str {
    match rsplit_once(name, "::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path
        }
        _ => name,
    }
}

/// Splits `file:line:column` from the end, since a file name may contain colons.
fn split_place(place: &str) -> (Option<Box<str>>, Option<u32>, Option<u32>) {
    let number = |text: &str| text.parse::<u32>().ok();
    let Some((front, last)) = place.rsplit_once(':') else {
        return (Some(Box::from(place)), None, None);
    };
    let Some(last) = number(last) else {
        return (Some(Box::from(place)), None, None);
    };
    match front
        .rsplit_once(':')
        .map(|(file, line)| (file, number(line)))
    {
        Some((file, Some(line))) => (Some(Box::from(file)), Some(line), Some(last)),
        _ => (Some(Box::from(front)), Some(last), None),
    }
}
