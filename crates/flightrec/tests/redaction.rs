//! Secrets are masked in dumps.

mod common;

use common::{dumps, quiet, scenario};
use flightrec::redact::Redactor;
use flightrec::stackerr::err;
use log::{Level, Log, Record};
use tempfile::tempdir;

const CANARY: &str = "c4nary-9f27e1b0";

#[test]
fn secrets_are_masked_in_dumps_and_counted() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path())
        .metadata("deploy_token", CANARY)
        .metadata("url", format!("postgres://app:{CANARY}@db/prod"))
        .build();
    let messages = [
        format!("password={CANARY}"),
        format!("Authorization: Bearer {CANARY}"),
        format!("fetching https://user:{CANARY}@example.com/"),
        format!("{{\"api_key\": \"{CANARY}\"}}"),
        format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{CANARY}"),
    ];
    for message in &messages {
        let fields = [("session_id", CANARY), ("harmless", "kept")];
        tee.log(
            &Record::builder()
                .level(Level::Debug)
                .target("test")
                .args(format_args!("{message}"))
                .key_values(&fields)
                .build(),
        );
    }
    let error = err!("cannot log in with secret={CANARY}").context(format!("token: {CANARY}"));
    recorder.dump_error(&error).unwrap();
    recorder.dump(format!("password={CANARY}")).unwrap();

    for (path, dump) in dumps(dir.path()) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(CANARY), "{text}");
        assert!(text.contains("kept"));
        assert!(
            dump.redactions.iter().map(|(_, count)| count).sum::<u64>() >= 12,
            "{:?}",
            dump.redactions
        );
    }
}

#[test]
fn a_user_s_rule_masks_and_a_text_for_which_it_panics_is_masked() {
    let dir = tempdir().unwrap();
    let redactor = Redactor::default()
        .key("customer")
        .rule("fragile", |text: &str| {
            if text.contains("boom") {
                panic!("boom")
            } else {
                text.into()
            }
        });
    let (recorder, tee) = quiet(dir.path()).redact(redactor).build();
    let fields = [("customer", "Erika")];
    tee.log(
        &Record::builder()
            .level(Level::Info)
            .args(format_args!("fine"))
            .key_values(&fields)
            .build(),
    );
    tee.log(
        &Record::builder()
            .level(Level::Info)
            .args(format_args!("boom {CANARY}"))
            .build(),
    );
    let dump = recorder.snapshot();
    assert_eq!(dump.latest_logs[0].msg, "fine");
    assert_eq!(
        dump.latest_logs[0].fields.get("customer"),
        Some(&flightrec::Value::Text("[redacted]".into()))
    );
    assert_eq!(dump.latest_logs[1].msg, "[redacted]");
    assert_eq!(
        recorder.snapshot().redactions.get("key"),
        Some(&1),
        "each dump has its own count"
    );
}

#[test]
fn a_private_key_that_is_logged_line_by_line_is_masked() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path()).build();
    let key = "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDLINE1";
    for line in [
        "-----BEGIN PRIVATE KEY-----",
        key,
        "-----END PRIVATE KEY-----",
        "listening",
    ] {
        tee.log(
            &Record::builder()
                .level(Level::Debug)
                .args(format_args!("{line}"))
                .build(),
        );
    }
    let dump = recorder.snapshot();
    assert_eq!(dump.latest_logs[1].msg, "[redacted]");
    assert_eq!(dump.latest_logs[3].msg, "listening");
}

/// Keys such as `session` do not always have secret values.
#[test]
fn counts_states_and_places_are_not_masked() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path()).build();
    let message = "refresh token=None, session: None, auth: disabled, max_tokens=4096, \
                   at src/token.rs:66, auth: connection refused by idp.example.org";
    let fields = [
        ("session", 7),
        ("sid", 1000),
        ("pass", 3),
        ("tokens", 512),
        ("max_tokens", 4096),
    ];
    tee.log(
        &Record::builder()
            .level(Level::Debug)
            .args(format_args!("{message}"))
            .key_values(&fields)
            .build(),
    );
    let dump = recorder.snapshot();
    assert_eq!(dump.latest_logs[0].msg, message);
    for (key, value) in fields {
        let kept = dump.latest_logs[0].fields.get(key);
        assert_eq!(kept, Some(&flightrec::Value::Int(value)), "{key}");
    }
    assert!(dump.redactions.is_empty(), "{:?}", dump.redactions);
}

/// Runs in a child process.
#[test]
fn secrets_in_arguments_and_panics_are_masked() {
    if let Some((_, dir)) = scenario() {
        let _recorder = quiet(&dir).install().unwrap();
        panic!("the password={CANARY} was wrong");
    }
    let dir = tempdir().unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "secrets_in_arguments_and_panics_are_masked",
            "--nocapture",
        ])
        // The test harness takes these for names of tests to skip.
        .args(["--skip", &format!("--api-key={CANARY}")])
        .env("SCENARIO", "panic")
        .env("DUMPS", dir.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let (path, dump) = dumps(dir.path()).pop().expect("a dump of the panic");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(!text.contains(CANARY), "{text}");
    assert!(
        dump.process
            .args
            .contains(&"--api-key=[redacted]".to_owned()),
        "{:?}",
        dump.process.args
    );
}
