//! A small service: users in a database, behind HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use flightrec::FlightRecorder;
use flightrec::stackerr::{Error, ResultExt, bail};
use rusqlite::Connection;
use tracing::{Instrument, Span, debug, field, info, info_span, instrument, warn};

/// A request that takes longer fails.
const TIMEOUT: Duration = Duration::from_millis(200);

pub(crate) struct App {
    database: Mutex<Connection>,
    recorder: FlightRecorder,
}

impl App {
    pub(crate) fn new(recorder: FlightRecorder) -> Result<Arc<App>, Error> {
        let database = Connection::open_in_memory()?;
        database.execute_batch(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age TEXT NOT NULL);
             INSERT INTO users VALUES (1, 'Ann', '37'), (2, 'Bob', 'unknown');",
        )?;
        Ok(Arc::new(App {
            database: Mutex::new(database),
            recorder,
        }))
    }
}

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/users/{id}", routing::get(user))
        .route("/panic", routing::get(panics))
        .route("/slow", routing::get(slow))
        .layer(middleware::from_fn_with_state(app.clone(), in_span))
        .with_state(app)
}

/// Handles each request in a span, with a timeout.
async fn in_span(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let span = info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        status = field::Empty,
    );
    let respond = async {
        debug!("received");
        let Ok(response) = tokio::time::timeout(TIMEOUT, next.run(request)).await else {
            warn!(timeout = ?TIMEOUT, "the request took too long");
            let error = Error::msg("the request took too long");
            return Failure::new(&app, error).into_response();
        };
        Span::current().record("status", response.status().as_u16());
        info!("answered");
        response
    };
    respond.instrument(span).await
}

/// Makes a dump of an error, and a response without details.
struct Failure;

impl Failure {
    fn new(app: &App, error: Error) -> Failure {
        // This waits for the disk, but errors are rare, and repetitions are only counted.
        if let Err(error) = app.recorder.dump_error(&error) {
            warn!(%error, "no dump");
        }
        Failure
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

async fn user(State(app): State<Arc<App>>, Path(id): Path<i64>) -> Result<String, Failure> {
    let (span, shared) = (Span::current(), app.clone());
    // The thread that waits for the database enters the span of the request, too.
    let task = tokio::task::spawn_blocking(move || span.in_scope(|| load(&shared, id)));
    let loaded = task.await.stack().and_then(|loaded| loaded);
    loaded.map_err(|error| Failure::new(&app, error))
}

#[instrument(skip(app))]
fn load(app: &App, id: i64) -> Result<String, Error> {
    let Ok(database) = app.database.lock() else {
        bail!("a request panicked while it used the database");
    };
    let mut select = database.prepare_cached("SELECT name, age FROM users WHERE id = ?1")?;
    let row = select.query_row([id], |row| Ok((row.get(0)?, row.get(1)?)));
    let (name, age): (String, String) = row.with_context(|| format!("cannot load user {id}"))?;
    debug!(name, "found");
    let age = parse(&age)?;
    Ok(format!("{name} is {age}\n"))
}

#[instrument(level = "debug")]
fn parse(age: &str) -> Result<u8, Error> {
    age.parse::<u8>().context("the age is not a number")
}

#[instrument]
async fn panics() -> String {
    let users: Vec<String> = Vec::new();
    debug!(users = users.len(), "about to take the first");
    users[0].clone()
}

#[instrument]
async fn slow() -> String {
    debug!("waiting forever");
    std::future::pending().await
}
