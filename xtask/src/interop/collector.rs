//! Tests `flightrec send --otlp` with a real OpenTelemetry collector: Rotel, a binary from PyPI.
//!
//! The collector forwards the data as protobuf to a receiver, which decodes it with the published
//! definitions.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use flightrec_dump::Dump;

use super::{python_with, script};

/// Receives the collector's data until it is complete, and checks it.
const RECEIVER: &str = r#"
import gzip, http.server, sys, threading
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
port, records, all_spans = map(int, sys.argv[1:])
logs, spans, everything = [], [], threading.Event()
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path.endswith("/v1/logs"):
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
                logs.extend(record for scope in resource.scope_logs for record in scope.log_records)
        else:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()
        if len(logs) >= records and len(spans) >= all_spans:
            everything.set()
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
assert everything.wait(60), (len(logs), len(spans))
assert (len(logs), len(spans)) == (records, all_spans), (len(logs), len(spans))
ids = {span.span_id for span in spans}
assert len(ids) == all_spans and {len(id) for id in ids} == {8}
assert {len(span.trace_id) for span in spans} == {16}
assert all(not span.parent_span_id or span.parent_span_id in ids for span in spans)
assert all(0 < span.start_time_unix_nano <= span.end_time_unix_nano for span in spans)
in_spans = [record for record in logs if record.span_id]
assert in_spans and {record.span_id for record in in_spans} <= ids
keys = {attribute.key for record in logs for attribute in record.attributes}
assert {"exception.message", "exception.stacktrace", "thread.name"} <= keys, keys
print("RECEIVED")
"#;

/// How long the collector may take to start.
const START: Duration = Duration::from_secs(30);

/// Sends a dump, and checks that the collector forwards all of it.
pub(super) fn run(program: &Path, file: &Path, dump: &Dump, dir: &Path) -> Result<()> {
    let python = python_with(&["rotel", "opentelemetry-proto"])?;
    let [port, grpc, receiver_port] = [free_port()?, free_port()?, free_port()?];
    let mut receiver = script(&python, RECEIVER);
    receiver
        .arg(receiver_port.to_string())
        // The failure is a record, too.
        .arg((dump.latest_logs.len() + 1).to_string())
        .arg(dump.spans.len().to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let receiver = receiver.spawn().context("cannot start the receiver")?;
    let said = dir.join("collector.log");
    let log = fs::File::create(&said)?;
    let collector = Command::new(agent(&python)?)
        .arg("start")
        .arg(format!("--otlp-http-endpoint=127.0.0.1:{port}"))
        .arg(format!("--otlp-grpc-endpoint=127.0.0.1:{grpc}"))
        .args(["--exporter=otlp", "--otlp-exporter-protocol=http"])
        .arg(format!(
            "--otlp-exporter-endpoint=http://127.0.0.1:{receiver_port}"
        ))
        .args(["--logs-batch-timeout=1s", "--traces-batch-timeout=1s"])
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot start the collector")?;
    let mut collector = Running(collector);
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if collector.0.try_wait()?.is_some() || started.elapsed() > START {
            bail!(
                "the collector did not start: {}",
                fs::read_to_string(&said)?
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let sent = Command::new(program)
        .args(["send", "--otlp", &format!("http://127.0.0.1:{port}")])
        .arg(file)
        .env("XDG_STATE_HOME", dir.join("state"))
        .output()?;
    let text = String::from_utf8_lossy(&sent.stdout);
    let error = String::from_utf8_lossy(&sent.stderr);
    ensure!(text == "sent 1 dump\n", "send --otlp: {text}{error}");
    let received = receiver.wait_with_output()?;
    let error = String::from_utf8_lossy(&received.stderr);
    ensure!(
        received.status.success() && received.stdout == b"RECEIVED\n",
        "the collector forwarded other data than was sent: {error}"
    );
    println!("  yes a collector forwards each log record and span once, with its ids");
    Ok(())
}

/// A process that is killed on drop.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns a port that is free now; another program could take it before it is used.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The collector's binary, which is in its Python package.
fn agent(python: &Path) -> Result<PathBuf> {
    let mut ask = script(
        python,
        "import importlib.util as u; print(u.find_spec('rotel').submodule_search_locations[0])",
    );
    let output = ask.output()?;
    let dir = String::from_utf8(output.stdout)?;
    Ok(Path::new(dir.trim()).join("rotel-agent"))
}
