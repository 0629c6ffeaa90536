//! Tests `flightrec send` with a real error tracker: Bugsink from PyPI, on this machine, with SQLite.
//!
//! Sends all dumps of the corpus, then those of a fleet. While it sends the fleet, `send` is killed
//! and started again: no dump may be lost or sent twice.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::dumps::Random;
use super::{dumps, fleet, measure, python_with};
use crate::cargo;

/// Is appended to Bugsink's generated configuration.
const CONFIGURATION: &str = r#"
SNAPPEA = {"TASK_ALWAYS_EAGER": True}
BUGSINK["INGEST_STORE_BASE_DIR"] = BASE_DIR_OF_TEST + "/ingest"
BUGSINK["SINGLE_USER"] = True
BUGSINK["PHONEHOME"] = False
for period in ["5_MINUTES", "HOUR", "MONTH"]:
    BUGSINK[f"MAX_EVENTS_PER_PROJECT_PER_{period}"] = 10_000_000
    BUGSINK[f"MAX_EVENTS_PER_{period}"] = 10_000_000
"#;

const PROJECT: &str = r#"
from projects.models import Project
for name in ["corpus", "fleet"]:
    project = Project.objects.create(name=name, slug=name, retention_max_event_count=1_000_000)
    print("PROJECT", project.sentry_key.hex, project.id)
"#;

/// Checks that each event and its page have the dump's data, and that issues match our groups.
const CHECK: &str = r#"
import json, os
from django.contrib.auth import get_user_model
from django.test import Client
from events.models import Event
from projects.models import Project

project = Project.objects.get(name=os.environ["PROJECT"])
events = Event.objects.filter(project=project)
assert events.count() == int(os.environ["EVENTS"]), events.count()
issue_of, fingerprint_of = {}, {}
for event in events.iterator():
    data = event.get_parsed_data()
    fingerprint = data["fingerprint"][0]
    assert issue_of.setdefault(fingerprint, event.issue_id) == event.issue_id, fingerprint
    assert fingerprint_of.setdefault(event.issue_id, fingerprint) == fingerprint, event.issue_id
assert len(issue_of) == int(os.environ["GROUPS"]), len(issue_of)
if project.name == "corpus":
    user, _ = get_user_model().objects.get_or_create(username="reader", defaults={"is_superuser": True})
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(user)
    def page(event, name):
        answer = client.get(f"/issues/issue/{event.issue_id}/event/{event.id}/{name}")
        assert answer.status_code == 200, answer.status_code
        return answer.content.decode()
    [event] = [event for event in events if "census of" in event.calculated_value]
    stack, log = page(event, ""), page(event, "breadcrumbs/")
    for text in ["census::crates::read", "src/crates.rs", "No such file or directory"]:
        assert text in stack, text
    assert "is on a network file" in log and "src/crates.rs" not in log
    for event in events:
        for name in ["", "breadcrumbs/", "details/"]:
            assert "<script>alert(" not in page(event, name)
print("CHECKED")
"#;

const ACCESS_LOG: &str = "access.log";

/// How long Bugsink may take to start.
const START: Duration = Duration::from_secs(60);

/// Sends the corpus and a fleet of `fleet_of` files, and kills `send` `kills` times while it sends the
/// fleet.
pub(super) fn run(program: &Path, fleet_of: usize, kills: usize) -> Result<()> {
    let python = python_with(&["bugsink", "duckdb"])?;
    let dir = tempfile::tempdir()?;
    let bugsink = Bugsink::start(&python, dir.path())?;
    let corpus = dir.path().join("corpus");
    write_corpus(&corpus)?;
    let send = |dsn: &str, reports: &Path| {
        let mut command = Command::new(program);
        command.args(["send", dsn]).arg(reports);
        command.env("XDG_STATE_HOME", dir.path().join("state"));
        command
    };

    let sent = printed(&mut send(&bugsink.projects[0], &corpus), true)?;
    let files = fs::read_dir(&corpus)?.count();
    ensure!(sent == format!("sent {files} dumps\n"), "{sent}");
    bugsink.check("corpus", files, groups(program, &corpus)?)?;
    println!("  yes Bugsink accepts each dump of the corpus, and shows stacks and breadcrumbs");

    let reports = dir.path().join("fleet");
    let whole = fleet::write(&reports, fleet_of)?;
    let kinds = fleet::group(program, &reports)?;
    let requests = bugsink.requests()?;
    let mut random = Random(17);
    let mut peak = 0;
    let mut seconds = 0.0;
    for n in 0..kills {
        // Anywhere within its part of the fleet, and anywhere within a request.
        let part = (whole / kills) as u64;
        let goal = n as u64 * part + 1 + part / 8 + random.below(3 * part / 4);
        let delay = Duration::from_micros(random.below(40_000));
        let run = measure::run(&mut send(&bugsink.projects[1], &reports), || {
            let is_there = receipts(&dir.path().join("state"))? >= goal;
            if is_there {
                std::thread::sleep(delay);
            }
            Ok(is_there)
        })?;
        ensure!(run.was_killed, "send ended before it was killed: {run:?}");
        peak = peak.max(run.peak);
        seconds += run.seconds;
    }
    let rest = measure::run(&mut send(&bugsink.projects[1], &reports), || Ok(false))?;
    peak = peak.max(rest.peak);
    seconds += rest.seconds;
    let requests = bugsink.requests()? - requests;
    let again = printed(&mut send(&bugsink.projects[1], &reports), false)?;
    ensure!(again.starts_with("sent 0 dumps, "), "{again}");
    bugsink.check("fleet", whole, kinds)?;
    println!(
        "  yes Bugsink has {whole} dumps of {fleet_of} files once each, although send was killed \
         {kills} times"
    );
    println!(
        "      {requests} requests in {:.1} minutes, at most {} MiB of memory; the last run {}",
        seconds / 60.0,
        peak >> 10,
        rest.stdout.trim_end()
    );
    fleet::queries(program, &python, &reports, kinds)
}

/// The largest number of receipts of a target.
fn receipts(state: &Path) -> Result<u64> {
    /// Size of a receipt in bytes.
    const RECEIPT: u64 = 33;
    let mut largest = 0;
    if let Ok(entries) = fs::read_dir(state.join("flightrec/sent")) {
        for entry in entries {
            largest = largest.max(entry?.metadata()?.len());
        }
    }
    Ok(largest / RECEIPT)
}

fn printed(command: &mut Command, must_succeed: bool) -> Result<String> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() || !must_succeed,
        "{command:?}: {said}"
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The number of kinds that `flightrec group` counts.
fn groups(program: &Path, reports: &Path) -> Result<usize> {
    let mut command = Command::new(program);
    kinds(&printed(command.arg("group").arg(reports), true)?)
}

/// Parses the number of kinds from the output of `flightrec group`.
pub(super) fn kinds(text: &str) -> Result<usize> {
    let line = text
        .lines()
        .find(|line| line.contains(" in ") && line.contains(" dump"));
    let number = line.and_then(|line| line.split(" kind").next());
    let number = number.and_then(|number| number.replace(',', "").parse().ok());
    number.with_context(|| format!("group printed {text}"))
}

fn write_corpus(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)?;
    let data = cargo::root().join("crates/flightrec-cli/tests/data");
    for from in [data.clone(), data.join("hostile")] {
        for entry in fs::read_dir(from)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                fs::copy(&path, dir.join(path.file_name().unwrap_or_default()))?;
            }
        }
    }
    let all = [dumps::server(5_000, 0), dumps::worker(), dumps::crash()];
    for (n, mut dump) in all.into_iter().enumerate() {
        dump.fingerprint = dump.fingerprint_of();
        let mut json = Vec::new();
        dump.write_to(&mut json)?;
        fs::write(dir.join(format!("made-{n}.json")), json)?;
    }
    Ok(())
}

/// A running Bugsink, which is stopped on drop.
struct Bugsink {
    manage: PathBuf,
    dir: PathBuf,
    server: Child,
    /// The DSNs of its projects.
    projects: Vec<String>,
}

impl Bugsink {
    fn start(python: &Path, dir: &Path) -> Result<Bugsink> {
        let tool = |name: &str| python.with_file_name(name);
        // This port is free now; another program could take it before it is used.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut configure = Command::new(tool("bugsink-create-conf"));
        configure
            .args(["--template=singleserver", "--host=127.0.0.1"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-dir={}", dir.display()))
            .current_dir(dir);
        printed(&mut configure, true)?;
        let conf = dir.join("bugsink_conf.py");
        let base = format!("\nBASE_DIR_OF_TEST = {:?}\n", dir.display().to_string());
        fs::write(&conf, fs::read_to_string(&conf)? + &base + CONFIGURATION)?;
        let manage = tool("bugsink-manage");
        for database in ["default", "snappea"] {
            let database = format!("--database={database}");
            printed(&mut manager(&manage, dir, &["migrate", &database]), true)?;
        }
        let projects = printed(&mut manager(&manage, dir, &["shell", "-c", PROJECT]), true)?;
        let projects: Vec<String> = projects
            .lines()
            .filter_map(|line| line.strip_prefix("PROJECT ")?.split_once(' '))
            .map(|(key, id)| format!("http://{key}@127.0.0.1:{port}/{id}"))
            .collect();
        ensure!(projects.len() == 2, "Bugsink made no projects");
        let server = Command::new(tool("gunicorn"))
            .args(["--workers=2", "--no-control-socket", "bugsink.wsgi"])
            .arg(format!("--bind=127.0.0.1:{port}"))
            .arg(format!(
                "--access-logfile={}",
                dir.join(ACCESS_LOG).display()
            ))
            .current_dir(dir)
            .env("PYTHONPATH", dir)
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.join("server.log"))?)
            .spawn()
            .context("cannot start gunicorn")?;
        let mut bugsink = Bugsink {
            manage,
            dir: dir.to_owned(),
            server,
            projects,
        };
        bugsink.wait(port)?;
        Ok(bugsink)
    }

    /// The number of envelopes that it received.
    fn requests(&self) -> Result<usize> {
        let log = fs::read_to_string(self.dir.join(ACCESS_LOG))?;
        Ok(log.matches("/envelope/").count())
    }

    fn wait(&mut self, port: u16) -> Result<()> {
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if self.server.try_wait()?.is_some() || started.elapsed() > START {
                let log = fs::read_to_string(self.dir.join("server.log"))?;
                bail!("Bugsink did not start: {log}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn check(&self, project: &str, events: usize, groups: usize) -> Result<()> {
        let mut check = manager(&self.manage, &self.dir, &["shell", "-c", CHECK]);
        check
            .env("PROJECT", project)
            .env("EVENTS", events.to_string())
            .env("GROUPS", groups.to_string());
        let output = check.output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        let is_good = String::from_utf8_lossy(&output.stdout).contains("CHECKED");
        ensure!(
            is_good,
            "wrong data in Bugsink's project {project}: {stderr}"
        );
        Ok(())
    }
}

impl Drop for Bugsink {
    fn drop(&mut self) {
        // gunicorn also stops its workers.
        let _ = Command::new("kill")
            .arg(self.server.id().to_string())
            .status();
        let _ = self.server.wait();
    }
}

fn manager(manage: &Path, dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(manage);
    command.args(args).current_dir(dir).env("PYTHONPATH", dir);
    command
}
