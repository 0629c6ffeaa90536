//! `flightrec issue`: the address of a prefilled issue.

mod common;

use common::{Bench, data, stderr, stdout};

/// The dump of the tests, with these changes to its first keys.
fn dump(bench: &Bench, more: &str) -> String {
    let json = std::fs::read_to_string(data("census.json")).unwrap();
    let json = json.replacen('{', &format!("{{{more}"), 1);
    bench.put("dump.json", json.as_bytes());
    "dump.json".to_owned()
}

fn decoded(url: &str) -> String {
    percent_encoding::percent_decode_str(url)
        .decode_utf8()
        .unwrap()
        .into_owned()
}

#[test]
fn the_address_has_the_error_and_no_personal_data() {
    let bench = Bench::new();
    let dump = dump(&bench, r#""repository":"https://github.com/owner/census","#);
    let output = bench.run(&["issue", &dump]);
    assert!(output.status.success(), "{output:?}");
    let url = stdout(&output);
    assert!(url.len() < 8_100 && url.is_ascii(), "{url}");
    let issue = decoded(&url);
    assert!(issue.starts_with(
        "https://github.com/owner/census/issues/new?title=census 0.1.0 failed: the census of \
         /srv/crates is incomplete&body=## "
    ));
    for part in [
        "No such file or directory",
        "census::crates::read",
        "Masked before",
    ] {
        assert!(issue.contains(part), "{part} is not in {issue}");
    }
    assert!(!issue.contains("/home/ci"), "{issue}");
    assert!(stderr(&output).contains("nothing was sent"), "{output:?}");
}

#[test]
fn the_option_repo_overrides_the_repository_of_the_dump() {
    let bench = Bench::new();
    let dump = dump(&bench, r#""repository":"https://github.com/owner/census","#);
    let url = bench.print(&["issue", &dump, "--repo", "https://gitlab.com/group/tool"]);
    assert!(url.starts_with("https://gitlab.com/group/tool/-/issues/new?issue%5Btitle%5D=census"));
}

#[test]
fn a_dump_that_does_not_fit_should_be_attached() {
    let bench = Bench::new();
    let record = r#"{"msg":"something that takes room in the address, for 50 records"}"#;
    let json = format!(
        r#"{{"schema":"flightrec/1","reason":{{"message":"bad"}},"latest_logs":[{}]}}"#,
        vec![record; 60].join(",")
    );
    bench.put("long.json", json.as_bytes());
    let output = bench.run(&["issue", "long.json", "--repo", "owner/name"]);
    assert!(decoded(&stdout(&output)).contains("the dump `long.json` has everything"));
    assert!(stderr(&output).contains("`flightrec redact long.json` masks more"));
}

#[test]
fn a_repository_is_required() {
    let bench = Bench::new();
    for (more, said) in [
        (
            "",
            "the dump names no repository; give it with --repo OWNER/NAME",
        ),
        (
            r#""repository":"javascript://x/a/b","#,
            "is not a repository",
        ),
    ] {
        let dump = dump(&bench, more);
        let output = bench.run(&["issue", &dump]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(said), "{output:?}");
    }
}

/// The browser is a script that writes its arguments to a file.
#[cfg(unix)]
#[test]
fn pages_and_addresses_are_opened_in_the_browser_from_the_environment() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let dump = dump(&bench, "");
    let script = bench.put("browser", b"#!/bin/sh\nprintf '%s' \"$1\" > opened\n");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let open = |args: &[&str]| {
        let mut command = bench.command(args);
        command
            .env(
                "BROWSER",
                format!("/nowhere/browser:{} %s", script.display()),
            )
            .env("TMPDIR", bench.dir.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let opened = std::fs::read_to_string(bench.dir.path().join("opened")).unwrap();
        assert_eq!(stdout(&output).trim_end(), opened);
        opened
    };
    let url = open(&["issue", &dump, "--repo", "owner/name", "--open"]);
    assert!(
        url.starts_with("https://github.com/owner/name/issues/new?"),
        "{url}"
    );
    let page = open(&["open", &dump]);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let page = std::path::Path::new(&page);
    assert_eq!(mode(page), 0o600);
    assert_eq!(mode(page.parent().unwrap()), 0o700);
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("the census of /srv/crates is incomplete"));
}
