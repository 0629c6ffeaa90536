//! Measures the example service under load, with and without the recorder.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::cargo;

const USAGE: &str = "usage: cargo xtask load [--pairs N]";

/// How many connections send requests at once.
const CONNECTIONS: usize = 16;
/// How long each variant is under load in one turn.
const TURN: Duration = Duration::from_millis(500);
const REQUEST: &[u8] = b"GET /users/1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// Numbers of requests of two runs. Their difference is used, so that the start is not counted.
const COUNTED: [usize; 2] = [500, 2_500];

pub(crate) fn run(args: &[String]) -> Result<()> {
    let pairs = match args {
        [] => 60,
        [option, pairs] if option == "--pairs" => pairs.parse::<usize>().context(USAGE)?,
        _ => bail!("{USAGE}"),
    };
    ensure!(pairs > 0, "N must be at least 1\n{USAGE}");
    cargo::run(
        "build --release --quiet -p examples --no-default-features --features service --example service",
    )?;
    let service = cargo::target_dir()
        .join("release")
        .join("examples")
        .join("service");
    let state = tempfile::tempdir()?;
    measure(&service, state.path(), pairs)?;
    count(&service, state.path())
}

#[derive(Clone, Copy)]
enum Variant {
    Without,
    With,
}

const BOTH: [Variant; 2] = [Variant::Without, Variant::With];

/// Measures requests per second and processor time of both variants, which run alternately.
fn measure(service: &Path, state: &Path, pairs: usize) -> Result<()> {
    let mut servers = Vec::new();
    for variant in BOTH {
        servers.push(Server::start(&mut command(service, state, variant))?);
    }
    for server in &servers {
        // Fills caches, and starts the threads for the database.
        server.load(TURN)?;
    }
    let mut turns = [Vec::new(), Vec::new()];
    for pair in 0..pairs {
        // Each variant runs first in half of the pairs.
        for at in [pair % 2, 1 - pair % 2] {
            turns[at].push(servers[at].load(TURN)?);
        }
    }
    let rates = turns
        .each_ref()
        .map(|turns| turns.iter().map(Turn::rate).collect::<Vec<_>>());
    let ratios = rates[1]
        .iter()
        .zip(&rates[0])
        .map(|(with, without)| with / without);
    let quartiles = quartiles(ratios.collect());
    let [without, with] = rates.map(median);
    let [us_without, us_with] = turns.map(|turns| cpu_us(&turns));
    println!("{pairs} pairs of turns, {CONNECTIONS} connections, medians:");
    println!(
        "  without the recorder  {without:>8.0} requests/s, {us_without:.2} us of processor time each"
    );
    println!(
        "  with the recorder     {with:>8.0} requests/s, {us_with:.2} us of processor time each"
    );
    println!(
        "  throughput            {:>+8.2} % (ratio of medians); pairs: quartiles {:+.2} %, {:+.2} %, {:+.2} %",
        percent(with / without),
        percent(quartiles[0]),
        percent(quartiles[1]),
        percent(quartiles[2]),
    );
    println!(
        "  processor time        {:>+8.2} %",
        percent(us_with / us_without)
    );
    Ok(())
}

fn percent(ratio: f64) -> f64 {
    (ratio - 1.0) * 100.0
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[values.len() * quarter / 4])
}

fn median(values: Vec<f64>) -> f64 {
    quartiles(values)[1]
}

/// Counts the instructions of a request in user space, if valgrind is installed.
fn count(service: &Path, state: &Path) -> Result<()> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("  instructions not counted: valgrind is missing");
        return Ok(());
    }
    let mut of_request = [0.0; 2];
    for (variant, of_request) in BOTH.into_iter().zip(&mut of_request) {
        let mut totals = [0; 2];
        for (requests, total) in COUNTED.into_iter().zip(&mut totals) {
            *total = instructions(service, state, variant, requests)?;
        }
        let more = totals[1].saturating_sub(totals[0]);
        *of_request = more as f64 / (COUNTED[1] - COUNTED[0]) as f64;
    }
    let [without, with] = of_request;
    println!(
        "  instructions          {without:.0} a request without, {with:.0} with: {:+.2} %",
        percent(with / without)
    );
    Ok(())
}

/// Instructions of a server that answers some requests, one after the other.
fn instructions(service: &Path, state: &Path, variant: Variant, requests: usize) -> Result<u64> {
    let plain = command(service, state, variant);
    let out = state.join("callgrind");
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(plain.get_program())
        .args(plain.get_args());
    for (key, value) in plain.get_envs() {
        if let Some(value) = value {
            command.env(key, value);
        }
    }
    let server = Server::start(&mut command)?;
    let mut connection = Connection::open(server.address)?;
    for _ in 0..requests {
        connection.request()?;
    }
    server.stop()?;
    let text = std::fs::read_to_string(&out).context("callgrind wrote no file")?;
    let total = text.lines().find_map(|line| {
        let total = line
            .strip_prefix("totals: ")
            .or(line.strip_prefix("summary: "));
        total?.split_whitespace().next()?.parse().ok()
    });
    total.with_context(|| format!("no total in {}", out.display()))
}

fn command(service: &Path, state: &Path, variant: Variant) -> Command {
    let mut command = Command::new(service);
    command.arg("127.0.0.1:0").env("XDG_STATE_HOME", state);
    if let Variant::Without = variant {
        command.arg("--no-recorder");
    }
    command
}

/// A running service, which is killed on drop.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts the service and reads its address from the first line of its log. The rest of the log
    /// is discarded.
    fn start(command: &mut Command) -> Result<Server> {
        let mut child = command
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start the service")?;
        let log = child.stdout.take().context("the service has no stdout")?;
        let mut server = Server {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let mut log = BufReader::new(log);
        let mut line = String::new();
        log.read_line(&mut line)?;
        let address = line.rsplit("listening on ").next().unwrap_or_default();
        server.address = address
            .trim()
            .parse()
            .with_context(|| format!("no address in the first line of the service: {line:?}"))?;
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Ok(server)
    }

    /// Sends requests for a while, on all connections at once.
    fn load(&self, how_long: Duration) -> Result<Turn> {
        let connections: Result<Vec<_>> = (0..CONNECTIONS)
            .map(|_| Connection::open(self.address))
            .collect();
        let (cpu, start) = (self.cpu_time()?, Instant::now());
        let requests = thread::scope(|scope| {
            let send = |mut connection: Connection| {
                let mut requests = 0;
                while start.elapsed() < how_long {
                    connection.request()?;
                    requests += 1;
                }
                Ok(requests)
            };
            let threads: Vec<_> = connections?
                .into_iter()
                .map(|connection| scope.spawn(move || send(connection)))
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|_| bail!("a connection panicked"))
                })
                .sum::<Result<u64>>()
        })?;
        Ok(Turn {
            requests,
            took: start.elapsed(),
            cpu: self.cpu_time()?.saturating_sub(cpu),
        })
    }

    /// The processor time of all threads of the server, including those that have ended.
    fn cpu_time(&self) -> Result<Duration> {
        let mut clock = 0;
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: both functions write to local variables.
        let found = unsafe {
            libc::clock_getcpuclockid(self.child.id() as libc::pid_t, &raw mut clock) == 0
                && libc::clock_gettime(clock, &raw mut time) == 0
        };
        ensure!(
            found,
            "the system does not provide the service's processor time"
        );
        Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
    }

    /// Ends the service with SIGTERM.
    fn stop(mut self) -> Result<()> {
        // SAFETY: the child was not waited for, so its id is not reused.
        let sent = unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) };
        ensure!(sent == 0, "cannot end the service");
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The work of one server in one turn.
struct Turn {
    requests: u64,
    took: Duration,
    cpu: Duration,
}

impl Turn {
    fn rate(&self) -> f64 {
        self.requests as f64 / self.took.as_secs_f64()
    }
}

/// Microseconds of processor time per request.
fn cpu_us(turns: &[Turn]) -> f64 {
    median(
        turns
            .iter()
            .map(|turn| turn.cpu.as_secs_f64() * 1e6 / turn.requests as f64)
            .collect(),
    )
}

/// A keep-alive connection.
struct Connection {
    stream: TcpStream,
    /// The length of a response, which is always the same.
    len: usize,
}

impl Connection {
    fn open(address: SocketAddr) -> Result<Connection> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(REQUEST)?;
        let mut answer = [0; 1024];
        let mut len = 0;
        while !answer[..len].ends_with(b"Ann is 37\n") {
            let read = stream.read(&mut answer[len..])?;
            let text = String::from_utf8_lossy(&answer[..len]);
            ensure!(read > 0, "the service answers {text:?}");
            len += read;
        }
        Ok(Connection { stream, len })
    }

    fn request(&mut self) -> Result<()> {
        let mut answer = [0; 1024];
        self.stream.write_all(REQUEST)?;
        self.stream.read_exact(&mut answer[..self.len])?;
        ensure!(answer.starts_with(b"HTTP/1.1 200"), "a request failed");
        Ok(())
    }
}
