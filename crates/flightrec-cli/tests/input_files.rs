//! Files from other people: within the log of a container, compressed, damaged, huge, or in a directory
//! that may not be read.

mod common;

use std::fs;
use std::io::Write;

use common::{Bench, stderr, stdout};
use serde_json::{Value, json};

fn dump(message: &str) -> Value {
    json!({
        "schema": "flightrec/1", "app": "census", "created_at": "2026-11-23T00:30:15Z",
        "reason": {"kind": "error", "message": message}, "error": {"message": message},
        "fingerprint": format!("fr2-{message}"),
        "latest_logs": [{"seq": 0, "time": "2026-11-23T00:30:14Z", "level": "INFO",
            "target": "census", "msg": "before it failed"}],
    })
}

fn shows(bench: &Bench, args: &[&str], parts: &[&str]) {
    let output = bench.run(args);
    let text = stdout(&output);
    for part in parts {
        assert!(
            text.contains(part),
            "{part:?} is not in:\n{text}{}",
            stderr(&output)
        );
    }
}

/// If wrapping read the rest of the message for each line, this would take minutes.
#[test]
fn a_message_of_a_megabyte_is_wrapped_in_linear_time() {
    let bench = Bench::new();
    let mut huge = dump("it failed");
    let message = format!("{} {}", "A".repeat(1_000_000), "word ".repeat(100_000));
    huge["latest_logs"][0]["msg"] = message.into();
    bench.put("dump.json", huge.to_string().as_bytes());
    let mut command = bench.command(&["show", "--no-pager", "--all", "dump.json"]);
    let output = command.env("COLUMNS", "80").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.lines().count() > 15_000);
    assert!(text.lines().all(|line| line.chars().count() <= 88));
}

#[test]
fn dumps_in_the_log_of_a_container_are_listed_and_selected() {
    let bench = Bench::new();
    let lines = [
        "2026-11-23 starting up".to_owned(),
        dump("first failure").to_string(),
        "goodbye, {not json}".to_owned(),
        dump("second failure").to_string(),
        "stopped".to_owned(),
    ];
    let plain = lines.join("\n");
    let cri: String = lines
        .iter()
        .map(|line| {
            // The runtime splits long lines.
            let (head, tail) = line.split_at(line.len() / 2);
            let time = "2026-11-23T00:30:15.123456789Z stderr";
            format!("{time} P {head}\n{time} F {tail}\n")
        })
        .collect();
    let docker: String = lines
        .iter()
        .map(|line| {
            let line = json!({"log": format!("{line}\n"), "stream": "stderr", "time": "2026"});
            format!("{line}\n")
        })
        .collect();
    for (name, log) in [
        ("plain.log", plain),
        ("cri.log", cri),
        ("docker.log", docker),
    ] {
        bench.put(name, log.as_bytes());
        shows(
            &bench,
            &["list", name],
            &["first failure", "second failure"],
        );
        // The default is the last dump.
        shows(
            &bench,
            &["show", name],
            &["second failure", "before it failed"],
        );
        shows(&bench, &["show", &format!("{name}:1")], &["first failure"]);
    }
}

#[test]
fn compressed_dumps_are_read() {
    let bench = Bench::new();
    let json = dump("it failed").to_string();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(json.as_bytes()).unwrap();
    bench.put("dump.json.gz", &gzip.finish().unwrap());
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let zstd = ruzstd::encoding::compress_to_vec(json.as_bytes(), level);
    bench.put("dump.json.zst", &zstd);
    for name in ["dump.json.gz", "dump.json.zst"] {
        shows(&bench, &["show", name], &["it failed", "before it failed"]);
    }
}

#[test]
fn the_readable_part_of_a_damaged_dump_is_shown_with_the_place_of_the_damage() {
    let bench = Bench::new();
    let json = dump("it failed").to_string();
    let cut = &json[..json.find("before").unwrap()];
    let utf_16: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let nan = json.replace("\"seq\":0", "\"seq\":NaN");
    let mut bad_byte = json.clone().into_bytes();
    bad_byte[json.find("before").unwrap()] = 0xff;
    let damaged: [(&str, Vec<u8>); 5] = [
        ("a file that was cut", cut.into()),
        ("one bad byte", bad_byte),
        ("NaN", nan.into()),
        ("NULs at the end", [json.as_bytes(), &[0; 512]].concat()),
        ("UTF-16", [&[0xff, 0xfe], &utf_16[..]].concat()),
    ];
    for (name, bytes) in damaged {
        bench.put("dump.json", &bytes);
        let output = bench.run(&["show", "dump.json"]);
        assert!(stdout(&output).contains("it failed"), "{name}: {output:?}");
        let said = stdout(&output) + &stderr(&output);
        // Damage after the end of a dump is ignored.
        assert!(
            name.starts_with("NULs") || ["byte", "UTF-16"].iter().any(|place| said.contains(place)),
            "{name}: the place of the damage is not reported:\n{said}"
        );
    }
}

/// A dump of the size that the recorder itself writes with `keep_lines(300_000)`.
#[test]
fn a_dump_with_very_many_records_is_accepted() {
    let bench = Bench::new();
    let mut long = dump("it failed");
    let record = long["latest_logs"][0].clone();
    let records = (0..300_000).map(|seq| {
        let mut record = record.clone();
        record["seq"] = seq.into();
        record["fields"] = json!({"job": seq, "step": "parse", "ok": true});
        record
    });
    long["latest_logs"] = records.collect();
    bench.put("dump.json", long.to_string().as_bytes());
    shows(
        &bench,
        &["show", "dump.json"],
        &["it failed", "before it failed"],
    );
}

/// Both dumps are of one failure: the panic of a task, and the error of the task that joins it.
#[test]
fn the_dump_that_explains_more_is_shown() {
    let bench = Bench::new();
    let panic = "20261123T003015.000000Z-panic-7-0.json";
    let mut rich = dump("the cause");
    rich["reason"]["kind"] = "panic".into();
    rich["stack_traces"] = json!([{"error": "the cause", "frames": [{"name": "census::work"}]}]);
    let mut poor = dump("a task panicked");
    poor["created_at"] = "2026-11-23T00:30:16Z".into();
    poor["related_dumps"] = json!([panic]);
    let dir = "state/census/flightrec";
    bench.put(&format!("{dir}/{panic}"), rich.to_string().as_bytes());
    let error = format!("{dir}/20261123T003016.000000Z-error-7-1.json");
    bench.put(&error, poor.to_string().as_bytes());
    let output = bench.run(&["show"]);
    assert!(stdout(&output).contains("census::work"), "{output:?}");
    assert!(stderr(&output).contains("shown in place of"), "{output:?}");
    // A dump given by its path is shown.
    shows(&bench, &["show", &error], &["a task panicked"]);
}

#[test]
fn different_messages_have_different_lines_in_the_list() {
    let bench = Bench::new();
    let messages = [
        "no such profile",
        "no such host",
        "disk is full",
        "not a number",
    ];
    for (at, message) in messages.iter().enumerate() {
        let mut dump = dump(message);
        dump["fingerprint"] = "fr2-the-same".into();
        let name = format!("state/census/flightrec/2026112{at}T003015.000000Z-error-7-{at}.json");
        bench.put(&name, dump.to_string().as_bytes());
    }
    shows(&bench, &["list"], &messages);
}

#[test]
fn dumps_without_a_message_are_not_repeats() {
    let bench = Bench::new();
    for name in ["one.json", "other.json"] {
        bench.put(name, br#"{"schema": "flightrec/1", "stack_traces": []}"#);
    }
    shows(&bench, &["list", "."], &["one.json", "other.json"]);
}

/// A name of 400 characters is cut.
#[test]
fn a_long_name_does_not_make_the_list_wide() {
    let bench = Bench::new();
    let mut long = dump("it failed");
    long["app"] = "n".repeat(400).into();
    bench.put("dump.json", long.to_string().as_bytes());
    let mut command = bench.command(&["list", "dump.json"]);
    let output = command.env("COLUMNS", "100").output().unwrap();
    let text = stdout(&output);
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
    assert!(text.contains("it failed"), "{text}");
}

#[test]
fn colours_obey_the_same_variables_as_logtee() {
    let bench = Bench::new();
    bench.put("dump.json", dump("it failed").to_string().as_bytes());
    let has_colours = |variables: &[(&str, &str)]| {
        let mut command = bench.command(&["show", "--no-pager", "dump.json"]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        stdout(&output).contains("\x1b[")
    };
    assert!(!has_colours(&[]));
    assert!(has_colours(&[("CLICOLOR_FORCE", "1")]));
    assert!(!has_colours(&[("CLICOLOR_FORCE", "0")]));
    assert!(!has_colours(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

/// Root created the directory, with `sudo`.
#[cfg(unix)]
#[test]
fn a_directory_that_may_not_be_read_is_reported() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let bench = Bench::new();
    let name = "state/census/flightrec/20261123T003015.000000Z-error-7-0.json";
    let dir = bench.put(name, dump("it failed").to_string().as_bytes());
    let dir = dir.parent().unwrap();
    let mode = |mode| fs::Permissions::from_mode(mode);
    fs::set_permissions(bench.dir.path(), mode(0o755)).unwrap();
    fs::set_permissions(dir, mode(0o000)).unwrap();
    let mut output = bench.run(&[]);
    if output.status.success() {
        // The test runs as root, which may read everything.
        output = match bench.command(&[]).uid(65_534).gid(65_534).output() {
            Ok(output) => output,
            Err(error) => {
                println!("skipped: the program cannot be run by another user: {error}");
                return;
            }
        };
    }
    fs::set_permissions(dir, mode(0o700)).unwrap();
    let said = stderr(&output);
    assert!(said.contains("permission denied"), "{output:?}");
    assert!(said.contains("census"), "{output:?}");
}
