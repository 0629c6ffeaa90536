//! The table "What works where" in the README of `flightrec`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::targets::TARGETS;
use crate::cargo;
use crate::files;

/// The lines around the table in the README.
const BEGIN: &str = "<!-- made by cargo xtask cross -->";
const END: &str = "<!-- end -->";
/// The cell of a capability that was not tested.
const UNVERIFIED: &str = "unverified";

const CAPABILITIES: &[&str] = &[
    "errors",
    "panics",
    "names",
    "fast walk",
    "crash-safe ring",
    "SIGKILL recovery",
    "crash stacks",
    "all threads",
    "doctor",
    "symbolicate",
];

/// A row for each capability, a column for each target.
pub(super) struct Table {
    cells: Vec<Vec<String>>,
    readme: String,
}

impl Table {
    /// The README's table. Cells that it does not have are unverified.
    pub(super) fn read() -> Result<Table> {
        let readme = files::read(&path())?;
        let lines: Vec<Vec<&str>> = part(&readme)?.lines().map(cells_of).collect();
        let head = lines.iter().find(|cells| cells.len() > 1);
        let cell = |capability: &str, column: &str| {
            let column = head?.iter().position(|cell| *cell == column)?;
            let row = lines
                .iter()
                .find(|cells| cells.first() == Some(&capability))?;
            Some((*row.get(column)?).to_owned())
        };
        let row = |capability: &&str| {
            let cells = TARGETS.iter().map(|target| {
                cell(capability, target.column).unwrap_or_else(|| UNVERIFIED.to_owned())
            });
            cells.collect()
        };
        Ok(Table {
            cells: CAPABILITIES.iter().map(row).collect(),
            readme: readme.clone(),
        })
    }

    /// Sets the results of one target. Capabilities that the program did not test are unverified.
    pub(super) fn set(&mut self, column: &str, lines: &[(String, String)]) -> Result<()> {
        let at = TARGETS.iter().position(|target| target.column == column);
        let at = at.context("no such column")?;
        for (capability, row) in CAPABILITIES.iter().zip(&mut self.cells) {
            let line = lines.iter().find(|(its, _)| its == capability);
            row[at] = line.map_or(UNVERIFIED, |(_, result)| result).to_owned();
        }
        Ok(())
    }

    pub(super) fn markdown(&self) -> String {
        let columns: Vec<&str> = TARGETS.iter().map(|target| target.column).collect();
        let mut text = format!("| | {} |\n|---|", columns.join(" | "));
        text += &"---|".repeat(columns.len());
        for (capability, row) in CAPABILITIES.iter().zip(&self.cells) {
            text += &format!("\n| {capability} | {} |", row.join(" | "));
        }
        text
    }

    fn updated(&self) -> Result<String> {
        let old = part(&self.readme)?;
        Ok(self
            .readme
            .replace(old, &format!("\n{}\n", self.markdown())))
    }

    pub(super) fn write(&self) -> Result<()> {
        fs::write(path(), self.updated()?).context("cannot write the README")
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.updated()? != self.readme {
            bail!(
                "the table in {} is outdated; run `cargo xtask cross --write`",
                path().display()
            );
        }
        Ok(())
    }
}

fn path() -> PathBuf {
    cargo::root().join("crates/flightrec/README.md")
}

/// The lines between the marks.
fn part(readme: &str) -> Result<&str> {
    let (_, rest) = readme
        .split_once(BEGIN)
        .context("the README has no table")?;
    let (part, _) = rest
        .split_once(END)
        .context("the README's table has no end")?;
    Ok(part)
}

fn cells_of(line: &str) -> Vec<&str> {
    let line = line.trim().trim_start_matches('|').trim_end_matches('|');
    line.split('|').map(str::trim).collect()
}
