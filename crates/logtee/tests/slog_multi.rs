//! The cases in slog-multi's README, each as a test.

use std::io;

use log::{Level, LevelFilter, Log, Record};
use logtee::predicate::{
    ValueKind, key_has_kind, key_is, level_is, level_is_not, message_contains,
    message_does_not_contain, message_is, message_is_not,
};
use logtee::testing::Memory;
use logtee::{Filter, OwnedValue, Sink, Tee};

/// `log`'s macros check the global level, even if they are given a logger.
fn builder() -> logtee::TeeBuilder {
    log::set_max_level(LevelFilter::Trace);
    Tee::builder()
}

fn tee(sink: impl Sink + 'static) -> Tee {
    builder().sink(LevelFilter::Trace, sink).build()
}

/// A sink that takes only errors, like the README's Slack channels.
fn errors_only(memory: &Memory) -> impl Sink + use<> {
    logtee::fanout()
        .sink(LevelFilter::Error, memory.clone())
        .build_sink()
}

#[test]
fn broadcast_reaches_every_handler_with_all_attributes() {
    let [logstash, stderr, datadog] = [Memory::new(), Memory::new(), Memory::new()];
    let tee = builder()
        .sink(LevelFilter::Trace, logstash.clone())
        .sink(LevelFilter::Trace, stderr.clone())
        .sink(LevelFilter::Trace, datadog.clone())
        .build();
    log::error!(logger: tee, user_id = "user-123", environment = "dev", error = "an error"; "A message");
    for memory in [logstash, stderr, datadog] {
        let records = memory.records();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].message, "A message");
        let keys: Vec<_> = records[0].fields.iter().map(|(key, _)| &**key).collect();
        assert_eq!(keys, ["user_id", "environment", "error"]);
    }
}

#[test]
fn routing_by_region_and_level() {
    let [us, eu, apac, console] = [Memory::new(), Memory::new(), Memory::new(), Memory::new()];
    let tee = tee(logtee::router()
        .route(key_is("region", "us"), errors_only(&us))
        .route(key_is("region", "eu"), errors_only(&eu))
        .route(key_is("region", "apac"), errors_only(&apac))
        .route(
            level_is(Level::Info).or(level_is(Level::Debug)),
            console.clone(),
        )
        .build());
    log::error!(logger: tee, region = "us", pool = "us-east-1"; "Server desynchronized");
    log::info!(logger: tee, region = "us"; "Server back");
    log::error!(logger: tee, region = "apac"; "Lost");
    assert_eq!(us.messages(), ["Server desynchronized"]);
    assert!(eu.messages().is_empty());
    assert_eq!(apac.messages(), ["Lost"]);
    assert_eq!(console.messages(), ["Server back"]);
}

#[test]
fn regular_routing_sends_to_every_match() {
    let [one, two, rest] = [Memory::new(), Memory::new(), Memory::new()];
    let tee = tee(logtee::router()
        .route(message_contains("query"), one.clone())
        .route(level_is(Level::Debug), two.clone())
        .otherwise(rest.clone())
        .build());
    log::debug!(logger: tee, "query done");
    log::info!(logger: tee, "something else");
    assert_eq!(one.messages(), ["query done"]);
    assert_eq!(two.messages(), ["query done"]);
    assert_eq!(rest.messages(), ["something else"]);
}

#[test]
fn first_match_stops_there_and_falls_back() {
    let [query, request, influx, fallback] =
        [Memory::new(), Memory::new(), Memory::new(), Memory::new()];
    let both = |one, one_kind, other, other_kind| {
        key_has_kind(one, one_kind).and(key_has_kind(other, other_kind))
    };
    let tee = tee(logtee::first_match()
        .route(
            both("query", ValueKind::String, "args", ValueKind::Other),
            query.clone(),
        )
        .route(
            both("method", ValueKind::String, "body", ValueKind::Other),
            errors_only(&request),
        )
        .route(key_is("scope", "influx"), influx.clone())
        .otherwise(errors_only(&fallback))
        .build());
    log::debug!(logger: tee, query = "SELECT 1", args:? = [1]; "Executing SQL query");
    log::error!(logger: tee, method = "POST", body:? = ("a", 1), scope = "influx"; "Incoming request failed");
    // If the handler of the first match is not enabled, no other handler gets the record.
    log::debug!(logger: tee, method = "POST", body:? = ("a", 1), scope = "influx"; "Only debug");
    log::info!(logger: tee, scope = "influx"; "metric");
    log::error!(logger: tee, "An unexpected error occurred");
    assert_eq!(query.messages(), ["Executing SQL query"]);
    assert_eq!(request.messages(), ["Incoming request failed"]);
    assert_eq!(influx.messages(), ["metric"]);
    assert_eq!(fallback.messages(), ["An unexpected error occurred"]);
}

#[test]
fn built_in_predicates() {
    let matches = |filter: &dyn Filter| {
        filter.matches(
            &Record::builder()
                .level(Level::Warn)
                .args(format_args!("disk {} full", "sda"))
                .key_values(&[("free", 12)])
                .build(),
        )
    };
    assert!(matches(&level_is(Level::Warn)) && !matches(&level_is(Level::Info)));
    assert!(matches(&level_is_not(Level::Info)) && !matches(&level_is_not(Level::Warn)));
    assert!(matches(&message_is("disk sda full")) && !matches(&message_is("disk sda")));
    assert!(matches(&message_is_not("disk")) && !matches(&message_is_not("disk sda full")));
    assert!(matches(&message_contains("sda")) && !matches(&message_contains("sdb")));
    assert!(matches(&message_does_not_contain("sdb")));
    assert!(!matches(&message_does_not_contain("sda")));
    assert!(matches(&key_is("free", 12u8)) && !matches(&key_is("free", "12")));
    assert!(matches(&key_has_kind("free", ValueKind::Integer)));
    assert!(!matches(&key_has_kind("free", ValueKind::Float)));
}

#[test]
fn failover_tries_the_next_when_one_fails() {
    let [second, third] = [Memory::new(), Memory::new()];
    let tee = tee(logtee::failover()
        .sink(logtee::from_fn(|_| Err(io::Error::other("no connection"))))
        .sink(logtee::from_fn(|_| panic!("a sink of the test's panics")))
        .sink(second.clone())
        .sink(third.clone())
        .build());
    log::error!(logger: tee, "A message");
    assert_eq!(second.messages(), ["A message"]);
    assert!(third.messages().is_empty());
    assert_eq!(tee.failures(), 0, "it was delivered by another sink");
}

#[test]
fn failover_fails_if_all_sinks_fail() {
    let tee = tee(logtee::failover()
        .sink(logtee::from_fn(|_| Err(io::Error::other("one"))))
        .sink(logtee::from_fn(|_| Err(io::Error::other("two"))))
        .build());
    log::error!(logger: tee, "A message");
    assert_eq!(tee.failures(), 1);
}

#[test]
fn a_pool_spreads_the_load_evenly_and_fails_over() {
    let memories: Vec<_> = (0..3).map(|_| Memory::new()).collect();
    let mut pool = logtee::pool();
    for memory in &memories {
        pool = pool.sink(memory.clone());
    }
    let even = tee(pool.build());
    for at in 0..300 {
        log::error!(logger: even, "{at}");
    }
    for memory in &memories {
        assert_eq!(memory.records().len(), 100);
    }

    let healthy = Memory::new();
    let lame = tee(logtee::pool()
        .sink(logtee::from_fn(|_| Err(io::Error::other("down"))))
        .sink(healthy.clone())
        .build());
    for at in 0..10 {
        log::error!(logger: lame, "{at}");
    }
    assert_eq!(healthy.records().len(), 10);
}

#[test]
fn pools_do_not_all_begin_with_the_same_sink() {
    let began_with_first = (0..64).filter(|_| {
        let first = Memory::new();
        let pool = logtee::pool()
            .sink(first.clone())
            .sink(Memory::new())
            .build();
        pool.emit(&Record::builder().build()).unwrap();
        !first.records().is_empty()
    });
    // The probability of a false failure is 2^-63.
    assert!((1..64).contains(&began_with_first.count()));
}

#[test]
fn recover_gets_errors_and_panics() {
    let told = Memory::new();
    let telling = |sink| {
        let told = told.clone();
        tee(logtee::recover(move |failure, record: &Record<'_>| {
            let text = format!("{failure} / {}", record.args());
            told.emit(&Record::builder().args(format_args!("{text}")).build())
                .unwrap();
        })
        .sink(sink))
    };
    let failing: Box<dyn Sink> = Box::new(logtee::from_fn(|_| Err(io::Error::other("full"))));
    log::error!(logger: telling(failing), "A");
    let panicking: Box<dyn Sink> = Box::new(logtee::from_fn(|_| panic!("of the test's")));
    log::error!(logger: telling(panicking), "B");
    let healthy: Box<dyn Sink> = Box::new(logtee::from_fn(|_| Ok(())));
    log::error!(logger: telling(healthy), "C");
    assert_eq!(told.messages(), ["full / A", "panicked: of the test's / B"]);
}

#[test]
fn pipes_rewrite_in_order() {
    let memory = Memory::new();
    let tee = tee(logtee::pipe(logtee::enrich("environment", "dev"))
        .then(logtee::rename_key("mail", "email"))
        .then(|record: &Record<'_>, next: &dyn Sink| {
            // Removes the private fields.
            let fields: Vec<_> = logtee::OwnedRecord::capture(record)
                .fields
                .into_iter()
                .map(|(key, value)| match &*key {
                    "email" => (key, OwnedValue::from("*********")),
                    _ => (key, value),
                })
                .collect();
            next.emit(&record.to_builder().key_values(&fields).build())
        })
        .to(memory.clone()));
    log::error!(logger: tee, mail = "me@example.org", foo = "bar"; "A message");
    let record = &memory.records()[0];
    assert_eq!(
        record.fields,
        [
            ("email".to_owned(), OwnedValue::from("*********")),
            ("foo".to_owned(), "bar".into()),
            ("environment".to_owned(), "dev".into()),
        ]
    );
    assert_eq!(record.message, "A message");
}

#[test]
fn a_tee_is_a_logger_for_libraries_without_globals() {
    let memory = Memory::new();
    let tee = tee(memory.clone());
    let by_reference: &dyn Log = &tee;
    log::info!(logger: by_reference, "by reference");
    let shared = std::sync::Arc::new(tee);
    log::info!(logger: shared, "in an Arc");
    assert_eq!(memory.messages(), ["by reference", "in an Arc"]);
}
