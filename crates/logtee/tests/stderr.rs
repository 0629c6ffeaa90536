//! A closed or broken stderr, in a child process.
#![cfg(unix)]

use std::process::{Command, Stdio};

use log::LevelFilter;
use logtee::Tee;

const CHILD: &str = "LOGTEE_TEST_STDERR_CHILD";

/// Logs to a stderr whose other end is closed.
fn child() -> ! {
    Tee::builder()
        .sink(LevelFilter::Info, logtee::stderr())
        .install()
        .unwrap();
    // The parent closes its end of the pipe before it sends this line.
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    log::info!("into the void");
    log::logger().flush();
    let failures = logtee::global::installed().unwrap().failures();
    std::process::exit(if failures == 1 { 42 } else { 1 });
}

#[test]
fn a_broken_stderr_is_counted_and_does_not_panic() {
    if std::env::var_os(CHILD).is_some() {
        child();
    }
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_broken_stderr_is_counted_and_does_not_panic",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(process.stderr.take());
    drop(process.stdin.take());
    assert_eq!(process.wait().unwrap().code(), Some(42));
}

#[test]
fn a_closed_stderr_is_counted_and_text_is_plain_without_a_terminal() {
    if std::env::var_os(CHILD).is_some() {
        Tee::builder()
            .sink(LevelFilter::Info, logtee::stderr())
            .install()
            .unwrap();
        log::info!("said");
        std::process::exit(0);
    }
    let run = |redirection: &str| {
        let script = format!("exec \"$0\" \"$@\" {redirection}");
        Command::new("/bin/sh")
            .args(["-c", &script])
            .arg(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_closed_stderr_is_counted_and_text_is_plain_without_a_terminal",
                "--nocapture",
            ])
            .env(CHILD, "1")
            .env_remove("CLICOLOR_FORCE")
            .output()
            .unwrap()
    };
    assert!(run("2>&-").status.success());
    let output = run("");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.ends_with(" INFO  stderr: said\n"), "{text:?}");
    assert!(!text.contains('\x1b'));
}
