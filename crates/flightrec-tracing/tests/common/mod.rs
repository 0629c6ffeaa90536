//! Helpers for the tests.
#![allow(dead_code, reason = "no test binary uses all of it")]

use std::io;
use std::sync::{Arc, Mutex};

use flightrec::{Builder, Dump, FlightRecorder, LogRecord, Span, Value};
use flightrec_tracing::{BuilderExt, RecorderLayer};
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;

/// A recorder that writes nothing to the disk or to stderr.
pub(crate) fn quiet() -> Builder {
    flightrec::builder("test").notice(false).dump_to(io::sink())
}

/// A recorder whose dumps go into a list.
pub(crate) fn listening() -> (FlightRecorder, RecorderLayer, Arc<Mutex<Vec<Dump>>>) {
    let dumps = Arc::<Mutex<Vec<Dump>>>::default();
    let list = dumps.clone();
    let (recorder, layer) = quiet()
        .on_dump(move |dump, _| list.lock().unwrap().push(dump.clone()))
        .install_layer()
        .unwrap();
    (recorder, layer, dumps)
}

pub(crate) fn install() -> (FlightRecorder, RecorderLayer) {
    quiet().install_layer().unwrap()
}

/// The records that are kept while `work` runs under a subscriber.
pub(crate) fn kept(
    recorder: &FlightRecorder,
    subscriber: impl Subscriber + Send + Sync,
    work: impl FnOnce(),
) -> Dump {
    tracing::subscriber::with_default(subscriber, work);
    recorder.snapshot()
}

pub(crate) fn messages(dump: &Dump) -> Vec<&str> {
    let records = dump.latest_logs.iter();
    records.map(|record| record.msg.as_str()).collect()
}

/// The only record with this message.
pub(crate) fn record<'a>(dump: &'a Dump, message: &str) -> &'a LogRecord {
    let mut found = dump
        .latest_logs
        .iter()
        .filter(|record| record.msg == message);
    match (found.next(), found.next()) {
        (Some(record), None) => record,
        (found, _) => panic!("{message:?}: {found:?} in {:?}", messages(dump)),
    }
}

/// The names of a span and its parents, outermost first.
pub(crate) fn path(dump: &Dump, innermost: Option<u64>) -> Vec<&str> {
    let mut names = Vec::new();
    let mut next = innermost;
    while let Some(id) = next {
        let span = span(dump, id);
        names.insert(0, span.name.as_str());
        next = span.parent;
    }
    names
}

pub(crate) fn span(dump: &Dump, id: u64) -> &Span {
    let mut spans = dump.spans.iter();
    let found = spans.find(|span| span.id == id);
    found.unwrap_or_else(|| panic!("no span {id} in {:?}", dump.spans))
}

/// The path of the span of the record with this message.
pub(crate) fn path_of<'a>(dump: &'a Dump, message: &str) -> Vec<&'a str> {
    path(dump, record(dump, message).span)
}

pub(crate) fn text(value: &str) -> Value {
    Value::from(value)
}

/// A writer for `fmt` layers that keeps the text.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Output;

    fn make_writer(&'a self) -> Output {
        self.clone()
    }
}
