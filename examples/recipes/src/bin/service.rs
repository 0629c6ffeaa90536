//! A service on axum. A request that fails makes a dump; repeats of the same failure are counted. The
//! service continues.

use std::process::ExitCode;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flightrec::FlightRecorder;
use flightrec::stackerr::{self, ResultExt};
use tokio::net::TcpListener;

/// The error type of the handlers: any error, with the stack of the place where it was created.
struct Failed(stackerr::Error);

impl<E: Into<stackerr::Error>> From<E> for Failed {
    #[track_caller]
    fn from(error: E) -> Failed {
        Failed(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response
            .extensions_mut()
            .insert(std::sync::Arc::new(self.0));
        response
    }
}

async fn double(Path(number): Path<String>) -> Result<String, Failed> {
    log::debug!(number = number.as_str(); "doubling");
    let number: i32 = number.parse().context("not a number")?;
    Ok((2 * number).to_string())
}

/// Makes a dump of the error that a handler returned.
async fn dump_failures(
    State(recorder): State<FlightRecorder>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let response = next.run(request).await;
    if let Some(error) = response
        .extensions()
        .get::<std::sync::Arc<stackerr::Error>>()
    {
        log::error!("{error}");
        let (recorder, error) = (recorder.clone(), error.clone());
        // Writing a dump blocks.
        let dump = tokio::task::spawn_blocking(move || recorder.dump_error(&*error));
        // The recorder itself reports on stderr if there is no dump.
        let _ = dump.await;
    }
    response
}

async fn serve(recorder: FlightRecorder) -> Result<(), std::io::Error> {
    let router = Router::new().route("/double/{number}", get(double)).layer(
        axum::middleware::from_fn_with_state(recorder, dump_failures),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, router).await
}

fn main() -> ExitCode {
    let recorder = flightrec::builder("service").init();
    recorder.run(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_io()
            .build()?;
        runtime.block_on(serve(recorder.clone()))
    })
}
