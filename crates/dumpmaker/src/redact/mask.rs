//! Masks each text of a dump according to its kind: prose, code, value of a key, argument.

use std::borrow::Cow;

use flightrec_dump::{Dump, Entries, ErrorNode, Frame, Location, LogRecord, Span, Value};
use logredact::Redactor;

/// Masks the secrets in all texts of a dump, and counts them in `redactions`. Texts that were masked
/// before do not change.
///
/// Records are masked before messages: if a record shows that a value is a secret, it is also masked in
/// the message of an error.
pub fn redact(dump: &mut Dump, redactor: &Redactor) {
    let before = counts(redactor);
    let mask = Mask(redactor);
    mask.program(dump);
    mask.records(&mut dump.latest_logs);
    mask.spans(&mut dump.spans);
    mask.text(&mut dump.reason.message);
    if let Some(error) = &mut dump.error {
        mask.error(error);
    }
    mask.stacks(dump);
    for also in &mut dump.also {
        mask.text(&mut also.message);
        also.error.iter_mut().for_each(|error| mask.error(error));
    }
    for noted in &mut dump.noted_errors {
        mask.error(&mut noted.error);
        mask.location(&mut noted.noted_at);
        mask.text(&mut noted.thread);
    }
    for eviction in &mut dump.evictions {
        eviction.target.iter_mut().for_each(|text| mask.text(text));
        eviction.thread.iter_mut().for_each(|text| mask.text(text));
    }
    for suppressed in &mut dump.suppressed {
        mask.text(&mut suppressed.message);
    }
    dump.notes.iter_mut().for_each(|note| mask.text(note));
    add_counts(dump, redactor, &before);
}

/// Masks only the stacks of a dump, which got names after the dump was masked.
pub(crate) fn redact_stacks(dump: &mut Dump, redactor: &Redactor) {
    // Does not count: the secrets in their messages were counted before.
    Mask(redactor).stacks(dump);
}

/// The counts by the names of rules. Several rules may have the same name.
fn counts(redactor: &Redactor) -> Entries<u64> {
    let mut counts = Entries::new();
    for (rule, count) in redactor.counts() {
        add(&mut counts, &rule, count);
    }
    counts
}

fn add(counts: &mut Entries<u64>, rule: &str, count: u64) {
    let sum = counts.get(rule).copied().unwrap_or(0).saturating_add(count);
    counts.insert(rule, sum);
}

fn add_counts(dump: &mut Dump, redactor: &Redactor, before: &Entries<u64>) {
    for (rule, count) in counts(redactor) {
        let since = count.saturating_sub(before.get(&rule).copied().unwrap_or(0));
        if since > 0 {
            add(&mut dump.redactions, &rule, since);
        }
    }
}

struct Mask<'a>(&'a Redactor);

impl Mask<'_> {
    fn masked(&self, text: &str) -> String {
        self.0.text(text).into_owned()
    }

    fn text(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.0.text(text) {
            *text = masked;
        }
    }

    /// Masks a name or path that comes from source code or a compiler.
    fn code(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.0.code(text) {
            *text = masked;
        }
    }

    fn codes<'a>(&self, texts: impl IntoIterator<Item = &'a mut String>) {
        texts.into_iter().for_each(|text| self.code(text));
    }

    /// Masks what a dump says about the program and its process.
    fn program(&self, dump: &mut Dump) {
        self.code(&mut dump.app);
        self.codes(dump.version.iter_mut().chain(&mut dump.revision));
        for module in &mut dump.modules {
            self.code(&mut module.name);
        }
        let process = &mut dump.process;
        process
            .executable
            .iter_mut()
            .for_each(|path| self.text(path));
        self.text(&mut process.thread);
        process.args = self.0.args(&process.args);
        if let Some(crash) = &mut dump.crash {
            self.codes(&mut crash.stack_ended);
        }
        dump.metadata = std::mem::take(&mut dump.metadata)
            .into_iter()
            .map(|(key, value)| (self.masked(&key), self.0.value(&key, &value).into_owned()))
            .collect();
    }

    fn error(&self, error: &mut ErrorNode) {
        self.text(&mut error.message);
        error.location.iter_mut().for_each(|at| self.location(at));
        error
            .sources
            .iter_mut()
            .for_each(|source| self.error(source));
    }

    fn location(&self, location: &mut Location) {
        self.code(&mut location.file);
    }

    fn stacks(&self, dump: &mut Dump) {
        let noted = dump.noted_errors.iter_mut();
        let noted = noted.flat_map(|noted| &mut noted.stack_traces);
        let also = dump.also.iter_mut();
        let also = also.flat_map(|also| &mut also.stack_traces);
        for trace in dump.stack_traces.iter_mut().chain(noted).chain(also) {
            self.text(&mut trace.error);
            self.codes(&mut trace.error_type);
            self.frames(&mut trace.frames);
            trace.trail.iter_mut().for_each(|at| self.location(at));
        }
        for thread in &mut dump.threads {
            thread.name.iter_mut().for_each(|name| self.text(name));
            self.codes(&mut thread.state);
            self.codes(&mut thread.stack_ended);
            self.frames(&mut thread.frames);
        }
    }

    fn frames(&self, frames: &mut [Frame]) {
        for frame in frames {
            self.code(&mut frame.name);
            self.codes(&mut frame.file);
            self.codes(&mut frame.module);
        }
    }

    fn records(&self, records: &mut [LogRecord]) {
        // A private key may be logged line by line, so records are masked as a stream.
        let mut stream = self.0.stream();
        for record in records {
            self.text(&mut record.target);
            if let Cow::Owned(masked) = stream.text(&record.msg) {
                record.msg = masked;
            }
            self.codes(&mut record.file);
            self.text(&mut record.thread);
            self.fields(&mut record.fields);
        }
    }

    fn spans(&self, spans: &mut [Span]) {
        for span in spans {
            self.text(&mut span.name);
            self.text(&mut span.target);
            self.codes(&mut span.file);
            self.fields(&mut span.fields);
        }
    }

    fn fields(&self, fields: &mut Entries<Value>) {
        *fields = std::mem::take(fields)
            .into_iter()
            .map(|(key, value)| (self.masked(&key), self.value(&key, value)))
            .collect();
    }

    /// Masks the value of a key. Numbers can be secrets, too.
    fn value(&self, key: &str, value: Value) -> Value {
        match value {
            Value::Text(text) => self.0.value(key, &text).as_ref().into(),
            Value::Int(number) => self.number(key, number, value),
            Value::Uint(number) => self.number(key, number, value),
            Value::Float(number) => self.number(key, number, value),
            Value::List(items) => {
                let items = items.into_iter().map(|item| self.value(key, item));
                Value::List(items.collect())
            }
            Value::Map(entries) => {
                let is_secret = self.0.is_secret(key);
                let entries = entries.into_iter().map(|(own, value)| {
                    let by = if is_secret { key } else { &own };
                    (self.masked(&own), self.value(by, value))
                });
                Value::Map(entries.collect())
            }
            value => value,
        }
    }

    fn number(&self, key: &str, number: impl ToString, value: Value) -> Value {
        match self.0.value(key, &number.to_string()) {
            Cow::Borrowed(_) => value,
            Cow::Owned(masked) => masked.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    const CANARY: &str = "c4nary-9f27e1b0";

    /// A dump with every field set. The test `every_field_is_set` finds missing ones.
    fn full() -> Dump {
        let place = serde_json::json!({ "file": "src/a.rs", "line": 1, "column": 2 });
        let frame = serde_json::json!({
            "name": "a::b", "file": "/a.rs", "line": 1, "column": 2, "address": "0x10",
            "module": "/bin/a", "noise": true,
        });
        let fields = serde_json::json!({
            "key": "a text", "list": ["a text"], "map": { "inner": "a text" },
        });
        let json = serde_json::json!({
            "schema": flightrec_dump::SCHEMA, "app": "a", "version": "1", "revision": "r",
            "created_at": "2026-01-02T03:04:05Z",
            "reason": { "kind": "manual", "message": "m" },
            "error": {
                "message": "m", "location": place,
                "sources": [{ "message": "m", "location": place, "sources": [
                    { "message": "m", "location": place, "sources": [] }
                ] }],
            },
            "stack_traces": [{
                "error": "e", "error_type": "t", "origin": "panic", "frames": [frame],
                "trail": [place], "log_seq": 1, "span": 2,
            }],
            "omitted_stack_traces": 1,
            "also": [{
                "kind": "rule", "message": "m", "at": "2026-01-02T03:04:05Z",
                "error": { "message": "m", "location": place, "sources": [] },
                "stack_traces": [{
                    "error": "e", "error_type": "t", "origin": "caller", "frames": [frame],
                    "trail": [place], "log_seq": 1, "span": 2,
                }],
            }],
            "noted_errors": [{
                "error": { "message": "m", "location": place, "sources": [
                    { "message": "m", "location": place, "sources": [] }
                ] },
                "count": 2, "first_at": "2026-01-02T03:04:05Z", "last_at": "2026-01-02T03:04:05Z",
                "noted_at": place, "thread": "t", "stack_traces": [{
                    "error": "e", "error_type": "t", "origin": "creation", "frames": [frame],
                    "trail": [place], "log_seq": 1, "span": 2,
                }],
            }],
            "omitted_noted_errors": 1,
            "threads": [{
                "id": 1, "name": "n", "state": "s", "frames": [frame], "stack_ended": "e",
                "crashed": true,
            }],
            "latest_logs": [{
                "seq": 1, "time": "2026-01-02T03:04:05Z", "level": "INFO", "target": "t",
                "msg": "m", "file": "f", "line": 1, "thread": "t", "span": 1, "fields": fields,
                "cut": true,
            }],
            "spans": [{
                "id": 1, "parent": 1, "follows_from": [1], "name": "n", "target": "t",
                "level": "INFO", "file": "f", "line": 1, "opened_at": "2026-01-02T03:04:05Z",
                "closed_at": "2026-01-02T03:04:05Z", "fields": fields,
            }],
            "evictions": [{ "target": "t", "level": "INFO", "thread": "t", "count": 1 }],
            "unbroken_from": 1,
            "gauges": [{
                "time": "2026-01-02T03:04:05Z", "resident_bytes": 1, "threads": 1, "open_files": 1,
                "cpu_ms": 1, "cgroup_bytes": 1, "cgroup_limit_bytes": 1, "memory_pressure": 1.0,
                "cpu_pressure": 1.0, "io_pressure": 1.0,
            }],
            "suppressed": [{ "kind": "panic", "message": "m", "at": "2026-01-02T03:04:05Z" }],
            "related_dumps": ["d"], "fingerprint": "f",
            "modules": [{ "name": "m", "build_id": "b" }],
            "process": {
                "pid": 1, "started_at": "2026-01-02T03:04:05Z", "executable": "e",
                "args": ["a"], "thread": "t",
            },
            "crash": {
                "signal": 1, "signal_name": "s", "code": 1, "fault_address": "a",
                "stack_ended": "s", "last_record_at": "2026-01-02T03:04:05Z", "boot_id": "b",
                "rebooted": true,
            },
            "host": { "os": "o", "arch": "a" },
            "metadata": { "key": "value" }, "redactions": { "key": 1 }, "notes": ["n"],
        });
        Dump::from_json(&serde_json::to_vec(&json).unwrap()).unwrap()
    }

    /// Collects the path of each leaf. A key that the program chooses is a leaf, too.
    fn leaves(json: &Json, path: &str, found: &mut Vec<(String, Json)>) {
        match json {
            Json::Object(map) => map.iter().for_each(|(key, value)| {
                if is_chosen(path) {
                    found.push((format!("{path}/{key}#"), Json::from(key.clone())));
                }
                leaves(value, &format!("{path}/{key}"), found);
            }),
            Json::Array(items) if !items.is_empty() => {
                let each = items.iter().enumerate();
                each.for_each(|(at, item)| leaves(item, &format!("{path}/{at}"), found));
            }
            leaf => found.push((path.to_owned(), leaf.clone())),
        }
    }

    /// Whether this is a map whose keys the program chooses.
    fn is_chosen(path: &str) -> bool {
        path == "/metadata" || path.split('/').any(|part| part == "fields")
    }

    fn all_leaves(dump: &Dump) -> Vec<(String, Json)> {
        let mut found = Vec::new();
        leaves(&serde_json::to_value(dump).unwrap(), "", &mut found);
        found
    }

    #[test]
    fn every_field_is_set() {
        for (path, leaf) in all_leaves(&full()) {
            let is_end_of_chain = path.ends_with("/sources/0/sources/0/sources")
                || path == "/noted_errors/0/error/sources/0/sources"
                || path == "/also/0/error/sources";
            let is_empty = leaf.is_null() || leaf == Json::Array(Vec::new());
            assert!(!is_empty || is_end_of_chain, "{path}: set it in `full`");
        }
    }

    /// Texts that come from the recorder or the system, and not from the program: numbers, words of a
    /// fixed list, and texts that tools compare byte by byte.
    const NOT_MASKED: [&str; 32] = [
        "/evictions/0/level",
        "/gauges/0/time",
        "/also/0/at",
        "/also/0/kind",
        "/also/0/stack_traces/0/frames/0/address",
        "/also/0/stack_traces/0/origin",
        "/created_at",
        "/crash/boot_id",
        "/crash/fault_address",
        "/crash/last_record_at",
        "/crash/signal_name",
        "/fingerprint",
        "/host/arch",
        "/host/os",
        "/latest_logs/0/level",
        "/latest_logs/0/time",
        "/modules/0/build_id",
        "/noted_errors/0/first_at",
        "/noted_errors/0/last_at",
        "/noted_errors/0/stack_traces/0/frames/0/address",
        "/noted_errors/0/stack_traces/0/origin",
        "/process/started_at",
        "/reason/kind",
        "/related_dumps/0",
        "/schema",
        "/spans/0/closed_at",
        "/spans/0/level",
        "/spans/0/opened_at",
        "/stack_traces/0/frames/0/address",
        "/stack_traces/0/origin",
        "/suppressed/0/kind",
        "/threads/0/frames/0/address",
    ];

    /// New fields of the schema are tested without being listed here.
    #[test]
    fn a_canary_in_any_field_of_the_schema_is_masked() {
        let json = serde_json::to_value(full()).unwrap();
        let mut planted = 0;
        for (path, leaf) in all_leaves(&full()) {
            if !leaf.is_string() || NOT_MASKED.contains(&&*path) {
                continue;
            }
            let mut json = json.clone();
            if let Some(key) = path.strip_suffix('#') {
                let (map, key) = key.rsplit_once('/').unwrap();
                let map = json.pointer_mut(map).unwrap().as_object_mut().unwrap();
                let value = map.remove(key).unwrap();
                map.insert(format!("a {CANARY}"), value);
            } else {
                *json.pointer_mut(&path).unwrap() = Json::from(format!("a {CANARY} b"));
            }
            let mut dump = Dump::from_json(&serde_json::to_vec(&json).unwrap()).unwrap();
            let with_canary = serde_json::to_string(&dump).unwrap();
            if !with_canary.contains(CANARY) {
                // A time or a level: other texts are not kept when the dump is parsed.
                continue;
            }
            planted += 1;
            redact(&mut dump, &Redactor::default().literal(CANARY));
            let masked = serde_json::to_string(&dump).unwrap();
            assert!(!masked.contains(CANARY), "{path}: {masked}");
        }
        assert!(planted > 40, "{planted}");
    }

    #[test]
    fn home_paths_replaces_home_directories_by_tildes() {
        let home = "/home/ana/src/a.rs";
        let mut dump = full();
        dump.stack_traces[0].frames[0].file = Some(home.to_owned());
        dump.threads[0].frames[0].module = Some(home.to_owned());
        dump.modules[0].name = home.to_owned();
        dump.latest_logs[0].file = Some(home.to_owned());
        let mut by_default = dump.clone();
        redact(&mut by_default, &Redactor::default());
        assert_eq!(by_default.modules[0].name, home);
        redact(&mut dump, &Redactor::default().home_paths());
        let json = serde_json::to_string(&dump).unwrap();
        assert_eq!(json.matches("~/src/a.rs").count(), 4);
        assert!(!json.contains("ana"), "{json}");
    }

    #[test]
    fn a_secret_that_is_learned_from_a_record_is_masked_in_the_reason() {
        let mut dump = full();
        dump.latest_logs[0].msg = format!("password={CANARY}");
        dump.reason.message = format!("{CANARY} is wrong");
        redact(&mut dump, &Redactor::default());
        assert_eq!(dump.reason.message, "[redacted] is wrong");
    }

    #[test]
    fn if_a_rule_panics_its_text_is_masked_and_counted_as_failed() {
        let mut dump = full();
        dump.reason.message = format!("fragile {CANARY}");
        let redactor = Redactor::default().rule("fragile", |text| {
            assert!(!text.contains("fragile"), "for the test");
            text.into()
        });
        redact(&mut dump, &redactor);
        assert_eq!(dump.reason.message, logredact::MASK);
        assert_eq!(dump.redactions.get("failed"), Some(&1));
    }
}
