//! One request to the service fails, one panics, and one is slow: each makes a dump, and the service
//! continues.

mod app;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use flightrec::{Dump, Kind};
use flightrec_tracing::BuilderExt;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{fmt, prelude::*};

/// The whole response, or an empty text if the server closed the connection.
fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

fn dumps(dir: &Path) -> Vec<Dump> {
    let entries = std::fs::read_dir(dir).unwrap();
    let dumps = entries.map(|entry| {
        let json = std::fs::read(entry.unwrap().path()).unwrap();
        Dump::from_json(&json).unwrap()
    });
    dumps.collect()
}

/// The names of a span and its parents, outermost first.
fn path(dump: &Dump, innermost: Option<u64>) -> Vec<&str> {
    let mut names = Vec::new();
    let mut next = innermost;
    while let Some(id) = next {
        let span = dump.spans.iter().find(|span| span.id == id).unwrap();
        names.insert(0, span.name.as_str());
        next = span.parent;
    }
    names
}

#[test]
fn each_failed_request_makes_a_dump_and_the_service_continues() {
    let dir = tempfile::tempdir().unwrap();
    let (recorder, layer) = flightrec::builder("service")
        .dir(dir.path())
        .notice(false)
        .install_layer()
        .unwrap();
    let console = fmt::layer()
        .with_test_writer()
        .with_filter(LevelFilter::INFO);
    tracing_subscriber::registry()
        .with(console)
        .with(layer)
        .init();
    let app = app::App::new(recorder).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async { axum::serve(listener, app::router(app)).await });

    assert!(get(address, "/users/1").ends_with("Ann is 37\n"));
    assert_eq!(dumps(dir.path()).len(), 0);
    assert!(get(address, "/users/2").starts_with("HTTP/1.1 500"));
    assert_eq!(get(address, "/panic"), "");
    assert!(get(address, "/slow").starts_with("HTTP/1.1 500"));
    assert!(get(address, "/users/1").ends_with("Ann is 37\n"));

    let dumps = dumps(dir.path());
    let of = |kind: Kind, message: &str| {
        let is_it =
            |dump: &&Dump| dump.reason.kind == kind && dump.reason.message.contains(message);
        dumps
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("no dump: {message}"))
    };
    assert_eq!(dumps.len(), 3);

    let error = of(Kind::Error, "the age is not a number");
    let spans = path(error, error.stack_traces[0].span);
    assert_eq!(spans, ["request", "load", "parse"]);
    let request = error
        .spans
        .iter()
        .find(|span| span.name == "request" && span.closed_at.is_none());
    let request = request.expect("the request that failed is still open");
    assert_eq!(request.fields.get("path"), Some(&"/users/2".into()));
    let found = error
        .latest_logs
        .iter()
        .rfind(|record| record.msg == "found")
        .unwrap();
    assert_eq!(path(error, found.span), ["request", "load"]);
    // The console does not show DEBUG.
    assert_eq!(found.level, flightrec::Level::Debug);

    let panic = of(Kind::Panic, "index out of bounds");
    assert_eq!(
        path(panic, panic.stack_traces[0].span),
        ["request", "panics"]
    );

    let slow = of(Kind::Error, "took too long");
    assert_eq!(path(slow, slow.stack_traces[0].span), ["request"]);
    let waiting = slow
        .latest_logs
        .iter()
        .rfind(|record| record.msg.starts_with("waiting"))
        .unwrap();
    assert_eq!(path(slow, waiting.span), ["request", "slow"]);
}
