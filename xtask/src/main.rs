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

  deaths [--tries N] [BUILD]…
                          programs that crash in every way, built in every way
  deaths --peers [--tries N]
                          programs with handlers of others: signal-hook, sentry, color-eyre,
                          crash-handler, Go, a JVM
  demo [--keep DIR]       a real tool fails in six ways and explains itself
  ci [--no-test]          all that must hold before a change goes in
  adopt build|check       real programs from crates.io with the recorder: what it changes for them
  cross [--table] [--write] [TARGET]… | --here
                          other platforms: tests, and the README's table `What works where`;
                          --here runs the same tests on this machine
  api [--write]           the public items of each crate, compared with its list
  bench [--quick] [--json FILE]
                          what recording costs, beside the alternatives
  faults [--quick]        processes killed, files damaged, disks full: the long campaigns
  fuzz [--seconds N] [TARGET]…
                          every reader of outside bytes, on bytes that nobody thought of
  interop [page|tracker|formats]
                          what the program exports and sends, read by a browser, an error tracker,
                          jq, DuckDB, lnav and an OpenTelemetry collector
  interop fleet           the dumps of a large fleet (about 15 minutes)
  load [--pairs N]        the example service under load, with the recorder and without
  package                 each crate, built from the tarball that would be published
                          (about ten minutes)
  picture                 the README's picture, from a real run
  redact [--list] [--ours] [NAME]…
                          what the redactor masks and misses on its corpus, and its peers;
                          --list prints the peers' wrong cases, too
  stacks                  what stacks have in them, with each kind of optimisation
  weight [--peers|--features]
                          what each crate, or each feature, adds to a program
  minimal                 a build with the lowest versions that the crates ask for
  msrv                    the published crates, checked with the oldest Rust that they promise
  anyhow-tests            anyhow's own tests, run against stackerr
  tracing-tests           flightrec-tracing beside a peer, and with events that a feature removes
  tidy                    the habits that no compiler checks
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
            eprintln!("there is no task {other:?}\n\n{HELP}");
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
