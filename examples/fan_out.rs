//! Sends records to three sinks, each with its own filter.

use log::LevelFilter;
use logtee::{Directives, Json, Logfmt, Tee, WriteSink};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    Tee::builder()
        .sink(LevelFilter::Info, logtee::stderr())
        .sink(
            LevelFilter::Warn,
            WriteSink::new(Json::new(), std::io::stdout()),
        )
        .sink(
            Directives::parse("warn,fan_out=debug")?,
            WriteSink::new(Logfmt::new(), std::io::stdout()),
        )
        .install()?;

    log::debug!("only the third sink gets this");
    log::info!(port = 8080; "listening");
    log::warn!(user = "eve\nroot logged in"; "a line break in a value does not make two lines");
    log::logger().flush();
    Ok(())
}
