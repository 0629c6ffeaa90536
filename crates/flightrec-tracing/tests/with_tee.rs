//! A program with the tee and the layer: the recorder has one record of each call. Each order of
//! installation runs in its own process, because a process has one logger and one subscriber.

mod common;

use std::process::Command;

use common::{Output, messages, quiet};
use flightrec_tracing::BuilderExt;
use log::LevelFilter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{fmt, registry};

const ORDER: &str = "FLIGHTREC_TEST_ORDER";
const ORDERS: [&str; 4] = ["tee first", "subscriber first", "passed on", "no tee"];

#[test]
fn one_call_makes_one_record_in_every_order_of_installation() {
    for order in ORDERS {
        let program = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "program", "--nocapture"])
            .env(ORDER, order)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&program.stdout);
        let errors = String::from_utf8_lossy(&program.stderr);
        assert!(program.status.success(), "{order}: {text}{errors}");
        assert!(text.contains("checked"), "{order}: {text}");
    }
}

/// Run by the other test. `tracing` has its feature `log-always`.
#[test]
fn program() {
    let Ok(order) = std::env::var(ORDER) else {
        return;
    };
    let (of_tee, of_subscriber) = (Output::default(), Output::default());
    let mut builder = quiet().sink(
        LevelFilter::Info,
        flightrec::logtee::WriteSink::new(flightrec::logtee::Text::new(), of_tee.clone()),
    );
    if order == "passed on" {
        builder = builder.sink(LevelFilter::Trace, tracing_log::LogTracer::new());
    }
    let (recorder, layer, tee) = builder.install_layer_with_tee().unwrap();
    let console = fmt::layer()
        .with_ansi(false)
        .without_time()
        .with_writer(of_subscriber.clone())
        .with_filter(tracing::level_filters::LevelFilter::INFO);
    let subscriber = registry().with(console).with(layer);
    match &*order {
        "subscriber first" => {
            tracing::subscriber::set_global_default(subscriber).unwrap();
            tee.install().unwrap();
        }
        "no tee" => subscriber.init(),
        _ => {
            tee.install().unwrap();
            // Reached before there is a subscriber, so only the tee gets the event.
            early();
            tracing::subscriber::set_global_default(subscriber).unwrap();
        }
    }
    let early_messages = messages(&recorder.snapshot()).len();

    tracing::debug!(port = 80, "an event");
    log::debug!("a record");
    {
        let _span = tracing::info_span!("span").entered();
        tracing::info!("an event in a span");
        log::info!(target: "a::dependency", "a record in a span");
        for n in 0..3 {
            log::info!("the same line, {n}");
        }
        early();
    }

    let dump = recorder.snapshot();
    assert_eq!(
        messages(&dump)[early_messages..],
        [
            "an event",
            "a record",
            "an event in a span",
            "a record in a span",
            "the same line, 0",
            "the same line, 1",
            "the same line, 2",
            "reached early",
        ],
        "{order}"
    );
    let expected = match &*order {
        "tee first" | "passed on" => 1,
        _ => 0,
    };
    assert_eq!(early_messages, expected, "{order}");
    assert_eq!(common::path_of(&dump, "an event in a span"), ["span"]);
    let record = common::record(&dump, "a record in a span");
    assert_eq!(record.target, "a::dependency");
    // If the layer recorded it, the record has its span.
    let knows_span = matches!(&*order, "passed on" | "no tee");
    assert_eq!(record.span.is_some(), knows_span, "{order}");
    // The consoles print the same as without the recorder.
    let lines = |text: String| text.matches("a record in a span").count();
    assert_eq!(lines(of_tee.text()), usize::from(order != "no tee"));
    assert_eq!(lines(of_subscriber.text()), usize::from(knows_span));
    println!("checked");
}

fn early() {
    tracing::debug!("reached early");
}
