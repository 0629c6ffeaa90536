//! Stands in for the source that the dump of the tests was built from.

fn read_all(manifests: &[PathBuf]) -> Result<Vec<Crate>, Error> {
    let results = manifests.iter().map(|manifest| {
        // Each error says which manifest it is about.
        read(manifest).with_context(|| format!("cannot read {}", manifest.display()))
    });
    // All of them, so that one broken crate does not hide another.
    results.join_errors()
}

/// One crate, by its manifest.
fn read(manifest: &Path) -> Result<Crate, Error> {
    debug!("reading {}", manifest.display());
    let text = fs::read_to_string(manifest)?;
    let toml: toml::Table = text.parse()?;
    Ok(Crate::of(&toml))
}
