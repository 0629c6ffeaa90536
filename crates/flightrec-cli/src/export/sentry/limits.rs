//! Trims an event to the limits of services.

use flightrec_dump::Value;
use serde_json::{Value as Json, json};

use crate::export::json as to_json;
use crate::render::text;

/// The maximum size of an event, in bytes. Services refuse events above a megabyte.
const MAX_EVENT: usize = 900_000;

/// The maximum number of characters of an error's message, of a record's message, and of any other text.
const MESSAGE: usize = 8_000;
const BREADCRUMB: usize = 4_000;
const TEXT: usize = 1_000;

pub(super) const TAGS: usize = 50;
pub(super) const TAG_KEY: usize = 32;
pub(super) const TAG_VALUE: usize = 200;

/// The maximum number of characters of a span's name, and of the key of a field.
pub(super) const KEY: usize = 200;

/// The maximum number of errors of one event.
pub(super) const EXCEPTIONS: usize = 50;

/// The maximum number of frames of one stack. The outermost and the innermost are kept.
const FRAMES: usize = 250;

pub(super) const THREADS: usize = 500;

/// The maximum numbers of log records: the last ones, and those directly before errors were created.
pub(super) const BREADCRUMBS_KEPT: usize = 100;
pub(super) const ERRORS_BEFORE: usize = 10;

/// The maximum depth of nested lists and objects that a service keeps.
const DEPTH: usize = 8;

/// What is trimmed, and the function that does it. It returns `false` if there is nothing left to trim.
type Step = (&'static str, fn(&mut Json) -> bool);

/// Returns the event as JSON within the limits. `extra.trimmed` lists what was trimmed.
pub(super) fn fit(mut event: Json) -> Vec<u8> {
    let mut trimmed: Vec<String> = Vec::new();
    let mut texts = 0;
    cut_texts(&mut event, "", 0, &mut texts);
    if texts > 0 {
        trimmed.push(format!("long texts: {texts} were cut"));
    }
    let mut frames = 0;
    each_stack(&mut event, &mut |stack| {
        frames += keep_frames(stack, FRAMES)
    });
    if frames > 0 {
        trimmed.push(format!("frames: {frames} in the middle of stacks"));
    }
    let steps: [Step; 4] = [
        ("breadcrumbs: only the newest were kept", |event| {
            halve(&mut event["breadcrumbs"]["values"])
        }),
        ("threads: their stacks", |event| remove(event, "threads")),
        ("modules: all", |event| remove(event, "debug_meta")),
        ("frames: in the middle of all stacks", |event| {
            let mut cut = 0;
            each_stack(event, &mut |stack| {
                cut += keep_frames(stack, stack.len() / 2)
            });
            cut > 0
        }),
    ];
    let mut steps = steps.iter();
    let mut step = steps.next();
    loop {
        if !trimmed.is_empty() {
            event["extra"]["trimmed"] = json!(trimmed);
        }
        let json = event.to_string().into_bytes();
        let Some((what, trim)) = step.filter(|_| json.len() > MAX_EVENT) else {
            return json;
        };
        if trim(&mut event) {
            if !trimmed.iter().any(|known| known == what) {
                trimmed.push((*what).to_owned());
            }
        } else {
            step = steps.next();
            if step.is_none() {
                // Fifty errors of 8,000 characters, which may take 6 bytes each in JSON, can be larger
                // than the limit.
                trimmed.push("errors: only the outermost was kept".to_owned());
                if let Json::Array(values) = &mut event["exception"]["values"] {
                    let first = values.len().saturating_sub(1);
                    values.drain(..first);
                }
                event["extra"] = json!({});
                event["breadcrumbs"]["values"] = json!([]);
            }
        }
    }
}

/// A value that is repeated for each record, cut to about the length that `fit` keeps.
pub(super) fn brief(value: &Value) -> Json {
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::List(_) | Value::Map(_) => text::value(value),
        value => return to_json(value),
    };
    match text.char_indices().nth(TEXT + 1) {
        Some((at, _)) => text[..at].into(),
        None => to_json(value),
    }
}

fn cut_texts(value: &mut Json, key: &str, depth: usize, cut: &mut usize) {
    let most = match key {
        "value" => MESSAGE,
        "message" => BREADCRUMB,
        _ => TEXT,
    };
    match value {
        Json::String(text) => {
            if let Some((at, _)) = text.char_indices().nth(most) {
                text.truncate(at);
                text.push('…');
                *cut += 1;
            }
        }
        Json::Array(items) => {
            for item in items {
                cut_texts(item, key, depth + 1, cut);
            }
        }
        Json::Object(entries) => {
            if depth > DEPTH {
                *value = value.to_string().into();
                return cut_texts(value, key, depth, cut);
            }
            for (key, entry) in entries {
                cut_texts(entry, key, depth + 1, cut);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn each_stack(event: &mut Json, change: &mut impl FnMut(&mut Vec<Json>)) {
    for list in ["exception", "threads"] {
        let Some(values) = event.get_mut(list).and_then(|list| list.get_mut("values")) else {
            continue;
        };
        for value in values.as_array_mut().into_iter().flatten() {
            let frames = value
                .get_mut("stacktrace")
                .and_then(|it| it.get_mut("frames"));
            if let Some(Json::Array(frames)) = frames {
                change(frames);
            }
        }
    }
}

/// Removes frames from the middle. Returns how many.
fn keep_frames(frames: &mut Vec<Json>, most: usize) -> usize {
    let most = most.max(2);
    let more = frames.len().saturating_sub(most);
    if more > 0 {
        frames.drain(most / 2..most / 2 + more);
    }
    more
}

/// Removes the older half.
fn halve(values: &mut Json) -> bool {
    let Json::Array(values) = values else {
        return false;
    };
    let half = values.len().div_ceil(2);
    values.drain(..half);
    half > 0
}

fn remove(event: &mut Json, key: &str) -> bool {
    let event = event.as_object_mut();
    event.is_some_and(|event| event.shift_remove(key).is_some())
}
