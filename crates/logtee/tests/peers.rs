//! Loggers of other crates as sinks, unchanged.

use std::io::Write;
use std::sync::{Arc, Mutex};

use log::{LevelFilter, Log};
use logtee::testing::{Bytes, Memory};
use logtee::{Tee, fanout};

fn builder() -> logtee::TeeBuilder {
    log::set_max_level(LevelFilter::Trace);
    Tee::builder()
}

#[test]
fn the_level_of_env_logger_bounds_the_level_of_the_tee() {
    let console = || {
        env_logger::Builder::new()
            .parse_filters("warn,peers=info")
            .build()
    };
    let told = logtee::logger(console()).max_level_by(env_logger::Logger::filter);
    let nested = fanout().sink(LevelFilter::Trace, told).build_sink();
    let tee = builder().sink(LevelFilter::Trace, nested).build();
    assert_eq!(tee.max_level(), LevelFilter::Info);
    // `Log` has no method for the maximum level.
    let tee = builder().sink(LevelFilter::Trace, console()).build();
    assert_eq!(tee.max_level(), LevelFilter::Trace);
}

#[test]
fn env_logger_keeps_its_own_filter() {
    let bytes = Bytes::new();
    let console = env_logger::Builder::new()
        .parse_filters("warn,peers=info")
        .target(env_logger::Target::Pipe(Box::new(bytes.clone())))
        .build();
    let kept = Memory::new();
    let tee = builder()
        .sink(LevelFilter::Trace, console)
        .sink(LevelFilter::Debug, kept.clone())
        .build();
    log::debug!(logger: tee, "kept only");
    log::info!(logger: tee, target: "elsewhere", "kept only, too");
    log::info!(logger: tee, "both");
    tee.flush().unwrap();
    assert_eq!(kept.messages(), ["kept only", "kept only, too", "both"]);
    let text = bytes.text();
    assert!(text.contains("INFO") && text.contains("both"), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn fern() {
    let bytes = Bytes::new();
    let writer: Box<dyn Write + Send> = Box::new(bytes.clone());
    let (level, logger) = fern::Dispatch::new()
        .format(|out, message, record| out.finish(format_args!("{} {message}", record.level())))
        .level(LevelFilter::Info)
        .chain(writer)
        .into_log();
    let tee = builder().sink(level, logger).build();
    assert_eq!(tee.max_level(), LevelFilter::Info);
    log::debug!(logger: tee, "no");
    log::warn!(logger: tee, "through {}", "fern");
    tee.flush().unwrap();
    assert_eq!(bytes.text(), "WARN through fern\n");
}

#[test]
fn simplelog() {
    let bytes = Bytes::new();
    let logger = simplelog::WriteLogger::new(
        LevelFilter::Info,
        simplelog::Config::default(),
        bytes.clone(),
    );
    let tee = builder()
        .sink(LevelFilter::Trace, logger as Box<dyn Log>)
        .build();
    log::debug!(logger: tee, "no");
    log::error!(logger: tee, "through simplelog");
    assert!(
        bytes.text().ends_with("through simplelog\n"),
        "{}",
        bytes.text()
    );
    assert_eq!(bytes.text().lines().count(), 1);
}

#[test]
fn flexi_logger() {
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<String>>>);
    impl flexi_logger::writers::LogWriter for Kept {
        fn write(
            &self,
            _: &mut flexi_logger::DeferredNow,
            record: &log::Record<'_>,
        ) -> std::io::Result<()> {
            self.0.lock().unwrap().push(record.args().to_string());
            Ok(())
        }
        fn flush(&self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let kept = Kept::default();
    let (logger, _handle) = flexi_logger::Logger::with(flexi_logger::LogSpecification::info())
        .log_to_writer(Box::new(kept.clone()))
        .build()
        .unwrap();
    let tee = builder().sink(LevelFilter::Trace, logger).build();
    log::debug!(logger: tee, "no");
    log::info!(logger: tee, "through flexi_logger");
    assert_eq!(*kept.0.lock().unwrap(), ["through flexi_logger"]);
}

#[test]
fn a_second_tee_as_a_logger_and_as_a_sink() {
    let [as_logger, as_sink] = [Memory::new(), Memory::new()];
    let inner = |memory: &Memory| builder().sink(LevelFilter::Info, memory.clone()).build();
    let shared = Arc::new(inner(&as_logger));
    let tee = builder()
        .sink(LevelFilter::Debug, shared.clone())
        .sink(LevelFilter::Debug, inner(&as_sink).into_sink())
        .sink(LevelFilter::Off, shared)
        .build();
    log::debug!(logger: tee, "no");
    log::info!(logger: tee, "yes");
    assert_eq!(as_logger.messages(), ["yes"]);
    assert_eq!(as_sink.messages(), ["yes"]);
}
