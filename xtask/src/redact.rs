//! Measures what the redactor masks and misses on its corpus, and compares it with other redactors.

#[path = "../../crates/logredact/tests/common/mod.rs"]
mod corpus;
mod peers;

use std::path::Path;

use anyhow::{Result, bail, ensure};
use logredact::MASK;

use self::corpus::{BENIGN, Case, SECRETS, Score};
use self::peers::{PEERS, Run};
use crate::cargo;

const USAGE: &str = "usage: cargo xtask redact [--list] [--ours] [NAME]…";

pub(crate) fn run(args: &[String]) -> Result<()> {
    let known = |arg: &str| PEERS.iter().any(|peer| peer.name == arg);
    let (names, flags): (Vec<&str>, Vec<&str>) = args
        .iter()
        .map(String::as_str)
        .partition(|arg| !arg.starts_with('-'));
    ensure!(
        flags.iter().all(|flag| ["--list", "--ours"].contains(flag))
            && names.iter().all(|name| known(name)),
        "{USAGE}"
    );
    let is_listed = flags.contains(&"--list");
    let cases = cases();
    let ours = score(&cases, corpus::mask);
    print_list("logredact", &ours, true);
    let mut rows = vec![Row {
        name: "logredact",
        score: ours,
        ms: peers::ours(&texts(&cases)).ok().map(|run| run.ms),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        called: "`Redactor::default().text(…)`, a new redactor for each text",
    }];
    let mut skipped = Vec::new();
    let wanted = PEERS
        .iter()
        .filter(|peer| names.is_empty() || names.contains(&peer.name));
    for peer in wanted {
        if flags.contains(&"--ours") {
            break;
        }
        match peer.run(&texts(&cases)) {
            Ok(Run {
                version,
                ms,
                masked,
            }) => {
                let mut masked = masked.into_iter();
                let score = score(&cases, |_| masked.next().into_iter().collect());
                print_list(peer.name, &score, is_listed);
                rows.push(Row {
                    name: peer.name,
                    score,
                    ms: Some(ms),
                    version,
                    called: peer.called,
                });
            }
            Err(error) => skipped.push(format!("{}: {error:#}", peer.name)),
        }
    }
    print_table(&rows);
    for peer in skipped {
        println!("skipped {peer}");
    }
    judge(&rows)
}

/// Our recall and precision must be within the bounds, and better than those of each peer.
fn judge(rows: &[Row]) -> Result<()> {
    let (ours, others) = (&rows[0].score, &rows[1..]);
    if ours.recall() < 0.99 || ours.touched_share() > 0.002 {
        bail!("recall or precision is below its bound");
    }
    for Row { name, score, .. } in others {
        // A peer that masks little may have perfect precision.
        let is_ahead = ours.recall() > score.recall() && ours.touched <= score.touched;
        ensure!(is_ahead, "{name} has better recall or precision");
    }
    Ok(())
}

struct Row {
    name: &'static str,
    score: Score,
    ms: Option<f64>,
    version: String,
    called: &'static str,
}

fn cases() -> Vec<Case> {
    let folder = cargo::root().join("crates/logredact/corpus");
    let read = |file: &'static str| corpus::read(Path::new(&folder), file);
    SECRETS.into_iter().chain(BENIGN).flat_map(read).collect()
}

/// A text for each case. A peer gets the records of a stream as lines of one text.
fn texts(cases: &[Case]) -> Vec<String> {
    cases.iter().map(|case| case.texts.join("\n")).collect()
}

fn score(cases: &[Case], mut mask: impl FnMut(&Case) -> Vec<String>) -> Score {
    let mut score = Score::default();
    for case in cases {
        score.add(case, &mask(case), MASK);
    }
    score
}

fn print_list(name: &str, score: &Score, is_listed: bool) {
    if is_listed {
        for wrong in &score.wrong {
            println!("{name} {wrong}");
        }
        println!();
    }
}

fn print_table(rows: &[Row]) {
    println!(
        "| | version | secrets masked | benign texts touched | held-out secrets | ms | called by |"
    );
    println!("|---|---|---|---|---|---|---|");
    for row in rows {
        let Row { score, .. } = row;
        println!(
            "| {} | {} | {} of {} ({:.1} %) | {} of {} ({:.2} %) | {} of {} | {} | {} |",
            row.name,
            row.version,
            score.masked,
            score.secrets,
            100.0 * score.recall(),
            score.touched,
            score.benign,
            100.0 * score.touched_share(),
            score.held_out.1,
            score.held_out.0,
            row.ms
                .map_or_else(|| "?".to_owned(), |ms| format!("{ms:.0}")),
            row.called,
        );
    }
}
