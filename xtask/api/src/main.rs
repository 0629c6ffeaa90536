//! Prints the public items of a crate, from the JSON that rustdoc writes.

use std::env;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let path = env::args_os().nth(1).context("usage: api FILE.json")?;
    let api = public_api::Builder::from_rustdoc_json(path)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    print!("{api}");
    Ok(())
}
