//! `send`, with a server in this process.

#![cfg(feature = "send")]

mod common;

use std::process::Output;

use common::server::{Request, Server, without_proxies};
use common::{Bench, data, stderr, stdout};

fn send(bench: &Bench, args: &[&str]) -> Output {
    let mut command = bench.command(&[&["send"], args].concat());
    without_proxies(&mut command).output().unwrap()
}

/// A directory with `dumps` dumps of different failures.
fn reports(bench: &Bench, dumps: usize) {
    let census = std::fs::read_to_string(data("census.json")).unwrap();
    for n in 0..dumps {
        let dump = census.replace(
            "2026-11-23T00:30:15.5",
            &format!("2026-11-23T00:30:15.5{n}"),
        );
        assert_ne!(dump, census);
        bench.put(&format!("reports/{n}.json"), dump.as_bytes());
    }
}

#[test]
fn each_dump_is_sent_once() {
    let bench = Bench::new();
    reports(&bench, 3);
    bench.put("reports/broken.json", b"no dump");
    let server = Server::start(&[]);
    let output = send(&bench, &[&server.dsn(), "reports"]);
    // A file that is not a dump.
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(stdout(&output), "sent 3 dumps, 1 unreadable\n");
    {
        let requests = server.requests();
        assert_eq!(requests.len(), 3);
        assert_eq!(requests[0].path, "/api/7/envelope/");
        assert!(
            requests[0]
                .headers
                .contains("x-sentry-auth: sentry sentry_version=7")
        );
        assert!(requests[0].headers.contains("sentry_key=abc"));
        assert!(requests.iter().all(Request::has_attachment));
    }
    let output = send(&bench, &[&server.dsn(), "reports/0.json", "reports/1.json"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(stdout(&output), "sent 0 dumps, 2 before\n");
    assert_eq!(server.requests().len(), 3);
    // Another project has its own receipts.
    let other = server.dsn().replace("/7", "/8");
    send(&bench, &[&other, "reports/0.json"]);
    let output = send(&bench, &[&server.dsn(), "reports/0.json", "--again"]);
    assert_eq!(stdout(&output), "sent 1 dump\n");
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn a_dry_run_sends_nothing_and_leaves_no_receipt() {
    let bench = Bench::new();
    reports(&bench, 1);
    let server = Server::start(&[]);
    let text = stdout(&send(&bench, &[&server.dsn(), "reports", "--dry-run"]));
    assert!(text.contains("would send reports/0.json as "), "{text}");
    assert!(
        text.ends_with("nothing was sent; 1 dump would be\n"),
        "{text}"
    );
    assert!(server.requests().is_empty());
    assert_eq!(
        stdout(&send(&bench, &[&server.dsn(), "reports"])),
        "sent 1 dump\n"
    );
}

#[test]
fn retry_after_is_obeyed() {
    let bench = Bench::new();
    reports(&bench, 2);
    let server = Server::start(&[
        "429 Too Many Requests\r\nRetry-After: 1",
        "429 Too Many Requests\r\nRetry-After: 0",
        "503 Service Unavailable",
        "break",
    ]);
    let output = send(&bench, &[&server.dsn(), "reports"]);
    assert_eq!(stdout(&output), "sent 2 dumps\n");
    assert!(
        stderr(&output).contains("waiting 1.000s, as the service asks: HTTP status 429"),
        "{output:?}"
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 6);
    assert!(
        requests[..5]
            .iter()
            .all(|request| request.body == requests[0].body)
    );
}

#[test]
fn after_a_long_pause_it_stops_and_continues_at_the_next_run() {
    let bench = Bench::new();
    reports(&bench, 3);
    let server = Server::start(&["200 OK", "429 Too Many Requests\r\nRetry-After: 86400"]);
    let output = send(&bench, &[&server.dsn(), "reports"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "sent 1 dump\n");
    let said = stderr(&output);
    assert!(
        said.contains("asks for a pause of 24h00m") && said.contains("to continue from here"),
        "{said}"
    );
    let output = send(&bench, &[&server.dsn(), "reports"]);
    assert_eq!(stdout(&output), "sent 2 dumps, 1 before\n");
    let bodies: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.body.clone())
        .collect();
    assert_eq!(
        (bodies.len(), &bodies[1]),
        (4, &bodies[2]),
        "no dump is left out"
    );
}

#[test]
fn a_wrong_address_stops_it() {
    let bench = Bench::new();
    reports(&bench, 3);
    let server = Server::start(&["403 Forbidden"]);
    let output = send(&bench, &[&server.dsn(), "reports"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("the service refuses the address: HTTP status 403"));
    assert_eq!(server.requests().len(), 1);
    for (dsn, said) in [
        ("http://abc@127.0.0.1/", "is not a DSN"),
        ("reports", "is not a DSN"),
        ("http://abc@127.0.0.1:1/7", "refused"),
    ] {
        let output = send(&bench, &[dsn, "reports/0.json"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(said), "{output:?}");
    }
}

#[test]
fn a_dump_that_is_too_large_is_sent_without_its_attachment() {
    let bench = Bench::new();
    reports(&bench, 2);
    let server = Server::start(&["413 Payload Too Large", "200 OK", "400 Bad Request"]);
    let output = send(&bench, &[&server.dsn(), "reports"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "sent 1 dump, 1 refused\n");
    assert!(
        stderr(&output).contains("reports/1.json: refused: HTTP status 400 ({})"),
        "{output:?}"
    );
    let attached: Vec<bool> = server
        .requests()
        .iter()
        .map(Request::has_attachment)
        .collect();
    assert_eq!(attached, [true, false, true]);
    let server = Server::start(&[]);
    send(
        &bench,
        &[&server.dsn(), "reports/0.json", "--no-attachment"],
    );
    assert!(!server.requests()[0].has_attachment());
}

/// If `send` is killed between the response and the receipt, the dump is sent again with the same id.
#[test]
fn an_event_has_the_same_id_when_it_is_sent_again() {
    let bench = Bench::new();
    reports(&bench, 1);
    let server = Server::start(&[]);
    send(&bench, &[&server.dsn(), "reports"]);
    std::fs::remove_dir_all(bench.dir.path().join("state/flightrec")).unwrap();
    send(&bench, &[&server.dsn(), "reports"]);
    let requests = server.requests();
    let id = |request: &Request| *common::envelope(&request.body).0.uuid().unwrap();
    assert_eq!(id(&requests[0]), id(&requests[1]));
}

#[test]
fn a_collector_gets_logs_and_spans() {
    let bench = Bench::new();
    let dump = r#"{"schema":"flightrec/1","app":"a","created_at":"2026-11-23T00:30:15Z","reason":{"message":"bad"},
        "latest_logs":[{"seq":1,"time":"2026-11-23T00:30:14Z","msg":"m","span":2}],
        "spans":[{"id":1,"name":"request","opened_at":"2026-11-23T00:30:13Z"},
            {"id":2,"parent":1,"name":"query","opened_at":"2026-11-23T00:30:13.5Z","closed_at":"2026-11-23T00:30:14Z"}]}"#;
    bench.put("dump.json", dump.as_bytes());
    let server = Server::start(&[]);
    let url = format!("http://127.0.0.1:{}", server.port);
    let output = send(&bench, &["--otlp", &url, "dump.json"]);
    assert_eq!(stdout(&output), "sent 1 dump\n", "{output:?}");
    let requests = server.requests();
    let json = |at: usize| serde_json::from_slice::<serde_json::Value>(&requests[at].body).unwrap();
    assert_eq!(
        (&*requests[0].path, &*requests[1].path),
        ("/v1/logs", "/v1/traces")
    );
    let spans = &json(1)["resourceSpans"][0]["scopeSpans"][0]["spans"];
    assert_eq!(spans[0]["name"], "request");
    assert_eq!(spans[1]["parentSpanId"], spans[0]["spanId"]);
    assert_eq!(spans[1]["traceId"], spans[0]["traceId"]);
    assert_eq!(spans[1]["endTimeUnixNano"], "1795393814000000000");
    let record = &json(0)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(
        (&record["traceId"], &record["spanId"]),
        (&spans[1]["traceId"], &spans[1]["spanId"])
    );
}
