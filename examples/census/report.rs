//! Formats the result as a table.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::crates::{Crate, Edition};

pub(crate) fn table(crates: &[Crate]) -> String {
    let mut licences = BTreeMap::<&str, usize>::new();
    let mut editions = BTreeMap::<Edition, usize>::new();
    for read in crates {
        *licences
            .entry(read.licence.as_deref().unwrap_or("(none)"))
            .or_default() += 1;
        *editions.entry(read.edition).or_default() += 1;
    }
    let mut licences: Vec<_> = licences.into_iter().collect();
    licences.sort_by_key(|&(licence, count)| (usize::MAX - count, licence));

    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(text, "{:>6}  licence", "crates");
    for (licence, count) in licences {
        let _ = writeln!(text, "{count:>6}  {licence}");
    }
    let _ = writeln!(text, "\n{:>6}  edition", "crates");
    for (edition, count) in editions {
        let _ = writeln!(
            text,
            "{count:>6}  {}",
            format!("{edition:?}").trim_start_matches('E')
        );
    }
    let sum = |of: fn(&Crate) -> usize| crates.iter().map(of).sum::<usize>();
    let _ = writeln!(
        text,
        "\n{} crates, {} source files, {} lines, {} licence files",
        crates.len(),
        sum(|read| read.sources),
        sum(|read| read.lines),
        sum(|read| read.licence_files),
    );
    text
}
