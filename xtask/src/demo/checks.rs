//! Counts the demo's checks, and reports those that failed.

use anyhow::{Result, bail};

use super::stage::Stage;

#[derive(Default)]
pub(crate) struct Checks(Vec<(&'static str, bool)>);

impl Checks {
    pub(crate) fn that(&mut self, claim: &'static str, holds: bool) {
        self.0.push((claim, holds));
    }

    /// Prints all checks and where the dumps are. Fails if a check failed.
    pub(crate) fn conclude(&self, stage: &Stage) -> Result<()> {
        stage.title("Checks:");
        for (claim, holds) in &self.0 {
            println!("  {} {claim}", if *holds { "yes" } else { "NO " });
        }
        match stage.kept() {
            Some(dir) => println!("\nThe dumps are in {}.", dir.display()),
            None => {
                println!("\nThe dumps were removed; `cargo xtask demo --keep DIR` keeps them.");
            }
        }
        let failed = self.0.iter().filter(|(_, holds)| !holds).count();
        if failed > 0 {
            bail!("{failed} of {} checks failed", self.0.len());
        }
        Ok(())
    }
}
