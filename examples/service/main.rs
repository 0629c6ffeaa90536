//! A service with the flight recorder as a layer of `tracing-subscriber`:
//!
//! ```text
//! cargo run -p examples --features service --example service
//! curl localhost:3000/users/1      a user
//! curl localhost:3000/users/2      an error, and a dump
//! curl localhost:3000/panic        a panic, and a dump; the service continues
//! curl localhost:3000/slow         a timeout, and a dump
//! flightrec show
//! ```
//!
//! Its arguments are an address and `--no-recorder`, with which `cargo xtask load` measures the cost
//! of the recorder.

mod app;

use std::error::Error;
use std::process::ExitCode;

use flightrec_tracing::BuilderExt;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{fmt, prelude::*};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (mut address, mut is_recorded) = ("127.0.0.1:3000".to_owned(), true);
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--no-recorder" => is_recorded = false,
            _ => address = arg,
        }
    }
    let builder = flightrec::builder("service").version(env!("CARGO_PKG_VERSION"));
    let (recorder, layer) = if is_recorded {
        let (recorder, layer) = builder.install_layer()?;
        (recorder, Some(layer))
    } else {
        (builder.build().0, None)
    };
    let console = fmt::layer().with_filter(LevelFilter::INFO);
    tracing_subscriber::registry()
        .with(console)
        .with(layer)
        .init();
    let app = app::App::new(recorder.clone()).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Runtime::new()?;
    Ok(recorder.run(|| {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(&address).await?;
            tracing::info!("listening on {}", listener.local_addr()?);
            axum::serve(listener, app::router(app)).await
        })
    }))
}
