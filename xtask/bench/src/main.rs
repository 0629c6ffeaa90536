//! Compares the cost of recording with that of other crates.
//!
//! ```text
//! bench [--quick] [--json FILE] [--only TEXT]
//! ```
//!
//! Each case runs in its own process, because a process has one logger. There it alternates with the
//! floor, so that both see the same load. Each round starts all processes; the table has medians over
//! the rounds. Without `--quick`, the example `census` is built and measured last.

mod cases;
mod census;
mod floor;
mod measure;
mod notes;
mod stream;
mod table;
mod unwinder;

use std::process::{Command, ExitCode};

use cases::Case;
use table::Table;

/// The command-line arguments.
struct Args {
    quick: bool,
    json: Option<String>,
    only: Option<String>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, threads] = &words[..]
        && flag == "--case"
        && let Some(case) = Case::named(name)
    {
        let sample = case.measure(threads.parse().unwrap_or(1));
        println!("{} {}", sample.floor, sample.case);
        return ExitCode::SUCCESS;
    }
    let Some(args) = Args::parse(&words) else {
        eprintln!("usage: bench [--quick] [--json FILE] [--only TEXT]");
        return ExitCode::from(2);
    };
    let table = run(&args);
    table.print();
    match args.json.map(|file| table.write_json(&file)) {
        Some(Err(error)) => {
            eprintln!("cannot write the JSON: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

impl Args {
    fn parse(words: &[String]) -> Option<Args> {
        let mut args = Args {
            quick: false,
            json: None,
            only: None,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => args.quick = true,
                "--json" => args.json = Some(words.next()?.clone()),
                "--only" => args.only = Some(words.next()?.clone()),
                _ => return None,
            }
        }
        Some(args)
    }
}

fn run(args: &Args) -> Table {
    let mut table = Table::default();
    let wanted = |text: &str| args.only.as_deref().is_none_or(|only| text.contains(only));
    let cases: Vec<&Case> = cases::all()
        .filter(|case| wanted(case.name) || wanted(case.group))
        .collect();
    let rounds = if args.quick { 3 } else { 9 };
    for round in 0..rounds {
        eprint!("\rround {} of {rounds} ", round + 1);
        for case in &cases {
            for &threads in case.threads {
                match child(case, threads) {
                    Some((floor, ns)) => table.add(case, threads, floor, ns),
                    None => eprintln!("\n{} failed", case.name),
                }
            }
        }
    }
    eprintln!();
    if !args.quick && wanted("census") {
        match census::run() {
            Ok(census) => table.census = Some(census),
            Err(error) => eprintln!("no census: {error}"),
        }
    }
    table
}

fn child(case: &Case, threads: usize) -> Option<(f64, f64)> {
    let output = Command::new(std::env::current_exe().ok()?)
        .args(["--case", case.name, &threads.to_string()])
        .env_remove("RUST_LOG")
        .env_remove("RUST_BACKTRACE")
        .envs(case.environment().iter().copied())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (floor, ns) = text.trim().split_once(' ')?;
    Some((floor.parse().ok()?, ns.parse().ok()?))
}
