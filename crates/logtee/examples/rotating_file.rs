//! A rotating file, with a writer from the crate `flexi_logger`.
//!
//! `cargo run -p logtee --example rotating_file`

use flexi_logger::writers::FileLogWriter;
use flexi_logger::{Cleanup, Criterion, FileSpec, Naming};
use log::LevelFilter;
use logtee::{Logfmt, Tee, WriteSink};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::temp_dir().join("logtee-rotating-file");
    let files = FileSpec::default().directory(&directory).basename("app");
    let (writer, _handle) = FileLogWriter::builder(files)
        .rotate(
            Criterion::Size(10_000),
            Naming::Numbers,
            Cleanup::KeepLogFiles(3),
        )
        .try_build_with_handle()?;

    Tee::builder()
        .sink(LevelFilter::Info, logtee::stderr())
        .sink(LevelFilter::Debug, WriteSink::new(Logfmt::new(), writer))
        .install()?;
    let _flush = logtee::global::flush_on_drop();

    for round in 0..500 {
        log::debug!(round; "only in the files");
    }
    log::info!("see {}", directory.display());
    Ok(())
}
