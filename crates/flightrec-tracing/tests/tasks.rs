//! Tasks of `tokio`: a task keeps its span, on any thread.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{listening, path_of, record, span};
use flightrec::stackerr::{Error, ResultExt};
use flightrec::{Dump, FlightRecorder, Value};
use tokio::sync::{Barrier, oneshot};
use tracing::{Instrument, debug, info_span, instrument};
use tracing_subscriber::prelude::*;

/// Runs a future on several threads, with a recorder as the default of all of them.
fn run<F: Future<Output = ()> + Send + 'static>(
    future: impl FnOnce(FlightRecorder) -> F,
) -> (Dump, Vec<Dump>) {
    let (recorder, layer, dumps) = listening();
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
    let of_threads = dispatch.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .on_thread_start(move || {
            // The default is kept until the thread ends.
            std::mem::forget(tracing::dispatcher::set_default(&of_threads));
        })
        .enable_time()
        .build()
        .unwrap();
    let future = future(recorder.clone());
    tracing::dispatcher::with_default(&dispatch, || {
        runtime.block_on(async { tokio::spawn(future).await.unwrap() });
    });
    drop(runtime);
    let made = std::mem::take(&mut *dumps.lock().unwrap());
    (recorder.snapshot(), made)
}

#[instrument]
async fn step(task: u64, barrier: Arc<Barrier>) {
    for round in 0..20 {
        debug!("task {task} round {round}");
        barrier.wait().await;
        tokio::task::yield_now().await;
    }
}

#[test]
fn alternating_tasks_keep_their_own_spans() {
    let (dump, _) = run(|_| async {
        let barrier = Arc::new(Barrier::new(8));
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let request = info_span!("request", task);
                tokio::spawn(step(task, barrier.clone()).instrument(request))
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    for task in 0..8 {
        for round in 0..20 {
            let message = format!("task {task} round {round}");
            assert_eq!(path_of(&dump, &message), ["request", "step"]);
            let step = span(&dump, record(&dump, &message).span.unwrap());
            assert_eq!(step.fields.get("task"), Some(&Value::Int(task)));
            let request = span(&dump, step.parent.unwrap());
            assert_eq!(request.fields.get("task"), Some(&Value::Int(task)));
        }
    }
}

#[test]
fn spawn_blocking_can_enter_the_span_of_the_task() {
    let (dump, _) = run(|_| async {
        let request = async {
            let span = tracing::Span::current();
            let without = tokio::task::spawn_blocking(|| debug!("without"));
            without.await.unwrap();
            let with = tokio::task::spawn_blocking(move || span.in_scope(|| debug!("with")));
            with.await.unwrap();
            debug!("after");
        };
        request.instrument(info_span!("request")).await;
    });
    assert_eq!(path_of(&dump, "without"), [""; 0]);
    assert_eq!(path_of(&dump, "with"), ["request"]);
    assert_eq!(path_of(&dump, "after"), ["request"]);
}

#[test]
fn a_cancelled_task_exits_its_span() {
    let (dump, _) = run(|_| async {
        let (started, has_started) = oneshot::channel();
        let task = tokio::spawn(
            async {
                debug!("started");
                started.send(()).unwrap();
                std::future::pending::<()>().await;
            }
            .instrument(info_span!("cancelled")),
        );
        has_started.await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        debug!("after");
        let slow = async {
            debug!("slow");
            std::future::pending::<()>().await;
        };
        let slow = slow.instrument(info_span!("slow"));
        tokio::time::timeout(Duration::from_millis(1), slow)
            .await
            .unwrap_err();
        debug!("after the timeout");
    });
    assert_eq!(path_of(&dump, "started"), ["cancelled"]);
    assert_eq!(path_of(&dump, "slow"), ["slow"]);
    assert!(
        span(&dump, record(&dump, "started").span.unwrap())
            .closed_at
            .is_some()
    );
    for message in ["after", "after the timeout"] {
        assert_eq!(path_of(&dump, message), [""; 0]);
    }
}

#[instrument]
async fn fails(user: u64) -> Result<u64, Error> {
    tokio::task::yield_now().await;
    "x".parse::<u64>().stack()
}

#[test]
fn panics_and_errors_of_tasks_have_their_spans() {
    let (_, dumps) = run(|recorder| async move {
        let task = tokio::spawn(
            async {
                tokio::task::yield_now().await;
                panic!("a task panicked");
            }
            .instrument(info_span!("panics", id = 1)),
        );
        let error = task.await.unwrap_err();
        assert!(error.is_panic());
        let error = fails(7)
            .instrument(info_span!("request"))
            .await
            .unwrap_err();
        recorder.dump_error(&error).unwrap();
    });
    let of = |text: &str| {
        let mut dumps = dumps.iter();
        dumps
            .find(|dump| dump.reason.message.contains(text))
            .unwrap()
    };
    let panic = of("a task panicked");
    assert_eq!(common::path(panic, panic.stack_traces[0].span), ["panics"]);
    let error = of("invalid digit");
    assert_eq!(
        common::path(error, error.stack_traces[0].span),
        ["request", "fails"]
    );
}
