//! The table.

use std::collections::BTreeMap;
use std::thread;

use serde_json::json;

use crate::cases::{self, Case};
use crate::census::Census;
use crate::measure::median;
use crate::notes;

#[derive(Default)]
pub(crate) struct Table {
    /// Nanoseconds of floor and case for each round, by name and threads.
    samples: BTreeMap<(&'static str, usize), Vec<(f64, f64)>>,
    pub(crate) census: Option<Census>,
}

struct Row {
    ns: f64,
    ratio: f64,
    /// Half the interquartile range of the ratio, relative to the ratio.
    spread: f64,
}

impl Table {
    pub(crate) fn add(&mut self, case: &Case, threads: usize, floor: f64, ns: f64) {
        self.samples
            .entry((case.name, threads))
            .or_default()
            .push((floor, ns));
    }

    /// The quotient of two cases' ratios to their floors: the median over the rounds.
    pub(crate) fn compare(&self, name: &str, with: &str, threads: usize) -> Option<f64> {
        let ratios = |name| {
            let samples = self
                .samples
                .get(&(cases::Case::named(name)?.name, threads))?;
            Some(samples.iter().map(|(floor, ns)| ns / floor))
        };
        Some(median(
            ratios(name)?
                .zip(ratios(with)?)
                .map(|(a, b)| a / b)
                .collect(),
        ))
    }

    /// The nanoseconds of a case minus those of the floor.
    pub(crate) fn above_floor(&self, name: &'static str) -> Option<f64> {
        let samples = self.samples.get(&(name, 1))?;
        Some(median(
            samples.iter().map(|(floor, ns)| ns - floor).collect(),
        ))
    }

    fn row(&self, name: &'static str, threads: usize) -> Option<Row> {
        let samples = self.samples.get(&(name, threads))?;
        let mut ratios: Vec<f64> = samples.iter().map(|(floor, ns)| ns / floor).collect();
        ratios.sort_by(f64::total_cmp);
        let quartile = |part: usize| {
            ratios
                .get(ratios.len() * part / 4)
                .copied()
                .unwrap_or(f64::NAN)
        };
        let ratio = median(ratios.clone());
        Some(Row {
            ns: median(samples.iter().map(|(_, ns)| *ns).collect()),
            ratio,
            spread: (quartile(3) - quartile(1)) / 2.0 / ratio,
        })
    }

    pub(crate) fn print(&self) {
        let mut group = "";
        for case in cases::all() {
            let Some(one) = self.row(case.name, 1) else {
                continue;
            };
            if case.group != group {
                self.print_notes(group);
                group = case.group;
                print_head(group);
            }
            let two = self.row(case.name, 2);
            println!(
                "| {:<36} | {:>9} | {:>7.2} | {:>5.0}% | {:>15} | {:>13} |",
                case.name,
                nanoseconds(one.ns),
                one.ratio,
                one.spread * 100.0,
                two.as_ref()
                    .map_or_else(String::new, |two| nanoseconds(two.ns)),
                two.as_ref()
                    .map_or_else(String::new, |two| format!("{:.2}", 2.0 * one.ns / two.ns)),
            );
        }
        self.print_notes(group);
        if let Some(census) = &self.census {
            census.print();
        }
        println!("\n{}", machine());
    }

    fn print_notes(&self, group: &str) {
        for (number, note) in notes::of(group, self).iter().enumerate() {
            println!("{}{note}", if number == 0 { "\n" } else { "" });
        }
    }

    pub(crate) fn write_json(&self, file: &str) -> std::io::Result<()> {
        let rows: Vec<_> = self
            .samples
            .keys()
            .filter_map(|&(name, threads)| {
                let row = self.row(name, threads)?;
                Some(json!({"case": name, "threads": threads, "ns": row.ns, "ratio": row.ratio, "spread": row.spread}))
            })
            .collect();
        let census = self.census.as_ref().map(Census::json);
        let mut notes: Vec<String> = Vec::new();
        for case in cases::all() {
            for note in notes::of(case.group, self) {
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
        let text = json!({"machine": machine(), "rows": rows, "notes": notes, "census": census})
            .to_string();
        std::fs::write(file, text + "\n")
    }
}

fn nanoseconds(ns: f64) -> String {
    let digits = usize::from(ns < 1_000.0);
    format!("{ns:.digits$}")
}

fn print_head(group: &str) {
    println!("\n{group}\n");
    println!(
        "| {:<36} | {:>9} | {:>7} | {:>6} | {:>15} | {:>13} |",
        "", "ns", "× floor", "spread", "2 threads, ns", "2T/1T through"
    );
    println!(
        "|{:-<38}|{:->11}|{:->9}|{:->8}|{:->17}|{:->15}|",
        "", ":", ":", ":", ":", ":"
    );
}

fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, |cores| cores.get());
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!(
        "{} cores, {}, {} {}; each case alternates with its floor in one process",
        cores,
        model.map_or("an unknown processor", |(_, model)| model),
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}
