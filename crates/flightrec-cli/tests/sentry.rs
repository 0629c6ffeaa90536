//! `export --to sentry`: Sentry's own types can read the envelopes.

mod common;

use std::fs;

use common::{Bench, data};
use sentry_types::protocol::v7::{EnvelopeItem, Event};
use serde_json::{Value, json};

/// Parses the envelope of a dump: the event, its JSON, and the attachment.
fn envelope(bench: &Bench, dump: &str) -> (Event<'static>, Value, Option<Vec<u8>>) {
    let output = bench.run(&["export", "--to", "sentry", dump]);
    assert!(output.status.success(), "{output:?}");
    let (envelope, json) = common::envelope(&output.stdout);
    let mut event = None;
    let mut attachment = None;
    for item in envelope.items() {
        match item {
            EnvelopeItem::Event(it) => event = Some((**it).clone()),
            EnvelopeItem::Attachment(it) => attachment = Some(it.buffer.clone()),
            other => panic!("{other:?}"),
        }
    }
    let event = event.unwrap();
    assert_eq!(envelope.uuid(), Some(&event.event_id));
    (event, json, attachment)
}

fn put(bench: &Bench, mut dump: Value) -> &'static str {
    dump["schema"] = "flightrec/1".into();
    bench.put("dump.json", dump.to_string().as_bytes());
    "dump.json"
}

#[test]
fn an_event_has_the_data_of_the_dump() {
    let bench = Bench::new();
    let (event, json, attachment) = envelope(&bench, data("census.json").to_str().unwrap());
    assert_eq!(event.release.as_deref(), Some("census@0.1.0"));
    assert_eq!(&event.fingerprint[..], ["fr1-9c6b495a61f185fe"]);
    assert_eq!(event.level, sentry_types::protocol::v7::Level::Error);
    assert_eq!(event.tags["revision"], "4059744");
    assert_eq!(
        event.contexts["os"],
        serde_json::from_value(json!({"type": "os", "name": "Linux"})).unwrap()
    );

    // Causes come first, the returned error last.
    let values: Vec<&str> = event
        .exception
        .iter()
        .filter_map(|it| it.value.as_deref())
        .collect();
    assert_eq!(
        values.first(),
        Some(&"No such file or directory (os error 2)")
    );
    assert_eq!(
        values.last(),
        Some(&"the census of /srv/crates is incomplete")
    );
    let ids: Vec<u64> = json["exception"]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["mechanism"]["exception_id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (0..ids.len() as u64).rev().collect::<Vec<_>>());

    // The outermost frame comes first, the place of the error last.
    let frames = &event.exception[0].stacktrace.as_ref().unwrap().frames;
    let last = frames.last().unwrap();
    assert_eq!(last.function.as_deref(), Some("census::crates::read"));
    assert_eq!(
        (last.filename.as_deref(), last.lineno),
        (Some("src/crates.rs"), Some(15))
    );
    assert_eq!(last.in_app, Some(true));
    assert_eq!(frames[0].in_app, Some(false));

    let crumb = event.breadcrumbs.last().unwrap();
    assert_eq!(crumb.category.as_deref(), Some("census::crates"));
    assert_eq!(crumb.data["thread"], "census-2");
    assert_eq!(crumb.data["attempt"], 1);
    assert_eq!(event.breadcrumbs.len(), 8);
    assert_eq!(attachment.unwrap(), fs::read(data("census.json")).unwrap());
}

#[test]
fn addresses_are_in_images_with_build_ids() {
    let bench = Bench::new();
    let frame = |address: &str, module: &str| json!({"name": "<unknown>", "address": address, "module": module});
    let dump = put(
        &bench,
        json!({"app": "a", "host": {"os": "linux"}, "created_at": "2026-11-23T00:30:15Z",
            "reason": {"kind": "crash", "message": "process 7 ended"},
            "crash": {"signal": 11, "signal_name": "SIGSEGV", "code": 1},
            "modules": [{"name": "/opt/a", "build_id": "93ac61ec5a8eb1396f9fbd350e3169a558528a40"},
                {"name": "/lib/libc.so.6", "build_id": "ef1399a6e30fa1df865129171f7121c89bac4040"}],
            "stack_traces": [{"error": "SIGSEGV", "origin": "crash",
                "frames": [frame("0x1f0d2", "/opt/a"), frame("0x20", "/lib/libc.so.6")]}],
            "threads": [{"id": 5, "name": "worker", "crashed": true, "frames": [frame("0x1f0d2", "/opt/a")]}]}),
    );
    let (event, json, _) = envelope(&bench, dump);
    let images = &json["debug_meta"]["images"];
    assert_eq!(images[0]["type"], "elf");
    assert_eq!(
        images[0]["code_id"],
        "93ac61ec5a8eb1396f9fbd350e3169a558528a40"
    );
    assert_eq!(
        images[0]["debug_id"],
        "ec61ac93-8e5a-39b1-6f9f-bd350e3169a5"
    );
    let number = |value: &Value| {
        u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    };
    let frames = &json["exception"]["values"][0]["stacktrace"]["frames"];
    assert_eq!(
        number(&frames[1]["instruction_addr"]) - number(&images[0]["image_addr"]),
        0x1f0d2
    );
    assert_eq!(
        number(&frames[0]["instruction_addr"]) - number(&images[1]["image_addr"]),
        0x20
    );
    assert_eq!(frames[0].get("function"), None);
    let exception = &event.exception[0];
    assert_eq!(exception.ty, "SIGSEGV");
    let mechanism = exception.mechanism.as_ref().unwrap();
    assert_eq!(mechanism.handled, Some(false));
    assert_eq!(mechanism.meta.signal.as_ref().unwrap().number, 11);
    assert!(event.threads[0].crashed && event.threads[0].current);
    assert_eq!(event.level, sentry_types::protocol::v7::Level::Fatal);
}

#[test]
fn copies_of_a_dump_have_the_same_id() {
    let bench = Bench::new();
    let id = |dump: Value| envelope(&bench, put(&bench, dump)).0.event_id;
    let dump = |message: &str, at: &str| json!({"app": "a", "created_at": at, "process": {"pid": 7}, "reason": {"kind": "error", "message": message}});
    let (first, second) = ("2026-11-23T00:30:15Z", "2026-11-23T00:30:16Z");
    assert_eq!(
        id(dump("at /home/me", first)),
        id(dump("at /home/[redacted]", first))
    );
    assert_ne!(id(dump("m", first)), id(dump("m", second)));
    // Damaged dumps without a time.
    assert_ne!(
        id(json!({"app": "a"})),
        id(json!({"app": "a", "version": "1"}))
    );
}

#[test]
fn without_a_fingerprint_an_event_groups_as_group_does() {
    let bench = Bench::new();
    let key = |message: &str| {
        let dump = json!({"app": "a", "reason": {"kind": "level", "message": message}});
        envelope(&bench, put(&bench, dump))
            .0
            .fingerprint
            .into_owned()
    };
    assert_eq!(key("line 17: eof"), ["a level: line #: eof"]);
    assert_eq!(key("line 17: eof"), key("line 4: eof"));
}

#[test]
fn an_event_is_trimmed_below_the_limits_and_says_so() {
    let bench = Bench::new();
    let long = "\u{1}é".repeat(2_500);
    let frames: Vec<Value> = (0..260)
        .map(|n| json!({"name": format!("f{n}::{long:.50}"), "address": "0x1"}))
        .collect();
    let errors = (0..50).fold(
        json!({"message": long}),
        |cause, n| json!({"message": format!("{n} {long}"), "sources": [cause]}),
    );
    let dump = put(
        &bench,
        json!({"app": long, "version": long, "error": errors,
            "stack_traces": [{"error": long, "frames": frames}, {"error": "other", "frames": frames}],
            "threads": (0..2).map(|n| json!({"id": n, "frames": frames})).collect::<Vec<_>>(),
            "metadata": {"key with spaces": long},
            "latest_logs": (0..40).map(|n| json!({"seq": n, "msg": long, "fields": {"a": long}})).collect::<Vec<_>>()}),
    );
    let (event, json, attachment) = envelope(&bench, dump);
    assert!(
        json.to_string().len() <= 1_000_000,
        "{}",
        json.to_string().len()
    );
    let trimmed = json["extra"]["trimmed"].to_string();
    for what in ["long texts", "frames", "threads", "breadcrumbs"] {
        assert!(trimmed.contains(what), "{trimmed}");
    }
    assert!(!event.exception.is_empty());
    // The attachment has everything.
    let dump = fs::read(bench.dir.path().join(dump)).unwrap();
    assert_eq!(attachment.unwrap(), dump);
}

#[test]
fn envelopes_of_hostile_dumps_can_be_read() {
    let bench = Bench::new();
    for entry in fs::read_dir(data("hostile")).unwrap() {
        envelope(&bench, entry.unwrap().path().to_str().unwrap());
    }
    let (event, ..) = envelope(&bench, data("worker.json").to_str().unwrap());
    assert_eq!(event.exception[0].ty, "panic");
}

#[test]
fn an_envelope_has_one_dump() {
    let census = data("census.json");
    let census = census.to_str().unwrap();
    let output = Bench::new().run(&["export", "--to", "sentry", census, census]);
    assert_eq!(output.status.code(), Some(2));
}
