//! The event: its subject, tags, contexts and breadcrumbs.

use std::collections::{HashMap, HashSet};

use flightrec_dump::{Dump, Level, LogRecord, Span};
use serde_json::{Map, Value as Json, json};

use super::{exceptions, limits};
use crate::export::{self, json as to_json, object, severity};
use crate::render::{text, time};
use crate::show::{self, facts};

/// How many spans around a record a breadcrumb names, the innermost first.
const MAX_SPANS: usize = 8;

pub(super) fn event(dump: &Dump, id: &str) -> Json {
    let failed_at = show::failed_at(dump).map(|time| time.to_string());
    let level = if severity(dump) == "FATAL" {
        "fatal"
    } else {
        "error"
    };
    let stacks = exceptions::Stacks::of(dump);
    object([
        ("event_id", id.into()),
        ("timestamp", failed_at.into()),
        ("platform", "native".into()),
        ("level", level.into()),
        ("logger", export::text(&dump.app)),
        ("release", release(dump)),
        (
            "environment",
            dump.metadata.get("environment").cloned().into(),
        ),
        ("fingerprint", json!([crate::input::group_key(dump)])),
        ("exception", json!({"values": stacks.exceptions()})),
        ("threads", stacks.threads()),
        ("debug_meta", stacks.images()),
        ("breadcrumbs", json!({"values": breadcrumbs(dump)})),
        ("tags", tags(dump)),
        ("contexts", contexts(dump)),
        ("extra", extra(dump)),
        (
            "sdk",
            json!({"name": "flightrec", "version": env!("CARGO_PKG_VERSION")}),
        ),
    ])
}

/// `census@0.1.0`
fn release(dump: &Dump) -> Json {
    let version = dump
        .version
        .as_deref()
        .filter(|version| !version.is_empty());
    // Services refuse these characters in a release.
    let plain = |text: &str| text.replace(['/', '\\', '\n', '\r', '\t'], "-");
    match version {
        Some(version) => format!("{}@{}", plain(&dump.app), plain(version)).into(),
        None => Json::Null,
    }
}

fn tags(dump: &Dump) -> Json {
    let mut tags = Map::new();
    let mut tag = |key: &str, value: &str| {
        let plain = |char: char| char.is_ascii_alphanumeric() || "_.:-".contains(char);
        let key: String = key
            .chars()
            .map(|char| if plain(char) { char } else { '_' })
            .take(limits::TAG_KEY)
            .collect();
        let value: String = value
            .chars()
            .map(|char| if char.is_control() { ' ' } else { char })
            .take(limits::TAG_VALUE)
            .collect();
        if !key.is_empty() && !value.trim().is_empty() {
            tags.insert(key, value.into());
        }
    };
    for (key, value) in dump.metadata.iter().take(limits::TAGS) {
        tag(key, value);
    }
    tag("kind", dump.reason.kind.as_str());
    tag("revision", dump.revision.as_deref().unwrap_or_default());
    tag("thread", &dump.process.thread);
    let crash = dump.crash.as_ref();
    let signal = crash.and_then(|crash| crash.signal_name.as_deref());
    tag("signal", signal.unwrap_or_default());
    Json::Object(tags)
}

fn contexts(dump: &Dump) -> Json {
    let host = &dump.host;
    let cpus = (host.cpus > 0).then_some(host.cpus);
    let started = time::known(dump.process.started_at).map(|time| time.to_string());
    let app = object([
        ("app_name", export::text(&dump.app)),
        ("app_version", dump.version.as_deref().into()),
        ("app_start_time", started.into()),
    ]);
    let os = match host.os.as_str() {
        "macos" => "macOS".into(),
        "windows" => "Windows".into(),
        "linux" => "Linux".into(),
        other => export::text(other),
    };
    object([
        ("app", app),
        ("os", object([("name", os)])),
        (
            "device",
            object([
                ("arch", export::text(&host.arch)),
                ("processor_count", cpus.into()),
            ]),
        ),
    ])
}

/// The facts about the process and the dump that `show` prints.
fn extra(dump: &Dump) -> Json {
    let mut extra = Map::new();
    for (name, fact) in facts::list(dump, None, false) {
        let entry = extra.entry(name).or_insert_with(|| json!([]));
        if let (Json::Array(facts), false) = (entry, name.is_empty()) {
            facts.push(fact.into());
        }
    }
    extra.remove("");
    if dump.evicted_logs > 0 {
        extra.insert("evicted log records".to_owned(), dump.evicted_logs.into());
    }
    let executable = dump.process.executable.as_deref();
    extra.insert("executable".to_owned(), executable.into());
    extra.insert("schema".to_owned(), (&*dump.schema).into());
    Json::Object(extra)
}

fn breadcrumbs(dump: &Dump) -> Vec<Json> {
    let spans: HashMap<u64, &Span> = dump.spans.iter().map(|span| (span.id, span)).collect();
    let first = dump
        .latest_logs
        .len()
        .saturating_sub(limits::BREADCRUMBS_KEPT);
    let late = &dump.latest_logs[first..];
    // The records before an error's creation are included even if there are many later ones.
    let early = &dump.latest_logs[..first];
    let created: HashSet<u64> = dump
        .stack_traces
        .iter()
        .filter_map(|it| it.log_seq)
        .collect();
    let early = early
        .iter()
        .filter(|record| created.contains(&record.seq))
        .take(limits::ERRORS_BEFORE);
    early
        .chain(late)
        .map(|record| breadcrumb(record, &spans))
        .collect()
}

fn breadcrumb(record: &LogRecord, spans: &HashMap<u64, &Span>) -> Json {
    let level = match record.level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug | Level::Trace => "debug",
    };
    let mut data = Map::new();
    let mut names = Vec::new();
    let mut id = record.span;
    while let Some(span) = id.and_then(|id| spans.get(&id)) {
        let name = text::beginning(&span.name, limits::KEY);
        for (key, value) in span.fields.iter() {
            let key = format!("{name}.{}", text::beginning(key, limits::KEY));
            data.insert(key, limits::brief(value));
        }
        names.push(name);
        // The parents in a dump may be wrong, and even form a cycle.
        if names.len() == MAX_SPANS {
            break;
        }
        id = span.parent;
    }
    names.reverse();
    for (key, value) in record.fields.iter() {
        let key = text::beginning(key, limits::KEY);
        data.insert(key.into_owned(), to_json(value));
    }
    let mut own = |key: &str, value: Json| {
        if !value.is_null() {
            data.entry(key).or_insert(value);
        }
    };
    own("thread", export::text(&record.thread));
    own("span", export::text(&names.join(" > ")));
    own("seq", record.seq.into());
    object([
        (
            "timestamp",
            time::known(record.time).map(|time| time.to_string()).into(),
        ),
        (
            "type",
            if record.level == Level::Error {
                "error"
            } else {
                "default"
            }
            .into(),
        ),
        ("level", level.into()),
        ("category", export::text(&record.target)),
        ("message", (&*record.msg).into()),
        ("data", Json::Object(data)),
    ])
}
