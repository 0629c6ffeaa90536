//! Measures lines of 10 MB with different contents: `cargo run --release -p logredact --example
//! long_lines`.

#[path = "../tests/common/hostile.rs"]
mod hostile;

use std::hint::black_box;
use std::time::Instant;

use logredact::Redactor;

const LEN: usize = 10_000_000;

fn main() {
    let mut slowest = 0.0;
    for piece in ["a record without secrets, status=200 took=12ms "]
        .iter()
        .chain(hostile::HOSTILE)
    {
        let line = piece.repeat(LEN / piece.len());
        let redactor = Redactor::default();
        // A program may add its own secrets.
        assert!(redactor.learn("Fl1ght-Rec0rder"));
        let start = Instant::now();
        black_box(redactor.text(&line));
        let ms = start.elapsed().as_secs_f64() * 1000.0;
        slowest = f64::max(slowest, ms);
        println!("{ms:7.1} ms  {piece:?}");
    }
    println!("{slowest:7.1} ms  the slowest");
}
