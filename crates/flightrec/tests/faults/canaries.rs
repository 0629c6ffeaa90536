//! Secrets are put in all places where a program may have one, and all files are searched for them.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use flightrec::stackerr::err;
use log::{Level, Record};

use super::host::{self, Host};
use super::kills::files;
use super::row::{self, Row};
use super::watch;

/// The secret. It is not in the executable as a whole.
fn canary(number: u64) -> String {
    format!("c4nary{:08x}{}", number.wrapping_mul(0x9e37_79b9), "Zq7")
}

const NUMBER: &str = "FLIGHTREC_HOST_NUMBER";

/// Texts that contain the secret in different forms.
fn texts(secret: &str) -> Vec<String> {
    vec![
        format!("password={secret}"),
        format!("token: {secret}"),
        format!("{{\"api_key\": \"{secret}\"}}"),
        format!("Authorization: Bearer {secret}"),
        format!("Authorization: Basic {secret}"),
        format!("fetching https://user:{secret}@example.com/path"),
        format!("postgres://app:{secret}@db/prod?x=1"),
        format!("https://example.com/?access_token={secret}&page=2"),
        format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{secret}"),
        format!("ghp_{secret}{secret}{secret}"),
        format!("-----BEGIN RSA PRIVATE KEY-----\n{secret}\n-----END RSA PRIVATE KEY-----"),
    ]
}

pub(crate) fn host(scenario: &str) -> ExitCode {
    let number: u64 = std::env::var(NUMBER)
        .expect("a number")
        .parse()
        .expect("a number");
    let secret = canary(number);
    let texts = texts(&secret);
    let host = Host::start(|mut builder| {
        builder = builder
            .metadata("deploy_token", &secret)
            .metadata("url", &texts[5])
            .metadata(&texts[0], "its key");
        match scenario {
            "strict" => builder.crash_safety(flightrec::CrashSafety::Strict),
            _ => builder.crash_safe(true),
        }
    });
    let mut keys = vec![
        ("session_id", &*secret),
        ("password", &*secret),
        ("harmless", "kept"),
    ];
    // Keys that contain the secret.
    keys.extend(texts.iter().map(|text| (&**text, "a value")));
    for text in &texts {
        keys.push(("text", text));
        log::logger().log(
            &Record::builder()
                .level(Level::Debug)
                .target(text)
                .args(format_args!("{text}"))
                .key_values(&keys)
                .build(),
        );
        keys.pop();
    }
    for (number, text) in texts.iter().enumerate() {
        let error = std::io::Error::other(text.clone());
        if number == 0 {
            host.dump_error(&*err!("{text}").context(text.clone()));
        } else if number < 4 {
            host.dump_error(&error);
        }
    }
    let name = texts[0].clone();
    let panicking = thread::Builder::new().name(name).spawn({
        let text = texts[5].clone();
        move || panic!("{text}")
    });
    assert!(panicking.expect("a thread").join().is_err());
    if let Some(flight) = &host.flight {
        flight.dump(texts[2].clone()).expect("a dump");
    }
    host::die()
}

pub(crate) fn in_no_file(row: &mut Row) {
    for number in 0..row::tries(2, 25) {
        for scenario in ["strict", "by keys"] {
            row.tries += 1;
            let dir = tempfile::tempdir().expect("a directory");
            let secret = canary(number);
            let mut program = watch::host(&format!("canaries:{scenario}"), dir.path(), true);
            program.env(NUMBER, number.to_string());
            program.args(["--api-key", &secret, &format!("--password={secret}")]);
            program.arg(format!("https://user:{secret}@example.com/"));
            if watch::run(&mut program).is_none() {
                row.hung(scenario);
                continue;
            }
            // In strict mode, texts are masked before they are written to the ring.
            let ring = files(dir.path()).keys().any(|name| name.ends_with(".ring"));
            assert!(ring, "the process was killed");
            search(row, dir.path(), &secret, scenario == "strict");
            let mut next = watch::host("kills:start", dir.path(), true);
            if watch::run(&mut next).is_none() {
                row.hung(scenario);
            }
            let dumps = search(row, dir.path(), &secret, true);
            if dumps < 6 {
                row.lost(format!("{dumps} dumps, {scenario}"));
            }
        }
    }
}

/// Searches for the secret in the dumps, or in all files. Returns the number of dumps.
fn search(row: &mut Row, dir: &Path, secret: &str, in_all_files: bool) -> usize {
    let mut dumps = 0;
    for (name, content) in files(dir) {
        let is_dump = name.ends_with(".json");
        dumps += usize::from(is_dump);
        let found = content
            .windows(secret.len())
            .position(|window| window == secret.as_bytes());
        if let Some(at) = found
            && (is_dump || in_all_files)
        {
            let around = &content[at.saturating_sub(60)..at];
            row.torn(format!(
                "{name} after {:?}",
                String::from_utf8_lossy(around)
            ));
        }
        if is_dump && !fs::read_to_string(dir.join(&name)).is_ok_and(|text| text.contains("kept")) {
            row.lost(format!("the value that is not secret in {name}"));
        }
    }
    dumps
}
