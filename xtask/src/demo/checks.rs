//! Counts the demo's checks, and reports those that failed.

use anyhow::{Result, bail};

use super::stage::Stage;

#[derive(Default)]
pub(crate) struct Checks(Vec<(&'static str, bool)>);

impl Checks {
    pub(crate) fn that(&mut self, promise: &'static str, kept: bool) {
        self.0.push((promise, kept));
    }

    /// States what was shown and where, and fails if a promise was not kept.
    pub(crate) fn conclude(&self, stage: &Stage) -> Result<()> {
        stage.title("What was shown:");
        for (promise, kept) in &self.0 {
            println!("  {} {promise}", if *kept { "yes" } else { "NO " });
        }
        match stage.kept() {
            Some(dir) => println!("\nThe dumps are in {}.", dir.display()),
            None => println!("\nThe dumps are gone; `cargo xtask demo --keep DIR` keeps them."),
        }
        let broken = self.0.iter().filter(|(_, kept)| !kept).count();
        if broken > 0 {
            bail!("{broken} of {} promises were not kept", self.0.len());
        }
        Ok(())
    }
}
