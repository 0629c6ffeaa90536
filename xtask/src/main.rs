//! The workspace's tasks. `cargo xtask` lists them.

#[cfg(unix)]
mod adopt;
mod anyhow_tests;
mod api;
mod bench;
mod cargo;
mod ci;
mod cross;
mod deaths;
mod demo;
mod faults;
mod files;
mod fuzz;
mod handlers;
mod interop;
#[cfg(target_os = "linux")]
mod load;
mod minimal;
mod msrv;
mod package;
mod picture;
mod redact;
mod stacks;
mod tidy;
mod tracing_tests;
mod weight;

use std::env;
use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask TASK

  demo [--keep DIR]       shows real programs that fail, and what their dumps contain
  ci [--no-test]          runs every check that a change must pass
  tidy                    checks conventions: lengths of files, files of each crate, SAFETY comments
  api [--write]           compares each crate's public items with its list; --write updates the lists
  bench [--quick] [--json FILE]
                          compares the cost of recording with that of other crates
  faults [--quick]        long fault tests: killed processes, damaged files, full disks
  fuzz [--seconds N] [TARGET]…
                          fuzzes every reader of untrusted bytes
  deaths [--tries N] [BUILD]…
                          crashes programs in many ways, built in many ways
  deaths --peers [--tries N]
                          crashes programs with other signal handlers or panic hooks: signal-hook,
                          sentry, color-eyre, crash-handler, Go, a JVM
  adopt build|check       adds the recorder to programs from crates.io and checks what changes
  cross [--table] [--write] [TARGET]… | --here
                          tests other platforms, and the README's table `What works where`;
                          --here runs these tests on this machine
  interop [page|tracker|formats]
                          checks exports in a browser, an error tracker, jq, DuckDB, lnav and an
                          OpenTelemetry collector
  interop fleet           sends the dumps of a large fleet (about 15 minutes)
  load [--pairs N]        loads the example service, with and without the recorder
  package                 builds each crate from the tarball to publish (about ten minutes)
  picture                 makes the README's picture from a real run
  redact [--list] [--ours] [NAME]…
                          measures redaction on its corpus, and that of other redactors;
                          --list also prints their wrong cases
  stacks                  checks stacks at each level of optimisation
  weight [--peers|--features]
                          measures what each crate, or each feature, adds to a program
  minimal                 builds with the lowest versions that the crates allow
  msrv                    checks the published crates with their minimum Rust version
  anyhow-tests            runs anyhow's own tests against stackerr
  tracing-tests           tests flightrec-tracing with a peer, and with a feature that removes events
";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let task = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    let done = match task.as_str() {
        #[cfg(unix)]
        "adopt" => adopt::run(&args),
        "deaths" => deaths::run(&args),
        "demo" => demo::run(&args),
        "ci" => ci::run(&args),
        "cross" => cross::run(&args),
        "api" => api::run(&args),
        "bench" => bench::run(&args),
        "faults" => faults::run(&args),
        "fuzz" => fuzz::run(&args),
        "interop" => interop::run(&args),
        #[cfg(target_os = "linux")]
        "load" => load::run(&args),
        "package" => package::run(&args),
        "picture" => picture::run(&args),
        "redact" => redact::run(&args),
        "stacks" => stacks::run(&args),
        "weight" => weight::run(&args),
        "minimal" => minimal::run(&args),
        "msrv" => msrv::run(&args),
        "anyhow-tests" => anyhow_tests::run(&args),
        "tracing-tests" => tracing_tests::run(&args),
        "tidy" => tidy::run(&args),
        "" | "help" | "-h" | "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("unknown task {other:?}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{task} failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
