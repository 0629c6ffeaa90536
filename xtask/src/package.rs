//! Builds each crate from the tarball that would be published.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::cargo;
use crate::ci::CRATES;

/// Packs every crate and builds it from its tarball. Dependencies between the crates use their
/// tarballs, as on crates.io.
///
/// Each crate is built with all of its dependencies, which takes minutes.
pub(crate) fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask package");
    }
    let names: String = CRATES
        .iter()
        .map(|name| format!(" --package {name}"))
        .collect();
    let start = Instant::now();
    cargo::run_with(
        &format!("package --allow-dirty{names}"),
        &[("CARGO_INCREMENTAL", "0")],
    )?;
    println!(
        "{} crates built from their tarballs in {} s",
        CRATES.len(),
        start.elapsed().as_secs()
    );
    Ok(())
}
