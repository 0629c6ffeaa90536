//! Other loggers that write lines to memory, set up as in their documentation.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use log::LevelFilter;
use logforth::layout::TextLayout;
use logforth::record::Record;
use logforth::{Append, Diagnostic, Error, Layout};

use super::memory::Memory;

/// Sets the default logger, which its macros use.
pub(super) fn spdlog() {
    let sink = spdlog::sink::WriteSink::builder()
        .target(Memory::default())
        .build_arc()
        .expect("a sink");
    let logger = spdlog::Logger::builder()
        .sink(sink)
        .level_filter(spdlog::LevelFilter::All)
        .build_arc()
        .expect("a logger");
    spdlog::set_default_logger(logger);
}

pub(super) fn fern() {
    let memory: Box<dyn Write + Send> = Box::new(Memory::default());
    fern::Dispatch::new()
        .format(|out, message, record| {
            out.finish(format_args!(
                "[{} {} {}] {}",
                humantime::format_rfc3339(std::time::SystemTime::now()),
                record.level(),
                record.target(),
                message
            ));
        })
        .level(LevelFilter::Debug)
        .chain(memory)
        .apply()
        .expect("this process has no logger yet");
}

/// Does the same as its appender for stdout, but writes to memory.
#[derive(Debug)]
struct ToMemory {
    layout: Box<dyn Layout>,
    memory: Mutex<Memory>,
}

impl Append for ToMemory {
    fn append(
        &self,
        record: &Record<'_>,
        diagnostics: &[Box<dyn Diagnostic>],
    ) -> Result<(), Error> {
        let mut bytes = self.layout.format(record, diagnostics)?;
        bytes.push(b'\n');
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(&bytes)
            .map_err(Error::from_io_error)
    }

    fn flush(&self) -> Result<(), Error> {
        Ok(())
    }
}

pub(super) fn text_layout() -> TextLayout {
    TextLayout::default().no_color()
}

pub(super) fn logforth(layout: impl Into<Box<dyn Layout>>) {
    let append = ToMemory {
        layout: layout.into(),
        memory: Mutex::default(),
    };
    logforth::starter_log::builder()
        .dispatch(|dispatch| dispatch.append(append))
        .apply();
    log::set_max_level(LevelFilter::Debug);
}

fn tracing() -> tracing_subscriber::fmt::SubscriberBuilder<
    tracing_subscriber::fmt::format::DefaultFields,
    tracing_subscriber::fmt::format::Format,
    tracing_subscriber::filter::LevelFilter,
    Mutex<Memory>,
> {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(Mutex::new(Memory::default()))
}

pub(super) fn tracing_text() {
    tracing().init();
}

pub(super) fn tracing_json() {
    tracing().json().init();
}
