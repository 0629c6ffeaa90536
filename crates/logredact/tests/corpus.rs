//! The corpus: what must be masked, and what must stay.

mod common;

use std::path::Path;

use common::{BENIGN, SECRETS, Score};
use logredact::{MASK, Redactor};

fn score(files: &[&'static str]) -> Score {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut score = Score::default();
    for file in files {
        for case in common::read(&folder, file) {
            score.add(&case, &common::mask(&case), MASK);
        }
    }
    score
}

#[track_caller]
fn check(score: &Score, recall: f64, touched: f64) {
    println!("{}", score.wrong.join("\n"));
    println!("{}", score.inexact.join("\n"));
    println!(
        "{} of {} secrets masked, {} of {} lines with secrets exactly, {} of {} benign texts touched",
        score.masked,
        score.secrets,
        score.exact,
        score.lines_with_secrets,
        score.touched,
        score.benign
    );
    assert!(score.recall() >= recall, "recall {}", score.recall());
    assert!(
        score.touched_share() <= touched,
        "touched {}",
        score.touched_share()
    );
}

#[test]
fn secrets_are_masked_and_benign_texts_stay() {
    let files: Vec<_> = SECRETS.into_iter().chain(BENIGN).collect();
    let score = score(&files);
    check(&score, 0.99, 0.002);
    assert!(
        score.secrets >= 400 && score.forms.len() >= 60 && score.benign >= 1500,
        "{} {} {}",
        score.secrets,
        score.forms.len(),
        score.benign
    );
}

/// `cargo xtask redact` prints the table; the first row is this crate.
#[test]
fn the_readme_has_the_figures_of_the_corpus() {
    let files: Vec<_> = SECRETS.into_iter().chain(BENIGN).collect();
    let score = score(&files);
    let row = format!(
        "| {} of {} ({:.1} %) | {} of {} ({:.2} %) | {} of {} |",
        score.masked,
        score.secrets,
        100.0 * score.recall(),
        score.touched,
        score.benign,
        100.0 * score.touched_share(),
        score.held_out.1,
        score.held_out.0
    );
    let readme = include_str!("../README.md");
    assert!(readme.contains(&row), "the README lacks {row}");
}

/// Tests every key in every notation. None may leak, however the other rules are tuned.
#[test]
fn a_value_of_a_secret_key_is_masked_with_every_quoting() {
    const SECRET: &str = "Zq8-Lm1pR";
    let keys = [
        "password",
        "PASSWORD",
        "db_password",
        "dbPassword",
        "user.password",
        "passwd",
        "secret",
        "client_secret",
        "clientSecret",
        "api_key",
        "apiKey",
        "X-Api-Key",
        "access_token",
        "token",
        "auth_token",
        "private_key",
        "passphrase",
        "credentials",
        "session_id",
        "csrf",
    ];
    let forms = [
        "K=V",
        "K = V",
        "K: V",
        "K:V",
        "K := V",
        "K => V",
        "K='V'",
        "K=\"V\"",
        "K: \"V\"",
        "K: 'V'",
        "\"K\":\"V\"",
        "\"K\": \"V\"",
        "'K': 'V'",
        "{\"K\":\"V\",\"n\":1}",
        "{\\\"K\\\":\\\"V\\\"}",
        "{\\\\\\\"K\\\\\\\":\\\\\\\"V\\\\\\\"}",
        "K: Some(\"V\")",
        "K: Some(\n    \"V\",\n)",
        "(\"K\", \"V\")",
        "[(\"K\", \"V\")]",
        "--K V",
        "--K=V",
        "--K \"V\"",
        "export K=V",
        "?a=b&K=V&n=1",
        "<K>V</K>",
        "{\"name\": \"K\", \"value\": \"V\"}",
        "- name: K\n  value: V",
        "%22K%22%3A%22V%22",
        "K%3DV",
        "K: b\"V\"",
        "a\\nK=V\\nb",
        "[\"--K\", \"V\"]",
        "K[0]=V",
        "a[K]=V",
        "`K`: `V`",
    ];
    for key in keys {
        for form in forms {
            let text = form.replace('K', key).replace('V', SECRET);
            let masked = Redactor::default().text(&text).into_owned();
            assert!(!masked.contains(SECRET), "{text:?} became {masked:?}");
        }
        assert_eq!(Redactor::default().value(key, SECRET), MASK);
    }
}

/// Lines of real programs' logs that were once masked wrongly.
#[test]
fn places_and_messages_of_a_program_with_sessions_are_not_masked() {
    for text in [
        "panicked at src/session.rs:1:99: index out of bounds: the len is 0 but the index is 3",
        "at src/token.rs:66",
        "auth: connection refused by idp.example.org",
        "cannot log in: auth: connection refused by idp.example.org",
        "refresh token=None, has_token=false, session: None, auth: disabled, max_tokens=4096, usage total_tokens=1834",
        "error[E0308] --> src/auth.rs:12:9: expected `Token`, found `Session`",
    ] {
        assert_eq!(Redactor::default().text(text), text);
    }
    for (key, value) in [
        ("session", "7"),
        ("token_present", "false"),
        ("auth", "none"),
        ("sid", "1000"),
        ("pass", "3"),
        ("tokens", "512"),
        ("max_tokens", "4096"),
    ] {
        assert_eq!(Redactor::default().value(key, value), value, "{key}");
    }
}

#[test]
fn arguments_are_masked_in_every_form_of_an_option() {
    let args = [
        "app",
        "--password",
        "hunter2a",
        "-p",
        "hunter2b",
        "-phunter2c",
        "-u",
        "me:hunter2d",
        "--user",
        "me:hunter2e",
        "--pat",
        "hunter2f",
        "--psk",
        "hunter2g",
        "--cred=hunter2h",
        "--db-password",
        "-hunter2i",
    ];
    let masked = Redactor::default().args(&args);
    assert!(
        !masked.iter().any(|arg| arg.contains("hunter2")),
        "{masked:?}"
    );
    let harmless = [
        "app",
        "-p",
        "8080",
        "-v",
        "--user",
        "1000:1000",
        "--session",
        "12",
        "-u",
        "file",
        "--jobs",
        "4",
        "-p",
        "./dir",
    ];
    assert_eq!(Redactor::default().args(&harmless), harmless);
}
