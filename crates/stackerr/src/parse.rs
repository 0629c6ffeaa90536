//! Frames out of the text of a `std::backtrace::Backtrace`, which has no other stable face.

use crate::frame::Frame;
use crate::noise::FrameKind;
use crate::place::{is_bare, path_of_file};
use crate::stack::Origin;
use crate::trim;

/// The frames of such a text; none if it is anything else.
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
    trim::trim(&mut frames, Origin::Birth);
    frames
}

/// anyhow's own frames on top are what this crate's are in a stack of its own.
fn kind_of(frame: &Frame) -> FrameKind {
    let Some(name) = frame.name.as_deref() else {
        return FrameKind::App;
    };
    let path = match frame.file() {
        Some(file) if is_bare(name) => path_of_file(file, name),
        _ => name.to_owned(),
    };
    if path.trim_start_matches('<').starts_with("anyhow::") || path.contains(" as anyhow::") {
        return FrameKind::Capture;
    }
    FrameKind::of_function(name, frame.file())
}

/// The name in `12: name`.
fn numbered(line: &str) -> Option<&str> {
    let (number, name) = line.split_once(": ")?;
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| name.trim())
}

fn without_hash(name: &str) -> &str {
    crate::fingerprint::without_hash(name)
}

/// `file:line:column`, from behind, since a file may hold colons.
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
