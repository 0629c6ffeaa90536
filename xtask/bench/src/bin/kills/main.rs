//! Compares what logs still have after their process was killed.
//!
//! ```text
//! kills [N]
//! ```
//!
//! A child process logs numbered lines on two threads, in bursts. After each burst it reports how many
//! of its calls have returned. It is killed at a random moment, N times (100 by default), and the
//! logger's lines are compared with the reports. This is done without a pause between the bursts, and
//! with one, in which a background writer can catch up.

mod campaign;
mod child;
mod line;
mod peers;
mod verdict;

use std::path::Path;
use std::process::ExitCode;

use campaign::Campaign;
use child::Pace;
use peers::{PEERS, Peer};

const USAGE: &str = "usage: kills [N]";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let kills = match words[..] {
        [child::FLAG, name, pace, dir] => {
            let (Some(peer), Some(pace)) = (Peer::named(name), Pace::named(pace)) else {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            };
            return child::run(peer, pace, Path::new(dir));
        }
        [] => Some(100),
        [number] => number.parse().ok().filter(|kills| *kills > 0),
        _ => None,
    };
    let Some(kills) = kills else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    print_head();
    for peer in PEERS {
        let paces = [Pace::Paused, Pace::Busy].map(|pace| campaign::run(peer, pace, kills));
        match paces {
            [Ok(paused), Ok(busy)] => print_row(peer, &paused, &busy),
            [Err(error), _] | [_, Err(error)] => {
                eprintln!("{}: {error}", peer.name);
                return ExitCode::FAILURE;
            }
        }
    }
    println!(
        "\nTwo threads, bursts of {} lines. A ring keeps the last {} lines; {} of them may have been\n\
         incomplete, and are not counted as lost. captains-log keeps its ring in memory, and writes\n\
         it at a panic or at a signal that can be caught. By default, tracing-appender drops lines\n\
         when 128,000 of them are waiting; these lines count as lost.",
        child::BURST,
        peers::KEPT,
        child::WRITERS,
    );
    ExitCode::SUCCESS
}

fn print_head() {
    println!(
        "Kills that lost reported lines (and the most lines lost by one kill), by the pause between\n\
         two bursts; torn lines shown as complete; children that hung:\n"
    );
    println!(
        "| {:<33} | {:>20} | {:>20} | {:>4} | {:>4} |",
        "", "1 ms", "no pause", "torn", "hung"
    );
    println!(
        "|{:-<35}|{:->22}|{:->22}|{:->6}|{:->6}|",
        "", ":", ":", ":", ":"
    );
}

fn print_row(peer: &Peer, paused: &Campaign, busy: &Campaign) {
    println!(
        "| {:<33} | {:>20} | {:>20} | {:>4} | {:>4} |",
        peer.name,
        paused.losses(),
        busy.losses(),
        paused.torn + busy.torn,
        paused.hung + busy.hung,
    );
}
