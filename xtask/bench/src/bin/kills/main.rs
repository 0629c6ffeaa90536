//! What a log still holds after its process was killed, beside the alternatives.
//!
//! ```text
//! kills [N]
//! ```
//!
//! A child process logs numbered lines on two threads, in bursts, and tells after each burst how
//! many of its calls have returned. It is killed at a random moment, N times (100 by default), and
//! what the logger left is held against what was told. That is done with a pause between the
//! bursts, which lets a thread that writes in the background catch up, and without one.

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
        "\nTwo threads, bursts of {} lines. A ring is to keep the last {} lines; {} of them may have\n\
         been in the making and are not counted as lost. captains-log keeps its ring in memory, and\n\
         writes it at a panic or at a signal that can be caught. tracing-appender, as it is by\n\
         default, drops lines when 128,000 of them wait; they are among the lost.",
        child::BURST,
        peers::KEPT,
        child::WRITERS,
    );
    ExitCode::SUCCESS
}

fn print_head() {
    println!(
        "Kills that lost lines which had been reported (most lines lost in one), by what a thread\n\
         does between two bursts; torn lines shown as whole; children that hung:\n"
    );
    println!(
        "| {:<33} | {:>20} | {:>20} | {:>4} | {:>4} |",
        "", "waits for 1 ms", "nothing", "torn", "hung"
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
