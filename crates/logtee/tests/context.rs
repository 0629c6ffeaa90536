//! Key-values that are added to every record of a thread.

use std::future::Future;
use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};

use log::{LevelFilter, Record};
use logtee::predicate::key_is;
use logtee::testing::{Bytes, Memory};
use logtee::{Context, IntoSink, Json, Sink, Tee, WriteSink};

fn tee<Kind>(sink: impl IntoSink<Kind>) -> Tee {
    log::set_max_level(LevelFilter::Trace);
    Tee::builder().sink(LevelFilter::Trace, sink).build()
}

fn fields(memory: &Memory) -> Vec<String> {
    let join = |(key, value): &(String, logtee::OwnedValue)| format!("{key}={value}");
    memory
        .take()
        .iter()
        .map(|record| record.fields.iter().map(join).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn contexts_nest_and_end() {
    let memory = Memory::new();
    let tee = tee(memory.clone());
    let outer = Context::new().with("a", 1).with("b", "x").enter();
    log::info!(logger: tee, "");
    {
        let _inner = Context::new().with("b", "y").with("c", true).enter();
        log::info!(logger: tee, own = 1; "");
        log::info!(logger: tee, c = false; "");
    }
    log::info!(logger: tee, "");
    drop(outer);
    log::info!(logger: tee, "");
    assert_eq!(
        fields(&memory),
        [
            "a=1 b=x",
            "a=1 b=y c=true own=1",
            "a=1 b=y c=false",
            "a=1 b=x",
            ""
        ]
    );
}

#[test]
fn guards_may_be_dropped_in_any_order() {
    let memory = Memory::new();
    let tee = tee(memory.clone());
    let first = Context::new().with("first", 1).enter();
    let second = Context::new().with("second", 2).enter();
    drop(first);
    log::info!(logger: tee, "");
    drop(second);
    log::info!(logger: tee, "");
    assert_eq!(fields(&memory), ["second=2", ""]);
}

#[test]
fn a_context_can_be_moved_to_another_thread_and_does_not_affect_others() {
    let memory = Memory::new();
    let tee = tee(memory.clone());
    let _entered = Context::new().with("job", "a").enter();
    let context = Context::current();
    std::thread::scope(|scope| {
        scope
            .spawn(|| context.scope(|| log::info!(logger: tee, "")))
            .join()
            .unwrap();
        scope.spawn(|| log::info!(logger: tee, "")).join().unwrap();
    });
    assert_eq!(fields(&memory), ["job=a", ""]);
}

#[test]
fn a_future_logs_in_its_context_on_any_thread() {
    let memory = Memory::new();
    let tee = tee(memory.clone());
    let mut polled = 0;
    let future = std::future::poll_fn(|_| {
        log::info!(logger: tee, "");
        polled += 1;
        if polled < 2 {
            Poll::Pending
        } else {
            Poll::Ready(7)
        }
    });
    let mut future = pin!(Context::new().with("task", 1).wrap(future));
    let mut task = TaskContext::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut task).is_pending());
    log::info!(logger: tee, "in between");
    assert_eq!(future.as_mut().poll(&mut task), Poll::Ready(7));
    assert_eq!(fields(&memory), ["task=1", "", "task=1"]);
}

#[test]
fn formats_predicates_and_packed_records_have_the_context() {
    let json = Bytes::new();
    let routed = Memory::new();
    let packed = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let into = packed.clone();
    let pack = logtee::from_fn(move |record: &Record<'_>| {
        let keep = |bytes: &[u8]| into.lock().unwrap().extend_from_slice(bytes);
        packlog::pack(record, keep);
        Ok(())
    });
    log::set_max_level(LevelFilter::Trace);
    let tee = Tee::builder()
        .sink(LevelFilter::Info, WriteSink::new(Json::new(), json.clone()))
        .sink(key_is("request", 17), routed.clone())
        .sink(LevelFilter::Info, pack)
        .build();
    let _entered = Context::new().with("request", 17).enter();
    log::info!(logger: tee, "m");
    assert!(
        json.text().ends_with("\"fields\":{\"request\":17}}\n"),
        "{}",
        json.text()
    );
    assert_eq!(routed.messages(), ["m"]);
    let bytes = packed.lock().unwrap();
    let record = packlog::unpack(&bytes).unwrap();
    let request = packlog::FieldValue::I64(17);
    assert_eq!(record.fields().collect::<Vec<_>>(), [("request", request)]);
}

#[test]
fn a_sink_may_enter_a_context_and_a_nested_tee_adds_nothing_twice() {
    let memory = Memory::new();
    let inner = tee(memory.clone());
    let tee = tee(logtee::pipe(|record: &Record<'_>, next: &dyn Sink| {
        let _entered = Context::new().with("sink", 1).enter();
        next.emit(record)
    })
    .to(inner));
    let _entered = Context::new().with("a", 1).enter();
    log::info!(logger: tee, "");
    assert_eq!(fields(&memory), ["sink=1 a=1"]);
}
