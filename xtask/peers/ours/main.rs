//! Masks texts with logredact. Each text has its own redactor, because a redactor remembers the values
//! that it masked.
//!
//! Usage: ours < TEXTS > RESULT; the formats are described in peers.py

use std::io;
use std::time::Instant;

use logredact::Redactor;

fn main() {
    let texts: Vec<String> = serde_json::from_reader(io::stdin()).expect("texts in JSON");
    let _ = Redactor::default().text("warm up");
    let start = Instant::now();
    let masked: Vec<String> = texts
        .iter()
        .map(|text| Redactor::default().text(text).into_owned())
        .collect();
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    let result = serde_json::json!({ "version": "", "ms": ms, "masked": masked });
    println!("{result}");
}
