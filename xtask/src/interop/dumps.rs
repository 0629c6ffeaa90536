//! Dumps for the tests of the page: a server with threads and spans, a worker, and a crash.

use std::time::{Duration, UNIX_EPOCH};

use flightrec_dump::{
    Crash, Dump, ErrorNode, Frame, Host, Kind, Level, Location, LogRecord, Module, Process, Reason,
    SCHEMA, Span, StackOrigin, Suppressed, Thread, Timestamp, Trace, Value,
};

const EXECUTABLE: &str = "/usr/local/bin/tileserver";

/// Microseconds since 1970 at which the server fails.
const FAILED_AT: u64 = 1_795_500_000_123_456;

/// Records per request.
const RECORDS: u64 = 5;

fn at(micros: u64) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_micros(micros))
}

/// A server that fails with two joined errors after `records` records. The ids of its spans are
/// larger than `last_id`.
pub(crate) fn server(records: u64, last_id: u64) -> Dump {
    let mut dump = base("tileserver", 4711);
    dump.version = Some("2.4.1".to_owned());
    dump.revision = Some("9f3c2d1".to_owned());
    dump.reason = Reason::new(Kind::Error, "cannot render the map of Lisbon");
    let mut random = Random(1);
    // A record every 40 µs on average; the last ones belong to the errors.
    let first = FAILED_AT - 40 * records;
    for n in 0..records {
        let request = n / RECORDS;
        let mut record = request_record(n, request, last_id, &mut random);
        record.time = at(first + 40 * n + random.below(40));
        dump.latest_logs.push(record);
    }
    dump.process.started_at = at(first - 3_600_000_000);
    dump.process.uptime = (FAILED_AT - first) as f64 / 1e6 + 3600.0;
    dump.evicted_logs = 1_204_311;
    dump.spans = spans(records, first, last_id);
    let created_at = [records - 90, records - 12];
    let (tile, style) = (
        "tile 12/1946/1567: connection reset by peer",
        "style `night`: no such file",
    );
    let mut join = ErrorNode::new("2 of 64 tiles failed", place("src/render.rs", 88));
    for (message, cause, line) in [
        ("cannot fetch a tile", tile, 41),
        ("cannot load the style", style, 132),
    ] {
        let mut error = ErrorNode::new(message, place("src/render.rs", line));
        error
            .sources
            .push(ErrorNode::new(cause, place("src/fetch.rs", line + 7)));
        join.sources.push(error);
    }
    let mut error = ErrorNode::new("cannot render the map of Lisbon", place("src/main.rs", 57));
    error.sources.push(join);
    dump.error = Some(error);
    for (n, message) in [tile, style].into_iter().enumerate() {
        let mut trace = Trace::default();
        trace.error = message.to_owned();
        trace.error_type = Some("std::io::error::Error".to_owned());
        trace.origin = StackOrigin::Creation;
        trace.frames = stack(n as u64);
        let [fetch, render] =
            [("src/fetch.rs", 48), ("src/render.rs", 41)].map(|(file, line)| place(file, line));
        trace.trail = [fetch, render, place("src/main.rs", 57)]
            .into_iter()
            .flatten()
            .collect();
        trace.log_seq = Some(dump.latest_logs[created_at[n] as usize].seq);
        dump.stack_traces.push(trace);
    }
    for n in 0..24 {
        dump.threads
            .push(thread(5000 + n, &format!("tile-{n}"), n % 8 / 7));
    }
    dump.metadata = [("region", "eu-west-1"), ("style", "night")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
    dump.redactions = [("authorization".to_owned(), 12)].into_iter().collect();
    dump.notes = vec!["The console was 40 ms behind: its writer was slow.".to_owned()];
    dump.suppressed_dumps = 3;
    let mut suppressed = Suppressed::new(Kind::Error, "cannot render the map of Porto", at(first));
    suppressed.count = 3;
    dump.suppressed.push(suppressed);
    dump
}

/// Another process, which panics shortly before the server fails.
pub(crate) fn worker() -> Dump {
    let mut dump = base("tileworker", 4712);
    dump.reason = Reason::new(
        Kind::Panic,
        "thread 'main' panicked at src/queue.rs:31:9: index out of bounds: the len is 3 but the index is 7",
    );
    dump.created_at = at(FAILED_AT - 40_000);
    let mut random = Random(2);
    for n in 0..200 {
        let mut record = request_record(n, n / 4, 0, &mut random);
        record.time = at(FAILED_AT - 2_000_000 + 9_000 * n);
        record.thread = "main".to_owned();
        record.span = None;
        dump.latest_logs.push(record);
    }
    let mut trace = Trace::default();
    trace.error = "index out of bounds: the len is 3 but the index is 7".to_owned();
    trace.origin = StackOrigin::Panic;
    trace.frames = stack(2);
    trace.log_seq = dump.latest_logs.last().map(|record| record.seq);
    dump.stack_traces.push(trace);
    dump
}

/// A process that logs the same record with a large number 40 times. Its error was created after
/// the first 20.
pub(crate) fn polling() -> Dump {
    let mut dump = worker();
    let (first, repeated) = dump.latest_logs[100..140]
        .split_first_mut()
        .expect("40 records");
    first.fields.insert("total", Value::from(u64::MAX));
    for record in repeated {
        let (seq, time) = (record.seq, record.time);
        first.clone_into(record);
        (record.seq, record.time) = (seq, time);
    }
    dump.stack_traces[0].log_seq = Some(dump.latest_logs[119].seq);
    dump
}

/// A process without symbols that was ended by a signal.
pub(crate) fn crash() -> Dump {
    let mut dump = base("tilecache", 4713);
    dump.reason = Reason::new(Kind::Crash, "process 4713 was killed by SIGSEGV");
    let mut crash = Crash::default();
    crash.signal = Some(11);
    crash.signal_name = Some("SIGSEGV".to_owned());
    crash.code = Some(1);
    crash.fault_address = Some("0x10".to_owned());
    crash.stack_ended = Some("the walk reached the thread's first frame".to_owned());
    crash.last_record_at = Some(at(FAILED_AT - 1_000_000));
    dump.crash = Some(crash);
    dump.created_at = at(FAILED_AT + 60_000_000);
    let mut record = LogRecord::default();
    record.seq = 17;
    record.time = at(FAILED_AT - 1_000_000);
    record.level = Level::Warn;
    record.msg = "the cache has 2 entries for one key".to_owned();
    record.thread = "main".to_owned();
    dump.latest_logs.push(record);
    let mut trace = Trace::default();
    trace.error = "SIGSEGV".to_owned();
    trace.origin = StackOrigin::Crash;
    trace.log_seq = Some(17);
    for n in 0..6 {
        let mut frame = Frame::default();
        frame.name = Frame::UNKNOWN.to_owned();
        frame.address = format!("{:#x}", 0x1f0d2 + n * 0x310);
        frame.module = Some(EXECUTABLE.to_owned());
        trace.frames.push(frame);
    }
    dump.stack_traces.push(trace);
    dump
}

fn base(app: &str, pid: u32) -> Dump {
    let mut dump = Dump::default();
    dump.schema = SCHEMA.to_owned();
    dump.app = app.to_owned();
    dump.created_at = at(FAILED_AT);
    dump.fingerprint = "1-5d4c3b2a19087f6e".to_owned();
    let mut process = Process::default();
    process.pid = pid;
    process.started_at = at(FAILED_AT - 5_000_000);
    process.uptime = 5.0;
    process.executable = Some(EXECUTABLE.to_owned());
    process.args = ["tileserver", "--listen", "[::]:8080"]
        .map(str::to_owned)
        .to_vec();
    process.thread = "main".to_owned();
    dump.process = process;
    let mut host = Host::default();
    (host.os, host.arch, host.cpus) = ("linux".to_owned(), "x86_64".to_owned(), 8);
    dump.host = host;
    dump.modules = vec![
        Module::new(
            EXECUTABLE,
            Some("93ac61ec5a8eb1396f9fbd350e3169a558528a40".to_owned()),
        ),
        Module::new("/lib/x86_64-linux-gnu/libc.so.6", None),
    ];
    dump
}

fn place(file: &str, line: u32) -> Option<Location> {
    Some(Location::new(file, line, 9))
}

fn request_record(n: u64, request: u64, last_id: u64, random: &mut Random) -> LogRecord {
    let mut record = LogRecord::default();
    let (x, y) = (random.below(4096), random.below(4096));
    let (level, target, msg, line) = match n % RECORDS {
        0 => (
            Level::Info,
            "tileserver::http",
            format!("GET /tiles/12/{x}/{y}.png"),
            71,
        ),
        1 => (
            Level::Debug,
            "tileserver::cache",
            format!("no tile 12/{x}/{y} in the cache"),
            118,
        ),
        2 => (
            Level::Debug,
            "hyper::client::connect::http",
            "connected to 203.0.113.7:443".to_owned(),
            542,
        ),
        3 => (
            Level::Debug,
            "tileserver::render",
            format!("drew {} shapes", random.below(900)),
            204,
        ),
        _ => (
            Level::Trace,
            "tileserver::http",
            "response sent".to_owned(),
            93,
        ),
    };
    record.seq = 1_204_312 + n;
    (record.level, record.msg) = match random.below(500) {
        0 => (
            Level::Error,
            format!("tile 12/{x}/{y} failed: connection reset by peer"),
        ),
        1..6 => (
            Level::Warn,
            format!("tile 12/{x}/{y} took {} ms", 500 + random.below(900)),
        ),
        _ => (level, msg),
    };
    record.target = target.to_owned();
    record.file = Some("src/http.rs".to_owned());
    record.line = Some(line);
    record.thread = format!("tile-{}", request % 12);
    record.span = Some(last_id + request % 400 + 1);
    record.fields = [
        ("zoom".to_owned(), Value::from(12_i64)),
        ("bytes".to_owned(), Value::from(random.below(90_000))),
        (
            "etag".to_owned(),
            Value::from(format!("\"{:08x}\"", random.below(1 << 32))),
        ),
    ]
    .into_iter()
    .collect();
    record
}

/// Spans of requests, each with two child spans, in the last tenth of the time.
fn spans(records: u64, first: u64, last_id: u64) -> Vec<Span> {
    let length = FAILED_AT - first;
    let mut spans = Vec::new();
    let id = |n: u64| last_id + n;
    for n in 1..=records.min(400) {
        let mut span = Span::default();
        (span.id, span.name, span.level) = (id(n), "request".to_owned(), Level::Info);
        span.target = "tileserver::http".to_owned();
        let opened = first + length * (n - 1) / 400;
        span.opened_at = Some(at(opened));
        span.closed_at = (n < 398).then(|| at(opened + length / 160));
        span.fields = [(
            "path".to_owned(),
            Value::from(format!("/tiles/12/{n}/1567.png")),
        )]
        .into_iter()
        .collect();
        spans.push(span);
        let mut inner = Span::default();
        (inner.id, inner.parent) = (id(1000 + n), Some(id(n)));
        inner.name = if n % 2 == 0 { "render" } else { "fetch" }.to_owned();
        inner.opened_at = Some(at(opened + length / 800));
        inner.closed_at = (n < 398).then(|| at(opened + length / 200));
        spans.push(inner);
    }
    spans
}

fn stack(variant: u64) -> Vec<Frame> {
    const NAMES: [(&str, &str, u32); 4] = [
        (
            "tileserver::fetch::read_body",
            "/home/ci/build/tileserver/src/fetch.rs",
            48,
        ),
        (
            "tileserver::style::Style::load",
            "/home/ci/build/tileserver/src/fetch.rs",
            139,
        ),
        (
            "tileserver::queue::Queue<T>::take",
            "/home/ci/build/tileserver/src/queue.rs",
            31,
        ),
        (
            "std::sys::pal::unix::futex::futex_wait",
            "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/sys/futex.rs",
            73,
        ),
    ];
    let rest = [
        (
            "<tileserver::render::Pool as tileserver::render::Render>::tile::{{closure}}",
            "/home/ci/build/tileserver/src/render.rs",
            41,
            false,
        ),
        (
            "core::ops::function::FnOnce::call_once",
            "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/ops/function.rs",
            250,
            true,
        ),
        (
            "rayon_core::registry::WorkerThread::wait_until_cold",
            "/home/ci/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/rayon-core-1.13.0/src/registry.rs",
            774,
            false,
        ),
        (
            "std::thread::Builder::spawn_unchecked_::{{closure}}::{{closure}}",
            "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/thread/mod.rs",
            564,
            true,
        ),
    ];
    let (name, file, line) = NAMES[variant as usize % NAMES.len()];
    let all = [(name, file, line, variant % 4 == 3)]
        .into_iter()
        .chain(rest);
    all.enumerate()
        .map(|(n, (name, file, line, noise))| {
            let mut frame = Frame::default();
            frame.name = name.to_owned();
            (frame.file, frame.line, frame.column) = (Some(file.to_owned()), Some(line), Some(9));
            frame.address = format!("{:#x}", 0x1f0d2 + n as u64 * 0x310 + variant);
            frame.module = Some(EXECUTABLE.to_owned());
            frame.noise = noise;
            frame
        })
        .collect()
}

fn thread(id: u64, name: &str, variant: u64) -> Thread {
    let mut thread = Thread::default();
    (thread.id, thread.name) = (id, Some(name.to_owned()));
    thread.state = Some(if variant == 0 { "sleeping" } else { "running" }.to_owned());
    thread.frames = stack(3 - variant);
    thread
}

/// A generator with the same numbers in each run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
